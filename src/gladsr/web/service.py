"""The work: pictures taken in, upscaled in turn, kept for a while."""

import asyncio
import contextlib
import logging
import math
import secrets
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import starmap
from operator import mul
from pathlib import Path
from time import monotonic
from typing import Literal

from gladsr.errors import EngineError, SizeError
from gladsr.pictures.formats import Format
from gladsr.upscaling.tiling import WHOLE
from gladsr.web.fair_queue import FairQueue
from gladsr.web.formats import TIFF, to_show
from gladsr.web.limits import Limits
from gladsr.web.metrics import Metrics
from gladsr.web.problems import Problem
from gladsr.web.tasks import (
    DONE,
    FAILED,
    PART,
    PROGRESS,
    SIZES,
    Machine,
    Part,
    Settings,
    Task,
    inspect,
    upscale,
)
from gladsr.web.worker import Worker, WorkerDiedError, WorkerRefusedError

State = Literal["queued", "running", "done", "failed", "cancelled"]

logger = logging.getLogger(__name__)

_STATUSES = {"picture": 422, "storage": 503, "internal": 500}
_INSPECTION_SECONDS = 10
_SWEEP_SECONDS = 1
_WATCH_SECONDS = 1  # between two looks at whether a process is still there
_FETCH_SECONDS = 10  # for the last job's files, when the service stops


@dataclass(eq=False)
class Job:
    """One picture on its way.

    Attributes:
        client: Whose it is.
        folder: Where its files are.
        settings: How to upscale.
        kind: The format of the result.
        sizes: The heights and widths of the picture's pages or frames in pixels.
        parts: The files to make.
        quality: Of JPEG, WebP and AVIF files.
        made: The files that can be fetched.
        state: How far it is.
        progress: The share done of the result, from 0 to 1.
        problem: Why it failed.
        seconds: How long it took to compute.
        expires: When its files vanish.
        place: What it holds until it is finished.
        abandoned: Whether nobody wants it any more.
        finished: Set when it is done, has failed or was cancelled.
        fetched: Set when its client has what it wants.
    """

    client: str
    folder: Path
    settings: Settings
    kind: Format
    sizes: list[tuple[int, int]]
    parts: dict[Part, Path]
    quality: int
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    made: list[Part] = field(default_factory=list)
    state: State = "queued"
    progress: float = 0.0
    problem: Problem | None = None
    seconds: float | None = None
    expires: datetime | None = None
    place: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    abandoned: bool = False
    pushed: float = field(default_factory=monotonic)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    fetched: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pixels(self) -> int:
        """The pixels of the picture that came in."""
        return sum(starmap(mul, self.sizes))

    @property
    def cost(self) -> int:
        """The work that it is, in pixels that go through the network."""
        if "attention" in self.parts:
            return min(math.prod(self.sizes[0]), WHOLE)
        return self.pixels * (8 if self.settings.ensemble else 1)

    def tell(self) -> None:
        """Wake those who watch it."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    @property
    def changed(self) -> asyncio.Event:
        """Set at the next change. Take it before looking at the job, so that none is missed."""
        return self._changed


class Service:
    """Takes pictures in, upscales one after another, and keeps finished jobs for a while.

    Args:
        limits: The most that it takes on.
        machine: What runs the network.
        folder: A private folder for pictures, which exists and is empty.
    """

    def __init__(self, limits: Limits, machine: Machine, folder: Path) -> None:
        self.limits = limits
        self.metrics = Metrics()
        self._folder = folder
        self._inspector = Worker(inspect, limits.pages, last={SIZES, FAILED})
        self._upscaler = Worker(upscale, machine, last={DONE, FAILED})
        self._inspecting = asyncio.Lock()
        self._places: Counter[str] = Counter()
        self._queue: FairQueue[Job] = FairQueue()
        self.metrics.waiting.set_function(lambda: len(self._queue))
        self._pushed = asyncio.Event()
        self._running: Job | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._jobs: dict[str, Job] = {}
        self._seconds_per_pixel = 1e-5  # of the network's input; learned as it goes
        self._stopping = False

    # Life

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Run the service; at the end, its processes and files are gone."""
        works = (self._serve(), self._keep_inspecting(), self._sweep())
        self._tasks = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._upscaler.stop()
            await self._inspector.stop()

    @property
    def ready(self) -> bool:
        """Whether it takes pictures in."""
        return self._upscaler.ready and self._inspector.ready and not self._stopping

    @property
    def failure(self) -> BaseException | None:
        """What has ended its work for good, if anything has: an `EngineError` at its start."""
        ended = [task for task in self._tasks if task.done() and not task.cancelled()]
        return next((task.exception() for task in ended), None)

    async def drain(self) -> None:
        """Refuse what is new and what waits, and finish what runs.

        A job's client has a few seconds to fetch its files.
        """
        self._stopping = True
        while len(self._queue):
            self._fail(self._queue.pop(), _stopping())
        if self._running is not None:
            await self._running.finished.wait()
        soon = timedelta(seconds=self.limits.keep_seconds - _FETCH_SECONDS)
        fresh = [job for job in self._jobs.values() if _expiry(job) - datetime.now(UTC) > soon]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FETCH_SECONDS):
                for job in fresh:
                    await job.fetched.wait()

    # Taking in

    @contextlib.contextmanager
    def place(self, client: str) -> Iterator[None]:
        """Take a place, among the pictures that are taken in, for as long as the context lasts.

        Raises:
            Problem: There is none left.
        """
        if self._stopping:
            raise _stopping()
        if self._places[client] >= self.limits.queue_per_client:
            raise Problem(
                "your-queue-full",
                429,
                f"{self.limits.queue_per_client} of your pictures are being worked on. "
                "Wait for one of them.",
                headers=self._retry_after(),
            )
        if self._places.total() >= self.limits.queue:
            raise Problem(
                "queue-full",
                503,
                "As many pictures as the service takes are being worked on. Try again later.",
                headers=self._retry_after(),
            )
        self._places[client] += 1
        try:
            yield
        finally:
            self._places[client] -= 1
            if not self._places[client]:
                del self._places[client]

    def new_folder(self) -> Path:
        """Return a new folder for the files of one picture."""
        folder = self._folder / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        return folder

    def remove(self, folder: Path) -> None:
        """Remove the files of one picture."""
        shutil.rmtree(folder, ignore_errors=True)

    async def measure(self, path: Path) -> list[tuple[int, int]]:
        """Return the heights and widths of a picture's pages or frames from their headers.

        Raises:
            Problem: It has none that can be read, or there is nothing to read them with.
        """
        async with self._inspecting:
            await self._have_inspector()
            try:
                async with asyncio.timeout(_INSPECTION_SECONDS):
                    (message,) = [message async for message in self._inspector.do(path)]
            except (TimeoutError, WorkerDiedError) as error:
                await self._inspector.stop()
                raise Problem("picture", 422, "The picture's header cannot be read.") from error
        if message[0] == FAILED:
            raise Problem("picture", 422, message[1])
        sizes: list[tuple[int, int]] = message[1]
        return sizes

    async def _have_inspector(self) -> None:
        """Wait until the process that reads headers is there."""
        try:
            async with asyncio.timeout(_INSPECTION_SECONDS):
                await self._inspector.start()
        except (TimeoutError, WorkerDiedError) as error:
            raise Problem(
                "not-ready",
                503,
                "The service cannot read pictures at the moment. Try again later.",
                headers={"Retry-After": "10"},
            ) from error

    async def add(
        self,
        client: str,
        source: Path,
        settings: Settings,
        kind: Format,
        *,
        quality: int,
        parts: Sequence[Part] = ("result",),
    ) -> Job:
        """Queue a picture.

        Args:
            client: Whose it is.
            source: Its file, in a folder of its own.
            settings: How to upscale.
            kind: The format of the result.
            quality: Of JPEG, WebP and AVIF files.
            parts: What to make; see `Task`.

        Raises:
            Problem: The upscaled picture would have too many pixels, or cannot have the size that
                is asked for, or the picture is damaged.
        """
        sizes = await self.measure(source)
        self._check_pixels(sizes, settings)
        files = {
            part: source.with_name(part + (kind if part == "result" else to_show(kind)).suffixes[0])
            for part in parts
            if part != "view" or kind is TIFF or len(sizes) > 1
        }
        job = Job(client, source.parent, settings, kind, sizes, files, quality)
        if self._stopping:
            raise _stopping()
        self._queue.push(client, job, cost=job.cost)
        self._pushed.set()
        return job

    def _check_pixels(self, sizes: list[tuple[int, int]], settings: Settings) -> None:
        try:
            upscaled = sum(starmap(mul, map(settings.enlarged, sizes)))
        except SizeError as error:
            detail = f"The picture cannot have the size that you ask for: {error}."
            raise Problem("options", 422, detail) from error
        if upscaled > self.limits.pixels:
            height, width = sizes[0]
            pages = f" on each of {len(sizes)} pages or frames" if len(sizes) > 1 else ""
            raise Problem(
                "too-large",
                413,
                f"The picture has {width} × {height} pixels{pages}, and would have {upscaled:,} "
                f"in all. The limit is {self.limits.pixels:,}. "
                "Choose a smaller scale or a part of the picture.",
            )

    # Jobs by name

    def keep(self, job: Job) -> None:
        """Make a job known by its id until it expires."""
        self._jobs[job.id] = job

    def job(self, name: str) -> Job:
        """Return a job by its id.

        Raises:
            Problem: There is none.
        """
        if name not in self._jobs:
            raise Problem(
                "not-found", 404, "There is no such job; a finished one is kept for some time only."
            )
        return self._jobs[name]

    def ahead(self, job: Job) -> int:
        """Return how many pictures come before a job that waits."""
        order = self._queue.order()
        return order.index(job) + (self._running is not None) if job in order else 0

    def discard(self, job: Job) -> None:
        """Give a job up, if it is not finished, and remove its files."""
        self._jobs.pop(job.id, None)
        cancelled = Problem("cancelled", 410, "The picture was cancelled.")
        if self._queue.remove(job):
            self._fail(job, cancelled, state="cancelled")
        elif job is self._running and not job.finished.is_set():
            job.abandoned = True  # its files go when the process has let go of them
            job.place.close()
            self._upscaler.cancel()
            return
        job.fetched.set()
        shutil.rmtree(job.folder, ignore_errors=True)

    # The work

    async def _serve(self) -> None:
        await self._start(self._upscaler, "upscales", first=True)
        while True:
            if not self._upscaler.ready:  # no picture is lost by that: all still wait
                self.metrics.restarts.inc()
                await self._start(self._upscaler, "upscales")
            if not len(self._queue):
                self._pushed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_WATCH_SECONDS):
                        await self._pushed.wait()
                continue
            job = self._running = self._queue.pop()
            self.metrics.waited.observe(monotonic() - job.pushed)
            try:
                await self._upscale(job)
            except Exception:  # whatever it is, the next picture gets its turn
                logger.exception("a picture failed")
                self._fail(job, Problem("internal", 500, "The service failed at this picture."))
            finally:
                self._running = None

    async def _keep_inspecting(self) -> None:
        while True:
            if not self._inspector.ready:
                await self._start(self._inspector, "reads headers")
            await asyncio.sleep(_WATCH_SECONDS)

    async def _start(self, worker: Worker, work: str, *, first: bool = False) -> None:
        """Start a process, again and again until it is there.

        Raises:
            EngineError: At its first start, it refuses its work, as it then always would.
        """
        pause = 1
        while True:
            try:
                await worker.start()
            except (WorkerDiedError, WorkerRefusedError) as error:
                if first and isinstance(error, WorkerRefusedError):
                    raise EngineError(str(error)) from error
                logger.warning(
                    "the process that %s cannot start (%s); trying again in %d s",
                    *(work, error, pause),
                )
                await asyncio.sleep(pause)
                pause = min(2 * pause, 60)
            else:
                return

    async def _upscale(self, job: Job) -> None:
        job.state = "running"
        job.tell()
        task = Task(
            source=job.folder / "source",
            parts=job.parts,
            settings=job.settings,
            quality=job.quality,
        )
        try:
            async with asyncio.timeout(self.limits.seconds):
                async for message in self._upscaler.do(task):
                    self._hear(job, message)
        except TimeoutError:
            detail = f"The picture took more than {self.limits.seconds:g} s. Send a smaller one."
            problem = Problem("time-limit", 503, detail)
        except WorkerDiedError:
            detail = "The picture ended the process that computed it. Save it anew and try again."
            problem = Problem("internal", 500, detail)
        else:
            return
        await self._upscaler.stop()  # before the job's files go, for it may still write some
        self._fail(job, problem)

    def _hear(self, job: Job, message: tuple[object, ...]) -> None:
        match message:
            case (str() as name, float() as share) if name == PROGRESS:
                job.progress = share
            case (str() as name, part) if name == PART:
                job.made.append(part)  # type: ignore[arg-type]  # a part's name, by the protocol
            case (str() as name, float() as seconds) if name == DONE:
                job.seconds = seconds
                self._learn(job, seconds)
                self._finish(job, "done")
            case (_, "cancelled", _):
                self._fail(job, Problem("cancelled", 410, "Cancelled."), state="cancelled")
            case (_, str() as kind, str() as detail):
                self._fail(job, Problem(kind, _STATUSES[kind], detail))
        job.tell()

    def _learn(self, job: Job, seconds: float) -> None:
        self._seconds_per_pixel += 0.1 * (seconds / job.cost - self._seconds_per_pixel)
        self.metrics.seconds.observe(seconds)
        self.metrics.pixels.inc(job.pixels)

    def _fail(self, job: Job, problem: Problem, *, state: State = "failed") -> None:
        job.problem = problem
        job.made = []
        self._finish(job, state)

    def _finish(self, job: Job, state: State) -> None:
        if job.finished.is_set():
            return
        job.state = state
        job.expires = datetime.now(UTC) + timedelta(seconds=self.limits.keep_seconds)
        job.place.close()
        (job.folder / "source").unlink(missing_ok=True)
        if job.abandoned:
            shutil.rmtree(job.folder, ignore_errors=True)
        self.metrics.pictures.labels(state).inc()
        height, width = job.sizes[0]
        target = job.settings.size or f"×{job.settings.scale:g}"
        logger.info(
            "%s: %d×%d, %s %s, %.1f s",
            *(state, width, height, job.settings.model, target, job.seconds or 0),
        )
        job.finished.set()
        job.tell()

    async def _sweep(self) -> None:
        """Remove what has expired, and the oldest jobs where too much is kept."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            finished = [job for job in self._jobs.values() if job.finished.is_set()]
            sizes = {job: await asyncio.to_thread(_size, job.folder) for job in finished}
            stored = sum(sizes.values())
            for job in sorted(finished, key=_expiry):
                if _expiry(job) < datetime.now(UTC) or stored > self.limits.stored_bytes:
                    self.discard(job)
                    stored -= sizes[job]
            self.metrics.stored.set(stored)

    def _retry_after(self) -> dict[str, str]:
        pixels = sum(job.cost for job in self._queue.order())
        seconds = math.ceil(pixels * self._seconds_per_pixel)
        return {"Retry-After": str(min(max(seconds, 1), 300))}


def _stopping() -> Problem:
    return Problem(
        "stopping",
        503,
        "The service is stopping. Try again later.",
        headers={"Retry-After": "30"},
    )


def _expiry(job: Job) -> datetime:
    assert job.expires is not None  # noqa: S101 - a finished job has one
    return job.expires


def _size(folder: Path) -> int:
    with contextlib.suppress(OSError):  # it may just be vanishing
        return sum(file.stat().st_size for file in folder.iterdir())
    return 0
