"""`gladsr upscale`: pictures and folders of pictures, made larger."""

import contextlib
import math
import re
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from gladsr.cli.console import progress_bar, say
from gladsr.engines import EngineName, Precision
from gladsr.pictures import MAX_PIXELS, SUFFIXES
from gladsr.upscaling import Upscaler
from gladsr.upscaling.batch import Outcome, upscale_files
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
            help="Of JPEG, WebP and AVIF files; WebP is lossless at 100.",
            rich_help_panel="Files",
        ),
    ] = 95,
    strip_metadata: Annotated[
        bool,
        typer.Option(
            "--strip-metadata",
            help="Write no EXIF, XMP, words or resolution; only the colour profile is kept.",
            rich_help_panel="Files",
        ),
    ] = False,
    max_input_pixels: Annotated[
        int,
        typer.Option(
            min=1,
            help="Refuse files that say they have more pixels.",
            rich_help_panel="Files",
        ),
    ] = MAX_PIXELS,
    float_range: Annotated[
        str,
        typer.Option(
            "--range",
            metavar="LOW,HIGH",
            help="The values of a floating-point TIFF that mean black and white; it keeps them.",
            rich_help_panel="Files",
        ),
    ] = "0,1",
    recursive: Annotated[
        bool,
        typer.Option(
            "--recursive",
            "-r",
            help="Take folders with their subfolders.",
            rich_help_panel="Folders",
        ),
    ] = False,
    include: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help='Of folders, take only what is named so, such as "*.jpg"; may be repeated.',
            rich_help_panel="Folders",
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Of folders, leave what is named so; may be repeated.",
            rich_help_panel="Folders",
        ),
    ] = None,
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="ENDING",
            help="In an output folder, such as png. [default: each picture's own]",
            rich_help_panel="Folders",
        ),
    ] = None,
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

    PNG, JPEG, TIFF, WebP, AVIF, GIF, BMP and PPM; RGB, grey or with transparency; 8 or 16 bits a
    channel; pages and animations too. Each comes out in the format that its new name says, with
    its depth, transparency and metadata.

    A folder gives a folder with the same names. A picture that cannot be read is named, and the
    rest are done; the exit code is then 1.

    gladsr upscale photo.jpg -o large.jpg

    gladsr upscale holiday/ -o holiday-x4/ --scale 4 --recursive
    """
    if overwrite and skip_existing:
        raise typer.TyperException("choose one of --overwrite and --skip-existing")
    if scale is not None and size is not None:
        raise typer.TyperException("choose one of --scale and --size")
    limits = _range(float_range)
    planned = plan(
        paths,
        output,
        recursive=recursive,
        include=include or (),
        exclude=exclude or (),
        suffix=file_format and _suffix(file_format),
    )
    if not overwrite and not skip_existing:
        _refuse_existing(planned.jobs)
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
    outcomes = partial(
        upscale_files,
        planned.jobs,
        upscaler.upscale,
        existing="replace" if overwrite else "skip" if skip_existing else "refuse",
        quality=quality,
        strip_metadata=strip_metadata,
        max_pixels=max_input_pixels,
        float_range=limits,
    )
    failed, skipped = _follow(outcomes, len(planned.jobs))
    for count, what in ((skipped, "existed already"), (planned.others, "left alone")):
        if count:
            say(f"{count} {'file' if count == 1 else 'files'} {what}")
    if failed:
        say(f"{failed} of {len(planned.jobs)} pictures failed")
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


def _range(words: str) -> tuple[float, float]:
    try:
        low, high = map(float, words.split(","))
    except ValueError:
        low = high = 0.0
    if not -math.inf < low < high < math.inf:
        raise typer.BadParameter(f"--range is {words!r}, but must be two numbers such as 0,255")
    return low, high


def _suffix(ending: str) -> str:
    suffix = "." + ending.lower().removeprefix(".")
    if suffix not in SUFFIXES:
        raise typer.BadParameter(
            f"--format is {ending!r}, but must be one of {', '.join(SUFFIXES)}"
        )
    return suffix


def _refuse_existing(jobs: list[Job]) -> None:
    existing = [job for job in jobs if job.destination.exists()]
    if existing:
        others = f", and so do {len(existing) - 1} more" if len(existing) > 1 else ""
        raise PlanError(
            f"{existing[0].destination} exists already{others}; "
            "--overwrite replaces what exists, --skip-existing leaves it"
        )


def _follow(outcomes: Callable[..., Generator[Outcome]], total: int) -> tuple[int, int]:
    """Show the work as it goes on, and return how many failed and how many were skipped."""
    done = failed = skipped = 0
    with progress_bar() as bar:
        task = bar.add_task("", total=total)

        def show(job: Job, share: float) -> None:
            bar.update(task, description=job.source.name, completed=done + share)

        with contextlib.closing(outcomes(progress=show)) as finished:
            for outcome in finished:
                done += 1
                skipped += outcome.skipped
                if outcome.error:
                    failed += 1
                    say(str(outcome.error))
        bar.update(task, completed=done)
    return failed, skipped
