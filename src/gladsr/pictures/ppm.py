"""PPM, PGM and PBM: read through Pillow's header, and written."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
from numpy.typing import NDArray
from PIL import ImageFile

from gladsr.pictures.depth import to_depth
from gladsr.pictures.mapped import bands, empty, forget

_STRIP = 256  # rows


def read(file: BinaryIO, image: ImageFile.ImageFile, folder: Path | None) -> NDArray[Any]:
    """Read the samples of a PPM or PGM file, which Pillow would reduce to 8 bits in colour.

    Raises:
        ValueError: The file is damaged.
    """
    tile = image.tile[0]
    white = 65535 if image.mode == "I" else 255
    if isinstance(tile.args, tuple):  # neither of them
        _, white = tile.args
    depth = np.uint16 if white > 255 else np.uint8
    shape = (image.height, image.width, 3)[: 3 if image.mode == "RGB" else 2]
    pixels = empty(shape, depth, folder)
    file.seek(tile.offset)
    plain = _plain_samples(file, white) if tile.codec_name == "ppm_plain" else None
    kind = pixels.dtype.newbyteorder(">")
    samples: NDArray[Any]
    for band in bands(pixels):
        if plain:
            samples = np.fromiter(plain, depth, band.size)
        else:
            samples = np.frombuffer(file.read(band.nbytes), kind)
        samples = samples.reshape(band.shape)
        if white in {255, 65535}:
            band[:] = samples
        else:
            band[:] = to_depth(np.minimum(samples / np.float32(white), 1), depth)
    return pixels


def write(file: BinaryIO, image: pyvips.Image, pixels: NDArray[Any]) -> None:
    """Write an image strip by strip, and free the memory of the pixels that it is made of."""
    magic = "P6" if image.bands == 3 else "P5"
    white = 65535 if image.format == "ushort" else 255
    file.write(f"{magic}\n{image.width} {image.height}\n{white}\n".encode())
    for top in range(0, image.height, _STRIP):
        strip = image.crop(0, top, image.width, min(_STRIP, image.height - top)).numpy()
        file.write(strip.astype(strip.dtype.newbyteorder(">")).tobytes())
        forget(pixels)


def _plain_samples(file: BinaryIO, white: int) -> Iterator[int]:
    """Yield the numbers that follow; "#" begins a comment, which ends with its line.

    Raises:
        ValueError: A word is not a number up to that of white.
    """
    for line in file:
        for word in re.finditer(rb"\S+", re.sub(rb"#[^\r\n]*", b"", line)):
            if not re.fullmatch(rb"\d{1,9}", word[0]) or int(word[0]) > white:
                shown = word[0][:20].decode("ascii", "replace")
                raise ValueError(f"“{shown}” is not a number from 0 to {white}")
            yield int(word[0])
