"""The queue, and the worker process that computes one job after another."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from time import monotonic

from gladsr.web import upscale_process
from gladsr.web.fair_queue import FairQueue
from gladsr.web.jobs import State, UpscaleJob
from gladsr.web.limits import Limits
from gladsr.web.messages import (
    Cancelled,
    Done,
    Failed,
    ModelChosen,
    PartWritten,
    Progress,
    UpscaleMessage,
    UpscaleTask,
)
from gladsr.web.metrics import Metrics
from gladsr.web.price import PriceList
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem
from gladsr.web.settings import EngineSettings
from gladsr.web.supervision import WATCH_SECONDS, keep_trying
from gladsr.web.worker_process import WorkerDiedError, WorkerProcess

logger = logging.getLogger(__name__)

_LONGEST_RETRY = 300  # seconds of a Retry-After header


class JobRunner:
    """Computes queued jobs.

    A job that is cancelled while it is computed frees the process within `Limits.cancel_seconds`
    in every phase: the process is asked to stop, and killed and replaced if it does not.

    Args:
        limits: The limits of the service.
        metrics: Where to count.
        engine: What runs the network.
        body: What the worker process runs, called with ``engine`` and a connection.
    """

    def __init__(
        self,
        limits: Limits,
        metrics: Metrics,
        engine: EngineSettings,
        body: Callable[[EngineSettings, Connection], None] = upscale_process.run,
    ) -> None:
        self.prices = PriceList()
        self._limits = limits
        self._metrics = metrics
        self._process: WorkerProcess[UpscaleTask, UpscaleMessage] = WorkerProcess(
            partial(body, engine)
        )
        self._queue: FairQueue[UpscaleJob] = FairQueue()
        self._pushed = asyncio.Event()
        self._running: UpscaleJob | None = None
        self._deadline: asyncio.Timeout | None = None  # of the running job
        metrics.waiting.set_function(lambda: len(self._queue))

    @property
    def ready(self) -> bool:
        """Whether the process is running."""
        return self._process.ready

    def push(self, job: UpscaleJob) -> None:
        """Queue a job."""
        self._queue.push(job.client, job, cost=job.cost)
        self._pushed.set()

    def ahead(self, job: UpscaleJob) -> int:
        """Return how many jobs are computed before a queued one."""
        order = self._queue.order()
        return order.index(job) + (self._running is not None) if job in order else 0

    def retry_after(self) -> int:
        """Return the seconds after which the queue may have room again."""
        seconds = math.ceil(sum(job.cost for job in self._queue.order()))
        return min(max(seconds, 1), _LONGEST_RETRY)

    def cancel(self, job: UpscaleJob) -> None:
        """Stop a job that waits or is computed. It finishes when its work has ended."""
        job.abandoned = True
        if self._queue.remove(job):
            self._fail(job, _cancelled(), "cancelled")
        elif job is self._running and self._deadline is not None and not self._deadline.expired():
            self._process.cancel()
            soon = asyncio.get_running_loop().time() + self._limits.cancel_seconds
            self._deadline.reschedule(min(soon, self._deadline.when() or soon))

    async def drain(self, problem: Problem) -> None:
        """Fail what waits, and wait until the running job has finished."""
        while len(self._queue):
            self._fail(self._queue.pop(), problem)
        if self._running is not None:
            await self._running.finished.wait()

    async def stop(self) -> None:
        """Kill the process."""
        await self._process.stop()

    async def run(self) -> None:
        """Compute jobs for ever.

        Raises:
            EngineError: The engine cannot be used on this machine.
        """
        await keep_trying(self._process, "upscales", fail_if_unusable=True)
        while True:
            if not self._process.ready:  # no job is lost: all are still in the queue
                self._metrics.restarts.inc()
                await keep_trying(self._process, "upscales")
            if not len(self._queue):
                self._pushed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(WATCH_SECONDS):
                        await self._pushed.wait()
                continue
            job = self._running = self._queue.pop()
            self._metrics.waited.observe(monotonic() - job.queued_at)
            start = monotonic()
            try:
                await self._compute(job)
            except Exception:  # whatever it is, the next job gets its turn
                logger.exception("a job failed")
                await self._process.stop()
                self._fail(job, Problem(ProblemKind.INTERNAL, "The service's log has the reason."))
            finally:
                self._queue.charge(job.client, monotonic() - start - job.cost)
                self._running = None

    async def _compute(self, job: UpscaleJob) -> None:
        job.state = "running"
        job.notify()
        task = UpscaleTask(
            source=job.folder / "source",
            outputs=job.outputs,
            settings=job.settings,
            quality=job.quality,
        )
        try:
            async with asyncio.timeout(self._limits.seconds) as self._deadline:
                async for message in self._process.do(task):
                    self._receive(job, message)
        except TimeoutError:
            problem = Problem(
                ProblemKind.TIME_LIMIT,
                f"The picture took more than {self._limits.seconds:g} s. Send a smaller one.",
            )
        except WorkerDiedError:
            problem = Problem(
                ProblemKind.INTERNAL,
                "The picture crashed the process that computed it. Save it anew and try again.",
            )
        else:
            return
        finally:
            self._deadline = None
        await self._process.stop()  # before the job's files are removed: it may still write some
        if job.abandoned:
            self._fail(job, _cancelled(), "cancelled")
        else:
            self._fail(job, problem)

    def _receive(self, job: UpscaleJob, message: UpscaleMessage) -> None:
        match message:
            case ModelChosen():
                job.chosen = message
            case Progress(share):
                job.progress = share
            case PartWritten(part):
                job.made.append(part)
            case Done(seconds):
                job.seconds = seconds
                self.prices.learn(job.cost, seconds)
                self._metrics.seconds.observe(seconds)
                self._metrics.pixels.inc(job.pixels)
                self._finish(job, "done")
            case Cancelled():
                self._fail(job, _cancelled(), "cancelled")
            case Failed(kind, detail):
                self._fail(job, Problem(kind, detail))
        job.notify()

    def _fail(self, job: UpscaleJob, problem: Problem, state: State = "failed") -> None:
        self._finish(job, state, problem)

    def _finish(self, job: UpscaleJob, state: State, problem: Problem | None = None) -> None:
        if job.finished.is_set():
            return
        self._metrics.pictures.labels(state).inc()
        height, width = job.input_size
        settings = job.settings
        target = settings.size or f"×{settings.scale:g}"
        logger.info(
            "%s: %d×%d, %s %s, %.1f s",
            *(state, width, height, settings.model, target, job.seconds or 0),
        )
        job.finish(state, problem, keep_seconds=self._limits.keep_seconds)


def _cancelled() -> Problem:
    return Problem(ProblemKind.CANCELLED, "The job was cancelled.")
