"""Workloads, each in its own process, so that they share neither threads nor memory."""

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
from gladsr.engines import memory_retained
from gladsr.engines.engine import last_line
from gladsr.errors import EngineError, MissingExtraError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


class Workload(Protocol):
    """Something that can be loaded and then run on a picture."""

    def load(self) -> Callable[[NDArray[np.float32]], object]:
        """Return the function that is timed."""
        ...


class NotMeasuredError(EngineError):
    """A workload cannot be measured; the message says why."""


@dataclass(frozen=True)
class Timing:
    """One run: its seconds, and the peak memory of its process so far, in bytes."""

    seconds: float
    memory: int | None


class TimedProcess:
    """A process that has loaded a workload and runs it on request.

    Raises:
        NotMeasuredError: The workload cannot be loaded.
    """

    def __init__(self, workload: Workload) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, workload), daemon=True)
        self._process.start()
        theirs.close()
        self._receive()

    def run(self, size: int) -> Timing:
        """Run the workload on a picture of size×size pixels.

        Raises:
            NotMeasuredError: The workload failed, or its process ended.
        """
        with suppress(BrokenPipeError):  # the process has ended, which `_receive` reports
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
        assert isinstance(answer, Timing)  # noqa: S101 - for the type checker
        return answer


def _serve(connection: "Connection", workload: Workload) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
    try:
        run = workload.load()
        connection.send(Timing(0, None))
        with memory_retained():  # as between the tiles of a picture
            while True:
                connection.send(_timed(run, connection.recv()))
    except (EOFError, BrokenPipeError):  # the parent has ended
        return
    except MissingExtraError as error:
        connection.send(f"{error.library} is not installed")
    except ModuleNotFoundError as error:
        connection.send(f"{error.name} is not installed")
    except Exception as error:  # noqa: BLE001 - any error of a library is reported
        connection.send(last_line(error) or type(error).__name__)


def _timed(run: Callable[[NDArray[np.float32]], object], size: int) -> Timing:
    picture = np.random.default_rng(0).random((size, size, 3), np.float32)
    began = time.perf_counter()
    run(picture)
    return Timing(time.perf_counter() - began, peak_memory())
