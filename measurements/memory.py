"""Measure what docs/memory.md says: python measurements/memory.py --help.

Each picture is upscaled by a process of its own. Its peak is what Linux calls VmHWM: everything
that was in memory at once, libraries and mapped files too.
"""

import argparse
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
import skimage
from numpy.typing import NDArray

from gladsr import cli, engines, zoo
from gladsr.engines import Attention, Engine
from gladsr.upscaling.pixels import repeat

Array = NDArray[np.float32]


class Sparing:
    """An engine that runs the network for one tile of many, and repeats pixels for the others."""

    def __init__(self, engine: Engine, scale: int, every: int) -> None:
        self._engine = engine
        self._scale = scale
        self._every = every
        self._tiles = 0

    def run(self, x: Array, *, draft: bool = False, attention: Attention | None = None) -> Array:
        """Upscale; see `Engine`."""
        self._tiles += 1
        if self._tiles % self._every == 1 % self._every:
            return self._engine.run(x, draft=draft, attention=attention)
        return repeat(x, self._scale)

    def attention(self, x: Array, *, draft: bool = False) -> Attention:
        """Read the attention; see `Engine`."""
        return self._engine.attention(x, draft=draft)


def upscale_sparingly(every: int, words: list[str]) -> None:
    """Be `gladsr` with an engine that spares tiles, and print the peak of the memory in KiB."""
    load = engines.load

    def sparing(card: zoo.Card, *args: Any, **options: Any) -> Engine:
        return Sparing(load(card, *args, **options), card.scale, every)

    engines.load = sparing
    code = cli.main(words)
    status = Path("/proc/self/status").read_text()
    print(re.findall(r"VmHWM:\s+(\d+)", status)[0])
    sys.exit(code)


def make_input(path: Path, pixels: float) -> None:
    """Write a picture of so many pixels: a photograph, over and over, with some noise."""
    side = round(math.sqrt(pixels))
    photo = pyvips.Image.new_from_memory(skimage.data.astronaut().tobytes(), 512, 512, 3, "uchar")
    count = -(-side // 512)
    noise = pyvips.Image.gaussnoise(side, side, sigma=4, mean=0)
    large = photo.replicate(count, count).crop(0, 0, side, side) + noise
    large.cast("uchar").copy(interpretation="srgb").write_to_file(str(path))


def peak(words: list[str]) -> tuple[int, float]:
    """Run this file with these words; return its peak of memory in KiB and its seconds."""
    start = perf_counter()
    words = [sys.executable, __file__, "child", *words]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - ours
    return int(done.stdout), perf_counter() - start


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description="Print the peak memory over the output's size.")
    parser.add_argument("megapixels", nargs="+", type=float, help="sizes of the output")
    parser.add_argument("--model", default="gladsr")
    parser.add_argument("--scale", default="2")
    parser.add_argument("--input", default=".jpg", help="the input's format")
    parser.add_argument("--output", default=".png", help="the output's format")
    parser.add_argument("--folder", help="where the pictures go for the while")
    parser.add_argument(
        "--files", type=int, default=1, help="a folder of so many, down to half the size"
    )
    parser.add_argument("--draft", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="run the network for each N-th tile")
    parser.add_argument("--threads", default="1")
    options = parser.parse_args()
    network = "every tile" if options.every == 1 else f"one tile of {options.every}"
    print(
        f"{options.model}{' --draft' if options.draft else ''} ×{options.scale}, "
        f"{options.input} to {options.output}, the network for {network}\n"
    )
    print("megapixels  files  peak in MiB  seconds")
    for megapixels in options.megapixels:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = Path(name)
            (folder / "in").mkdir()
            for number in range(options.files):
                path = folder / "in" / f"{number}{options.input}"
                share = 1 - number / (2 * options.files)  # each is of a size of its own
                make_input(path, share * megapixels * 1e6 / float(options.scale) ** 2)
            words = ["upscale", str(folder / "in"), "-o", str(folder / "out")]
            words += ["--model", options.model, "--scale", options.scale]
            words += ["--format", options.output, "--threads", options.threads]
            words += ["--draft"] if options.draft else []
            found, seconds = peak([str(options.every), *words])
        print(
            f"{megapixels:10g}  {options.files:5}  {found / 1024:11.0f}  {seconds:7.0f}", flush=True
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        upscale_sparingly(int(sys.argv[2]), sys.argv[3:])
    else:
        main()
