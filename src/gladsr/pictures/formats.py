"""The formats of picture files: how each is told, and what it can hold."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Format:
    """A format.

    Attributes:
        name: As people call it.
        suffixes: The endings of its files' names, in lower case.
        signature: How its files begin.
        loader: What libvips calls its reader; None if Pillow reads it.
        depths: What a channel can be, the least first.
        grey: Whether it has grey without colours.
        alpha: Whether it has transparency.
        profile: Whether it has a colour profile.
        side: How many pixels across and down libvips writes at most; None if no picture has more.
        several: Whether it holds pages of any size, frames that are shown one after another, or
            just one picture.
    """

    name: str
    suffixes: tuple[str, ...]
    signature: re.Pattern[bytes]
    loader: str | None
    depths: tuple[str, ...] = ("uint8",)
    grey: bool = True
    alpha: bool = True
    profile: bool = True
    side: int | None = None
    several: Literal["pages", "frames"] | None = None


FORMATS = (
    Format("PNG", (".png",), re.compile(rb"\x89PNG\r\n\x1a\n"), "png", ("uint8", "uint16")),
    Format(
        "JPEG", (".jpg", ".jpeg"), re.compile(rb"\xff\xd8\xff"), "jpeg", alpha=False, side=65500
    ),
    Format(
        "TIFF",
        (".tif", ".tiff"),
        re.compile(rb"II[*+]\0|MM\0[*+]"),
        "tiff",
        ("uint8", "uint16", "float32"),
        several="pages",
    ),
    Format(
        "WebP",
        (".webp",),
        re.compile(rb"RIFF....WEBP", re.DOTALL),
        "webp",
        grey=False,
        side=16383,
        several="frames",
    ),
    Format(
        "AVIF",
        (".avif",),
        re.compile(rb"....ftyp(?:avi[fs]|(?:mif1|msf1|miaf).{0,40}avi[fs])", re.DOTALL),
        "heif",
        ("uint8", "uint16"),  # of which it keeps 12 bits
        grey=False,
        side=16384,
    ),
    Format(
        "GIF",
        (".gif",),
        re.compile(rb"GIF8[79]a"),
        "gif",
        grey=False,
        profile=False,
        side=65535,
        several="frames",
    ),
    Format("BMP", (".bmp",), re.compile(rb"BM"), None, alpha=False, profile=False),
    Format(
        "PPM",
        (".ppm", ".pgm", ".pbm", ".pnm"),
        re.compile(rb"P[1-6]\s"),
        None,
        ("uint8", "uint16"),
        alpha=False,
        profile=False,
    ),
)

SUFFIXES = tuple(suffix for format_ in FORMATS for suffix in format_.suffixes)
"""The endings, in lower case, of the files that can be written, and read under any name."""

NAMES = ", ".join(format_.name for format_ in FORMATS[:-1]) + f" or {FORMATS[-1].name}"
"""Their names, for a sentence."""


def by_content(start: bytes) -> Format | None:
    """Return the format of a file that begins so; 64 bytes are enough.

    >>> by_content(b"GIF89a").name
    'GIF'
    """
    return next((format_ for format_ in FORMATS if format_.signature.match(start)), None)


def by_name(path: Path) -> Format | None:
    """Return the format of which a file must be that is named so.

    >>> by_name(Path("photo.JPG")).name
    'JPEG'
    """
    return next((format_ for format_ in FORMATS if path.suffix.lower() in format_.suffixes), None)
