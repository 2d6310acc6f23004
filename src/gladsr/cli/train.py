"""`gladsr train`: train a network by a settings file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gladsr.cli.console import say
from gladsr.errors import DataError, SettingsError

if TYPE_CHECKING:
    from gladsr.training import Report


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="The settings.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Settings to change: schedule.steps=2000"),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for checkpoint and logs. [default: runs/ and CONFIG's name]",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint in that folder.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads. [default: PyTorch's choice]")
    ] = None,
) -> None:
    """Train a network.

    Every validation prints a line with PSNR on Y of the final and the coarse output. Ctrl-C ends
    with a checkpoint; `--resume`, with the same settings, goes on from the newest one and gives the
    same weights, bit for bit, as a run that was never stopped. TensorBoard shows the curves and
    pictures of the folder.

    gladsr train configs/gladsr-x2.toml schedule.steps=2000

    torchrun --nproc-per-node 2 --module gladsr train configs/gladsr-x2.toml
    """
    import torch  # noqa: PLC0415 - heavy, and needs the extra gladsr[train]

    from gladsr.training import TrainingStoppedError, read_settings  # noqa: PLC0415 - likewise
    from gladsr.training import train as run_training  # noqa: PLC0415 - likewise

    if threads:
        torch.set_num_threads(threads)
    try:
        settings = read_settings(config, tuple(overrides or ()))
        for report in run_training(settings, output or Path("runs") / config.stem, resume=resume):
            _say(report)
    except (DataError, SettingsError) as error:
        say(str(error))
        raise typer.Exit(2) from None
    except TrainingStoppedError as error:
        say(f"{error}; the same command with --resume goes on from there")
        raise typer.Exit(130) from None


def _say(report: "Report") -> None:
    say(
        f"step {report.step}/{report.steps}"
        f"  loss {report.loss:.5f}"
        f"  PSNR {report.validation.psnr:.3f} dB (coarse {report.validation.psnr_coarse:.3f})"
        f"  waiting {report.waiting:.1%}"
        f"  {_duration(report.seconds)}, {_duration(report.seconds_left)} left"
    )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min"
