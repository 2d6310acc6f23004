"""EXIF blocks, corrected for the picture that they now belong to.

Everything else stays byte for byte where it is, since makers' notes contain offsets.
"""

import contextlib
import io
import struct
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import numpy as np

from gladsr.pictures import geotiff
from gladsr.pictures.directories import (
    LONG,
    SHORT,
    Directory,
    Entry,
    Layout,
    read_directory,
    read_header,
    read_offset,
    read_values,
    write_directory,
    write_offset,
    write_values,
)
from gladsr.pictures.limits import Budget

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = b"Exif\0\0"
_ORIENTATION, _EXIF, _GPS, _INTEROPERABILITY = 274, 34665, 34853, 40965
_ACROSS, _DOWN, _UNIT = 282, 283, 296
_WIDTH, _HEIGHT = (256, 40962), (257, 40963)  # in the first directory and in EXIF's own
_COMPRESSION, _THUMBNAIL, _THUMBNAIL_LENGTH = 259, 513, 514
_RATIONAL, _INCH = 5, 2
_JPEG, _JPEG_START = 6, b"\xff\xd8"
_Nested: TypeAlias = "Mapping[int, _Nested]"
_DIRECTORIES: _Nested = {_EXIF: {_INTEROPERABILITY: {}}, _GPS: {}}
_DESCRIPTION = 270
_DESCRIPTIONS_OF_PIXELS = (b'{"shape":', b"ImageJ=")  # tifffile's and ImageJ's
# Tags of a TIFF file that do not describe how its pixels are stored.
_DESCRIPTIVE = {
    _DESCRIPTION,
    *(269, 271, 272, 285, 305, 306, 315, 316),  # titles, camera, software, date, artist
    *(18246, 18249, 33432, 50341),  # ratings, copyright, Print Image Matching
    *range(40091, 40096),  # Windows' title, comment, author, keywords and subject
    _EXIF,
    _GPS,
    *geotiff.TAGS,
}


def corrected_exif(
    block: bytes | None,
    size: tuple[int, int],
    dpi: tuple[float, float] | None,
    thumbnail: bytes | None = None,
) -> bytes | None:
    """Return an EXIF block for an upright picture of another size and resolution.

    Args:
        block: The block of the picture's file.
        size: The new width and height.
        dpi: The resolution across and down; None leaves none.
        thumbnail: A JPEG file that replaces the block's thumbnail; None removes it.

    Returns:
        The block without the prefix "Exif"; None if there is nothing to declare or the block is
        damaged.
    """
    if block is None:
        return _resolution_alone(dpi) if dpi else None
    file = io.BytesIO(block.removeprefix(_PREFIX))
    try:
        layout, start = read_header(file)
        first, after = read_directory(file, read_offset(file, start, layout), layout)
        second = _new_thumbnail(file, read_offset(file, after, layout), thumbnail, layout)
        if _EXIF in first:
            _correct_sizes(file, first, size, layout)
        if geotiff.TAGS & first.keys():
            old = (_number(file, first[tag], layout) for tag in (_WIDTH[0], _HEIGHT[0]))
            across, down = (length / max(1, each) for length, each in zip(size, old, strict=True))
            geotiff.rescale(file, first, layout, (across, down))
        for tag, length in zip((_WIDTH[0], _HEIGHT[0]), size, strict=True):
            if tag in first:
                first[tag] = write_values(file, LONG, np.array([length]), layout)
        first[_ORIENTATION] = write_values(file, SHORT, np.array([1]), layout)
        set_resolution(file, first, dpi, layout)
        write_offset(file, start, write_directory(file, first, layout, second), layout)
    except (ValueError, KeyError, struct.error):
        return None
    return file.getvalue()


def has_thumbnail(block: bytes) -> bool:
    """Return whether an EXIF block has a thumbnail."""
    file = io.BytesIO(block.removeprefix(_PREFIX))
    try:
        layout, start = read_header(file)
        _, after = read_directory(file, read_offset(file, start, layout), layout)
        return read_offset(file, after, layout) != 0
    except (ValueError, struct.error):
        return False


def exif_of_tiff(file: BinaryIO, entries: Directory, layout: Layout) -> bytes | None:
    """Return the metadata of a page of a TIFF file as an EXIF block.

    Args:
        file: The TIFF file.
        entries: The page's directory.
        layout: The layout of the file.

    Returns:
        The block, with the page's size if it has a georeference; None if there is no metadata.
    """
    described = _described(file, entries, layout)
    if geotiff.TAGS & described.keys():
        sizes = (_WIDTH[0], _HEIGHT[0])
        described |= {tag: entries[tag] for tag in sizes if tag in entries}
    block = io.BytesIO(b"II*\0\0\0\0\0")
    ours = Layout("<")
    budget = Budget(file.seek(0, io.SEEK_END))
    try:
        directory = _copied(file, described, layout, block, ours, _DIRECTORIES, budget)
        if not directory:
            return None
        write_offset(block, 4, write_directory(block, directory, ours), ours)
    except (ValueError, struct.error):
        return None
    return _PREFIX + block.getvalue()


def exif_for_tiff(block: bytes, file: BinaryIO, layout: Layout) -> Directory:
    """Copy the metadata of an EXIF block into a TIFF file, and return the entries for a page."""
    source = io.BytesIO(block.removeprefix(_PREFIX))
    theirs, start = read_header(source)
    first, _ = read_directory(source, read_offset(source, start, theirs), theirs)
    described = _described(source, first, theirs)
    return _copied(source, described, theirs, file, layout, _DIRECTORIES, Budget(len(block)))


def has_georeference(block: bytes) -> bool:
    """Return whether an EXIF block has the georeference of a TIFF file."""
    return bool(geotiff.TAGS & _first_directory(block).keys())


def without_georeference(block: bytes) -> bytes:
    """Return an EXIF block without a georeference, which is for TIFF files only."""
    file = io.BytesIO(block.removeprefix(_PREFIX))
    layout, start = read_header(file)
    first, _ = read_directory(file, read_offset(file, start, layout), layout)
    left_out = {*geotiff.TAGS, _WIDTH[0], _HEIGHT[0]}
    kept = {tag: entry for tag, entry in first.items() if tag not in left_out}
    write_offset(file, start, write_directory(file, kept, layout), layout)
    return _PREFIX + file.getvalue()


def _first_directory(block: bytes) -> Directory:
    """Return the first directory of an EXIF block; nothing if it is damaged."""
    file = io.BytesIO(block.removeprefix(_PREFIX))
    try:
        layout, start = read_header(file)
        return read_directory(file, read_offset(file, start, layout), layout)[0]
    except (ValueError, struct.error):
        return {}


def set_resolution(
    file: BinaryIO, first: Directory, dpi: tuple[float, float] | None, layout: Layout
) -> None:
    """Set the resolution in a first directory, or remove it."""
    if dpi is None:
        for tag in (_ACROSS, _DOWN, _UNIT):
            first.pop(tag, None)
        return
    for tag, dots in zip((_ACROSS, _DOWN), dpi, strict=True):
        rational = np.array([min(round(dots * 1000), 2**32 - 1), 1000])
        first[tag] = write_values(file, _RATIONAL, rational, layout)
    first[_UNIT] = write_values(file, SHORT, np.array([_INCH]), layout)


def _resolution_alone(dpi: tuple[float, float]) -> bytes:
    file = io.BytesIO(b"II*\0\0\0\0\0")
    layout, directory = Layout("<"), Directory()
    set_resolution(file, directory, dpi, layout)
    write_offset(file, 4, write_directory(file, directory, layout), layout)
    return file.getvalue()


def _correct_sizes(
    file: io.BytesIO, first: Directory, size: tuple[int, int], layout: Layout
) -> None:
    entries, _ = read_directory(file, _number(file, first[_EXIF], layout), layout)
    for tag, length in zip((_WIDTH[1], _HEIGHT[1]), size, strict=True):
        entries[tag] = write_values(file, LONG, np.array([length]), layout)
    at = write_directory(file, entries, layout)
    first[_EXIF] = write_values(file, LONG, np.array([at]), layout)


def _new_thumbnail(file: io.BytesIO, at: int, thumbnail: bytes | None, layout: Layout) -> int:
    """Replace the thumbnail, and return the offset of its directory, 0 if there is none."""
    if not at:
        return 0
    entries, _ = read_directory(file, at, layout)
    if {_THUMBNAIL, _THUMBNAIL_LENGTH} <= entries.keys():
        place, length = (
            _number(file, entries[tag], layout) for tag in (_THUMBNAIL, _THUMBNAIL_LENGTH)
        )
        old = file.getvalue()[place : place + length]
        if old.startswith(_JPEG_START):
            file.seek(place)
            file.write(bytes(len(old)))
            if file.tell() == len(file.getvalue()):
                file.truncate(place)
    if thumbnail is None:
        return 0
    place = file.seek(0, io.SEEK_END)
    file.write(thumbnail)
    numbers = {_THUMBNAIL: place, _THUMBNAIL_LENGTH: len(thumbnail)}
    directory = {tag: write_values(file, LONG, np.array([n]), layout) for tag, n in numbers.items()}
    directory[_COMPRESSION] = write_values(file, SHORT, np.array([_JPEG]), layout)
    return write_directory(file, directory, layout)


def _described(file: BinaryIO, entries: Directory, layout: Layout) -> Directory:
    """Return the entries of metadata, without those about how the pixels are stored."""
    kept = {tag: entry for tag, entry in entries.items() if tag in _DESCRIPTIVE}
    if _DESCRIPTION in kept:
        with contextlib.suppress(ValueError):  # `_copied` leaves out what is damaged
            text = read_values(file, kept[_DESCRIPTION], layout).tobytes()
            if text.startswith(_DESCRIPTIONS_OF_PIXELS):
                del kept[_DESCRIPTION]
    return kept


def _copied(
    source: BinaryIO,
    entries: Directory,
    theirs: Layout,
    target: BinaryIO,
    ours: Layout,
    directories: _Nested,
    budget: Budget,
) -> Directory:
    """Copy the values of a directory, and its directories, into another file.

    Damaged entries are left out: without values, of unknown type, or beyond the end of the file.
    So are those for which the budget is too small.
    """
    copies = {}
    for tag, entry in entries.items():
        with contextlib.suppress(ValueError):
            if tag in directories:
                below, _ = read_directory(source, _number(source, entry, theirs), theirs)
                copy = _copied(source, below, theirs, target, ours, directories[tag], budget)
                place = np.array([write_directory(target, copy, ours)])
                copies[tag] = write_values(target, LONG, place, ours)
            else:
                values = read_values(source, entry, theirs)
                budget.spend(values.nbytes)
                copies[tag] = write_values(target, entry.kind, values, ours)
    return copies


def _number(file: BinaryIO, entry: Entry, layout: Layout) -> int:
    """Return a tag's first value, an offset or a length.

    Raises:
        ValueError: It has none, or it is not an unsigned integer.
    """
    values = read_values(file, entry, layout)
    if values.dtype.kind != "u":
        raise ValueError(f"an offset or length of type {entry.kind}")
    return int(values[0])
