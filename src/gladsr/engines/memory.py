"""The memory of runs: released after each one, or retained for the next."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock

run_lock = RLock()
"""Held while a part of a model is compiled, runs or releases its memory: by one thread at a time.

A part that runs cannot release its memory, and OpenVINO changes the process's locale while it
compiles. A run uses all of the processor's threads, so this costs nothing.
"""


class Retained:
    """The memory that the last run has not released.

    Attributes:
        contexts: The number of contexts of `memory_retained` that are open.
        release: Releases the memory; None if there is none.
    """

    def __init__(self) -> None:
        self.contexts = 0
        self.release: Callable[[], None] | None = None

    def replace(self, release: Callable[[], None] | None) -> None:
        """Release what is retained, unless it is the same, and retain something else."""
        if self.release is not None and self.release != release:
            self.release()
        self.release = release


_retained = Retained()


@contextmanager
def memory_retained() -> Iterator[None]:
    """Let the engines retain the memory of one run for the next, until the context ends.

    Allocating it again costs time. What is retained is the memory of one part of a model, for
    the largest picture that it has run; a run of another part releases it first.
    """
    with run_lock:
        _retained.contexts += 1
    try:
        yield
    finally:
        with run_lock:
            _retained.contexts -= 1
            if not _retained.contexts:
                _retained.replace(None)


def release_memory() -> None:
    """Release the retained memory, before something else that needs much."""
    with run_lock:
        _retained.replace(None)


@contextmanager
def memory_of(release: Callable[[], None]) -> Iterator[None]:
    """Run something whose memory ``release`` frees: at once, or when `memory_retained` ends.

    One thread at a time: the others wait for the context to end.

    Args:
        release: The same function for the same part of a model.
    """
    with run_lock:
        if _retained.release != release:
            _retained.replace(None)
        failed = True
        try:
            yield
            failed = False
        finally:
            _retained.replace(release)
            if failed or not _retained.contexts:
                _retained.replace(None)
