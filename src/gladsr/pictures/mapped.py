"""Pixels that are too many for the memory: they lie in a temporary file and are mapped from it.

Of what is mapped, only the pages that were touched are in memory. Whoever goes through such pixels
part by part tells `forget` after each.
"""

import errno
import math
import mmap
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

IN_MEMORY = 2**25
"""How many bytes of pixels are held in memory: 11 megapixels of 8-bit RGB."""

_BAND = 2**22  # bytes of pixels that are gone through at a time
_ZEROS = bytes(2**20)


class Mapped(np.memmap[Any, np.dtype[Any]]):
    """Pixels in a temporary file."""


def empty(
    shape: tuple[int, ...], dtype: DTypeLike, folder: Path | None, *, beyond: int = 0
) -> NDArray[Any]:
    """Return an array to fill: in memory, or in a temporary file if it is large.

    The file has no name, or one that begins with ".gladsr-" where the system wants one. It is
    there as long as the array, and its room on the disk is taken at once.

    Args:
        shape: Of the array.
        dtype: Likewise.
        folder: Where the file goes; None for an array in memory, however large.
        beyond: The bytes that must be free on the disk besides the file's.

    Raises:
        OSError: The disk has no room for so much, or the file cannot be made.
    """
    nbytes = math.prod(shape) * np.dtype(dtype).itemsize
    if folder is None or nbytes <= IN_MEMORY:
        return np.empty(shape, dtype)
    _check_room(folder, nbytes + beyond)
    with tempfile.TemporaryFile(prefix=".gladsr-", suffix=".tmp", dir=folder) as file:
        _reserve(file, nbytes)
        return Mapped(file, dtype, "r+", shape=shape)


def forget(pixels: NDArray[Any]) -> None:
    """Take pixels that lie in a file out of the memory; the file keeps them."""
    mapped = _map_of(pixels)
    advice = getattr(mmap, "MADV_DONTNEED", None)  # not on Windows
    if mapped is not None and advice is not None:
        mapped.madvise(advice)


def _map_of(pixels: NDArray[Any]) -> mmap.mmap | None:
    """Return the map in which pixels lie; None if they are in memory.

    Only one of ours: another's may be a private one, whose changes would be lost.
    """
    while isinstance(pixels.base, np.ndarray):
        pixels = pixels.base
    if isinstance(pixels, Mapped) and isinstance(pixels.base, mmap.mmap):
        return pixels.base
    return None


def bands(pixels: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Go through pixels from the top in bands of rows, of which each is forgotten after its turn.

    Example:
        >>> [len(band) for band in bands(np.zeros((1000, 4000, 3), np.uint8))]
        [349, 349, 302]
    """
    rows = max(1, _BAND * len(pixels) // pixels.nbytes)
    for top in range(0, len(pixels), rows):
        yield pixels[top : top + rows]
        forget(pixels)


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"the output's disk lacks {_gigabytes(needed - free)} "
            f"({_gigabytes(needed)} are needed meanwhile, {_gigabytes(free)} are free)",
        )


def _gigabytes(nbytes: int) -> str:
    """Return a number of bytes in words, rounded up.

    >>> _gigabytes(2_310_000_000)
    '2.4 GB'
    """
    return f"{math.ceil(nbytes / 1e8) / 10:.1f} GB"


def _reserve(file: IO[bytes], nbytes: int) -> None:
    """Take the room on the disk: on one that is full, what writes to a map would be killed."""
    try:
        os.posix_fallocate(file.fileno(), 0, nbytes)
    except (AttributeError, OSError) as error:  # some systems and disks do not have it
        if isinstance(error, OSError) and error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
            raise
        file.writelines(_ZEROS[: nbytes - start] for start in range(0, nbytes, len(_ZEROS)))
        file.flush()
