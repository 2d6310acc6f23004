"""Reading the headers of uploads, in a worker process."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from gladsr.web import header_process
from gladsr.web.limits import Limits
from gladsr.web.messages import Failed, HeaderMessage, PictureHeader
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem
from gladsr.web.supervision import WATCH_SECONDS, keep_trying
from gladsr.web.worker_process import WorkerDiedError, WorkerProcess

logger = logging.getLogger(__name__)


class HeaderReader:
    """Reads one header at a time.

    Args:
        limits: The limits of the service.
        body: What the worker process runs, called with `Limits.pages` and a connection.
    """

    def __init__(
        self, limits: Limits, body: Callable[[int, Connection], None] = header_process.run
    ) -> None:
        self._limits = limits
        self._process: WorkerProcess[Path, HeaderMessage] = WorkerProcess(
            partial(body, limits.pages)
        )
        self._reading = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """Whether the process is running."""
        return self._process.ready

    async def run(self) -> None:
        """Start the process, and start it again whenever it has died."""
        while True:
            if not self.ready:
                await keep_trying(self._process, "reads headers")
            await asyncio.sleep(WATCH_SECONDS)

    async def stop(self) -> None:
        """Kill the process."""
        await self._process.stop()

    async def read(self, path: Path) -> PictureHeader:
        """Return what a file's header declares.

        Raises:
            Problem: The header cannot be read, or the process cannot be started.
        """
        async with self._reading:
            await self._start()
            reading = asyncio.create_task(self._ask(path))
            try:
                async with asyncio.timeout(self._limits.header_seconds):
                    message = await asyncio.shield(reading)
            except (TimeoutError, WorkerDiedError) as error:
                raise Problem(
                    ProblemKind.PICTURE, "The picture: its header cannot be read."
                ) from error
            except asyncio.CancelledError:  # the client has left
                await asyncio.wait([reading], timeout=self._limits.cancel_seconds)
                raise
            finally:
                await self._end(reading)
        if isinstance(message, Failed):
            raise Problem(message.kind, message.detail)
        return message

    async def _ask(self, path: Path) -> PictureHeader | Failed:
        (message,) = [message async for message in self._process.do(path)]
        return message

    async def _end(self, reading: asyncio.Task[PictureHeader | Failed]) -> None:
        """Kill the process if it is still reading or has died."""
        if not reading.done() or reading.exception() is not None:
            await self._process.stop()
            with contextlib.suppress(WorkerDiedError):
                await reading

    async def _start(self) -> None:
        try:
            async with asyncio.timeout(self._limits.header_seconds):
                await self._process.start()
        except (TimeoutError, WorkerDiedError) as error:
            raise Problem(
                ProblemKind.NOT_READY,
                "The service cannot read pictures at the moment. Try again later.",
                headers={"Retry-After": "10"},
            ) from error
