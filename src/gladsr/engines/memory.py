"""The memory that a run takes: given back after each, or kept for the next."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock

alone = RLock()
"""Held while a part of a model is compiled, runs or gives its memory back: by one thread at a time.

A part that runs cannot give back its memory, and OpenVINO changes the process's locale while it
compiles. A run takes all of the processor's threads, so nothing is lost.
"""


class _Kept:
    """What the last run has not given back.

    Attributes:
        wanted: In how many contexts of `memory_kept` the process is.
        release: Gives it back; None if there is none.
    """

    def __init__(self) -> None:
        self.wanted = 0
        self.release: Callable[[], None] | None = None

    def replace(self, release: Callable[[], None] | None) -> None:
        """Give back what is kept, unless it is of the same, and keep another's."""
        if self.release is not None and self.release != release:
            self.release()
        self.release = release


_kept = _Kept()


@contextmanager
def memory_kept() -> Iterator[None]:
    """Let the engines keep the memory of one run for the next, until the context ends.

    Memory that is new to the process costs time. What is kept is that of one part of a model, for
    the largest picture that it has run: another part's run gives it back first.
    """
    with alone:
        _kept.wanted += 1
    try:
        yield
    finally:
        with alone:
            _kept.wanted -= 1
            if not _kept.wanted:
                _kept.replace(None)


def give_back() -> None:
    """Give back what is kept, before something else takes much."""
    with alone:
        _kept.replace(None)


@contextmanager
def memory_of(release: Callable[[], None]) -> Iterator[None]:
    """Run something whose memory ``release`` gives back: afterwards, or within `memory_kept` later.

    One thread at a time: the others wait for the context to end.

    Args:
        release: The same for the same part of a model.
    """
    with alone:
        if _kept.release != release:
            _kept.replace(None)
        failed = True
        try:
            yield
            failed = False
        finally:
            _kept.replace(release)
            if failed or not _kept.wanted:
                _kept.replace(None)
