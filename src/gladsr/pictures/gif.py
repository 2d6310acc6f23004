"""GIF: the structure of its blocks, which libvips does not report."""

import os
import struct
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple

import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them

from gladsr.pictures.saving import save as save_image

# A frame of one transparent pixel and the end mark. libvips decodes transparency only if a frame
# of the file declares it.
TRANSPARENT_FRAME = (
    b"!\xf9\x04\x01\0\0\0\0" + b"," + struct.pack("<4HB", 0, 0, 1, 1, 0) + b"\2\2D\1\0" + b";"
)
TRAILER = b";"


class Structure(NamedTuple):
    """What the blocks of a GIF file are.

    Attributes:
        frames: The number of frames.
        is_complete: Whether every block is there; the end mark may be missing.
        covers_screen: Whether the first frame fills the screen.
        end: The offset of the end mark, or of where it is missing.
    """

    frames: int
    is_complete: bool
    covers_screen: bool
    end: int


def structure(file: BinaryIO, max_frames: int) -> Structure:
    """Go through the blocks of a file.

    Args:
        file: The file.
        max_frames: Stop after this number of frames.
    """
    file.seek(0)
    head = file.read(13)
    file.seek(_palette(head[10:11]), os.SEEK_CUR)
    frames, complete, covers = 0, True, True
    end = file.tell()
    while complete and frames <= max_frames and (kind := file.read(1)) in {b"!", b","}:
        if kind == b",":
            place = file.read(9)
            if frames == 0:
                covers = place[:4] == bytes(4) and place[4:8] == head[6:10]
            frames += 1
            file.seek(_palette(place[8:]) + 1, os.SEEK_CUR)
        else:
            file.seek(1, os.SEEK_CUR)
        complete = _skip_sub_blocks(file)
        end = file.tell()
    file.seek(end)
    rest = file.read(1)
    return Structure(frames, complete and frames > 0 and rest in {b"", TRAILER}, covers, end)


def save(image: pyvips.Image, file: BinaryIO, delays: Sequence[int] | None = None) -> None:
    """Save an image as GIF; the frames of an animation lie below one another.

    Delays are rounded to 10 ms, which is GIF's unit and the shortest.
    """
    if delays is not None:
        image = image.copy()
        rounded = [max(10, (delay + 5) // 10 * 10) for delay in delays]
        image.set_type(pyvips.GValue.array_int_type, "delay", rounded)
    save_image(image, file, ".gif", keep="none")


def _skip_sub_blocks(file: BinaryIO) -> bool:
    """Go behind the sub-blocks of data, and return whether they are all there."""
    while length := file.read(1):
        if length == b"\0":
            return True
        file.seek(length[0], os.SEEK_CUR)
    return False


def _palette(flags: bytes) -> int:
    """Return the length of the palette that follows, 0 if none does."""
    return 3 * 2 ** ((flags[0] & 7) + 1) if flags and flags[0] & 128 else 0
