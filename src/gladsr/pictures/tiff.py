"""TIFF files of several pages of any size, and what belongs to each, after libvips has written it.

libvips writes pages of one size only, no EXIF, a quarter of IPTC, and a resolution where none is
known.
"""

import errno
import os
import shutil
import struct
from typing import BinaryIO

import numpy as np

from gladsr.pictures.directories import (
    LONG,
    LONG8,
    UNDEFINED,
    moved,
    read_directory,
    read_header,
    read_offset,
    read_page,
    read_values,
    write_directory,
    write_offset,
    write_values,
)
from gladsr.pictures.metadata import exif_for_tiff, set_resolution

_STRIP_OFFSETS, _TILE_OFFSETS = 273, 324
_BYTES = {_STRIP_OFFSETS: 279, _TILE_OFFSETS: 325}
_IPTC = 33723
_COMPRESSION, _JPEG = 259, {6, 7}
_PHOTOMETRIC, _YCBCR = 262, 6
_CLASSIC = 2**32 - 2**28  # bytes of pixels that surely fit, were they not to shrink


def needs_big(nbytes: int) -> bool:
    """Return whether so many bytes of pixels need a BigTIFF."""
    return nbytes > _CLASSIC


def is_whole(file: BinaryIO, page: int) -> bool:
    """Return whether the strips or tiles of a page are all there; libvips leaves a gap black."""
    end = file.seek(0, os.SEEK_END)
    try:
        entries, layout = read_page(file, page)
        for places, lengths in _BYTES.items():
            if places in entries and lengths in entries:
                begin, size = (
                    read_values(file, entries[tag], layout).astype(np.uint64)
                    for tag in (places, lengths)
                )
                return bool(size.all() and (begin + size <= end).all())
    except ValueError:
        return False
    return True


def is_plain_ycbcr(file: BinaryIO, page: int) -> bool:
    """Return whether a page is in YCbCr without JPEG, which libvips takes for RGB."""
    entries, layout = read_page(file, page)
    kind, compression = (
        read_values(file, entries[tag], layout)[0] if tag in entries else None
        for tag in (_PHOTOMETRIC, _COMPRESSION)
    )
    return kind == _YCBCR and compression not in _JPEG


class PageWriter:
    """Finishes a TIFF file that libvips has written with one page, and appends others.

    Args:
        file: The file.
        exif: The EXIF block of its page, without prefix.
        iptc: Its records of IPTC.
        dpi: Its resolution, across and down; None leaves none.
    """

    def __init__(
        self,
        file: BinaryIO,
        exif: bytes | None,
        iptc: bytes | None,
        dpi: tuple[float, float] | None,
    ) -> None:
        self._file = file
        file.seek(0, os.SEEK_END)  # it has grown behind this object's back
        self._layout, self._link = read_header(file)
        self._finish(file, 0, exif, iptc, dpi)

    def append(
        self,
        page: BinaryIO,
        exif: bytes | None,
        iptc: bytes | None,
        dpi: tuple[float, float] | None,
    ) -> None:
        """Append the page of another TIFF file, laid out as this one.

        Args:
            page: The file.
            exif: As for the first page.
            iptc: Likewise.
            dpi: Likewise.

        Raises:
            OSError: The file gets too large for its offsets.
        """
        base = self._file.seek(0, os.SEEK_END)
        base += self._file.write(b"\0" * (base % 2))
        page.seek(0, os.SEEK_END)
        page.seek(0)
        shutil.copyfileobj(page, self._file, 2**20)
        try:
            self._finish(page, base, exif, iptc, dpi)
        except struct.error as error:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG)) from error

    def _finish(
        self,
        page: BinaryIO,
        base: int,
        exif: bytes | None,
        iptc: bytes | None,
        dpi: tuple[float, float] | None,
    ) -> None:
        """Write the directory of a page that now lies at `base`, and link it to the one before."""
        file, layout = self._file, self._layout
        _, start = read_header(page)
        entries, _ = read_directory(page, read_offset(page, start, layout), layout)
        directory = {tag: moved(entry, base, layout) for tag, entry in entries.items()}
        for tag in {_STRIP_OFFSETS, _TILE_OFFSETS} & entries.keys():
            offsets = read_values(page, entries[tag], layout).astype(np.uint64) + np.uint64(base)
            kind = LONG8 if layout.big else LONG
            directory[tag] = write_values(file, kind, offsets, layout)
        set_resolution(file, directory, dpi, layout)
        if exif:
            directory |= exif_for_tiff(exif, file, layout)
        if iptc:
            directory[_IPTC] = write_values(file, UNDEFINED, np.frombuffer(iptc, "u1"), layout)
        place = write_directory(file, directory, layout)
        write_offset(file, self._link, place, layout)
        _, self._link = read_directory(file, place, layout)
