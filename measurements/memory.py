"""Measure the peak memory of `gladsr upscale` over the size of the output (docs/memory.md).

Each run has a process of its own. Its peak is Linux's VmHWM: all memory that was resident at one
time, including libraries and mapped files.
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
from unittest.mock import patch

import numpy as np
import pyvips  # type: ignore[import-untyped]
import skimage
from numpy.typing import NDArray

from gladsr import cli, engines, zoo
from gladsr.engines import ChannelWeights, Engine
from gladsr.upscaling.pixels import repeat

Array = NDArray[np.float32]


class Sparing:
    """An engine that runs the network for every N-th tile and repeats pixels for the others."""

    def __init__(self, engine: Engine, scale: int, every: int) -> None:
        self._engine = engine
        self._scale = scale
        self._every = every
        self._tiles = 0

    def run(
        self, x: Array, *, draft: bool = False, channel_weights: ChannelWeights | None = None
    ) -> Array:
        """Upscale; see `Engine`."""
        self._tiles += 1
        if self._tiles % self._every == 1 % self._every:
            return self._engine.run(x, draft=draft, channel_weights=channel_weights)
        return repeat(x, self._scale)

    def channel_weights(self, x: Array, *, draft: bool = False) -> ChannelWeights:
        """Compute the channel weights; see `Engine`."""
        return self._engine.channel_weights(x, draft=draft)


def upscale_sparingly(every: int, arguments: list[str]) -> None:
    """Run `gladsr` with a `Sparing` engine and print the peak memory in KiB."""
    load = engines.load

    def sparing(card: zoo.Card, *args: Any, **options: Any) -> Engine:
        return Sparing(load(card, *args, **options), card.scale, every)

    with patch.object(engines, "load", sparing):
        code = cli.main(arguments)
    status = Path("/proc/self/status").read_text()
    print(re.findall(r"VmHWM:\s+(\d+)", status)[0])
    sys.exit(code)


def make_input(path: Path, pixels: float) -> None:
    """Write a square picture of about `pixels` pixels: a repeated photograph with noise."""
    side = round(math.sqrt(pixels))
    photo = pyvips.Image.new_from_memory(skimage.data.astronaut().tobytes(), 512, 512, 3, "uchar")
    count = -(-side // 512)
    noise = pyvips.Image.gaussnoise(side, side, sigma=4, mean=0)
    large = photo.replicate(count, count).crop(0, 0, side, side) + noise
    large.cast("uchar").copy(interpretation="srgb").write_to_file(str(path))


def peak(every: int, arguments: list[str]) -> tuple[int, float]:
    """Run `gladsr` in a child process; return its peak memory in KiB and its seconds."""
    start = perf_counter()
    command = [sys.executable, __file__, "child", str(every), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    return int(done.stdout), perf_counter() - start


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("megapixels", nargs="+", type=float, help="sizes of the output")
    parser.add_argument("--model", default="gladsr")
    parser.add_argument("--scale", default="2")
    parser.add_argument("--input", default=".jpg", help="format of the input (default: .jpg)")
    parser.add_argument("--output", default=".png", help="format of the output (default: .png)")
    parser.add_argument("--folder", help="where temporary files are written")
    parser.add_argument(
        "--files", type=int, default=1, help="pictures in the folder, the smallest half as large"
    )
    parser.add_argument("--draft", action="store_true")
    parser.add_argument("--every", type=int, default=1, help="run the network for every N-th tile")
    parser.add_argument("--threads", default="1")
    options = parser.parse_args()
    network = "every tile" if options.every == 1 else f"one tile in {options.every}"
    print(
        f"{options.model}{' --draft' if options.draft else ''} ×{options.scale}, "
        f"{options.input} to {options.output}, network run for {network}\n"
    )
    print("megapixels  files  peak in MiB  seconds")
    for megapixels in options.megapixels:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = Path(name)
            (folder / "in").mkdir()
            for number in range(options.files):
                path = folder / "in" / f"{number}{options.input}"
                share = 1 - number / (2 * options.files)  # every size is different
                make_input(path, share * megapixels * 1e6 / float(options.scale) ** 2)
            arguments = ["upscale", str(folder / "in"), "-o", str(folder / "out")]
            arguments += ["--model", options.model, "--scale", options.scale]
            arguments += ["--format", options.output, "--threads", options.threads]
            arguments += ["--draft"] if options.draft else []
            found, seconds = peak(options.every, arguments)
        print(
            f"{megapixels:10g}  {options.files:5}  {found / 1024:11.0f}  {seconds:7.0f}", flush=True
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        upscale_sparingly(int(sys.argv[2]), sys.argv[3:])
    else:
        main()
