"""A process of its own for what touches pictures, so that none can harm the service.

A damaged picture may crash a decoder, and a slow one may take for ever: then the process is ended
and another takes its place. It also keeps the service answering while pictures are computed.
"""

import asyncio
import contextlib
import multiprocessing
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

Work = Callable[..., None]

READY = "ready"
REFUSED = "refused"
CANCEL = "cancel"


class WorkerDiedError(RuntimeError):
    """The process has ended before its work has."""


class WorkerRefusedError(RuntimeError):
    """The process cannot do its work here; the message says why."""


class Worker:
    """A process that does one task after another.

    Args:
        work: What the process runs. It is called with a connection and ``arguments``, sends
            ``(READY,)``, or ``(REFUSED, why)`` and ends, and then for every task that it receives
            any number of messages, of which the last has one of the names in ``last``.
        arguments: The rest of its arguments.
        last: The names of the messages that end a task.
    """

    def __init__(self, work: Work, *arguments: Any, last: set[str]) -> None:
        self._work = work
        self._arguments = arguments
        self._last = last
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._thread = ThreadPoolExecutor(1)
        self._started = False
        self._changing = asyncio.Lock()  # one starts or stops it at a time

    @property
    def ready(self) -> bool:
        """Whether the process is there to take a task."""
        return self._started and self._process is not None and self._process.is_alive()

    async def start(self) -> None:
        """Start the process, unless it is there, and wait until it is ready.

        Raises:
            WorkerRefusedError: It cannot do its work.
            WorkerDiedError: It ended before it was ready, or could not be started.
        """
        async with self._changing:
            if self.ready:
                return
            await self._end()
            try:
                self._spawn()
            except OSError as error:  # there is no memory, or no place, for another process
                raise WorkerDiedError(str(error)) from error
            name, *why = await self._receive()
            if name == REFUSED:
                raise WorkerRefusedError(*why)
            self._started = True

    async def stop(self) -> None:
        """End the process, whatever it does."""
        async with self._changing:
            await self._end()

    async def do(self, task: Any) -> AsyncIterator[tuple[Any, ...]]:
        """Do a task and yield the messages about it.

        Raises:
            WorkerDiedError: The process ended before the task did. `start` starts another.
        """
        if self._connection is None:
            raise WorkerDiedError("it is not there")
        try:
            self._connection.send(task)
        except OSError as error:
            raise WorkerDiedError("it is not there") from error
        while True:
            message = await self._receive()
            yield message
            if message[0] in self._last:
                return

    def cancel(self) -> None:
        """Tell the process to give up its task; it looks from time to time."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.send(CANCEL)

    def _spawn(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=self._work, args=(theirs, *self._arguments), daemon=True)
        try:
            process.start()
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._connection, self._process = ours, process

    async def _end(self) -> None:
        self._started = False
        if self._process is not None and self._connection is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.join)
            # The thread may still wait on the connection; the end of the process has woken it.
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
            self._process = self._connection = None

    async def _receive(self) -> tuple[Any, ...]:
        assert self._connection is not None  # noqa: S101 - only called while there is a process
        loop = asyncio.get_running_loop()
        try:
            message: tuple[Any, ...] = await loop.run_in_executor(
                self._thread, self._connection.recv
            )
        except (EOFError, OSError) as error:
            self._started = False
            raise WorkerDiedError("it has ended") from error
        return message
