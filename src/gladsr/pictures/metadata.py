"""EXIF blocks and XMP packets, corrected for the picture they now belong to.

What need not change stays byte for byte where it is, since makers' notes hold places in the block.
"""

import contextlib
import io
import re
import struct
from collections.abc import Mapping
from typing import BinaryIO, TypeAlias

import numpy as np

from gladsr.pictures.directories import (
    LONG,
    SHORT,
    Directory,
    Entry,
    Layout,
    read_directory,
    read_header,
    read_offset,
    read_page,
    read_values,
    write_directory,
    write_offset,
    write_values,
)

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
# What a TIFF file has in common with an EXIF block: what does not tell how its pixels lie.
_DESCRIPTIVE = {
    _DESCRIPTION,
    *(269, 271, 272, 285, 305, 306, 315, 316),  # titles, camera, software, date, artist
    *(18246, 18249, 33432, 50341),  # ratings, copyright, Print Image Matching
    *range(40091, 40096),  # Windows' title, comment, author, keywords and subject
    _EXIF,
    _GPS,
}


def corrected_exif(
    block: bytes | None,
    size: tuple[int, int],
    dpi: tuple[float, float] | None,
    thumbnail: bytes | None = None,
) -> bytes | None:
    """Return an EXIF block for an upright picture of that size and resolution.

    Args:
        block: The block that the picture came with.
        size: Width and height.
        dpi: Across and down; None leaves none.
        thumbnail: A JPEG file to take the place of the block's thumbnail, which is dropped if
            there is no other.

    Returns:
        The block without its prefix "Exif", or None where there is nothing to say or the one that
        came cannot be read.
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
        for tag, length in zip((_WIDTH[0], _HEIGHT[0]), size, strict=True):
            if tag in first:
                first[tag] = write_values(file, LONG, np.array([length]), layout)
        first[_ORIENTATION] = write_values(file, SHORT, np.array([1]), layout)
        set_resolution(file, first, dpi, layout)
        write_offset(file, start, write_directory(file, first, layout, second), layout)
    except (ValueError, struct.error):
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


def exif_of_tiff(file: BinaryIO, page: int) -> bytes | None:
    """Return an EXIF block of what a page of a TIFF file says beside its pixels, if anything.

    Args:
        file: The TIFF file.
        page: Counted from 0.
    """
    try:
        entries, layout = read_page(file, page)
        described = _described(file, entries, layout)
        block = io.BytesIO(b"II*\0\0\0\0\0")
        ours = Layout("<")
        directory = _copied(file, described, layout, block, ours, _DIRECTORIES)
        if not directory:
            return None
        write_offset(block, 4, write_directory(block, directory, ours), ours)
    except (ValueError, struct.error):
        return None
    return _PREFIX + block.getvalue()


def exif_for_tiff(block: bytes, file: BinaryIO, layout: Layout) -> Directory:
    """Copy into a TIFF file what an EXIF block says, and return the entries for its directory."""
    source = io.BytesIO(block.removeprefix(_PREFIX))
    theirs, start = read_header(source)
    first, _ = read_directory(source, read_offset(source, start, theirs), theirs)
    described = _described(source, first, theirs)
    return _copied(source, described, theirs, file, layout, _DIRECTORIES)


def set_resolution(
    file: BinaryIO, first: Directory, dpi: tuple[float, float] | None, layout: Layout
) -> None:
    """Put a resolution into a first directory, or none."""
    if dpi is None:
        for tag in (_ACROSS, _DOWN, _UNIT):
            first.pop(tag, None)
        return
    for tag, dots in zip((_ACROSS, _DOWN), dpi, strict=True):
        rational = np.array([min(round(dots * 1000), 2**32 - 1), 1000])
        first[tag] = write_values(file, _RATIONAL, rational, layout)
    first[_UNIT] = write_values(file, SHORT, np.array([_INCH]), layout)


def upright_xmp(packet: bytes) -> bytes:
    """Return an XMP packet that says no more how the picture is to be turned.

    >>> upright_xmp(b'<rdf:Description tiff:Orientation="6"/>')
    b'<rdf:Description tiff:Orientation="1"/>'
    """
    return _with_properties(packet, {"tiff:Orientation": "1"})


def corrected_xmp(
    packet: bytes, size: tuple[int, int], dpi: tuple[float, float] | None = None
) -> bytes:
    """Return an XMP packet that is right where it speaks of a picture's size and resolution.

    >>> corrected_xmp(b"<exif:PixelXDimension>40</exif:PixelXDimension>", (80, 60))
    b'<exif:PixelXDimension>80</exif:PixelXDimension>'
    """
    width, height = map(str, size)
    properties = {"tiff:ImageWidth": width, "tiff:ImageLength": height}
    properties |= {"exif:PixelXDimension": width, "exif:PixelYDimension": height}
    if dpi:
        across, down = (f"{round(dots * 1000)}/1000" for dots in dpi)
        properties |= {"tiff:XResolution": across, "tiff:YResolution": down}
        properties |= {"tiff:ResolutionUnit": str(_INCH)}
    return _with_properties(packet, properties)


def _with_properties(packet: bytes, properties: Mapping[str, str]) -> bytes:
    for name, value in properties.items():
        stated = rb"((?<![/\w])%s\s*(?:=\s*[\"']|>))[^\"'<>]*" % name.encode()
        packet = re.sub(stated, rb"\g<1>" + value.encode(), packet)
    return packet


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
    place = write_directory(file, entries, layout)
    first[_EXIF] = write_values(file, LONG, np.array([place]), layout)


def _new_thumbnail(file: io.BytesIO, at: int, thumbnail: bytes | None, layout: Layout) -> int:
    """Put a thumbnail in the place of the old one and return where its directory is, if any."""
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
    """Return what tells of the picture, and nothing that tells how its pixels lie."""
    kept = {tag: entry for tag, entry in entries.items() if tag in _DESCRIPTIVE}
    if _DESCRIPTION in kept:
        with contextlib.suppress(ValueError):  # `_copied` leaves out what is damaged
            words = read_values(file, kept[_DESCRIPTION], layout).tobytes()
            if words.startswith(_DESCRIPTIONS_OF_PIXELS):
                del kept[_DESCRIPTION]
    return kept


def _copied(
    source: BinaryIO,
    entries: Directory,
    theirs: Layout,
    target: BinaryIO,
    ours: Layout,
    directories: _Nested,
) -> Directory:
    """Copy the values of a directory, and its directories, into another file.

    What is damaged is left out: an entry without values, of no known type, or that leads outside.
    """
    copies = {}
    for tag, entry in entries.items():
        with contextlib.suppress(ValueError):
            if tag in directories:
                below, _ = read_directory(source, _number(source, entry, theirs), theirs)
                copy = _copied(source, below, theirs, target, ours, directories[tag])
                place = np.array([write_directory(target, copy, ours)])
                copies[tag] = write_values(target, LONG, place, ours)
            else:
                values = read_values(source, entry, theirs)
                copies[tag] = write_values(target, entry.kind, values, ours)
    return copies


def _number(file: BinaryIO, entry: Entry, layout: Layout) -> int:
    """Return a tag's first value, which tells a place or a length.

    Raises:
        ValueError: It has none, or it is no whole number from 0.
    """
    values = read_values(file, entry, layout)
    if values.dtype.kind != "u":
        raise ValueError(f"a place or length of type {entry.kind}")
    return int(values[0])
