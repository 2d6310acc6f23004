"""`gladsr upscale`: pictures, films and folders of them, made larger."""

import contextlib
import math
import time
from collections.abc import Callable, Generator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from gladsr.cli import options
from gladsr.cli.console import progress_bar, say
from gladsr.errors import PlanError
from gladsr.films.encoders import Codec, Encoding
from gladsr.films.formats import is_film
from gladsr.films.reading import Frame
from gladsr.pictures import MAX_PIXELS, Picture, ReadOptions, WriteOptions
from gladsr.upscaling import Upscaler
from gladsr.upscaling.batch import Outcome, Progress, Upscale, upscale_files
from gladsr.upscaling.folders import SUFFIXES, Job, plan
from gladsr.upscaling.memory import return_what_is_freed
from gladsr.upscaling.sizes import parse_size
from gladsr.upscaling.tiling import MIN_CORE


def upscale(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Pictures, films, or folders of them.", readable=False
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The file to write for one file, otherwise the folder."
        ),
    ],
    *,
    model: Annotated[
        str,
        typer.Option(
            help="gladsr; gladsr-l, half the work; gladsr-photo, for JPEG files and noisy "
            "photographs. `gladsr models` lists them.",
            rich_help_panel="Quality",
        ),
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
    codec: Annotated[
        Codec | None,
        typer.Option(help="Of films. [default: each film's own, or h264]", rich_help_panel="Films"),
    ] = None,
    crf: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="The constant rate factor of films: smaller is better and larger. "
            "[default: h264 18, hevc 20, av1 and vp9 24]",
            rich_help_panel="Films",
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="How long the encoder takes for smaller films: ultrafast to placebo for h264 and "
            "hevc, 13 to 0 for av1. [default: medium, 8]",
            rich_help_panel="Films",
        ),
    ] = None,
    strip_metadata: Annotated[
        bool,
        typer.Option(
            "--strip-metadata",
            help="Write no EXIF, XMP, words or resolution, only the colour profile; of films no "
            "words, data, attachments or covers.",
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
            help="In an output folder, such as png for pictures or mkv for films. "
            "[default: each one's own]",
            rich_help_panel="Folders",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that exist already.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave outputs that exist already.")
    ] = False,
    engine: options.Engine = "auto",
    precision: options.ComputePrecision = "fp32",
    device: options.Device = None,
    tile: Annotated[
        str,
        typer.Option(
            metavar="auto|N",
            help="Compute in tiles of N pixels a side of the input, 16 or more. Smaller ones need "
            "less memory and more time; the picture stays the same.",
            rich_help_panel="Machine",
        ),
    ] = "auto",
    threads: options.Threads = None,
) -> None:
    """Make pictures and films larger.

    PNG, JPEG, TIFF, WebP, AVIF, GIF, BMP and PPM; RGB, grey or with transparency; 8 or 16 bits a
    channel; pages and animations too. Each comes out in the format that its new name says, with
    its depth, transparency and metadata.

    MP4, MOV, Matroska, WebM and MPEG-TS films (other films as input), with sound and subtitles.

    A folder gives a folder with the same names. A file that cannot be read is named, and the rest
    are done; the exit code is then 1.

    gladsr upscale photo.jpg -o large.jpg

    gladsr upscale film.mp4 -o large.mp4 --codec hevc

    gladsr upscale holiday/ -o holiday-x4/ --scale 4 --recursive
    """
    if overwrite and skip_existing:
        raise typer.TyperException("choose one of --overwrite and --skip-existing")
    if scale is not None and size is not None:
        raise typer.TyperException("choose one of --scale and --size")
    limits = _range(float_range)
    encoding = Encoding(codec, crf, preset)
    return_what_is_freed()
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
    if any(is_film(job.destination) for job in planned.jobs):
        import_module("av")  # where it is missing, it is better told now
    upscaler = Upscaler(
        model,
        scale=scale,
        size=None if size is None else parse_size(size),
        max_pixels=max_pixels,
        engine=engine,
        precision=precision,
        tile=_tile(tile),
        ensemble=ensemble,
        draft=draft,
        device=device,
        threads=threads,
    )
    watch = _Stopwatch(upscaler.upscale)
    outcomes = partial(
        upscale_files,
        planned.jobs,
        watch,
        existing="replace" if overwrite else "skip" if skip_existing else "refuse",
        reading=ReadOptions(max_input_pixels, limits),
        writing=WriteOptions(quality, strip_metadata),
        encoding=encoding,
    )
    failed, skipped = _follow(outcomes, len(planned.jobs), watch)
    if planned.films:
        say('films are left alone; to take them: pip install "gladsr[video]"')
    for count, what in ((skipped, "existed already"), (planned.others, "left alone")):
        if count:
            say(f"{count} {'file' if count == 1 else 'files'} {what}")
    if failed:
        say(f"{failed} of {len(planned.jobs)} files failed")
        raise typer.Exit(1)


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


class _Stopwatch:
    """Upscales, and measures how many frames a second there are of each film."""

    def __init__(self, upscale: Upscale) -> None:
        self._upscale = upscale
        self._job: Job | None = None
        self._began = dict[Job, float]()
        self._frames = dict[Job, int]()
        self._ended = dict[Job, float]()

    def __call__(self, picture: Picture, progress: Progress, destination: Path) -> Picture:
        """Upscale a picture; see `Upscaler.upscale`."""
        began = time.monotonic()
        larger = self._upscale(picture, progress, destination)
        if isinstance(picture, Frame) and self._job:
            self._began.setdefault(self._job, began)
            self._frames[self._job] = self._frames.get(self._job, 0) + 1
            self._ended[self._job] = time.monotonic()
        return larger

    def works_on(self, job: Job) -> None:
        """Note what the picture belongs to."""
        self._job = job

    def of(self, job: Job) -> str:
        """Return a film's frames so far, and how many there were a second."""
        if job not in self._frames:
            return ""
        rate = self._frames[job] / (self._ended[job] - self._began[job])
        return f"{self._frames[job]} frames, {rate:.2f} a second"


def _follow(
    outcomes: Callable[..., Generator[Outcome]], total: int, watch: _Stopwatch
) -> tuple[int, int]:
    """Show the work as it goes on, and return how many failed and how many were skipped."""
    done = failed = skipped = 0
    with progress_bar() as bar:
        task = bar.add_task("", total=total)

        def show(job: Job, share: float) -> None:
            watch.works_on(job)
            description = f"{job.source.name} {watch.of(job)}"
            bar.update(task, description=description, completed=done + share)

        with contextlib.closing(outcomes(progress=show)) as finished:
            for outcome in finished:
                done += 1
                skipped += outcome.skipped
                if outcome.error:
                    failed += 1
                    say(str(outcome.error))
                elif watch.of(outcome.job):
                    say(f"{outcome.job.destination}: {watch.of(outcome.job)}")
        bar.update(task, completed=done)
    return failed, skipped
