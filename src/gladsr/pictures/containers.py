"""EXIF, XMP, text and resolution put into PNG, JPEG and WebP files.

libvips writes these formats, but would rewrite an EXIF block without the tags that it does not
know, and state a resolution where none is known.
"""

import struct
import zlib
from collections.abc import Mapping

_PNG_START = 8
_PNG_CHUNK = 12  # its length, its type and its checksum
_METRES_PER_INCH = 0.0254
_SOI = b"\xff\xd8"
_RIFF_HEAD = 12
_RIFF_CHUNK = 8

JPEG_EXIF_ROOM = 2**16 - 1 - 2 - 6
"""How many bytes an EXIF block may have in a JPEG file, whose segments count in 16 bits."""


def png_head(
    start: bytes,
    *,
    exif: bytes | None,
    xmp: bytes | None,
    dpi: tuple[float, float] | None,
    text: Mapping[str, str],
) -> bytes | None:
    """Return the start of a PNG file, up to its pixels, with these and no other resolution.

    Args:
        start: The first bytes of the file.
        exif: An EXIF block without prefix.
        xmp: An XMP packet.
        dpi: The resolution across and down.
        text: Words by keyword.

    Returns:
        The bytes to write in their place, or None if the pixels' chunk does not begin in them.
    """
    at, kept = _PNG_START, start[:_PNG_START]
    while len(start) >= at + _PNG_CHUNK:
        length, kind = struct.unpack_from(">I4s", start, at)
        if kind == b"IDAT":
            return kept + _png_chunks(exif, xmp, dpi, text) + start[at:]
        end = at + length + _PNG_CHUNK
        if kind != b"pHYs":
            kept += start[at:end]
        at = end
    return None


def _png_chunks(
    exif: bytes | None,
    xmp: bytes | None,
    dpi: tuple[float, float] | None,
    text: Mapping[str, str],
) -> bytes:
    chunks = b""
    if dpi:
        across, down = (min(round(dots / _METRES_PER_INCH), 2**31 - 1) for dots in dpi)
        chunks += _png_chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    if exif:
        chunks += _png_chunk(b"eXIf", exif)
    if xmp:
        chunks += _png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    for keyword, words in text.items():
        name = keyword.encode("latin-1", "replace")
        try:
            chunks += _png_chunk(b"tEXt", name + b"\0" + words.encode("latin-1"))
        except UnicodeEncodeError:
            chunks += _png_chunk(b"iTXt", name + b"\0\0\0\0\0" + words.encode())
    return chunks


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def jpeg_head(start: bytes, *, exif: bytes | None, dpi: tuple[float, float] | None) -> bytes | None:
    """Return the start of a JPEG file with a JFIF segment and an EXIF block.

    Args:
        start: The first bytes of the file, which has neither.
        exif: An EXIF block without prefix.
        dpi: The resolution across and down.

    Returns:
        The bytes to write in their place, or None if they are too few.
    """
    if len(start) < len(_SOI):
        return None
    unit, across, down = 0, 1, 1  # square pixels of no known size
    if dpi:
        unit, (across, down) = 1, (max(1, min(round(dots), 2**16 - 1)) for dots in dpi)
    jfif = b"JFIF\0" + struct.pack(">HBHHBB", 0x0102, unit, across, down, 0, 0)
    head = _SOI + _jpeg_segment(0xE0, jfif)
    if exif:
        head += _jpeg_segment(0xE1, b"Exif\0\0" + exif)
    return head + start[len(_SOI) :]


def _jpeg_segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def webp_with_exif(data: bytes, exif: bytes) -> bytes:
    """Return a WebP file, which has an EXIF block, with another in its place.

    Args:
        data: The file.
        exif: An EXIF block without prefix.
    """
    chunks, at = b"", _RIFF_HEAD
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + _RIFF_CHUNK + length + length % 2
        if kind == b"EXIF":
            chunks += struct.pack("<4sI", kind, len(exif)) + exif + b"\0" * (len(exif) % 2)
        else:
            chunks += data[at:end]
        at = end
    return struct.pack("<4sI4s", b"RIFF", len(chunks) + 4, b"WEBP") + chunks
