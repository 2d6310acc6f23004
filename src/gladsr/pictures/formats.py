"""The formats of picture files: how each is detected, and what it can hold."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Format:
    """A format.

    Attributes:
        name: Its usual name.
        suffixes: File name suffixes in lower case, the usual one first.
        signature: Matches the beginning of its files.
        loader: The prefix of libvips' loader; None if Pillow reads it.
        depths: Data types of a channel, from the least precise.
        grey: Whether it has greyscale pictures.
        alpha: Whether it has transparency.
        profile: Whether it has ICC profiles.
        side: The most pixels on one side that libvips writes; None if there is no limit.
        several: Whether a file can hold pages of any size, the frames of an animation, or only one
            picture.
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
        "JPEG",
        (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
        re.compile(rb"\xff\xd8\xff"),
        "jpeg",
        alpha=False,
        side=65500,
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
        ("uint8", "uint16"),  # stored in 12 bits
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


@dataclass(frozen=True, slots=True)
class Rejected:
    """A format that is detected only to be rejected by name.

    Attributes:
        name: Its usual name, with an article.
        signature: Matches the beginning of its files.
        remedy: How to turn it into a supported format.
    """

    name: str
    signature: re.Pattern[bytes]
    remedy: str


DEVELOP = "Develop it in a raw converter and export a 16-bit TIFF."
"""The remedy for camera raw files."""

_REJECTED = (
    Rejected(
        "a camera raw file",
        re.compile(
            rb"....ftypcrx |FUJIFILMCCD-RAW|II(?:RO|RS|U\0)|MMOR|FOVb|\0MRM|II\*\0....CR\x02",
            re.DOTALL,
        ),
        DEVELOP,
    ),
    Rejected(
        "HEIC",
        re.compile(rb"....ftyp(?:hei[cmsx]|hev[cmsx])", re.DOTALL),
        "Convert it to AVIF, PNG or JPEG.",
    ),
    Rejected(
        "JPEG XL",
        re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "),
        "Convert it to PNG or JPEG (djxl does).",
    ),
    Rejected(
        "JPEG 2000",
        re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
        "Convert it to PNG or TIFF.",
    ),
)

SUFFIXES = tuple(suffix for format_ in FORMATS for suffix in format_.suffixes)
"""The suffixes, in lower case, of the supported formats."""

NAMES = ", ".join(format_.name for format_ in FORMATS[:-1]) + f" or {FORMATS[-1].name}"
"""The names of the formats, for a sentence."""


def by_content(start: bytes) -> Format | None:
    """Return the format of a file that begins with some bytes; 64 are enough.

    >>> by_content(b"GIF89a").name
    'GIF'
    """
    return next((format_ for format_ in FORMATS if format_.signature.match(start)), None)


def rejected_by_content(start: bytes) -> Rejected | None:
    """Return the unsupported format of a file that begins with some bytes, if it is a known one.

    >>> rejected_by_content(b"FUJIFILMCCD-RAW 0201").name
    'a camera raw file'
    """
    return next((format_ for format_ in _REJECTED if format_.signature.match(start)), None)


def by_name(path: Path) -> Format | None:
    """Return the format that the suffix of a file's name stands for.

    >>> by_name(Path("photo.JPG")).name
    'JPEG'
    """
    return next((format_ for format_ in FORMATS if path.suffix.lower() in format_.suffixes), None)
