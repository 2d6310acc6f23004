"""The picture formats of the service: those that libvips reads with its untrusted loaders blocked.

BMP and PPM are none of them: Pillow reads them for us.
"""

from gladsr.pictures.formats import FORMATS as ALL
from gladsr.pictures.formats import Format, by_content

FORMATS = {format_.name.lower(): format_ for format_ in ALL if format_.loader is not None}
"""By what requests call them."""

PNG, JPEG, TIFF = FORMATS["png"], FORMATS["jpeg"], FORMATS["tiff"]

NAMES = ", ".join(format_.name for format_ in FORMATS.values())
"""Their names, for a sentence."""

SIGNATURE_BYTES = 64
"""As many of a file's first bytes tell its format."""


def media_type(format_: Format) -> str:
    """Return what HTTP calls a format.

    Example:
        >>> media_type(JPEG)
        'image/jpeg'
    """
    return f"image/{format_.name.lower()}"


def recognise(head: bytes) -> Format | None:
    """Return the format of a file that begins with these bytes, or None if it is none of ours.

    Example:
        >>> recognise(b"RIFF....WEBPVP8 ").name
        'WebP'
        >>> recognise(b"P6 40 30 255")
    """
    format_ = by_content(head)
    return format_ if format_ in FORMATS.values() else None


def to_show(format_: Format) -> Format:
    """Return the format of pictures that a browser shows beside one of a format, as exact as it."""
    return JPEG if format_ is JPEG else PNG
