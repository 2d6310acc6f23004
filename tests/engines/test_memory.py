"""What OpenVINO takes of the memory, it gives back; what it lacks is told."""

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gladsr import engines, zoo
from gladsr.errors import OutOfMemoryError

_BEGIN = """
import re
from pathlib import Path
import numpy as np
from gladsr import engines, zoo
from gladsr.upscaling.memory import return_freed_memory

def memory(kind):
    return int(re.findall(kind + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[0])

def run(side):
    engine.run(np.zeros((side, side, 3), np.float32))

return_freed_memory()
engine = engines.load(zoo.card("gladsr-l", 4), "openvino", threads=1)
run(16)
before = memory("VmRSS")
"""
_ONE = """
run(160)
print(memory("VmHWM") - before, memory("VmRSS") - before)
"""
_SEVERAL = """
held = []
with engines.memory_retained():
    for side in (160, 100, 160, 128):
        run(side)
        held.append(memory("VmRSS") - before)
print(*held, memory("VmRSS") - before)
"""
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="it asks Linux for the memory")


def numbers(script: str) -> list[int]:
    """Return what a process of its own prints."""
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", _BEGIN + script],
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return [int(word) for word in done.stdout.split()]


@LINUX
def test_a_finished_picture_takes_no_memory():
    meanwhile, afterwards = numbers(_ONE)
    assert afterwards < meanwhile / 4


@LINUX
def test_the_memory_of_the_largest_picture_is_retained_within_the_context_only():
    first, *others, afterwards = numbers(_SEVERAL)
    assert np.ptp([first, *others]) < first / 4
    assert afterwards < first / 4


def test_an_output_without_pixels_means_that_the_memory_ran_out(monkeypatch: pytest.MonkeyPatch):
    """OpenVINO 2026.4 raises nothing then."""
    released = []
    request = SimpleNamespace(
        infer=lambda _inputs: None,
        output_tensors=[SimpleNamespace(size=0, data=np.zeros((1, 3, 0, 0), np.float32))],
    )
    part: Any = SimpleNamespace(
        create_infer_request=lambda: request, release_memory=lambda: released.append(True)
    )
    engine = engines.load(zoo.card("gladsr-l", 4), "openvino")
    monkeypatch.setattr(engine, "_part", lambda *_: part)
    with pytest.raises(OutOfMemoryError):
        engine.run(np.zeros((8, 8, 3), np.float32))
    assert released
