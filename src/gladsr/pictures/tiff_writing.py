"""TIFF: pages of any size with their metadata, from files that libvips has written.

libvips writes pages of one size only, no EXIF, a quarter of IPTC, and a resolution where none is
known.
"""

import errno
import os
import shutil
import struct
from typing import BinaryIO, NamedTuple

import numpy as np

from gladsr.pictures.directories import (
    LONG,
    LONG8,
    SHORT,
    UNDEFINED,
    moved,
    read_directory,
    read_header,
    read_offset,
    read_values,
    write_directory,
    write_offset,
    write_values,
)
from gladsr.pictures.exif import exif_for_tiff, set_resolution

_STRIP_OFFSETS, _TILE_OFFSETS = 273, 324
_BYTES = {_STRIP_OFFSETS: 279, _TILE_OFFSETS: 325}
_IPTC = 33723
_SAMPLES, _PHOTOMETRIC, _EXTRA_SAMPLES = 277, 262, 338
_RGB, _ALPHA, _UNSPECIFIED = 2, 2, 0
_CLASSIC = 2**32 - 2**28  # bytes of pixels that fit even if they do not shrink


def needs_big(nbytes: int) -> bool:
    """Return whether a number of bytes of pixels needs a BigTIFF."""
    return nbytes > _CLASSIC


class PageMetadata(NamedTuple):
    """Metadata of a page that libvips does not write as they are wanted.

    Attributes:
        exif: An EXIF block without prefix.
        iptc: IPTC records.
        dpi: The resolution across and down; None leaves none.
        extra: How many of the last channels are neither colours nor alpha.
    """

    exif: bytes | None
    iptc: bytes | None
    dpi: tuple[float, float] | None
    extra: int = 0


class PageWriter:
    """Completes a TIFF file that libvips has written with one page, and appends others.

    Args:
        file: The file.
        metadata: The metadata of its page.
    """

    def __init__(self, file: BinaryIO, metadata: PageMetadata) -> None:
        self._file = file
        file.seek(0, os.SEEK_END)  # libvips has written through the descriptor
        self._layout, self._link = read_header(file)
        self._finish(file, 0, metadata)

    def append(self, page: BinaryIO, metadata: PageMetadata) -> None:
        """Append the page of another TIFF file of the same layout.

        Args:
            page: The file.
            metadata: The metadata of its page.

        Raises:
            OSError: The file gets too large for its offsets.
        """
        base = self._file.seek(0, os.SEEK_END)
        base += self._file.write(b"\0" * (base % 2))
        page.seek(0, os.SEEK_END)
        page.seek(0)
        shutil.copyfileobj(page, self._file, 2**20)
        try:
            self._finish(page, base, metadata)
        except struct.error as error:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG)) from error

    def _finish(self, page: BinaryIO, base: int, metadata: PageMetadata) -> None:
        """Write the directory of a page that is now at `base`, and link it to the one before."""
        file, layout = self._file, self._layout
        _, start = read_header(page)
        entries, _ = read_directory(page, read_offset(page, start, layout), layout)
        directory = {tag: moved(entry, base, layout) for tag, entry in entries.items()}
        for tag in {_STRIP_OFFSETS, _TILE_OFFSETS} & entries.keys():
            offsets = read_values(page, entries[tag], layout).astype(np.uint64) + np.uint64(base)
            kind = LONG8 if layout.big else LONG
            directory[tag] = write_values(file, kind, offsets, layout)
        if metadata.extra:
            samples, photometric = (
                int(read_values(page, entries[tag], layout)[0]) for tag in (_SAMPLES, _PHOTOMETRIC)
            )
            alpha = samples - (3 if photometric == _RGB else 1) - metadata.extra
            meanings = np.array([_ALPHA] * alpha + [_UNSPECIFIED] * metadata.extra)
            directory[_EXTRA_SAMPLES] = write_values(file, SHORT, meanings, layout)
        set_resolution(file, directory, metadata.dpi, layout)
        if metadata.exif:
            directory |= exif_for_tiff(metadata.exif, file, layout)
        if metadata.iptc:
            records = np.frombuffer(metadata.iptc, "u1")
            directory[_IPTC] = write_values(file, UNDEFINED, records, layout)
        place = write_directory(file, directory, layout)
        write_offset(file, self._link, place, layout)
        _, self._link = read_directory(file, place, layout)
