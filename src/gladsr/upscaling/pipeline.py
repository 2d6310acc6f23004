"""The pipeline from files to files, for one or many: read, upscale, write.

One thread reads, one upscales, and the caller's writes (`stages`), so that the next picture is read
and the last one is written while one is upscaled. Few pictures are in memory at a time, whatever
their number; large ones lie in temporary files beside the output (`gladsr.pictures.mapped`).
"""

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event
from time import monotonic
from typing import Any, Literal, TypeAlias

from numpy.typing import NDArray

from gladsr.engines import memory_retained, release_memory
from gladsr.errors import (
    Error,
    OutOfMemoryError,
    OutputExistsError,
    StorageError,
    TooLargeError,
)
from gladsr.films.encoders import Encoding
from gladsr.pictures import Pages, Picture, ReadOptions, WriteOptions
from gladsr.pictures.mapped import Mapped
from gladsr.upscaling import files
from gladsr.upscaling.files import FilePair
from gladsr.upscaling.stages import in_thread

Existing = Literal["reject", "overwrite", "skip"]
"""What to do about an output that exists."""

OnProgress: TypeAlias = Callable[[float], None]
"""Called with the share of a picture that is done, in (0, 1]."""

Room: TypeAlias = Callable[[tuple[int, int]], NDArray[Any]]
"""Returns an array to fill, given its height and width."""

UpscalePicture: TypeAlias = Callable[[Picture, OnProgress, Room], Picture]
"""Upscales a picture, such as `Upscaler.upscale`."""

Choose: TypeAlias = Callable[[FilePair, Picture], UpscalePicture]
"""Returns how to upscale a file, given its first picture."""


@dataclass(frozen=True)
class Progress:
    """The progress of one file.

    Attributes:
        pair: The file.
        share: The share of it that is done, in [0, 1]. That of a film is an estimate.
        pages: The number of pages or frames upscaled so far.
        seconds: The time since the first of them was begun.
    """

    pair: FilePair
    share: float
    pages: int
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """The outcome for one file.

    Attributes:
        pair: The file.
        error: Why there is no new output; None if there is one, or if the file was skipped.
        skipped: Whether the output existed and was kept.
        pages: The number of pages or frames upscaled.
        seconds: The time from the beginning of the first to the end of the last.
    """

    pair: FilePair
    error: Exception | None = None
    skipped: bool = False
    pages: int = field(default=0, compare=False)
    seconds: float = field(default=0, compare=False)


def upscale_files(
    pairs: Sequence[FilePair],
    upscale: UpscalePicture,
    *,
    choose: Choose | None = None,
    existing: Existing = "reject",
    read: ReadOptions = ReadOptions(),
    write: WriteOptions = WriteOptions(),
    encoding: Encoding = Encoding(),
    progress: Callable[[Progress], None] = lambda _progress: None,
) -> Generator[Outcome]:
    """Upscale files, and yield each one's outcome as soon as it is known.

    A file that cannot be read, upscaled or written does not affect the others. Each output appears
    complete or not at all. Once the generator is closed, no further output is begun.

    Args:
        pairs: The inputs and outputs; missing folders are created.
        upscale: Upscales one picture. It is called in a thread of its own.
        choose: Called in the same thread with each file's first picture; what it returns is
            used for the file instead of ``upscale``.
        existing: What to do about outputs that exist, or that appear during the work.
        read: Options for reading.
        write: Options for writing.
        encoding: How films are encoded.
        progress: Called from the thread that upscales.
    """
    stopped = Event()
    opened = in_thread(_read(pairs, read, stopped, overwrite=existing == "overwrite"))
    upscaled = in_thread(_upscale(opened, upscale, choose, progress), stopped)
    with contextlib.closing(upscaled) as events:
        for file, _ in events:
            save = partial(
                files.write,
                path=file.pair.destination,
                options=write,
                encoding=encoding,
                overwrite=existing == "overwrite",
            )
            _write(file, events, save)
            skipped = existing == "skip" and isinstance(file.error, OutputExistsError)
            error = None if skipped else file.error
            yield Outcome(file.pair, error, skipped, file.done, file.seconds)


class _CancelledError(Exception):
    """The file that is being upscaled has failed elsewhere, or the pipeline was stopped."""


class _File:
    """A file on its way through the stages.

    The first stage that fails leaves its error here; the others then skip the rest of the file.
    """

    def __init__(self, pair: FilePair, stopped: Event) -> None:
        self.pair = pair
        self.pages: Pages | None = None
        self.upscale: UpscalePicture | None = None
        self.error: Exception | None = None
        self.done = 0
        self.seconds = 0.0
        self._stopped = stopped
        self._began: float | None = None

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Record an error in the block as the file's, unless it has one already."""
        try:
            yield
        except _CancelledError:
            if self.error is None:  # not this file alone: the pipeline was stopped
                raise
        except (MemoryError, OutOfMemoryError) as error:
            reason = "it is too large for this machine's memory"
            self._fail(TooLargeError(self.pair.source, reason), error)
        except Error as error:
            self._fail(error)
        except OSError as error:
            path = error.filename or self.pair.destination
            self._fail(StorageError(path, error.strerror or str(error)), error)

    def _fail(self, error: Error, cause: Exception | None = None) -> None:
        if self.error is None:
            error.__cause__ = error.__cause__ or cause
            self.error = error

    def progress(self, share_of_page: float) -> Progress:
        """Return the progress, given that of the page that is being upscaled.

        Raises:
            _CancelledError: The result is no longer needed.
        """
        if self.error is not None or self._stopped.is_set():
            raise _CancelledError
        count = self.pages.count if self.pages else 1
        share = min(1.0, (self.done + share_of_page) / count)  # a film's count is an estimate
        return Progress(self.pair, share, self.done, self.seconds)

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """Count a page that is upscaled in the block, and the time up to its end."""
        self._began = self._began or monotonic()
        yield
        self.done += 1
        self.seconds = monotonic() - self._began


_Item: TypeAlias = tuple[_File, Picture | None]
"""A file and one of its pictures; without a picture, the beginning or the end of the file."""


def _read(
    pairs: Sequence[FilePair], options: ReadOptions, stopped: Event, *, overwrite: bool
) -> Generator[_Item]:
    for pair in pairs:
        file = _File(pair, stopped)
        with file.failing():
            file.pages = _open(pair, options, overwrite=overwrite)
        yield file, None
        if file.pages is not None:
            with file.failing():
                for picture in file.pages.pictures:
                    yield file, picture
                    if file.error is not None:
                        break
        yield file, None


def _open(pair: FilePair, options: ReadOptions, *, overwrite: bool) -> Pages:
    if not overwrite and pair.destination.exists():
        raise OutputExistsError(pair.destination, "it exists already")
    pages = files.read(pair, options)
    folder = pair.destination.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(folder, f"it cannot be created ({error.strerror})") from error
    return pages


def _upscale(
    events: Generator[_Item],
    upscale: UpscalePicture,
    choose: Choose | None,
    progress: Callable[[Progress], None],
) -> Generator[_Item]:
    with contextlib.closing(events), memory_retained():
        for file, picture in events:
            if picture is None:
                yield file, None
            elif file.error is None:
                with file.failing():
                    if file.upscale is None:
                        file.upscale = choose(file.pair, picture) if choose else upscale
                    yield file, _upscaled(file, picture, file.upscale, progress)


def _upscaled(
    file: _File, picture: Picture, upscale: UpscalePicture, progress: Callable[[Progress], None]
) -> Picture:
    room = partial(files.room_for, file.pair.destination, picture.pixels)
    with file.counting():
        larger = upscale(picture, lambda share: progress(file.progress(share)), room)
    if isinstance(larger.pixels, Mapped):
        release_memory()  # writing such a picture needs memory of its own
    return larger


def _write(file: _File, events: Iterator[_Item], save: Callable[[Pages], None]) -> None:
    """Write a file's upscaled pictures; ``events`` are those after its beginning."""

    def upscaled() -> Iterator[Picture]:
        for _, picture in events:
            if picture is None:
                break
            yield picture
        if file.error is not None:
            raise file.error

    rest = upscaled()
    if file.pages is not None:
        with file.failing():
            save(replace(file.pages, pictures=rest))
    with file.failing():
        for _ in rest:  # pictures still on their way after a failure
            pass
