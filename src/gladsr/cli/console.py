"""What the commands say beside their results: on standard error, plainly."""

import logging

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

stderr = Console(stderr=True)


def say(message: str) -> None:
    """Print one plain line to standard error, above a progress bar if there is one."""
    printable = message.encode(errors="backslashreplace").decode()  # a name may be of any bytes
    stderr.print(f"gladsr: {printable}", markup=False, highlight=False, soft_wrap=True)


class Saying(logging.Handler):
    """Says what is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line and, below it, the traceback of an error that nobody expected."""
        try:
            say(self.format(record))
        except OSError:  # standard error is gone, such as a terminal that was closed
            self.handleError(record)


logging.getLogger("gladsr").addHandler(Saying(logging.WARNING))


def say_more() -> None:
    """Say what the package logs as information too."""
    logger = logging.getLogger("gladsr")
    logger.setLevel(logging.INFO)
    for handler in logger.handlers:
        handler.setLevel(logging.INFO)


def progress_bar() -> Progress:
    """Return a progress bar on standard error that shows itself only in a terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=stderr,
        disable=not stderr.is_terminal,
    )
