"""The time that `gladsr upscale` takes from the start of its process."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gladsr import pictures, zoo
from gladsr.benchmark.contenders import Contender
from gladsr.benchmark.processes import NotMeasuredError
from gladsr.engines.openvino import int8_path

SIDE = 256
_PAUSE = 0.002  # seconds between two checks for the picture


@dataclass(frozen=True)
class Startup:
    """Seconds from the start of the process, for a picture of 256×256 pixels.

    Attributes:
        first: Until the first run has ended, with an empty cache.
        written: Until the second run has written the picture.
        second: Until the second run has ended.
    """

    first: float
    written: float
    second: float


def startup(contender: Contender) -> Startup:
    """Run the command twice, the first time with an empty cache.

    Raises:
        NotMeasuredError: The command failed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if contender.precision == "int8":
            _copy_int8_weights(contender, folder / "cache")
        noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        pictures.write(pictures.Picture(noise), folder / "small.png")
        _, first = _run(contender, folder, "first.png")
        written, second = _run(contender, folder, "second.png")
    return Startup(first, written, second)


def _copy_int8_weights(contender: Contender, cache: Path) -> None:
    """Copy the weights made by `gladsr export --calibrate` into the empty cache of a run."""
    weights = int8_path(zoo.card(contender.model, contender.scale))
    destination = cache / "gladsr" / weights.parent.name
    destination.mkdir(parents=True)
    for file in (weights, weights.with_suffix(".bin")):
        shutil.copy(file, destination)


def _run(contender: Contender, folder: Path, name: str) -> tuple[float, float]:
    """Return the seconds until the picture exists, and until the process has ended."""
    source, destination = str(folder / "small.png"), str(folder / name)
    command = [
        *(sys.executable, "-m", "gladsr", "upscale", source, "-o", destination),
        *("--model", contender.model, "--scale", str(contender.scale)),
        *("--engine", contender.engine, "--precision", contender.precision),
        *("--threads", str(contender.threads)),
    ]
    search = os.pathsep.join([str(Path(pictures.__file__).parents[2]), *sys.path])
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - Python itself, and our own arguments
        command,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": search},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    written = None
    while process.poll() is None:
        if written is None and (folder / name).exists():
            written = time.perf_counter() - began
        time.sleep(_PAUSE)
    ended = time.perf_counter() - began
    assert process.stderr is not None  # noqa: S101 - for the type checker
    errors = process.stderr.read().strip()
    process.stderr.close()
    if process.returncode:
        raise NotMeasuredError(errors.rpartition("\n")[2])
    return written or ended, ended
