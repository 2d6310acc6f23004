"""Jobs, and the finished ones whose files are kept for a while."""

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import starmap
from operator import mul
from pathlib import Path
from time import monotonic
from typing import Literal

from gladsr.pictures.formats import Format
from gladsr.web.admission import Slot
from gladsr.web.messages import ModelChosen, Part, PictureHeader
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem
from gladsr.web.settings import UpscaleSettings

State = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass(eq=False, kw_only=True)
class UpscaleJob:
    """One picture on its way through the service.

    Attributes:
        client: Who sent it.
        folder: Where its files are; the input is named ``source``.
        header: What the input's header declares.
        settings: How to upscale.
        format: The format of the result.
        outputs: The files to make.
        quality: The quality of JPEG, WebP and AVIF files.
        cost: The estimated seconds to compute it.
        slot: Its place in the queue.
        id: A secret name, by which its client finds it.
        made: The parts that can be fetched.
        state: Its state.
        chosen: The model that "auto" has chosen; None before, and if a model was named.
        progress: The share of the result that is computed, from 0 to 1.
        problem: Why it failed.
        seconds: How long it took to compute.
        expires: When its files are removed.
        detached: Whether its client comes back for the result, so that the slot is free once the
            work has ended; else it is held until the response has been sent.
        abandoned: Whether its client has cancelled it or left.
        queued_at: When it was added to the queue, by `time.monotonic`.
        finished: Set when it is done, failed or cancelled.
        fetched: Set when its client has fetched the result.
    """

    client: str
    folder: Path
    header: PictureHeader
    settings: UpscaleSettings
    format: Format
    outputs: dict[Part, Path]
    quality: int
    cost: float
    slot: Slot
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    made: list[Part] = field(default_factory=list)
    state: State = "queued"
    chosen: ModelChosen | None = None
    progress: float = 0.0
    problem: Problem | None = None
    seconds: float | None = None
    expires: datetime | None = None
    detached: bool = False
    abandoned: bool = False
    queued_at: float = field(default_factory=monotonic)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    fetched: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def input_size(self) -> tuple[int, int]:
        """The height and width of the input's first page or frame."""
        return self.header.sizes[0]

    @property
    def output_size(self) -> tuple[int, int]:
        """The height and width of the result's first page or frame."""
        return self.settings.output_size(self.input_size)

    @property
    def pixels(self) -> int:
        """The pixels of the input, all pages or frames together."""
        return sum(starmap(mul, self.header.sizes))

    @property
    def changed(self) -> asyncio.Event:
        """Set at the next change. Take it before reading the job, so that no change is missed."""
        return self._changed

    def notify(self) -> None:
        """Wake up everyone who waits for a change."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def finish(self, state: State, problem: Problem | None, *, keep_seconds: float) -> None:
        """Note how it ended, free what it holds and wake up everyone who waits for it."""
        self.state, self.problem = state, problem
        if problem is not None:
            self.made = []
        self.expires = datetime.now(UTC) + timedelta(seconds=keep_seconds)
        if self.detached or self.abandoned:
            self.slot.release()
        (self.folder / "source").unlink(missing_ok=True)
        if self.abandoned:
            self.remove_files()
        self.finished.set()
        self.notify()

    def remove_files(self) -> None:
        """Remove its folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


class JobStore:
    """The jobs whose clients come back for them, by their ids.

    Args:
        stored_bytes: The most that the files of finished jobs may take.
    """

    def __init__(self, stored_bytes: int) -> None:
        self._stored_bytes = stored_bytes
        self._jobs: dict[str, UpscaleJob] = {}

    def __iter__(self) -> Iterator[UpscaleJob]:
        return iter(self._jobs.values())

    def add(self, job: UpscaleJob) -> None:
        """Keep a job."""
        job.detached = True
        self._jobs[job.id] = job

    def get(self, id_: str) -> UpscaleJob:
        """Return a job.

        Raises:
            Problem: There is none with this id.
        """
        if id_ not in self._jobs:
            raise Problem(
                ProblemKind.NOT_FOUND,
                "There is no such job. The files of finished jobs are kept for a limited time.",
            )
        return self._jobs[id_]

    def remove(self, job: UpscaleJob) -> None:
        """Forget a job, if it is kept."""
        self._jobs.pop(job.id, None)
        job.fetched.set()  # nobody can fetch it any more

    async def sweep(self) -> int:
        """Remove expired jobs, and the oldest ones while too much is stored.

        Returns:
            The size in bytes of the files that are left.
        """
        finished = [job for job in self if job.finished.is_set()]
        sizes = {job: await asyncio.to_thread(_size, job.folder) for job in finished}
        stored = sum(sizes.values())
        for job in sorted(finished, key=expiry):
            if expiry(job) < datetime.now(UTC) or stored > self._stored_bytes:
                self.remove(job)
                job.remove_files()
                stored -= sizes[job]
        return stored


def expiry(job: UpscaleJob) -> datetime:
    """Return when a finished job's files are removed."""
    assert job.expires is not None  # noqa: S101 - `finish` has set it
    return job.expires


def _size(folder: Path) -> int:
    with contextlib.suppress(OSError):  # it may be removed at the same time
        return sum(file.stat().st_size for file in folder.iterdir())
    return 0
