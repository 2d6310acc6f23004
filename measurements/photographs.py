"""Measure NIQE on real photographs (docs/command.md, docs/training-log.md).

Compares bicubic, the models of the zoo and training runs on the photographs in
$GLADSR_DATA/test/RealWorld. Lower NIQE means a more natural picture.
"""

import argparse
import os
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np

from gladsr import Upscaler, zoo
from gladsr.paper.fig13 import NO_PHOTOGRAPHS
from gladsr.pictures import read, resize, to_depth
from gladsr.scoring import Upscale, images_in, niqe
from gladsr.scoring.networks import read_networks


def main() -> None:
    """Print the mean of each method, and how often it is the lowest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scale", type=int)
    parser.add_argument("runs", nargs="*", help="folders of training runs")
    options = parser.parse_args()
    scale = options.scale
    methods: dict[str, Upscale] = {"bicubic": partial(resize, scale=scale)}
    methods |= {
        name: Upscaler(name, scale=scale, precision="fp32") for name in zoo.models_at(scale)
    }
    methods |= {
        network.name: network.upscale
        for found in read_networks(options.runs, beside=methods)
        if (network := found.get(scale))
    }
    scores: dict[str, list[float]] = {name: [] for name in methods}
    for file in images_in(Path(os.environ["GLADSR_DATA"], "test", "RealWorld")):
        if file.stem.startswith(NO_PHOTOGRAPHS):
            continue
        pixels = read(file).pixels
        colour = np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels[..., :3]
        for name, upscale in methods.items():
            scores[name].append(niqe(to_depth(upscale(to_depth(colour, np.uint8)), np.uint8)))
        print(file.stem, *(f"{name} {found[-1]:.2f}" for name, found in scores.items()), sep="  ")
    lowest = np.argmin(list(scores.values()), axis=0)
    for number, (name, found) in enumerate(scores.items()):
        print(f"{name}: mean {fmean(found):.2f}, lowest {np.sum(lowest == number)} of {len(found)}")


if __name__ == "__main__":
    main()
