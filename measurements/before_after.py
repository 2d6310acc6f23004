"""Make docs/before-after.jpg, the picture at the top of the README.

The photograph is `skimage.data.astronaut`: Eileen Collins, by NASA, in the public domain. A crop of
it is downscaled by 4 and upscaled again, by bicubic interpolation on the left and by gladsr on the
right.
"""

import argparse
from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from gladsr import Upscaler
from gladsr.pictures import resize, to_depth

SCALE = 4
ROWS, COLUMNS = slice(0, 400), slice(60, 480)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="gladsr", help="the model on the right")
    parser.add_argument("--output", type=Path, default=Path("docs/before-after.jpg"))
    options = parser.parse_args()

    lr = to_depth(resize(skimage.data.astronaut()[ROWS, COLUMNS], scale=1 / SCALE), np.uint8)
    bicubic = to_depth(resize(lr, scale=SCALE), np.uint8)
    upscaled = Upscaler(options.model, scale=SCALE, precision="fp32")(lr)
    both = Image.fromarray(np.hstack([bicubic, upscaled]))
    both.save(options.output, quality=90, subsampling=0)
    print(f"{options.output}: {lr.shape[1]}×{lr.shape[0]} pixels, ×{SCALE}")


if __name__ == "__main__":
    main()
