"""AVIF: colours by code points ("nclx"), which libvips neither reads nor writes."""

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them

from gladsr.pictures.colours import Colours
from gladsr.pictures.picture import MM_PER_INCH
from gladsr.pictures.saving import save as save_image

_MAX_BOXES = 2**16
_MAX_META = 2**24  # bytes of the box with a file's properties
_MATRIX_OF_LIBHEIF = 6  # BT.601, with full range, where the image has an ICC profile
_MONOCHROME = 16  # a flag in av1C


class Declaration(NamedTuple):
    """What an AVIF file declares of its pixels.

    Attributes:
        colours: Its colours by code points; None if it has an ICC profile or declares nothing.
        is_limited_grey: Whether it is greyscale in limited range, which libheif does not expand.
        has_gain_map: Whether it has a gain map (a derived picture of the type "tmap").
    """

    colours: Colours | None = None
    is_limited_grey: bool = False
    has_gain_map: bool = False


def is_animated(file: BinaryIO) -> bool:
    """Return whether the file is a sequence in the first place; libvips reads one picture of it."""
    file.seek(8)
    return file.read(4) == b"avis"


def declaration(file: BinaryIO) -> Declaration:
    """Read what the file declares of the pixels of its primary picture."""
    meta = _meta(file)
    has_gain_map = b"tmap" in _child(meta, b"iinf")
    properties = _properties(meta)
    boxes = [data for kind, data in properties if kind == b"colr"]
    nclx = next((data for data in boxes if data[:4] == b"nclx"), b"")
    if len(nclx) < 11:
        return Declaration(has_gain_map=has_gain_map)
    primaries, transfer, _matrix, flags = struct.unpack_from(">HHHB", nclx, 4)
    colours = Colours(cicp=(primaries & 255, transfer & 255))
    has_profile = any(data[:4] != b"nclx" for data in boxes)
    codings = [data for kind, data in properties if kind == b"av1C" and len(data) > 2]
    grey = any(data[2] & _MONOCHROME for data in codings)
    return Declaration(
        colours=None if has_profile or colours.is_srgb else colours,
        is_limited_grey=grey and not flags & 128,
        has_gain_map=has_gain_map,
    )


def full_range(image: pyvips.Image) -> pyvips.Image:
    """Return an image with its limited range, 16 to 235 of 255, expanded."""
    white = 65535 if image.format == "ushort" else 255
    black, scale = 16 / 255 * white, 255 / 219
    expanded = (image[: min(3, image.bands - 1 + image.bands % 2)] - black) * scale + 0.5
    expanded = expanded.floor().cast(image.format)
    if image.bands in {2, 4}:
        expanded = expanded.bandjoin(image[image.bands - 1])
    return expanded.copy(interpretation=image.interpretation)


def save(
    image: pyvips.Image,
    file: BinaryIO,
    *,
    keeps_exif: bool,
    dpi: tuple[float, float] | None,
    quality: int,
    colours: Colours | None = None,
) -> None:
    """Save an image as AVIF.

    Args:
        image: The image, with its metadata and its ICC profile, which ``colours`` replace.
        file: The file to write.
        keeps_exif: Whether to write the image's EXIF block.
        dpi: The resolution across and down.
        quality: Quality from 1 to 100.
        colours: Colours to declare by code points.
    """
    across, down = (dots / MM_PER_INCH for dots in dpi or (72, 72))
    image = image.copy(xres=across, yres=down)
    options = {
        "compression": "av1",
        "Q": quality,
        "keep": "icc|xmp|exif" if keeps_exif else "icc|xmp",
    }
    if colours is None or colours.cicp is None:
        save_image(image, file, ".avif", **options)
        return
    # libvips writes no code points, but a profile, which they can replace.
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", Colours(cicp=(12, 13)).profile())
    data = image.write_to_buffer(".avif", **options)
    nclx = b"nclx" + struct.pack(">HHHB", *colours.cicp, _MATRIX_OF_LIBHEIF, 128)
    file.write(_with_colour_box(data, nclx))


def _meta(file: BinaryIO) -> bytes:
    """Return the content of the meta box; nothing if there is none."""
    size = file.seek(0, io.SEEK_END)
    at = 0
    for _ in range(_MAX_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            break
        length, kind = struct.unpack(">I4s", head[:8])
        start = 8
        if length == 1 and len(head) == 16:
            (length,), start = struct.unpack(">Q", head[8:]), 16
        if kind == b"meta":
            file.seek(at + start + 4)  # behind version and flags
            return file.read(min(length or size, _MAX_META))
        if length < start:
            break
        at += length
    return b""


def _boxes(data: bytes, at: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type, start and end of the content of each box."""
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if length < 8:
            return
        yield kind, at + 8, min(at + length, len(data))
        at += length


def _child(data: bytes, kind: bytes, at: int = 0) -> bytes:
    return next((data[start:end] for name, start, end in _boxes(data, at) if name == kind), b"")


def _properties(meta: bytes) -> list[tuple[bytes, bytes]]:
    """Return the properties of the primary picture, or all if their owners cannot be read."""
    iprp = _child(meta, b"iprp")
    found = [(kind, data) for kind, data in _all(_child(iprp, b"ipco"))]
    try:
        pitm = _child(meta, b"pitm")
        primary = struct.unpack_from(">I" if pitm[0] else ">H", pitm, 4)[0]
        owned = _associations(_child(iprp, b"ipma"))[primary]
        return [found[index - 1] for index in owned if 0 < index <= len(found)]
    except (IndexError, KeyError, struct.error):
        return found


def _all(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for kind, start, end in _boxes(data):
        yield kind, data[start:end]


def _associations(ipma: bytes) -> dict[int, list[int]]:
    """Return the numbers of the properties of each item (ISO/IEC 23008-12, section 9.3)."""
    wide, item = ipma[3] & 1, ">I" if ipma[0] else ">H"
    (count,) = struct.unpack_from(">I", ipma, 4)
    at, owned = 8, {}
    for _ in range(count):
        (number,) = struct.unpack_from(item, ipma, at)
        at += struct.calcsize(item)
        several, at = ipma[at], at + 1
        form, mask = (">H", 0x7FFF) if wide else (">B", 0x7F)
        step = struct.calcsize(form)
        owned[number] = [
            struct.unpack_from(form, ipma, at + step * index)[0] & mask for index in range(several)
        ]
        at += step * several
    return owned


def _with_colour_box(data: bytes, content: bytes) -> bytes:
    """Return a file of libheif's with other content in its box of colours.

    The boxes around it are shortened, and the offsets of the coded pictures behind it moved.
    """
    file = bytearray(data)
    at, end, outer = 0, len(file), []
    for name, skipped in ((b"meta", 12), (b"iprp", 8), (b"ipco", 8), (b"colr", 8)):
        at = _find(file, name, at, end)
        outer.append(at)
        end = at + struct.unpack_from(">I", file, at)[0]
        at += skipped
    shift = len(content) - (end - at)
    file[at:end] = content
    for box in outer:
        struct.pack_into(">I", file, box, struct.unpack_from(">I", file, box)[0] + shift)
    meta = outer[0]
    meta_end = meta + struct.unpack_from(">I", file, meta)[0]
    _move_items(file, _find(file, b"iloc", meta + 12, meta_end) + 8, shift)
    return bytes(file)


def _find(data: bytearray, kind: bytes, at: int, end: int) -> int:
    """Return the offset of a box.

    Raises:
        ValueError: There is none.
    """
    while at < end:
        length, name = struct.unpack_from(">I4s", data, at)
        if name == kind:
            return at
        at += length
    raise ValueError(f"no box {kind!r}")


def _move_items(file: bytearray, at: int, shift: int) -> None:
    """Add to the offsets in a box of locations (ISO/IEC 14496-12, section 8.11.3)."""
    version = file[at]
    offset_size, length_size = divmod(file[at + 4], 16)
    base_size, index_size = divmod(file[at + 5], 16)
    wide = version == 2
    count = int.from_bytes(file[at + 6 : at + (10 if wide else 8)], "big")
    at += 10 if wide else 8
    for _ in range(count):
        at += 4 if wide else 2
        in_file = version == 0 or file[at + 1] & 15 == 0
        at += (2 if version else 0) + 2  # construction method and data reference
        if base_size and in_file:
            _add(file, at, base_size, shift)
        at += base_size
        extents = int.from_bytes(file[at : at + 2], "big")
        at += 2
        for _ in range(extents):
            at += index_size if version else 0
            if offset_size and in_file and not base_size:
                _add(file, at, offset_size, shift)
            at += offset_size + length_size


def _add(file: bytearray, at: int, size: int, shift: int) -> None:
    number = int.from_bytes(file[at : at + size], "big") + shift
    file[at : at + size] = number.to_bytes(size, "big")
