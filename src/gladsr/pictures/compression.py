"""The quality of the lossy compression that the header of a JPEG or WebP file states."""

import contextlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

# Annex K.1 of the JPEG standard: the luminance table that libjpeg scales by the quality.
_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)
# Coarse patterns count most: some encoders cap the steps of the finest.
_WEIGHTS = 1.0 / (1 + np.add.outer(np.arange(8), np.arange(8))) ** 2
_WEBP_SEGMENTS = 4
_WEBP_MAX_INDEX = 127
_WEBP_HEADER_ROOM = 64  # bytes; the quantiser indices end before


@dataclass(frozen=True)
class Compression:
    """The lossy compression that a picture's file states.

    Attributes:
        format: The file's format.
        quality: 0 to 100, on the scale of that format's usual encoder, libjpeg or libwebp.
    """

    format: Literal["JPEG", "WebP"]
    quality: int


def stated_compression(path: str | os.PathLike[str]) -> Compression | None:
    """Return the compression that the header of a file states.

    Returns:
        The compression; None for a lossless file, for a format other than JPEG and WebP, and for a
        file that cannot be parsed.
    """
    with contextlib.suppress(OSError), Path(path).open("rb") as file:
        start = file.read(12)
        if start.startswith(b"\xff\xd8\xff"):
            return Compression("JPEG", jpeg_quality(file))
        if start.startswith(b"RIFF") and start.endswith(b"WEBP"):
            quality = webp_quality(file)
            return None if quality is None else Compression("WebP", quality)
    return None


def libjpeg_table(quality: int) -> NDArray[np.int_]:
    """Return libjpeg's luminance quantisation table, 8×8 with the mean first.

    Args:
        quality: 1 to 100.

    Example:
        >>> int(libjpeg_table(75)[0, 0]), int(libjpeg_table(50)[7, 7])
        (8, 99)
    """
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    table: NDArray[np.int_] = np.clip((_LUMINANCE * percent + 50) // 100, 1, 255)
    return table


def table_quality(table: NDArray[np.int_]) -> int:
    """Return the quality whose libjpeg table is closest to a luminance table.

    Args:
        table: 8×8, with the mean first.

    Example:
        >>> table_quality(libjpeg_table(83))
        83
    """
    tables = np.log([libjpeg_table(quality) for quality in range(1, 101)])
    distances = np.abs(tables - np.log(np.maximum(table, 1)))
    return int((_WEIGHTS * distances).sum(axis=(1, 2)).argmin()) + 1


def header_quality(header: JpegImageFile) -> int:
    """Return the quality of a JPEG file that Pillow has opened; see `jpeg_quality`."""
    *_, table = header.layer[0]
    return table_quality(np.reshape(header.quantization[table], (8, 8)))


def jpeg_quality(file: BinaryIO) -> int:
    """Return the quality, 1 to 100, of a JPEG file's luminance table on libjpeg's scale.

    Only the header is read.

    Raises:
        OSError: It is damaged.
    """
    file.seek(0)
    try:
        return header_quality(JpegImageFile(file))  # not Image.open, which limits the size
    except (SyntaxError, ValueError, LookupError, TypeError, struct.error) as error:
        raise OSError(str(error)) from error


def webp_quality(file: BinaryIO) -> int | None:
    """Return the quality, 0 to 100, of a WebP file's first frame; None if that is lossless.

    It is the quality for which libwebp chooses the frame's quantiser index, or the mean of the
    indices of its segments.

    Raises:
        OSError: The file is damaged.
    """
    position = 12  # past RIFF, its length and WEBP
    while file.seek(position) == position and len(head := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        if kind == b"VP8L":
            return None
        if kind == b"VP8 ":
            return _quality_of_index(_quantiser_index(file.read(_WEBP_HEADER_ROOM)))
        # An animation's frame is a chunk of 16 bytes with the frame's own chunks after them.
        position += 24 if kind == b"ANMF" else 8 + length + length % 2
    raise OSError("there is no frame")


def _quality_of_index(index: float) -> int:
    """Invert libwebp's `QualityToCompression` at its default settings."""
    compression = (1 - index / _WEBP_MAX_INDEX) ** 3
    quality = compression * 1.5 if compression < 0.5 else (compression + 1) / 2
    return round(100 * quality)


def _quantiser_index(frame: bytes) -> float:
    """Return the quantiser index of a VP8 key frame, 0 to 127 (RFC 6386, Section 9)."""
    if len(frame) < _WEBP_HEADER_ROOM // 2 or frame[3:6] != b"\x9d\x01\x2a":
        raise OSError("there is no key frame")
    bits = _BooleanDecoder(frame[10:])
    bits.literal(2)  # colour space, clamping
    absolute, segments = _segment_indices(bits) if bits.literal(1) else (False, [0])
    bits.literal(10)  # the loop filter's kind, level and sharpness
    if bits.literal(1) and bits.literal(1):  # its adjustments
        for _ in range(8):
            bits.optional(6)
    bits.literal(2)  # partitions
    base = bits.literal(7)
    indices = [index if absolute else base + index for index in segments]
    return float(np.clip(indices, 0, _WEBP_MAX_INDEX).mean())


def _segment_indices(bits: "_BooleanDecoder") -> tuple[bool, list[int]]:
    """Return whether the segments' quantiser indices replace the frame's, and what they are."""
    has_map, has_data = bits.literal(1), bits.literal(1)
    absolute, segments = False, [0]
    if has_data:
        absolute = bool(bits.literal(1))
        segments = [bits.optional(7) for _ in range(_WEBP_SEGMENTS)]
        for _ in range(_WEBP_SEGMENTS):  # the loop filter's levels
            bits.optional(6)
    if has_map:
        for _ in range(_WEBP_SEGMENTS - 1):  # probabilities
            if bits.literal(1):
                bits.literal(8)
    return absolute, segments


class _BooleanDecoder:
    """VP8's arithmetic decoder, for bits that are as often 0 as 1 (RFC 6386, Section 7)."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)
        self._value = next(self._data) << 8 | next(self._data)
        self._range = 255
        self._shifts = 0

    def literal(self, bits: int) -> int:
        """Return an unsigned number, the highest bit first."""
        value = 0
        for _ in range(bits):
            value = value << 1 | self._bit()
        return value

    def optional(self, bits: int) -> int:
        """Return a flagged number with a sign bit, or 0 if the flag is not set."""
        if not self._bit():
            return 0
        value = self.literal(bits)
        return -value if self._bit() else value

    def _bit(self) -> int:
        split = 1 + (self._range - 1 >> 1)
        bit = int(self._value >= split << 8)
        if bit:
            self._range -= split
            self._value -= split << 8
        else:
            self._range = split
        while self._range < 128:
            self._value <<= 1
            self._range <<= 1
            self._shifts += 1
            if self._shifts % 8 == 0:
                self._value |= next(self._data, 0)
        return bit
