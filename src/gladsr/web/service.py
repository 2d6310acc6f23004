"""The service itself, without HTTP: pictures in, jobs computed in turn, results kept."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import starmap
from multiprocessing.connection import Connection
from operator import mul
from pathlib import Path

from gladsr.errors import SizeError
from gladsr.pictures.formats import Format
from gladsr.web import header_process, upscale_process
from gladsr.web.admission import Admission, Slot
from gladsr.web.failures import failure
from gladsr.web.formats import TIFF, to_show
from gladsr.web.header_reader import HeaderReader
from gladsr.web.job_runner import JobRunner
from gladsr.web.jobs import JobStore, UpscaleJob, expiry
from gladsr.web.limits import Limits
from gladsr.web.messages import Part, PictureHeader
from gladsr.web.metrics import Metrics
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem
from gladsr.web.settings import EngineSettings, UpscaleSettings

_SWEEP_SECONDS = 1
_FETCH_SECONDS = 10  # for clients to fetch their results before the service stops


class Service:
    """Accepts pictures, computes one after another, and keeps finished jobs for a while.

    Args:
        limits: Its limits.
        engine: What runs the network.
        folder: An empty private folder for the files of pictures.
        read_headers: What the process runs that reads headers; see `HeaderReader`.
        upscale: What the process runs that upscales; see `JobRunner`.
    """

    def __init__(
        self,
        limits: Limits,
        engine: EngineSettings,
        folder: Path,
        *,
        read_headers: Callable[[int, Connection], None] = header_process.run,
        upscale: Callable[[EngineSettings, Connection], None] = upscale_process.run,
    ) -> None:
        self.limits = limits
        self.metrics = Metrics()
        self.admission = Admission(limits)
        self.jobs = JobStore(limits.stored_bytes)
        self.runner = JobRunner(limits, self.metrics, engine, upscale)
        self.headers = HeaderReader(limits, read_headers)
        self._folder = folder
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = False

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Run the service; at the end, its processes are killed."""
        loops = (self.runner.run(), self.headers.run(), self._sweep())
        self._loops = [asyncio.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            for loop in self._loops:
                loop.cancel()
            await asyncio.gather(*self._loops, return_exceptions=True)
            await self.runner.stop()
            await self.headers.stop()

    @property
    def ready(self) -> bool:
        """Whether it accepts pictures."""
        return self.runner.ready and self.headers.ready and not self._stopping

    @property
    def failure(self) -> BaseException | None:
        """Why it has stopped for good, if it has: an `EngineError` at its start."""
        ended = [loop for loop in self._loops if loop.done() and not loop.cancelled()]
        return next((loop.exception() for loop in ended), None)

    async def drain(self) -> None:
        """Reject new and waiting jobs, finish the running one, and let clients fetch results."""
        self._stopping = True
        await self.runner.drain(_stopping())
        soon = timedelta(seconds=self.limits.keep_seconds - _FETCH_SECONDS)
        fresh = [
            job
            for job in self.jobs
            if job.finished.is_set() and expiry(job) - datetime.now(UTC) > soon
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FETCH_SECONDS):
                for job in fresh:
                    await job.fetched.wait()

    def take_slot(self, client: str) -> Slot:
        """Take a slot for a client's picture.

        Raises:
            Problem: There is none, or the service is stopping.
        """
        if self._stopping:
            raise _stopping()
        return self.admission.take_slot(client, retry_after=self.runner.retry_after())

    def new_folder(self) -> Path:
        """Make a folder for the files of one picture."""
        folder = self._folder / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        return folder

    async def add(
        self,
        slot: Slot,
        client: str,
        source: Path,
        settings: UpscaleSettings,
        format_: Format,
        *,
        quality: int,
        parts: Sequence[Part] = ("result",),
    ) -> UpscaleJob:
        """Queue a picture.

        Args:
            slot: The slot that was taken for it.
            client: Who sent it.
            source: Its file, in a folder of its own.
            settings: How to upscale.
            format_: The format of the result.
            quality: The quality of JPEG, WebP and AVIF files.
            parts: The files to make; see `UpscaleTask`.

        Raises:
            Problem: The picture is damaged, cannot have the requested size, or the output would
                have too many pixels.
        """
        header = await self.headers.read(source)
        self._check(header, settings)
        outputs = {
            part: source.with_name(
                part + (format_ if part == "result" else to_show(format_)).suffixes[0]
            )
            for part in parts
            if part != "view" or format_ is TIFF or len(header.sizes) > 1
        }
        if self._stopping:
            raise _stopping()
        job = UpscaleJob(
            client=client,
            folder=source.parent,
            header=header,
            settings=settings,
            format=format_,
            outputs=outputs,
            quality=quality,
            cost=self.runner.prices.of(header, settings, outputs),
            slot=slot,
        )
        self.runner.push(job)
        return job

    def discard(self, job: UpscaleJob) -> None:
        """Cancel a job, unless it is finished, and remove its files."""
        self.jobs.remove(job)
        if job.finished.is_set():
            job.slot.release()
            job.remove_files()
        else:
            self.runner.cancel(job)

    def _check(self, header: PictureHeader, settings: UpscaleSettings) -> None:
        count = len(header.sizes)
        if count > self.limits.frames:
            raise Problem(
                ProblemKind.TOO_LARGE,
                f"The picture has {count} frames. The limit is {self.limits.frames}.",
            )
        try:
            pixels = sum(starmap(mul, map(settings.output_size, header.sizes)))
        except SizeError as error:
            failed = failure(error, "The picture")
            raise Problem(failed.kind, failed.detail) from error
        if pixels > self.limits.pixels:
            height, width = header.sizes[0]
            pages = f" on each of {count} pages or frames" if count > 1 else ""
            raise Problem(
                ProblemKind.TOO_LARGE,
                f"The picture has {width} × {height} pixels{pages}; the result would have "
                f"{pixels:,} in all. The limit is {self.limits.pixels:,}. "
                "Choose a smaller scale or crop the picture.",
            )

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self.metrics.stored.set(await self.jobs.sweep())


def _stopping() -> Problem:
    return Problem(
        ProblemKind.STOPPING,
        "The service is shutting down. Try again later.",
        headers={"Retry-After": "30"},
    )
