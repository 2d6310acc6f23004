"""Work in a separate process of the lowest priority."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

from gladsr.errors import Error, ExhibitError

T = TypeVar("T")
Progress = Callable[[str], None]


def in_background(task: Callable[[Progress], T], progress: Progress) -> T:
    """Run a task in a process of the lowest priority and return its result.

    The process ends with its parent. On Ctrl-C in the parent it gets SIGTERM, so that the task can
    store what it has done.

    Args:
        task: Can be pickled, as can its result. It is called with a function like ``progress``;
            lines passed to that are forwarded.
        progress: Called with each line of text, in this process.

    Raises:
        ExhibitError: The process ended before its task.
        Error: The task raised it.
        OSError: The task raised it.
        KeyboardInterrupt: Ctrl-C; the process has ended.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(task, sender))
    process.start()
    sender.close()
    try:
        while isinstance(message := receiver.recv(), str):
            progress(message)
    except EOFError:
        process.join()
        raise ExhibitError(f"the process ended with code {process.exitcode}") from None
    except BaseException:
        process.terminate()
        raise
    finally:
        process.join()
    outcome: T | Exception = message[0]
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _run(task: Callable[[Progress], object], sender: Connection) -> None:
    if hasattr(os, "nice"):  # not on Windows
        os.nice(19)
        os.setpgrp()  # Ctrl-C in a terminal reaches the parent alone, which then terminates this
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        outcome = task(sender.send)
    except (Error, OSError) as error:
        outcome = error
    sender.send((outcome,))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101 - this is a child
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
