"""`gladsr upscale`: pictures and folders of pictures, made larger."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from gladsr.cli.console import progress_bar, say
from gladsr.engines import EngineName, OutOfMemoryError, Precision
from gladsr.pictures import PictureError
from gladsr.upscaling import SizeError, Upscaler
from gladsr.upscaling.folders import Job, PlanError, plan
from gladsr.upscaling.tiling import MIN_CORE


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
        float | None,
        typer.Option(
            help="How many times larger, above 1 and at most 8, such as 3 or 1.5. [default: 2]",
            rich_help_panel="Size",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="Instead: as large as fits into 1920x1080, 3840x or x2160; the aspect is kept.",
            rich_help_panel="Size",
        ),
    ] = None,
    max_pixels: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Scale less where a picture would get more than N pixels.",
            rich_help_panel="Size",
        ),
    ] = None,
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
    tile: Annotated[
        str,
        typer.Option(
            metavar="auto|N",
            help="Compute in tiles of N pixels a side of the input, 16 or more. Smaller ones need "
            "less memory and more time; the picture stays the same.",
            rich_help_panel="Machine",
        ),
    ] = "auto",
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
        raise typer.BadParameter("choose one of --overwrite and --skip-existing")
    if scale is not None and size is not None:
        raise typer.BadParameter("choose one of --scale and --size")
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
        size=None if size is None else _size(size),
        max_pixels=max_pixels,
        engine=engine,
        precision=precision,
        tile=_tile(tile),
        ensemble=ensemble,
        draft=draft,
        device=device,
        threads=threads,
    )
    failed = _run(upscaler, jobs, overwrite=overwrite, quality=quality)
    if failed:
        say(f"{failed} of {len(jobs)} pictures failed")
        raise typer.Exit(1)


def _size(words: str) -> tuple[int | None, int | None]:
    """Return the width and the height of 1920x1080, 3840x or x2160."""
    found = re.fullmatch(r"(\d*)[x×](\d*)", words)
    width, height = (int(side) if side else None for side in found.groups()) if found else (0, 0)
    if width == 0 or height == 0 or width is height is None:
        raise typer.BadParameter(
            f"--size is {words!r}, but must be such as 1920x1080, 3840x or x2160"
        )
    return width, height


def _tile(words: str) -> int | Literal["auto"]:
    if words == "auto":
        return "auto"
    if not words.isdecimal() or int(words) < MIN_CORE:
        raise typer.BadParameter(
            f"--tile is {words!r}, but must be auto or a number from {MIN_CORE}"
        )
    return int(words)


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
            except (PictureError, OSError) as error:
                failed += 1
                say(str(error))
            except (SizeError, OutOfMemoryError) as error:
                failed += 1
                say(f"{job.source} is not upscaled: {error}")
    return failed
