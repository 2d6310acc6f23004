"""The directories of tagged values in TIFF files and EXIF blocks.

TIFF 6.0, section 2; BigTIFF has the same with wider fields; EXIF 2.3, section 4.6.
"""

import io
import struct
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

SHORT, LONG, UNDEFINED, LONG8 = 3, 4, 7, 16
# What a value of each type consists of: the type of a number, and how many.
_TYPES = {
    1: ("u1", 1),
    2: ("u1", 1),
    3: ("u2", 1),
    4: ("u4", 1),
    5: ("u4", 2),
    6: ("i1", 1),
    7: ("u1", 1),
    8: ("i2", 1),
    9: ("i4", 1),
    10: ("i4", 2),
    11: ("f4", 1),
    12: ("f8", 1),
    13: ("u4", 1),
    16: ("u8", 1),
    17: ("i8", 1),
    18: ("u8", 1),
}


class Entry(NamedTuple):
    """A tag's type, its number of values, and the values, or their offset if they do not fit."""

    kind: int
    number: int
    field: bytes


Directory = dict[int, Entry]


class Layout(NamedTuple):
    """How a file stores numbers: the byte order, "<" or ">", and whether it is a BigTIFF."""

    order: Literal["<", ">"]
    big: bool = False

    @property
    def head(self) -> str:
        """The format of the number of entries."""
        return self.order + ("Q" if self.big else "H")

    @property
    def entry(self) -> str:
        """The format of an entry: tag, type, count, and the values or their offset."""
        return self.order + ("HHQ8s" if self.big else "HHI4s")

    @property
    def offset(self) -> str:
        """The format of an offset."""
        return self.order + ("Q" if self.big else "I")


def read_header(file: BinaryIO) -> tuple[Layout, int]:
    """Return the layout of a file, and where the offset of its first directory is stored.

    Raises:
        ValueError: It is not a TIFF file or EXIF block.
    """
    file.seek(0)
    start = file.read(4)
    layouts = {
        b"II*\0": Layout("<"),
        b"MM\0*": Layout(">"),
        b"II+\0": Layout("<", big=True),
        b"MM\0+": Layout(">", big=True),
    }
    if start not in layouts:
        raise ValueError("no TIFF header")
    layout = layouts[start]
    return layout, 8 if layout.big else 4


def read_offset(file: BinaryIO, at: int, layout: Layout) -> int:
    """Return the offset stored at `at`."""
    return int(_unpack(file, at, layout.offset)[0])


def read_directory(file: BinaryIO, at: int, layout: Layout) -> tuple[Directory, int]:
    """Return a directory, and where the offset of the next one is stored.

    Raises:
        ValueError: It is cut short.
    """
    (count,) = _unpack(file, at, layout.head)
    at += struct.calcsize(layout.head)
    size = struct.calcsize(layout.entry)
    table = file.read(count * size) if count < 2**16 else b""
    if len(table) < count * size:
        raise ValueError("a directory is cut short")
    entries = {tag: Entry(*rest) for tag, *rest in struct.iter_unpack(layout.entry, table)}
    return entries, at + count * size


def write_directory(file: BinaryIO, entries: Directory, layout: Layout, following: int = 0) -> int:
    """Append a directory to the file and return its offset."""
    table = struct.pack(layout.head, len(entries)) + b"".join(
        struct.pack(layout.entry, tag, *entry) for tag, entry in sorted(entries.items())
    )
    return _append(file, table + struct.pack(layout.offset, following))


def read_values(file: BinaryIO, entry: Entry, layout: Layout) -> NDArray[Any]:
    """Return a tag's values; a rational is two numbers.

    Raises:
        ValueError: There are none, their type is unknown, or they are cut short.
    """
    if entry.kind not in _TYPES or not entry.number:
        raise ValueError(f"{entry.number} values of type {entry.kind}")
    code, parts = _TYPES[entry.kind]
    dtype = np.dtype(code).newbyteorder(layout.order)
    size = entry.number * parts * dtype.itemsize
    data = entry.field[:size]
    if size > len(entry.field):
        file.seek(0, io.SEEK_END)
        end = file.tell()
        (at,) = struct.unpack(layout.offset, entry.field)
        if at + size > end:
            raise ValueError("a value is cut short")
        file.seek(at)
        data = file.read(size)
    return np.frombuffer(data, dtype)


def write_values(file: BinaryIO, kind: int, values: NDArray[Any], layout: Layout) -> Entry:
    """Return an entry with values, which are appended to the file if they do not fit into it.

    Args:
        file: The file.
        kind: Their type.
        values: The values, as `read_values` returns them.
        layout: The layout of the file.
    """
    code, parts = _TYPES[kind]
    data = values.astype(np.dtype(code).newbyteorder(layout.order)).tobytes()
    room = struct.calcsize(layout.offset)
    if len(data) > room:
        field = struct.pack(layout.offset, _append(file, data))
    else:
        field = data.ljust(room, b"\0")
    return Entry(kind, len(values) // parts, field)


def moved(entry: Entry, distance: int, layout: Layout) -> Entry:
    """Return an entry whose values, if it refers to them by offset, have moved by a distance."""
    code, parts = _TYPES[entry.kind]
    if entry.number * parts * np.dtype(code).itemsize <= len(entry.field):
        return entry
    (at,) = struct.unpack(layout.offset, entry.field)
    return entry._replace(field=struct.pack(layout.offset, at + distance))


def write_offset(file: BinaryIO, at: int, offset: int, layout: Layout) -> None:
    """Overwrite the offset stored at `at`."""
    file.seek(at)
    file.write(struct.pack(layout.offset, offset))


def _append(file: BinaryIO, data: bytes) -> int:
    at = file.seek(0, io.SEEK_END)
    if at % 2:  # directories and values begin at even offsets
        at += file.write(b"\0")
    file.write(data)
    return at


def _unpack(file: BinaryIO, at: int, form: str) -> tuple[int, ...]:
    size = struct.calcsize(form)
    if at + size > file.seek(0, io.SEEK_END):
        raise ValueError("a directory is cut short")
    file.seek(at)
    return struct.unpack(form, file.read(size))
