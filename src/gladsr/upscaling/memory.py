"""The memory of the process."""

import ctypes
import sys
from contextlib import suppress

_M_MMAP_THRESHOLD = -3  # of glibc's malloc.h


def return_freed_memory() -> None:
    """Have the C library return blocks of 1 MiB and more to the system as soon as they are freed.

    By default glibc raises this threshold up to 32 MiB, and more than 100 MB stay unused between
    the tensors of one tile and those of the next. The setting holds for the whole process, so this
    is meant for processes that do little but upscale, such as the command.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # a C library other than glibc
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 2**20)
