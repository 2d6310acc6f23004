"""Work in a process of its own: what passes between it and its parent, and how both end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from gladsr.errors import DataError, ExhibitError
from gladsr.paper.background import in_background

Progress = Callable[[str], None]


def _report(progress: Progress) -> tuple[int, int]:
    progress("one")
    progress("two")
    return os.getpid(), os.nice(0)


def test_result_and_progress_are_passed_on_and_the_caller_keeps_its_priority() -> None:
    before, lines = os.nice(0), list[str]()
    pid, priority = in_background(_report, lines.append)
    assert pid != os.getpid()
    assert priority == 19
    assert os.nice(0) == before
    assert lines == ["one", "two"]


def _raise(error: Exception, _progress: Progress) -> None:
    raise error


@pytest.mark.parametrize("error", [DataError("too small"), OSError(28, "No space left", "a.pt")])
def test_an_error_is_raised_again_in_the_caller(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        in_background(partial(_raise, error), print)
    assert raised.value.args == error.args


def _exit(_progress: Progress) -> None:
    os._exit(3)


def test_a_process_that_ends_early_is_reported() -> None:
    with pytest.raises(ExhibitError, match="ended with code 3"):
        in_background(_exit, print)


def _wait(file: Path, progress: Progress) -> None:
    """Wait for SIGTERM, and write its number to a file."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(file.write_text(str(number))))
    progress("ready")
    time.sleep(600)


def test_ctrl_c_terminates_the_process_and_waits_for_it(tmp_path: Path) -> None:
    file = tmp_path / "signal"

    def press_ctrl_c(_line: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            in_background(partial(_wait, file), press_ctrl_c)
    finally:
        signal.signal(signal.SIGINT, before)
    assert file.read_text() == str(int(signal.SIGTERM))


def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    file = tmp_path / "signal"
    parent = f"""
import os, signal
from functools import partial
from pathlib import Path
from gladsr.paper.background import in_background
from tests.paper.test_background import _wait

if __name__ == "__main__":
    task = partial(_wait, Path({str(file)!r}))
    in_background(task, lambda _: os.kill(os.getpid(), signal.SIGKILL))
"""
    script = tmp_path / "parent.py"
    script.write_text(parent, "utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(  # noqa: S603 - the script above
        [sys.executable, script], env=environment, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    for _ in range(300):
        if file.exists() and file.read_text():
            break
        time.sleep(0.1)
    assert file.read_text() == str(int(signal.SIGTERM))
