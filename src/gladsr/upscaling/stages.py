"""Stages of a pipeline, each in a thread of its own.

A stage is a generator that takes items from the one before it and yields its own. `in_thread` moves
it into a thread, so that all stages work at the same time::

    with closing(in_thread(upscaled(in_thread(read(paths))))) as items:
        for item in items:
            write(item)

- Waiting: at most one item waits between two stages; a stage that is ahead of the next is held up.
- Error: an exception ends its stage. It is raised again in the next stage when that asks for an
  item, after the items made before it, and so reaches the caller unless a stage handles it.
- Stop: a stage that is closed, or that ends with an exception, closes the one before it, and so on
  up to the first. Each finishes the item it is working on, which is discarded, and makes no other.
  Closing returns once all threads have ended. A stage whose items take long can end sooner by
  looking at the event that `in_thread` sets.
- Skip: there is no way to take an item back. A stage that does not want any more items of some
  group, such as further pages of a file that cannot be written, leaves a mark that the stages
  before it look at, and discards the items already on their way.
"""

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _End:
    """The end of a stage, and the exception that ended it."""

    error: BaseException | None = None


def in_thread(items: Generator[T], stopped: Event | None = None) -> Generator[T]:
    """Yield a generator's items, which are made in a thread, one ahead.

    Args:
        items: The items. The generator is closed in the thread.
        stopped: An event that is set as soon as no more items are wanted.
    """
    queue: Queue[T | _End] = Queue(1)
    stopped = stopped or Event()
    thread = Thread(target=_make, args=(items, queue, stopped), daemon=True)
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        with contextlib.suppress(Empty):
            queue.get_nowait()  # room for the one item that the thread may still put
        thread.join()


def _make(items: Generator[T], queue: "Queue[T | _End]", stopped: Event) -> None:
    error = None
    try:
        with contextlib.closing(items):
            for item in items:
                queue.put(item)
                if stopped.is_set():
                    return
    except BaseException as raised:  # noqa: BLE001 - raised again where the items are taken
        error = raised
    queue.put(_End(error))
