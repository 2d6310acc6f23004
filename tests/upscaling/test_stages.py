"""The pipeline primitive: waiting, errors and stops, with generators of numbers."""

import contextlib
import threading
from collections.abc import Generator, Iterator

import pytest

from gladsr.upscaling.stages import in_thread

TIMEOUT = 20  # seconds


@pytest.fixture(autouse=True)
def no_thread_remains() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


class Numbers:
    """A generator of the numbers from 0, and what became of it."""

    def __init__(self, end: int, error: BaseException | None = None) -> None:
        self.made = threading.Semaphore(0)
        self.started = 0
        self.closed_in: threading.Thread | None = None
        self._end = end
        self._error = error

    def __iter__(self) -> Generator[int]:
        try:
            for number in range(self._end):
                self.started += 1
                self.made.release()
                yield number
            if self._error is not None:
                raise self._error
        finally:
            self.closed_in = threading.current_thread()


def test_all_items_come_in_order_from_another_thread():
    numbers = Numbers(5)
    assert list(in_thread(iter(numbers))) == [0, 1, 2, 3, 4]
    assert numbers.closed_in not in (None, threading.main_thread())


def test_stages_work_at_the_same_time():
    """Each makes an item while the next one holds the last: otherwise they would wait for ever."""
    numbers, doubled = Numbers(9), threading.Event()

    def double(items: Generator[int]) -> Generator[int]:
        for number in items:
            yield 2 * number
            doubled.set()

    with contextlib.closing(in_thread(double(in_thread(iter(numbers))))) as items:
        assert next(items) == 0
        assert doubled.wait(TIMEOUT)
        assert all(numbers.made.acquire(timeout=TIMEOUT) for _ in range(4))


def test_one_item_waits_between_two_stages():
    numbers = Numbers(100)
    with contextlib.closing(in_thread(iter(numbers))) as items:
        next(items)
        # One is taken, one waits, and one is made but cannot be put down.
        assert all(numbers.made.acquire(timeout=TIMEOUT) for _ in range(3))
        assert not numbers.made.acquire(timeout=0.2)


@pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt()], ids=repr)
def test_an_error_is_raised_after_the_items_before_it(error: BaseException):
    items = in_thread(iter(Numbers(2, error)))
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(type(error)) as raised:
        next(items)
    assert raised.value is error
    assert list(items) == []


def test_an_error_passes_through_a_stage_and_closes_the_one_before_it():
    numbers = Numbers(100)

    def fail(items: Generator[int]) -> Generator[int]:
        with contextlib.closing(items):
            for number in items:
                yield number
                raise ValueError("broken")

    items = in_thread(fail(in_thread(iter(numbers))))
    assert next(items) == 0
    with pytest.raises(ValueError, match="broken"):
        next(items)
    assert numbers.closed_in is not None
    assert numbers.started <= 4


@pytest.mark.parametrize("taken", [1, 3])
def test_closing_stops_every_stage(taken: int):
    numbers, stopped = Numbers(100), threading.Event()

    def same(items: Generator[int]) -> Generator[int]:
        with contextlib.closing(items):
            yield from items

    items = in_thread(same(in_thread(iter(numbers))), stopped)
    for _ in range(taken):
        next(items)
    assert not stopped.is_set()
    items.close()
    assert stopped.is_set()
    assert numbers.closed_in is not None
    assert numbers.started <= taken + 5


def test_a_stage_in_the_middle_of_an_item_can_see_the_stop():
    stopped, begun = threading.Event(), threading.Event()

    def slow() -> Generator[int]:
        yield 0
        begun.set()
        if stopped.wait(TIMEOUT):
            raise InterruptedError
        yield 1

    items = in_thread(slow(), stopped)
    next(items)
    assert begun.wait(TIMEOUT)
    items.close()


def test_nothing_is_started_before_the_first_item_is_taken():
    numbers = Numbers(3)
    in_thread(iter(numbers)).close()
    assert numbers.started == 0
