"""The picture formats of the service: those for which libvips has a loader safe for hostile files.

This excludes BMP and PPM, which Pillow reads.
"""

from gladsr.pictures.formats import FORMATS as ALL
from gladsr.pictures.formats import Format, by_content

FORMATS = {format_.name.lower(): format_ for format_ in ALL if format_.loader is not None}
"""By their names in requests."""

PNG, JPEG, TIFF = FORMATS["png"], FORMATS["jpeg"], FORMATS["tiff"]

NAMES = ", ".join(format_.name for format_ in FORMATS.values())
"""Their names, for messages."""

SIGNATURE_BYTES = 64
"""The number of leading bytes that identify a format."""


def media_type(format_: Format) -> str:
    """Return the media type of a format.

    Example:
        >>> media_type(JPEG)
        'image/jpeg'
    """
    return f"image/{format_.name.lower()}"


def recognise(head: bytes) -> Format | None:
    """Return the format of a file that begins with these bytes, or None if it is not supported.

    Example:
        >>> recognise(b"RIFF....WEBPVP8 ").name
        'WebP'
        >>> recognise(b"P6 40 30 255")
    """
    format_ = by_content(head)
    return format_ if format_ in FORMATS.values() else None


def to_show(format_: Format) -> Format:
    """Return a format that browsers display, as lossless as the given one."""
    return JPEG if format_ is JPEG else PNG
