"""What bf16 and int8 lose: python measurements/precisions.py MODEL SCALE FOLDER...

The folders hold high-resolution pictures, such as Set5. docs/benchmark.md says how int8 weights are
made.
"""

import sys
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from gladsr import engines, zoo
from gladsr.scoring import evaluate
from gladsr.upscaling.pixels import to_unit


def main(model: str, scale: str, *folders: str) -> None:
    """Print the PSNR of each folder in each precision."""
    card = zoo.card(model, int(scale))
    for precision in get_args(engines.Precision):
        engine = engines.load(card, "openvino", precision=precision)

        def upscale(
            pixels: NDArray[np.uint8], engine: engines.Engine = engine
        ) -> NDArray[np.float32]:
            return engine.run(to_unit(pixels))

        for folder in folders:
            scores = evaluate(upscale, folder, card.scale)
            print(f"{precision}  {Path(folder).name:6}  {scores.psnr:.3f}")


main(*sys.argv[1:])
