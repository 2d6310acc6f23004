"""Messages and progress of the commands, on standard error."""

import logging

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

stderr = Console(stderr=True)


def say(message: str) -> None:
    """Print one plain line to standard error, above a progress bar if there is one."""
    printable = message.encode(errors="backslashreplace").decode()  # file names may have any bytes
    stderr.print(f"gladsr: {printable}", markup=False, highlight=False, soft_wrap=True)


class ConsoleHandler(logging.Handler):
    """Prints log records."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line, followed by the traceback of an unexpected error."""
        try:
            say(self.format(record))
        except OSError:  # standard error is closed, such as that of a closed terminal
            self.handleError(record)


logging.getLogger("gladsr").addHandler(ConsoleHandler(logging.WARNING))


def show_information() -> None:
    """Also print what the package logs at level INFO."""
    logger = logging.getLogger("gladsr")
    logger.setLevel(logging.INFO)
    for handler in logger.handlers:
        handler.setLevel(logging.INFO)


def progress_bar() -> Progress:
    """Return a progress bar that is only shown in a terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=stderr,
        disable=not stderr.is_terminal,
    )
