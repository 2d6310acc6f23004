"""`gladsr upscale`: upscale pictures, films and folders of them."""

import contextlib
from dataclasses import replace
from functools import partial
from importlib import import_module

import rich.progress
import typer

from gladsr.cli import options
from gladsr.cli.console import progress_bar, say
from gladsr.errors import PictureError, PlanError
from gladsr.films.encoders import Encoding
from gladsr.films.formats import is_film
from gladsr.pictures import MAX_PIXELS, Picture, ReadOptions, WriteOptions
from gladsr.upscaling import Upscaler
from gladsr.upscaling.auto import AUTO, choose_for_file
from gladsr.upscaling.files import FilePair
from gladsr.upscaling.memory import return_freed_memory
from gladsr.upscaling.pipeline import Existing, Outcome, Progress, UpscalePicture, upscale_files
from gladsr.upscaling.plan import Plan, plan
from gladsr.upscaling.sizes import parse_size


def upscale(
    paths: options.Inputs,
    output: options.Output = None,
    *,
    scale: options.Scale = None,
    size: options.Size = None,
    max_output_pixels: options.MaxOutputPixels = None,
    model: options.Model = AUTO,
    ensemble: options.Ensemble = False,
    draft: options.Draft = False,
    quality: options.Quality = 95,
    strip_metadata: options.StripMetadata = False,
    max_input_pixels: options.MaxInputPixels = MAX_PIXELS,
    float_range: options.FloatRange = "0,1",
    codec: options.Codec = None,
    crf: options.Crf = None,
    preset: options.Preset = None,
    recursive: options.Recursive = False,
    include: options.Include = None,
    exclude: options.Exclude = None,
    file_format: options.Format = None,
    overwrite: options.Overwrite = False,
    skip_existing: options.SkipExisting = False,
    engine: options.Engine = "auto",
    precision: options.ComputePrecision = "auto",
    device: options.Device = None,
    tile: options.Tile = "auto",
    threads: options.Threads = None,
) -> None:
    """Upscale pictures and films.

    PNG, JPEG, TIFF, WebP, AVIF, GIF, BMP and PPM; RGB, grey or with transparency; 8 or 16 bits per
    channel; also with several pages or animated. An output has the format of its name, and keeps
    depth, transparency and metadata.

    MP4, MOV, Matroska, WebM and MPEG-TS films (and others as input), with sound and subtitles.

    A folder becomes a folder with the same names. If some files fail, each is reported, the others
    are upscaled, and the exit code is 1.

    gladsr upscale photo.jpg

    gladsr upscale film.mp4 -o large.mp4 --codec hevc

    gladsr upscale holiday/ -o large/ --scale 4 --recursive
    """
    existing = _existing(overwrite=overwrite, skip=skip_existing)
    if scale is not None and size is not None:
        raise typer.TyperException("choose from --scale and --size")
    read = ReadOptions(max_input_pixels, options.parse_range(float_range))
    write = WriteOptions(quality, strip_metadata)
    encoding = Encoding(codec, crf, preset)
    return_freed_memory()
    planned = plan(
        paths,
        output,
        label=size.replace("×", "x") if size else f"x{scale or 2:g}",
        recursive=recursive,
        include=include or (),
        exclude=exclude or (),
        suffix=options.parse_suffix(file_format),
    )
    if existing == "reject":
        _check_existing(planned.pairs)
    if any(is_film(pair.destination) for pair in planned.pairs):
        import_module("av")  # if it is missing, say so before any work
    upscaler = Upscaler(
        model,
        scale=scale,
        size=None if size is None else parse_size(size),
        max_output_pixels=max_output_pixels,
        engine=engine,
        precision=precision,
        tile=options.parse_tile(tile),
        ensemble=ensemble,
        draft=draft,
        device=device,
        threads=threads,
    )
    failed = skipped = 0
    with progress_bar() as bar:
        display = _Display(bar, len(planned.pairs))
        outcomes = upscale_files(
            planned.pairs,
            upscaler.upscale,
            choose=partial(_choose, upscaler) if model == AUTO else None,
            existing=existing,
            read=read,
            write=write,
            encoding=encoding,
            progress=display.show,
        )
        with contextlib.closing(outcomes):
            for outcome in outcomes:
                failed += outcome.error is not None
                skipped += outcome.skipped
                display.finish(outcome)
    _summarise(planned, failed, skipped)
    if failed:
        raise typer.Exit(1)


def _summarise(planned: Plan, failed: int, skipped: int) -> None:
    """Print a line about films that need an extra, skipped, ignored and failed files each."""
    if planned.films:
        say('films are skipped; to upscale them: pip install "gladsr[video]"')
    if skipped:
        say(f"{_files(skipped)} existed already")
    if planned.others:
        say(f"{_files(planned.others)} ignored")
    if failed:
        say(f"{failed} of {_files(len(planned.pairs))} failed")


def _existing(*, overwrite: bool, skip: bool) -> Existing:
    """Return what to do about outputs that exist."""
    if overwrite and skip:
        raise typer.TyperException("choose one of --overwrite and --skip-existing")
    if overwrite:
        return "overwrite"
    return "skip" if skip else "reject"


def _choose(upscaler: Upscaler, pair: FilePair, first: Picture) -> UpscalePicture:
    """Return how to upscale a file with the model that is best for it, and say which that is."""
    choice = choose_for_file(pair, first)
    say(f"{pair.source.name}: {choice}")
    return replace(upscaler, model=choice.model).upscale


def _check_existing(pairs: list[FilePair]) -> None:
    existing = [pair for pair in pairs if pair.destination.exists()]
    if existing:
        others = f", and so do {len(existing) - 1} more" if len(existing) > 1 else ""
        raise PlanError(
            f"{existing[0].destination} exists already{others}; "
            "--overwrite replaces outputs that exist, --skip-existing keeps them"
        )


class _Display:
    """Shows a progress bar, with lines about films and failures above it."""

    def __init__(self, bar: rich.progress.Progress, total: int) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total)
        self._finished = 0

    def show(self, progress: Progress) -> None:
        """Show the progress of a file."""
        self._bar.update(
            self._task,
            description=f"{progress.pair.source.name} {_rate(progress)}",
            completed=self._finished + progress.share,
        )

    def finish(self, outcome: Outcome) -> None:
        """Show the outcome of a file."""
        self._finished += 1
        self._bar.update(self._task, completed=self._finished)
        if isinstance(outcome.error, PictureError):
            say(str(outcome.error))
        elif outcome.error is not None:
            say(f"{outcome.pair.source}: {outcome.error}")
        elif _rate(outcome):
            say(f"{outcome.pair.destination}: {_rate(outcome)}")


def _rate(state: Progress | Outcome) -> str:
    """Return a film's number of frames so far and their rate; nothing for a picture."""
    if not state.pages or not is_film(state.pair.destination):
        return ""
    return f"{state.pages} frames, {state.pages / state.seconds:.2f} per second"


def _files(count: int) -> str:
    return f"{count} {'file' if count == 1 else 'files'}"
