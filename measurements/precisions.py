"""Measure the PSNR of OpenVINO in fp32, bf16 and int8 (docs/benchmark.md)."""

import argparse
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from gladsr import engines, zoo
from gladsr.scoring import evaluate
from gladsr.upscaling.pixels import to_unit


def main() -> None:
    """Print the PSNR of each folder in each precision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a model of the zoo with int8 weights")
    parser.add_argument("scale", type=int)
    parser.add_argument("folders", nargs="+", type=Path, help="high-resolution images, as in Set5")
    options = parser.parse_args()
    card = zoo.card(options.model, options.scale)
    for precision in get_args(engines.Precision):
        engine = engines.load(card, "openvino", precision=precision)

        def upscale(
            pixels: NDArray[np.uint8], engine: engines.Engine = engine
        ) -> NDArray[np.float32]:
            return engine.run(to_unit(pixels))

        for folder in options.folders:
            scores = evaluate(upscale, folder, card.scale)
            print(f"{precision}  {folder.name:6}  {scores.psnr:.3f}")


if __name__ == "__main__":
    main()
