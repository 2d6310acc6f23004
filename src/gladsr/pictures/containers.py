"""EXIF, XMP, IPTC, text and resolution put into PNG, JPEG and WebP files; IPTC and text taken out.

libvips reads and writes these formats, but would take all text for UTF-8, rewrite an EXIF block
without the tags that it does not know, keep IPTC in the shell of a JPEG file, and state a
resolution where none is known.
"""

import contextlib
import struct
import zlib
from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import BinaryIO

_PNG_START = 8
_PNG_CHUNK = 12  # its length, its type and its checksum
_PNG_XMP = "XML:com.adobe.xmp"
_PNG_TEXT_ROOM = 2**26
_METRES_PER_INCH = 0.0254
_SOI = b"\xff\xd8"
_PHOTOSHOP, _RESOURCE, _RESOURCE_OF_IPTC = b"Photoshop 3.0\0", b"8BIM", 0x0404
_RIFF_HEAD = 12
_RIFF_CHUNK = 8

JPEG_ROOM = 2**16 - 1 - 2 - 26
"""How many bytes EXIF or IPTC may have in a JPEG file, whose segments count in 16 bits."""


def png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield the kind and length of every chunk of a PNG file, which then stands at its data."""
    at = _PNG_START
    while file.seek(at) == at and len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        yield kind, length
        at += length + _PNG_CHUNK


def png_head_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield those that stand before the pixels, as all do that tell how these are meant."""
    return takewhile(lambda chunk: chunk[0] != b"IDAT", png_chunks(file))


def png_text(file: BinaryIO) -> dict[str, str]:
    """Return a PNG file's words by keyword, without XMP, what is damaged and what exceeds 64 MB."""
    text: dict[str, str] = {}
    room = _PNG_TEXT_ROOM
    for kind, length in png_chunks(file):
        if kind in {b"tEXt", b"zTXt", b"iTXt"} and length <= room:
            with contextlib.suppress(ValueError, zlib.error):
                keyword, words = _png_words(kind, file.read(length), room)
                if keyword != _PNG_XMP:
                    text[keyword] = words
                    room -= len(words)
    return text


def png_colours(file: BinaryIO) -> bytes:
    """Return the chunks of a PNG file that state its colours otherwise than by a profile."""
    return b"".join(
        _png_chunk(kind, file.read(length))
        for kind, length in png_head_chunks(file)
        if kind in {b"cICP", b"gAMA", b"cHRM"}
    )


def is_aspect_alone(file: BinaryIO) -> bool:
    """Return whether a PNG file states the aspect of its pixels, and not their size."""
    chunks = png_head_chunks(file)
    stated = (file.read(length)[-1:] for kind, length in chunks if kind == b"pHYs")
    return next(stated, b"") == b"\0"


def _png_words(kind: bytes, data: bytes, room: int) -> tuple[str, str]:
    """Return the keyword and the words of a chunk of text.

    Raises:
        ValueError: It is not made as the kind says, or has more than ``room`` bytes.
        zlib.error: It is not compressed as it says.
    """
    keyword, _, words = data.partition(b"\0")
    compressed, coding = kind == b"zTXt", "latin-1"
    if kind == b"zTXt":
        words = words[1:]
    elif kind == b"iTXt":
        compressed, coding = words[:1] == b"\1", "utf-8"
        _language, _translated, words = words[2:].split(b"\0", 2)
    if compressed:
        inflate = zlib.decompressobj()
        words = inflate.decompress(words, room)
        if not inflate.eof:
            raise ValueError("too many words, or not all of them")
    return keyword.decode("latin-1"), words.decode(coding)


def png_head(
    start: bytes,
    *,
    exif: bytes | None,
    xmp: bytes | None,
    dpi: tuple[float, float] | None,
    text: Mapping[str, str],
    colours: bytes,
) -> bytes | None:
    """Return the start of a PNG file, up to its pixels, with these and no other resolution.

    Args:
        start: The first bytes of the file.
        exif: An EXIF block without prefix.
        xmp: An XMP packet.
        dpi: The resolution across and down.
        text: Words by keyword.
        colours: What `png_colours` returned; a profile goes before it.

    Returns:
        The bytes to write in their place, or None if the pixels' chunk does not begin in them.
    """
    at, kept, profile = _PNG_START, start[:_PNG_START], False
    while len(start) >= at + _PNG_CHUNK:
        length, kind = struct.unpack_from(">I4s", start, at)
        if kind == b"IDAT":
            stated = b"" if profile else colours
            return kept + stated + _png_chunks(exif, xmp, dpi, text) + start[at:]
        end = at + length + _PNG_CHUNK
        profile |= kind == b"iCCP"
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
        across, down = (round(dots / _METRES_PER_INCH) for dots in dpi)
        chunks += _png_chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    if exif:
        chunks += _png_chunk(b"eXIf", exif)
    if xmp:
        chunks += _png_chunk(b"iTXt", _PNG_XMP.encode() + b"\0\0\0\0\0" + xmp)
    for keyword, words in text.items():
        name = keyword.encode("latin-1", "replace")
        try:
            chunks += _png_chunk(b"tEXt", name + b"\0" + words.encode("latin-1"))
        except UnicodeEncodeError:
            chunks += _png_chunk(b"iTXt", name + b"\0\0\0\0\0" + words.encode())
    return chunks


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def jpeg_head(
    start: bytes,
    *,
    exif: bytes | None,
    iptc: bytes | None,
    dpi: tuple[float, float] | None,
) -> bytes | None:
    """Return the start of a JPEG file with a JFIF segment, an EXIF block and IPTC.

    Args:
        start: The first bytes of the file, which has none of them.
        exif: An EXIF block without prefix, of `JPEG_ROOM` at most.
        iptc: The records of IPTC, likewise.
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
    if iptc:
        resource = struct.pack(">4sHHI", _RESOURCE, _RESOURCE_OF_IPTC, 0, len(iptc))
        head += _jpeg_segment(0xED, _PHOTOSHOP + resource + iptc + b"\0" * (len(iptc) % 2))
    return head + start[len(_SOI) :]


def _jpeg_segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def iptc_records(block: bytes) -> bytes | None:
    """Return the records of IPTC alone, of which Photoshop's resources in a JPEG file are a shell.

    Args:
        block: The records or the resources.

    Returns:
        The records; None if the resources have none or are damaged.
    """
    if not block.startswith(_PHOTOSHOP):
        return block
    at = len(_PHOTOSHOP)
    with contextlib.suppress(struct.error, IndexError):
        while block[at : at + 4] == _RESOURCE:
            (kind,) = struct.unpack_from(">H", block, at + 4)
            at += 6 + (1 + block[at + 6] + 1) // 2 * 2  # a name, with its length, fills pairs
            (length,) = struct.unpack_from(">I", block, at)
            if kind == _RESOURCE_OF_IPTC:
                return block[at + 4 : at + 4 + length]
            at += 4 + (length + 1) // 2 * 2
    return None


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
