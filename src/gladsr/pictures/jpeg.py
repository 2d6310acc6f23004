"""JPEG: EXIF, IPTC and resolution in its segments, and what lies behind the picture.

libvips would rewrite an EXIF block without unknown tags, keep IPTC inside Photoshop's resources,
and write a resolution where none is known.
"""

import contextlib
import io
import logging
import re
import struct
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them

from gladsr.pictures.directories import read_directory, read_header, read_offset, read_values
from gladsr.pictures.saving import save_with_head

_SOI, EOI = b"\xff\xd8", b"\xff\xd9"
_PHOTOSHOP, _RESOURCE, _RESOURCE_OF_IPTC = b"Photoshop 3.0\0", b"8BIM", 0x0404
_ROOM = 2**16 - 1 - 2 - 26  # bytes of EXIF or IPTC in a segment, whose length has 16 bits
_OPTIMIZED = 2**23  # pixels, for about 100 MB
_APP2, _SOS = 0xE2, 0xDA
_MPF, _NUMBER_OF_IMAGES = b"MPF\0", 0xB001

logger = logging.getLogger(__name__)


def save(
    image: pyvips.Image,
    file: BinaryIO,
    path: Path,
    *,
    exif: bytes | None,
    iptc: bytes | None,
    dpi: tuple[float, float] | None,
    quality: int,
) -> None:
    """Save an image as JPEG.

    Args:
        image: The image, with its ICC profile and XMP packet.
        file: The file to write.
        path: Its path, for warnings.
        exif: An EXIF block without prefix.
        iptc: IPTC records.
        dpi: The resolution across and down; None leaves none.
        quality: Quality from 1 to 100.
    """
    head = partial(
        _with_metadata,
        exif=_fitting(exif, "EXIF", path),
        iptc=_fitting(iptc, "IPTC", path),
        dpi=dpi,
    )
    # To choose the best codes, libjpeg holds all that it will write in memory.
    optimize = image.width * image.height <= _OPTIMIZED
    options = {"Q": quality, "optimize_coding": optimize, "keep": "icc|xmp"}
    save_with_head(image, file, ".jpg", head, **options)


def iptc_records(block: bytes) -> bytes | None:
    """Return the IPTC records in a block, which in a JPEG file are one of Photoshop's resources.

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


def attachment(file: BinaryIO, xmp: bytes | None) -> str | None:
    """Return what follows the picture in its file, for a message; None if it is not declared.

    It is declared in XMP (Ultra HDR, Motion Photo) or in a segment of the Multi-Picture Format.
    """
    packet = xmp or b""
    if b"hdr-gain-map" in packet or b"HDRGainMap" in packet:
        return "gain map"
    if re.search(rb"(?:MotionPhoto|MicroVideo)\s*(?:=\s*[\"']|>)\s*1", packet):
        return "film (Motion Photo)"
    others = _multi_picture_count(file) - 1
    return None if others < 1 else "second picture" if others == 1 else f"{others} other pictures"


def _multi_picture_count(file: BinaryIO) -> int:
    """Return how many pictures a segment of the Multi-Picture Format declares, or 0."""
    file.seek(len(_SOI))
    while len(head := file.read(4)) == 4 and head[0] == 0xFF and head[1] != _SOS:
        length = struct.unpack(">H", head[2:])[0] - 2
        if head[1] == _APP2 and length > len(_MPF):
            data = file.read(length)
            if data.startswith(_MPF):
                return _count_in(data[len(_MPF) :])
        else:
            file.seek(length, 1)
    return 0


def _count_in(block: bytes) -> int:
    file = io.BytesIO(block)
    try:
        layout, start = read_header(file)
        entries, _ = read_directory(file, read_offset(file, start, layout), layout)
        return int(read_values(file, entries[_NUMBER_OF_IMAGES], layout)[0])
    except (ValueError, KeyError, struct.error):
        return 0


def _with_metadata(
    start: bytes,
    *,
    exif: bytes | None,
    iptc: bytes | None,
    dpi: tuple[float, float] | None,
) -> bytes | None:
    """Return the start of a JPEG file with a JFIF segment, an EXIF block and IPTC.

    Args:
        start: The first bytes of a file without them.
        exif: An EXIF block without prefix, of at most `_ROOM` bytes.
        iptc: IPTC records, of at most as many.
        dpi: The resolution across and down.

    Returns:
        The replacement; None if these bytes are too few.
    """
    if len(start) < len(_SOI):
        return None
    unit, across, down = 0, 1, 1  # square pixels of unknown size
    if dpi:
        unit, (across, down) = 1, (max(1, min(round(dots), 2**16 - 1)) for dots in dpi)
    jfif = b"JFIF\0" + struct.pack(">HBHHBB", 0x0102, unit, across, down, 0, 0)
    head = _SOI + _segment(0xE0, jfif)
    if exif:
        head += _segment(0xE1, b"Exif\0\0" + exif)
    if iptc:
        resource = struct.pack(">4sHHI", _RESOURCE, _RESOURCE_OF_IPTC, 0, len(iptc))
        head += _segment(0xED, _PHOTOSHOP + resource + iptc + b"\0" * (len(iptc) % 2))
    return head + start[len(_SOI) :]


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _fitting(block: bytes | None, name: str, path: Path) -> bytes | None:
    if block and len(block) > _ROOM:
        logger.warning("%s: its %s block is too large for a JPEG and left out", path, name)
        return None
    return block
