"""A process for each that is measured, so that none shares its threads or its memory."""

import multiprocessing
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from gladsr.benchmark.machine import peak_memory
from gladsr.engines import memory_kept
from gladsr.errors import EngineError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


class Job(Protocol):
    """What can be loaded and then run on a picture."""

    def load(self) -> Callable[[NDArray[np.float32]], object]:
        """Return the function that is timed."""
        ...


class NotMeasuredError(EngineError):
    """What was to be measured cannot be; the message says why."""


@dataclass(frozen=True)
class Timing:
    """One run: its seconds, and the most memory in bytes of its process up to then."""

    seconds: float
    memory: int | None


class Worker:
    """A process that has loaded a job and runs it when it is told to.

    Raises:
        NotMeasuredError: The job cannot be loaded.
    """

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, job), daemon=True)
        self._process.start()
        theirs.close()
        self._receive()

    def run(self, size: int) -> Timing:
        """Run the job on a picture of size×size pixels.

        Raises:
            NotMeasuredError: The job failed, or its process ended.
        """
        with suppress(BrokenPipeError):  # its process has ended, and `_receive` tells so
            self._connection.send(size)
        return self._receive()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()

    def _receive(self) -> Timing:
        try:
            answer = self._connection.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            raise NotMeasuredError(
                f"its process ended with code {self._process.exitcode}; is there enough memory?"
            ) from None
        if isinstance(answer, str):
            self.close()
            raise NotMeasuredError(answer)
        assert isinstance(answer, Timing)  # noqa: S101 - tells the type checker what `_work` sends
        return answer


def _work(connection: "Connection", job: Job) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who ends this process
    try:
        run = job.load()
        connection.send(Timing(0, None))
        with memory_kept():  # as between the tiles of a picture
            while True:
                connection.send(_timed(run, connection.recv()))
    except (EOFError, BrokenPipeError):  # nobody waits any more
        return
    except ModuleNotFoundError as error:
        connection.send(f"{error.name} is not installed")
    except Exception as error:  # noqa: BLE001 - whatever a library raises is the reason to tell
        connection.send(str(error).strip().rpartition("\n")[2] or type(error).__name__)


def _timed(run: Callable[[NDArray[np.float32]], object], size: int) -> Timing:
    picture = np.random.default_rng(0).random((size, size, 3), np.float32)
    began = time.perf_counter()
    run(picture)
    return Timing(time.perf_counter() - began, peak_memory())
