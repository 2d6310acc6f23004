"""`gladsr upscale`: pictures and folders of pictures, made larger."""

from pathlib import Path
from typing import Annotated

import typer

from gladsr.cli.console import progress_bar, say
from gladsr.engines import EngineName, Precision
from gladsr.pictures import PictureError
from gladsr.upscaling import Upscaler
from gladsr.upscaling.folders import Job, PlanError, plan


def upscale(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Pictures, or folders of pictures.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The file to write for one picture, otherwise the folder."
        ),
    ],
    *,
    model: Annotated[
        str, typer.Option(help="The model; `gladsr models` lists them.", rich_help_panel="Quality")
    ] = "gladsr",
    scale: Annotated[
        int, typer.Option(help="How many times larger: 2, 3 or 4.", rich_help_panel="Quality")
    ] = 2,
    ensemble: Annotated[
        bool,
        typer.Option(
            "--ensemble",
            help="Average over 8 flips and turns: a little sharper, 8 times slower.",
            rich_help_panel="Quality",
        ),
    ] = False,
    draft: Annotated[
        bool,
        typer.Option(
            "--draft",
            help="The network's coarse output, in about half the time.",
            rich_help_panel="Quality",
        ),
    ] = False,
    quality: Annotated[
        int,
        typer.Option(
            min=1,
            max=100,
            help="Of JPEG and WebP files; WebP is lossless at 100.",
            rich_help_panel="Quality",
        ),
    ] = 95,
    recursive: Annotated[
        bool,
        typer.Option("--recursive", "-r", help="Take folders with their subfolders."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that exist already.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave outputs that exist already.")
    ] = False,
    engine: Annotated[
        EngineName,
        typer.Option(
            help="What runs the network; auto is the first installed.", rich_help_panel="Machine"
        ),
    ] = "auto",
    precision: Annotated[
        Precision,
        typer.Option(
            help="bf16 is faster on processors that compute in it.", rich_help_panel="Machine"
        ),
    ] = "fp32",
    device: Annotated[
        str | None,
        typer.Option(
            help="The engine's name of the device, such as GPU or cuda. [default: the CPU]",
            rich_help_panel="Machine",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, help="CPU threads. [default: the engine's choice]", rich_help_panel="Machine"
        ),
    ] = None,
) -> None:
    """Make pictures larger.

    PNG, JPEG, TIFF and WebP; RGB, grey or with transparency; 8 or 16 bits a channel. Each comes
    out in the format that its new name says, with its depth, transparency and metadata.

    A folder gives a folder with the same names. A picture that cannot be read is named, and the
    rest are done; the exit code is then 1.

    gladsr upscale photo.jpg -o large.jpg

    gladsr upscale holiday/ -o holiday-x4/ --scale 4 --recursive
    """
    if overwrite and skip_existing:
        raise typer.TyperException("choose one of --overwrite and --skip-existing")
    jobs = plan(paths, output, recursive=recursive)
    existing = [job for job in jobs if job.destination.exists()]
    if skip_existing:
        jobs = [job for job in jobs if job not in existing]
    elif existing and not overwrite:
        others = f", and so do {len(existing) - 1} more" if len(existing) > 1 else ""
        raise PlanError(
            f"{existing[0].destination} exists already{others}; "
            "--overwrite replaces what exists, --skip-existing leaves it"
        )
    upscaler = Upscaler(
        model,
        scale=scale,
        engine=engine,
        precision=precision,
        ensemble=ensemble,
        draft=draft,
        device=device,
        threads=threads,
    )
    failed = _run(upscaler, jobs, overwrite=overwrite, quality=quality)
    if failed:
        say(f"{failed} of {len(jobs)} pictures failed")
        raise typer.Exit(1)


def _run(upscaler: Upscaler, jobs: list[Job], *, overwrite: bool, quality: int) -> int:
    """Do the jobs one after another and return how many failed."""
    failed = 0
    with progress_bar() as bar:
        task = bar.add_task("", total=len(jobs))
        for done, job in enumerate(jobs):
            bar.update(task, description=job.source.name, completed=done)

            def show(share: float, done: int = done) -> None:
                bar.update(task, completed=done + share)

            try:
                job.destination.parent.mkdir(parents=True, exist_ok=True)
                upscaler.save(
                    job.source,
                    job.destination,
                    overwrite=overwrite,
                    quality=quality,
                    progress=show,
                )
            except (PictureError, OSError) as error:  # whose messages name the file
                failed += 1
                say(str(error))
            except MemoryError:
                failed += 1
                say(f"{job.source} is too large for the memory of this machine")
    return failed
