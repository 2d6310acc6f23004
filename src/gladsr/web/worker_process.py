"""A process for everything that touches a picture, so that no file can harm the service.

A damaged file may crash a decoder, or keep it busy for ever. Then the process is killed and
replaced. Separate processes also keep the service responsive while pictures are computed.
"""

import asyncio
import contextlib
import ctypes
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gladsr.web.messages import Cancel, Final, Ready, Unusable

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

Task = TypeVar("Task")
Message = TypeVar("Message")

_PR_SET_PDEATHSIG = 1  # of Linux' <sys/prctl.h>


class WorkerDiedError(RuntimeError):
    """The process ended before its task did, or could not be started."""


class WorkerUnusableError(RuntimeError):
    """The process cannot do its work on this machine; the message is the reason."""


class WorkerProcess(Generic[Task, Message]):
    """A process that does one task after another.

    Args:
        body: What the process runs; it must be picklable. It sends `Ready`, or `Unusable` and
            returns, and then for every task that it receives any number of messages, the last of
            which is a `Final`.
    """

    def __init__(self, body: "Callable[[Connection], None]") -> None:
        self._body = body
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._thread = ThreadPoolExecutor(1)
        self._started = False
        self._changing = asyncio.Lock()  # held while the process is started or stopped

    @property
    def ready(self) -> bool:
        """Whether the process accepts a task."""
        return self._started and self._process is not None and self._process.is_alive()

    async def start(self) -> None:
        """Start the process, unless it runs, and wait until it is ready.

        Raises:
            WorkerUnusableError: It cannot do its work.
            WorkerDiedError: It ended before it was ready, or could not be started.
        """
        async with self._changing:
            if self.ready:
                return
            await self._kill()
            try:
                self._spawn()
            except OSError as error:  # no memory, or too many processes
                raise WorkerDiedError(str(error)) from error
            message: Ready | Unusable = await self._receive()
            if isinstance(message, Unusable):
                raise WorkerUnusableError(message.reason)
            self._started = True

    async def stop(self) -> None:
        """Kill the process, whatever it is doing."""
        async with self._changing:
            await self._kill()

    async def do(self, task: Task) -> AsyncIterator[Message]:
        """Do a task and yield the messages about it.

        A caller that stops iterating early must call `stop`.

        Raises:
            WorkerDiedError: The process ended before the task did. `start` starts another.
        """
        if self._connection is None:
            raise WorkerDiedError("the process is not running")
        try:
            self._connection.send(task)
        except OSError as error:
            raise WorkerDiedError("the process has ended") from error
        while True:
            message: Message = await self._receive()
            yield message
            if isinstance(message, Final):
                return

    def cancel(self) -> None:
        """Ask the process to stop its task. It looks only between two pieces of work."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.send(Cancel())

    def _spawn(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_main, args=(theirs, self._body), daemon=True)
        try:
            process.start()
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._connection, self._process = ours, process

    async def _kill(self) -> None:
        self._started = False
        if self._process is not None and self._connection is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.join)
            # The thread may still be reading; the end of the process has woken it up.
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
            self._process = self._connection = None

    async def _receive(self) -> Any:
        assert self._connection is not None  # noqa: S101 - only called while the process runs
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._connection.recv)
        except (EOFError, OSError) as error:
            self._started = False
            raise WorkerDiedError("the process has ended") from error


def tasks(connection: "Connection") -> Iterator[Any]:
    """Yield the tasks that arrive, until the service ends. This runs in the process."""
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        if not isinstance(task, Cancel):  # one that came too late for its task
            yield task


def _main(connection: "Connection", body: "Callable[[Connection], None]") -> None:
    """Run a process: leave signals to the service, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _die_with_parent()
    logging.getLogger("gladsr.pictures").setLevel(logging.ERROR)  # warnings name clients' files
    body(connection)


def _die_with_parent() -> None:
    """Have the kernel kill this process when the service ends, even by SIGKILL (Linux)."""
    parent = multiprocessing.parent_process()
    if sys.platform != "linux" or parent is None:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent.pid:  # it has ended in the meantime
        os._exit(1)
