"""Memory between runs: retained on request, for one part of a model, and released."""

from collections.abc import Iterator

import pytest

from gladsr.engines import memory, memory_retained
from gladsr.engines.memory import memory_of


@pytest.fixture(autouse=True)
def nothing_else_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of this process may have left threads running."""
    monkeypatch.setattr(memory, "_retained", memory.Retained())


class Part:
    """A part of a model; how much of it is in memory."""

    def __init__(self) -> None:
        self.in_memory = False
        self.taken = 0

    def release(self) -> None:
        self.in_memory = False

    def run(self) -> None:
        with memory_of(self.release):
            self.taken += not self.in_memory
            self.in_memory = True


def test_outside_the_context_every_run_releases_its_memory():
    part = Part()
    part.run()
    assert not part.in_memory
    part.run()
    assert part.taken == 2


def test_within_the_context_the_memory_is_retained_for_the_next_run():
    part = Part()
    with memory_retained():
        for _ in range(3):
            part.run()
            assert part.in_memory
    assert part.taken == 1
    assert not part.in_memory


def test_no_two_parts_are_in_memory_at_once():
    first, second = Part(), Part()
    with memory_retained():
        first.run()
        with memory_of(second.release):
            assert not first.in_memory


def test_the_outermost_context_decides():
    part = Part()
    with memory_retained():
        with memory_retained():
            part.run()
        assert part.in_memory
    assert not part.in_memory


def test_a_run_that_fails_releases_its_memory():
    part = Part()

    def failing() -> Iterator[None]:
        with memory_of(part.release):
            part.in_memory = True
            raise MemoryError
        yield

    with memory_retained():
        with pytest.raises(MemoryError):
            next(failing())
        assert not part.in_memory
