"""`gladsr train`: train a network from a settings file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gladsr.cli.console import say
from gladsr.errors import DataError, SettingsError

if TYPE_CHECKING:
    from gladsr.training import Report


def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="Settings file.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Settings to override: schedule.steps=2000"),
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for checkpoints and logs. [default: runs/ and the name of CONFIG]",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume from the checkpoint in that folder.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads. [default: PyTorch's choice]")
    ] = None,
) -> None:
    """Train a network.

    Every validation prints a line with the PSNR on Y of the final and the coarse output. Ctrl-C
    writes a checkpoint and stops; `--resume`, with the same settings, continues from the latest
    one. On a CPU this gives the same weights, bit for bit, as an uninterrupted run. TensorBoard
    shows the curves and sample outputs in the folder.

    gladsr train configs/gladsr-x2.toml schedule.steps=2000

    torchrun --nproc-per-node 2 --module gladsr train configs/gladsr-x2.toml
    """
    import torch  # noqa: PLC0415 - heavy, and needs the extra gladsr[train]

    from gladsr.training import TrainingStoppedError, read_settings  # noqa: PLC0415 - heavy
    from gladsr.training import train as run_training  # noqa: PLC0415 - heavy

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
        say(f"{error}; the same command with --resume continues from there")
        raise typer.Exit(130) from None


def _say(report: "Report") -> None:
    scores = "".join(
        f"  {name} {found.psnr:.3f} dB (coarse {found.psnr_coarse:.3f})"
        for name, found in report.validations.items()
    )
    say(
        f"step {report.step}/{report.steps}"
        f"  loss {report.loss:.5f}"
        f"  PSNR{scores}"
        f"  waiting {report.waiting:.1%}"
        f"  {_duration(report.seconds)}, {_duration(report.seconds_left)} left"
    )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min"
