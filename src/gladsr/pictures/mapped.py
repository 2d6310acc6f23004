"""Arrays of pixels too large for memory, mapped from temporary files.

Only the pages of a mapped file that were touched are in memory. Code that goes through such an
array part by part calls `forget` after each part.
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

from gladsr.errors import StorageError

IN_MEMORY = 2**25
"""The most bytes of an array that is held in memory: 11 megapixels of 8-bit RGB."""

_BAND = 2**22  # bytes of a band
_ZEROS = bytes(2**20)


class Mapped(np.memmap[Any, np.dtype[Any]]):
    """An array in a temporary file."""


def empty(
    shape: tuple[int, ...], dtype: DTypeLike, folder: Path | None, *, beyond: int = 0
) -> NDArray[Any]:
    """Return an uninitialised array: in memory, or in a temporary file if it is large.

    The file has no name, or one that begins with ".gladsr-" where the system wants one. It exists
    as long as the array does, and its space on the disk is allocated at once.

    Args:
        shape: The shape of the array.
        dtype: Its data type.
        folder: Where the file goes; None for an array in memory of any size.
        beyond: Bytes that must be free on the disk besides those of the file.

    Raises:
        StorageError: The disk has too little space, or the file cannot be created. The error names
            the folder.
    """
    nbytes = math.prod(shape) * np.dtype(dtype).itemsize
    if folder is None or nbytes <= IN_MEMORY:
        return np.empty(shape, dtype)
    try:
        _check_space(folder, nbytes + beyond)
        with tempfile.TemporaryFile(prefix=".gladsr-", suffix=".tmp", dir=folder) as file:
            _reserve(file, nbytes)
            return Mapped(file, dtype, "r+", shape=shape)
    except OSError as error:
        reason = f"a temporary file cannot be written there: {error.strerror}"
        raise StorageError(folder, reason) from error


def forget(pixels: NDArray[Any]) -> None:
    """Free the memory of a mapped array; its file keeps the contents."""
    mapped = _map_of(pixels)
    advice = getattr(mmap, "MADV_DONTNEED", None)  # not on Windows
    if mapped is not None and advice is not None:
        mapped.madvise(advice)


def _map_of(pixels: NDArray[Any]) -> mmap.mmap | None:
    """Return the map of an array of ours; None if it is in memory.

    Other maps may be private, and their changes would be lost.
    """
    while isinstance(pixels.base, np.ndarray):
        pixels = pixels.base
    if isinstance(pixels, Mapped) and isinstance(pixels.base, mmap.mmap):
        return pixels.base
    return None


def bands(pixels: NDArray[Any], *, max_rows: int | None = None) -> Iterator[NDArray[Any]]:
    """Yield bands of rows from the top, and free the memory of each after its turn.

    Args:
        pixels: H×W or H×W×C.
        max_rows: The most rows of a band, for arrays that are very narrow.

    Example:
        >>> [len(band) for band in bands(np.zeros((1000, 4000, 3), np.uint8))]
        [349, 349, 302]
    """
    rows = max(1, min(_BAND * len(pixels) // pixels.nbytes, max_rows or len(pixels)))
    for top in range(0, len(pixels), rows):
        yield pixels[top : top + rows]
        forget(pixels)


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise StorageError(
            folder,
            f"its disk lacks {_gigabytes(needed - free)}: {_gigabytes(needed)} are needed for "
            f"temporary and output files, {_gigabytes(free)} are free",
        ) from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _gigabytes(nbytes: int) -> str:
    """Format a number of bytes, rounded up.

    >>> _gigabytes(2_310_000_000)
    '2.4 GB'
    """
    return f"{math.ceil(nbytes / 1e8) / 10:.1f} GB"


def _reserve(file: IO[bytes], nbytes: int) -> None:
    """Allocate space on the disk; writing to a map on a full one would kill the process."""
    try:
        os.posix_fallocate(file.fileno(), 0, nbytes)
    except (AttributeError, OSError) as error:  # some systems and disks do not have it
        if isinstance(error, OSError) and error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
            raise
        file.writelines(_ZEROS[: nbytes - start] for start in range(0, nbytes, len(_ZEROS)))
        file.flush()
