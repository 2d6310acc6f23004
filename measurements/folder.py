"""Measure the overhead of `gladsr upscale` on a folder (docs/benchmark.md).

Compares the CPU time of the command on a folder of mixed pictures with that of its parts: the
engine alone on the same pixels, and libvips alone reading and writing the same files.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyvips  # type: ignore[import-untyped]
import skimage
from PIL import Image

from gladsr import engines, zoo
from gladsr.pictures import read, to_depth

SUFFIXES: dict[str, dict[str, Any]] = {
    ".png": {"filter": "all"},
    ".jpg": {"Q": 95, "optimize_coding": True},
    ".tif": {"compression": "deflate", "predictor": "horizontal"},
    ".webp": {"Q": 95, "smart_subsample": True},
}


def make(folder: Path, count: int) -> list[Path]:
    """Write crops of photographs with sides of 64 to 255 pixels, in four formats."""
    photos = [skimage.data.astronaut(), skimage.data.chelsea(), skimage.data.coffee()]
    random, paths = np.random.default_rng(0), []
    for number in range(count):
        photo, (height, width) = photos[number % 3], random.integers(64, 256, 2)
        top, left = (
            int(random.integers(of - s))
            for of, s in zip(photo.shape, (height, width), strict=False)
        )
        paths.append(folder / f"{number:03}{list(SUFFIXES)[number % 4]}")
        Image.fromarray(photo[top : top + height, left : left + width]).save(paths[-1])
    return paths


def of_command(folder: Path, output: Path) -> float:
    """Return the CPU seconds of `gladsr upscale`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "gladsr", "upscale", str(folder), "-o", str(output)]
    subprocess.run(command, check=True)  # noqa: S603 - our own command
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def of_engine(paths: list[Path]) -> float:
    """Return the CPU seconds of the network alone, without loading it."""
    engine = engines.load(zoo.card("gladsr", 2))
    pixels = [to_depth(read(path).pixels, np.float32) for path in paths]
    engine.run(pixels[0])
    start = time.process_time()
    for x in pixels:
        engine.run(x)
    return time.process_time() - start


def of_libvips(paths: list[Path], output: Path, copy: Path) -> float:
    """Return the CPU seconds of decoding the inputs and encoding the outputs."""
    results = [pyvips.Image.new_from_file(output / path.name).copy_memory() for path in paths]
    start = time.process_time()
    for path, result in zip(paths, results, strict=True):
        pyvips.Image.new_from_file(path).copy_memory()
        result.write_to_file(copy / path.name, **SUFFIXES[path.suffix])
    return time.process_time() - start


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=200, help="their number (default: 200)")
    count = parser.parse_args().pictures
    with tempfile.TemporaryDirectory() as name:
        folder, output, copy = (Path(name) / part for part in ("in", "out", "copy"))
        for each in (folder, copy):
            each.mkdir()
        paths = make(folder, count)
        command = of_command(folder, output)
        engine, libvips = of_engine(paths), of_libvips(paths, output, copy)
        print(
            f"CPU time for {count} pictures: gladsr upscale {command:.1f} s, engine alone "
            f"{engine:.1f} s, libvips alone {libvips:.1f} s, ratio to both "
            f"{command / (engine + libvips):.3f}"
        )


if __name__ == "__main__":
    main()
