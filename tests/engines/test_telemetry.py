"""Nothing reports to anybody: OpenVINO and NNCF do by default."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gladsr

WATCH = """
import os, sys

def watch(event, arguments):
    address = arguments[1] if event in ("socket.connect", "socket.sendto") else ""
    if event in ("socket.getaddrinfo", "socket.gethostbyname") or isinstance(address, tuple):
        with open(os.environ["SOCKETS"], "a") as file:
            print(event, arguments, file=file)
        raise PermissionError("the network was asked for")

sys.addaudithook(watch)
"""
UPSCALE = """
import gladsr
import numpy as np
for engine in ("openvino", "onnxruntime", "torch"):
    gladsr.Upscaler("gladsr-l", engine=engine)(np.zeros((16, 16, 3), np.uint8))
"""
UPSCALE_IN_ANOTHER_PROCESS = """
import multiprocessing
import numpy as np
from gladsr import Upscaler
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(Upscaler("gladsr-l"), [np.zeros((16, 16, 3), np.uint8)])
"""
QUANTISE = """
from gladsr.engines.openvino import core
import nncf
import numpy as np
import openvino as ov
from openvino import opset13 as ops
x = ops.parameter([1, 3, 8, 8], ov.Type.f32)
weights = ops.constant(np.ones((3, 3, 1, 1), np.float32))
y = ops.convolution(x, weights, [1, 1], [0, 0], [0, 0], [1, 1])
nncf.quantize(ov.Model([y], [x], "least"), nncf.Dataset([np.zeros((1, 3, 8, 8), np.float32)]))
"""
OPENVINO_ALONE = "import openvino"


def asked(script: str, folder: Path) -> tuple[str, list[Path]]:
    """Run a script outside pytest; return its requests to the network and the files it left."""
    (folder / "home").mkdir()
    (folder / "sitecustomize.py").write_text(WATCH)
    (folder / "script.py").write_text(script)
    sockets = folder / "sockets"
    sockets.touch()
    source = str(Path(gladsr.__file__).parents[1])
    done = subprocess.run(  # noqa: S603 - our own scripts
        [sys.executable, folder / "script.py"],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(folder), source]),
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "SOCKETS": str(sockets),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return sockets.read_text(), [*(folder / "home").rglob("*")]


@pytest.mark.parametrize("script", [UPSCALE, UPSCALE_IN_ANOTHER_PROCESS, QUANTISE])
def test_no_telemetry_is_sent_and_nothing_is_written_to_the_home_folder(
    script: str, tmp_path: Path
):
    assert asked(script, tmp_path) == ("", [])


def test_telemetry_of_openvino_alone_is_detected(tmp_path: Path):
    """Else the test above proves nothing."""
    sockets, files = asked(OPENVINO_ALONE, tmp_path)
    assert "getaddrinfo" in sockets or files
