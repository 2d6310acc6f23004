"""The memory of the process."""

import ctypes
import sys
from contextlib import suppress

_M_MMAP_THRESHOLD = -3  # of glibc's malloc.h


def return_what_is_freed() -> None:
    """Have the C library return blocks of 1 MiB and more to the system as soon as they are freed.

    By itself glibc raises that limit to 32 MiB, and more than 100 MB stay unused between the
    tensors of one tile and those of the next. It holds for the whole process, so it is for a
    process that is there to upscale, as the command's is.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library than glibc
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 2**20)
