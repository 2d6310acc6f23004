"""WebP: EXIF and the delays of animations, which libvips rewrites."""

import logging
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them

_HEAD = 12  # bytes of the RIFF header
_CHUNK = 8  # bytes of a chunk's type and length
_DELAY = slice(12, 15)  # of a frame's chunk
_MAX_DELAY = 2**24 - 1
_PLACEHOLDER = 100  # ms, above those that libvips replaces

logger = logging.getLogger(__name__)


def count_frames(file: BinaryIO) -> int:
    """Return the number of frames, 1 for a still picture."""
    at, count = _HEAD, 0
    while file.seek(at) == at and len(head := file.read(_CHUNK)) == _CHUNK:
        kind, length = struct.unpack("<4sI", head)
        count += kind == b"ANMF"
        at += _CHUNK + length + length % 2
    return max(1, count)


def save(
    image: pyvips.Image,
    file: BinaryIO,
    path: Path,
    *,
    exif: bytes | None,
    quality: int,
    delays: Sequence[int] | None = None,
) -> None:
    """Save an image as WebP.

    Args:
        image: The image, with its ICC profile, XMP packet and, if libvips is to take them from it,
            the same EXIF block; the frames of an animation below one another.
        file: The file to write.
        path: Its path, for warnings.
        exif: An EXIF block without prefix.
        quality: Quality from 1 to 100; 100 is lossless.
        delays: How long each frame of an animation is shown, in ms.
    """
    if delays is not None:
        image = image.copy()
        image.set_type(pyvips.GValue.array_int_type, "delay", [_PLACEHOLDER] * len(delays))
    lossless = quality == 100  # then also the colours of transparent pixels are exact
    data = image.webpsave_buffer(
        Q=quality,
        lossless=lossless,
        exact=lossless,
        smart_subsample=True,
        keep="icc|xmp|exif" if exif else "icc|xmp",
    )
    if exif or delays is not None:
        data, merged = _rewritten(data, exif, delays)
        if merged:
            logger.warning("%s: %d frames equal to the one before are merged with it", path, merged)
    file.write(data)


def _rewritten(data: bytes, exif: bytes | None, delays: Sequence[int] | None) -> tuple[bytes, int]:
    """Return a file with another EXIF block and with delays for its placeholders.

    libwebp merges a frame with equal ones after it, and adds up their delays.

    Returns:
        The file, and how many frames were merged with others.
    """
    chunks, at, merged = [], 0, 0
    for kind, body in _chunks(data):
        if kind == b"EXIF" and exif:
            body = exif  # noqa: PLW2901
        elif kind == b"ANMF" and delays is not None:
            count = int.from_bytes(body[_DELAY], "little") // _PLACEHOLDER
            delay = min(sum(delays[at : at + count]), _MAX_DELAY)
            body = body[: _DELAY.start] + delay.to_bytes(3, "little") + body[_DELAY.stop :]  # noqa: PLW2901
            at, merged = at + count, merged + count - 1
        chunks.append(struct.pack("<4sI", kind, len(body)) + body + b"\0" * (len(body) % 2))
    joined = b"".join(chunks)
    return struct.pack("<4sI4s", b"RIFF", len(joined) + 4, b"WEBP") + joined, merged


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = _HEAD
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, data[at + _CHUNK : at + _CHUNK + length]
        at += _CHUNK + length + length % 2
