"""Ctrl-C after models have come and gone."""

import subprocess
import sys
from pathlib import Path

import pytest

import gladsr

AFTER_TWO_MODELS = """
import gc, os, signal
import numpy as np
import gladsr
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job begins without it
upscalers = [gladsr.Upscaler("gladsr-l", engine="openvino") for _ in range(2)]
for upscaler in upscalers:
    upscaler(np.zeros((16, 16, 3), np.uint8))
while upscalers:
    del upscaler
    upscaler = upscalers.pop(0)
del upscaler
gc.collect()
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of Unix")
def test_an_interrupt_after_two_models_were_freed_in_order_does_not_crash() -> None:
    ended = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", AFTER_TWO_MODELS],
        cwd=Path(gladsr.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "interrupted\n"), ended.stderr


def test_only_the_engine_creates_a_core() -> None:
    package = Path(gladsr.__file__).parent
    sources = {file: file.read_text("utf-8") for file in package.rglob("*.py")}
    assert [file.name for file, text in sources.items() if "Core()" in text] == ["openvino.py"]
