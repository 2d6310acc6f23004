"""What is logged, and how it is said."""

import io
import logging

import pytest
from rich.console import Console

from gladsr.cli import console

logger = logging.getLogger("gladsr.test")


def test_a_warning_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    logger.warning("%s is [bold]damaged[/bold]", "a.png")
    assert capsys.readouterr().err == "gladsr: a.png is [bold]damaged[/bold]\n"


def test_an_unexpected_error_comes_with_its_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        int("[red]nothing")
    except ValueError:
        logger.exception("a picture failed")
    first, *traceback = capsys.readouterr().err.splitlines()
    assert first == "gladsr: a picture failed"
    assert traceback[0] == "Traceback (most recent call last):"
    assert traceback[-1] == "ValueError: invalid literal for int() with base 10: '[red]nothing'"


def test_a_closed_terminal_does_not_stop_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(console, "stderr", Console(file=Closed()))
    monkeypatch.setattr("sys.stderr", Closed())
    logger.warning("the memory ran out")
    with pytest.raises(OSError, match="Input"):
        console.say("the same, said directly")
