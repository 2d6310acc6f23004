"""PNG: the chunks of metadata and colours, which libvips reads and writes only in part.

libvips would take all text for UTF-8, rewrite an EXIF block without unknown tags, ignore what comes
after the pixels, and write a resolution where none is known.
"""

import contextlib
import itertools
import logging
import struct
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import BinaryIO

import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them

from gladsr.pictures.colours import Colours
from gladsr.pictures.limits import MAX_METADATA
from gladsr.pictures.saving import save_with_head

_START = 8
_CHUNK = 12  # bytes of a chunk beside its data: length, type and checksum
_XMP = "XML:com.adobe.xmp"
_TEXT = {b"tEXt", b"zTXt", b"iTXt"}
_MAX_INFLATED = 4 * MAX_METADATA  # bytes, with those that are thrown away
_COMPRESSED_FROM = 1024  # bytes of text
_METRES_PER_INCH = 0.0254

logger = logging.getLogger(__name__)


def is_animated(file: BinaryIO) -> bool:
    """Return whether the file declares an animation, which it does before the pixels."""
    return any(kind == b"acTL" for kind, _ in _head_chunks(file))


def text(file: BinaryIO) -> dict[str, str]:
    """Return the file's text by keyword, without XMP and without damaged chunks.

    What exceeds `MAX_METADATA` bytes, all chunks together, is left out.
    """
    found = {}
    for keyword, value, coding in _texts(file):
        if keyword != _XMP:
            with contextlib.suppress(UnicodeDecodeError):
                found[keyword] = value.decode(coding)
    return found


def with_late_metadata(image: pyvips.Image, file: BinaryIO) -> pyvips.Image:
    """Return an image with the EXIF and XMP that come after the pixels of its file."""
    has_late = itertools.dropwhile(lambda chunk: chunk[0] != b"IDAT", _chunks(file))
    if not any(kind in {b"eXIf", b"iTXt"} for kind, _ in has_late):
        return image
    exif = (file.read(length) for kind, length in _chunks(file) if kind == b"eXIf")
    xmp = (value for keyword, value, _ in _texts(file) if keyword == _XMP)
    found = {"exif-data": next(exif, None), "xmp-data": next(xmp, None)}
    image = image.copy()
    for name, data in found.items():
        if data and len(data) <= MAX_METADATA and not image.get_typeof(name):
            image.set_type(pyvips.GValue.blob_type, name, data)
    return image


def colours(file: BinaryIO) -> Colours | None:
    """Return the colours that the file declares other than by a profile; None if it does not."""
    chunks = {
        kind: file.read(length)
        for kind, length in _head_chunks(file)
        if kind in {b"cICP", b"gAMA", b"cHRM", b"sRGB"} and length <= 32
    }
    if len(cicp := chunks.get(b"cICP", b"")) == 4:
        return Colours(cicp=(cicp[0], cicp[1]), full_range=cicp[3] != 0)
    if b"sRGB" in chunks:
        return None
    gamma, chromaticities = chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b"")
    found = Colours(
        gamma=struct.unpack(">I", gamma)[0] if len(gamma) == 4 else None,
        chromaticities=struct.unpack(">8I", chromaticities) if len(chromaticities) == 32 else None,
    )
    return None if found == Colours() else found


def is_aspect_alone(file: BinaryIO) -> bool:
    """Return whether the file declares the aspect ratio of its pixels, but not their size."""
    declared = (file.read(length)[-1:] for kind, length in _head_chunks(file) if kind == b"pHYs")
    return next(declared, b"") == b"\0"


def save(
    image: pyvips.Image,
    file: BinaryIO,
    *,
    exif: bytes | None,
    xmp: bytes | None,
    dpi: tuple[float, float] | None,
    text: Mapping[str, str],
    colours: Colours | None,
) -> None:
    """Save an image as PNG.

    Args:
        image: The image, with its ICC profile.
        file: The file to write.
        exif: An EXIF block without prefix.
        xmp: An XMP packet.
        dpi: The resolution across and down; None leaves none.
        text: Text by keyword.
        colours: The colours of an image without a profile.
    """
    metadata = _metadata_chunks(exif, xmp, dpi, text)
    head = partial(_with_metadata, metadata=metadata, colours=colours)
    save_with_head(image, file, ".png", head, filter="all", keep="icc")


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield the type and length of every chunk, with the file positioned at its data."""
    at = _START
    while file.seek(at) == at and len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        yield kind, length
        at += length + _CHUNK


def _head_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield the chunks before the pixels, which include all that define their meaning."""
    return itertools.takewhile(lambda chunk: chunk[0] != b"IDAT", _chunks(file))


def _texts(file: BinaryIO) -> Iterator[tuple[str, bytes, str]]:
    """Yield keyword, text and encoding of the undamaged chunks of text, within the limits."""
    room, work = MAX_METADATA, _MAX_INFLATED
    for kind, length in _chunks(file):
        if kind not in _TEXT or length > room:
            continue
        keyword, value, is_compressed, coding = _parsed(kind, file.read(length))
        if value is not None and is_compressed:
            value, inflated = _inflated(value, min(room, work))
            work -= inflated
        if value is not None and len(value) <= room:
            room -= len(value)
            yield keyword, value, coding


def _parsed(kind: bytes, data: bytes) -> tuple[str, bytes | None, bool, str]:
    """Return the keyword of a chunk of text, the text, whether it is compressed, its encoding.

    The text is None if the chunk is damaged.
    """
    keyword, _, value = data.partition(b"\0")
    if kind == b"iTXt":
        language_translated_text = value[2:].split(b"\0", 2)
        if len(language_translated_text) < 3:
            return "", None, False, "utf-8"
        return keyword.decode("latin-1"), language_translated_text[2], value[:1] == b"\1", "utf-8"
    if kind == b"zTXt":
        return keyword.decode("latin-1"), value[1:], True, "latin-1"
    return keyword.decode("latin-1"), value, False, "latin-1"


def _inflated(data: bytes, limit: int) -> tuple[bytes | None, int]:
    """Return decompressed bytes, None if they are damaged or exceed the limit, and their number."""
    if limit <= 0:
        return None, 0
    inflate = zlib.decompressobj()
    try:
        value = inflate.decompress(data, limit)
    except zlib.error:
        return None, len(data)
    return (value if inflate.eof else None), len(value)


def _with_metadata(start: bytes, *, metadata: bytes, colours: Colours | None) -> bytes | None:
    """Return the start of a PNG file with metadata, and without the resolution that it has.

    Args:
        start: The first bytes of the file.
        metadata: Chunks to insert before the pixels.
        colours: Colours to declare.

    Returns:
        The replacement; None if the pixels do not begin within these bytes.
    """
    at, kept, has_profile = _START, [start[:_START]], False
    while len(start) >= at + 8:
        length, kind = struct.unpack_from(">I4s", start, at)
        if kind == b"IDAT":
            return b"".join([*kept, _colour_chunks(colours, has_profile), metadata, start[at:]])
        end = at + length + _CHUNK
        if len(start) < end:
            return None
        has_profile |= kind == b"iCCP"
        if kind != b"pHYs":
            kept.append(start[at:end])
        at = end
    return None


def _colour_chunks(colours: Colours | None, has_profile: bool) -> bytes:
    if colours is None:
        return b""
    if colours.cicp:
        return _chunk(b"cICP", bytes([*colours.cicp, 0, colours.full_range]))
    chunks = b""
    if colours.gamma is not None and not has_profile:
        chunks += _chunk(b"gAMA", struct.pack(">I", colours.gamma))
    if colours.chromaticities is not None and not has_profile:
        chunks += _chunk(b"cHRM", struct.pack(">8I", *colours.chromaticities))
    return chunks


def _metadata_chunks(
    exif: bytes | None,
    xmp: bytes | None,
    dpi: tuple[float, float] | None,
    text: Mapping[str, str],
) -> bytes:
    chunks = []
    if dpi:
        across, down = (round(dots / _METRES_PER_INCH) for dots in dpi)
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", across, down, 1)))
    if exif:
        chunks.append(_chunk(b"eXIf", exif))
    if xmp:
        chunks.append(_chunk(b"iTXt", _XMP.encode() + b"\0\0\0\0\0" + xmp))
    chunks += [_text_chunk(keyword, value) for keyword, value in text.items()]
    return b"".join(chunks)


def _text_chunk(keyword: str, value: str) -> bytes:
    name = keyword.encode("latin-1", "replace")
    try:
        data, latin = value.encode("latin-1"), True
    except UnicodeEncodeError:
        data, latin = value.encode(), False
    compressed = len(data) >= _COMPRESSED_FROM
    if compressed:
        data = zlib.compress(data)
    if latin:
        return _chunk(b"zTXt" if compressed else b"tEXt", name + b"\0" * (1 + compressed) + data)
    return _chunk(b"iTXt", name + b"\0" + bytes([compressed]) + b"\0\0\0" + data)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
