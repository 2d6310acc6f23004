"""The picture formats of the service: their names, suffixes and media types."""

from dataclasses import dataclass
from typing import Literal

FormatName = Literal["png", "jpeg", "tiff", "webp"]


@dataclass(frozen=True)
class Format:
    """A picture format.

    Attributes:
        name: What requests call it.
        suffix: How its files' names end.
        media_type: What HTTP calls it.
        shown_by_browsers: Whether a browser can show it.
    """

    name: FormatName
    suffix: str
    media_type: str
    shown_by_browsers: bool = True


PNG = Format("png", ".png", "image/png")

FORMATS: dict[FormatName, Format] = {
    "png": PNG,
    "jpeg": Format("jpeg", ".jpg", "image/jpeg"),
    "tiff": Format("tiff", ".tif", "image/tiff", shown_by_browsers=False),
    "webp": Format("webp", ".webp", "image/webp"),
}

MEDIA_TYPES = {kind.media_type for kind in FORMATS.values()}

LONGEST_SIGNATURE = 12


def recognise(head: bytes) -> Format | None:
    """Return the format of a file that begins with these bytes, or None if it is none of ours.

    Example:
        >>> recognise(b"RIFF....WEBPVP8 ").name
        'webp'
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return FORMATS["png"]
    if head.startswith(b"\xff\xd8\xff"):
        return FORMATS["jpeg"]
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return FORMATS["tiff"]
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return FORMATS["webp"]
    return None
