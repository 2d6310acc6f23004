"""Many files: the next is read and the last is written while one is upscaled.

One thread reads, one upscales, and the caller's writes. Between each two waits one picture at
most, so that few are in memory however many there are. Large ones lie in temporary files beside the
output (`gladsr.pictures.mapped`).
"""

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import Full, Queue
from threading import Event, Thread
from typing import Literal, TypeVar

from gladsr.engines import memory_kept
from gladsr.errors import EngineError, OutOfMemoryError, PictureError, SizeError
from gladsr.films.encoders import Encoding
from gladsr.pictures import Pages, Picture, ReadOptions, WriteOptions
from gladsr.upscaling import files
from gladsr.upscaling.folders import Job

Existing = Literal["refuse", "replace", "skip"]
"""What to do with a file that is in an output's place."""

Progress = Callable[[float], None]
"""Is told the share done, in (0, 1]."""

Upscale = Callable[[Picture, Progress, Path], Picture]
"""Upscales a picture, tells its progress, and knows the file that it is for."""

T = TypeVar("T")

_PATIENCE = 0.1  # seconds after which a thread that waits asks whether it is still needed


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        job: The job.
        error: Why there is no output; None if there is one.
        skipped: Whether a file was in the output's place and was left there.
    """

    job: Job
    error: Exception | None = None
    skipped: bool = False


@dataclass(frozen=True)
class _Start:
    """A file was opened; its pictures follow, and then its outcome."""

    job: Job
    pages: Pages


_Event = _Start | Picture | Outcome


class _StoppedError(Exception):
    """Nobody waits for the results any more."""


class _GivenUpError(Exception):
    """Nobody waits for this job's pictures any more."""


def _too_large(path: Path) -> PictureError:
    return PictureError(f"{path} is too large for this machine's memory.")


def upscale_files(
    jobs: Sequence[Job],
    upscale: Upscale,
    *,
    existing: Existing = "refuse",
    reading: ReadOptions = ReadOptions(),
    writing: WriteOptions = WriteOptions(),
    encoding: Encoding = files.USUAL,
    progress: Callable[[Job, float], None] = lambda _job, _share: None,
) -> Generator[Outcome]:
    """Upscale files, and yield what became of each as soon as it is known.

    A file that cannot be read or written does not keep the others from it. Each output appears
    whole or not at all. When the generator is closed, no output is begun any more.

    Args:
        jobs: What to read and write; folders are made as needed.
        upscale: Is called in a thread of its own.
        existing: What to do with files that are in an output's place when its turn comes.
        reading: Options for reading the inputs.
        writing: Options for writing the outputs.
        encoding: As for `write_film`.
        progress: Is told the share done of a file, in (0, 1], from the thread that upscales.
    """
    stopped = Event()
    given_up: set[Job] = set()

    def tell(job: Job, share: float) -> None:
        if stopped.is_set():
            raise _StoppedError
        if job in given_up:
            raise _GivenUpError
        progress(job, share)

    read = _read(jobs, given_up, existing, reading)
    upscaled = _upscaled(_in_thread(read, Event()), upscale, tell, given_up)
    with contextlib.closing(_in_thread(upscaled, stopped)) as events:
        for event in events:
            if isinstance(event, _Start):
                yield _written(event, events, given_up, writing, encoding)
            elif isinstance(event, Outcome):
                yield event


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"{folder} cannot be made: {error.strerror}.") from error


def _read(
    jobs: Sequence[Job],
    given_up: set[Job],
    existing: Existing,
    options: ReadOptions,
) -> Generator[_Event]:
    for job in jobs:
        try:
            if existing != "replace" and job.destination.exists():
                refused = FileExistsError(f"{job.destination} exists already")
                yield Outcome(job, None if existing == "skip" else refused, existing == "skip")
                continue
            pages = files.read(job.source, job.destination, options)
            _make_folder(job.destination.parent)
            yield _Start(job, pages)
            for picture in pages.pictures:
                yield picture
                if job in given_up:
                    break
        except (PictureError, OSError) as error:
            yield Outcome(job, error)
        except MemoryError:
            yield Outcome(job, _too_large(job.source))
        else:
            yield Outcome(job)


def _upscaled(
    events: Generator[_Event],
    upscale: Upscale,
    tell: Callable[[Job, float], None],
    given_up: set[Job],
) -> Generator[_Event]:
    failure: PictureError | None = None
    with contextlib.closing(events), memory_kept():
        for event in events:
            if isinstance(event, _Start):
                job, count, done = event.job, event.pages.count, 0
            if isinstance(event, Outcome) and failure:
                yield replace(event, error=failure)
                failure = None  # the next file may have no start
            elif not isinstance(event, Picture):
                yield event
            elif job not in given_up:
                try:
                    told = progress_of_page(partial(tell, job), done, count)
                    yield upscale(event, told, job.destination)
                except _GivenUpError:
                    continue
                except PictureError as error:
                    failure = error
                    given_up.add(job)
                except (MemoryError, OutOfMemoryError):
                    failure = _too_large(job.source)
                    given_up.add(job)
                except (SizeError, EngineError) as error:
                    failure = PictureError(f"{job.source} is not upscaled: {error}.")
                    given_up.add(job)
                done += 1


def _written(
    start: _Start,
    events: Iterator[_Event],
    given_up: set[Job],
    options: WriteOptions,
    encoding: Encoding,
) -> Outcome:
    """Write the pictures up to the outcome of reading them; give the job up if that fails."""

    def following() -> Iterator[Picture]:
        for event in events:
            if isinstance(event, Outcome):
                if event.error:
                    raise event.error
                return
            if isinstance(event, Picture):
                yield event

    rest = following()
    try:
        pages = replace(start.pages, pictures=rest)
        files.write(pages, start.job.destination, options=options, encoding=encoding)
    except (PictureError, OSError, MemoryError) as error:
        given_up.add(start.job)
        with contextlib.suppress(PictureError, OSError):
            for _ in rest:  # what is on its way
                pass
        too_large = isinstance(error, MemoryError)
        return Outcome(start.job, _too_large(start.job.destination) if too_large else error)
    return Outcome(start.job)


@dataclass(frozen=True)
class _Last:
    """What a queue ends with."""

    error: BaseException | None = None


def _in_thread(items: Generator[T], stopped: Event) -> Generator[T]:
    """Make items in a thread, which ends when their taker leaves; ``stopped`` is set then."""
    queue: Queue[T | _Last] = Queue(1)
    thread = Thread(target=_make, args=(items, queue, stopped), daemon=True)
    thread.start()
    try:
        while not isinstance(item := queue.get(), _Last):
            yield item
        if item.error:
            raise item.error
    finally:
        stopped.set()
        thread.join()


def _make(items: Generator[T], queue: "Queue[T | _Last]", stopped: Event) -> None:
    def put(item: T | _Last) -> None:
        while not stopped.is_set():
            with contextlib.suppress(Full):
                queue.put(item, timeout=_PATIENCE)
                return

    try:
        with contextlib.closing(items):
            for item in items:
                put(item)
                if stopped.is_set():
                    return
        put(_Last())
    except BaseException as error:  # noqa: BLE001 - it is raised where the items are taken
        put(_Last(error))


def progress_of_page(progress: Progress, page: int, count: int) -> Progress:
    """Return a page's progress, which counts for its part of a file's.

    Args:
        progress: Of the file.
        page: Counted from 0.
        count: Of the file's pages; a film's is an estimate, and may be too small.
    """
    return lambda share: progress(min(1.0, (page + share) / count))
