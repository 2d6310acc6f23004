"""Which files are films, by name and by content. Needs no film library."""

from importlib.util import find_spec
from pathlib import Path

CONTAINERS = {
    **dict.fromkeys((".mp4", ".m4v"), "mp4"),
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    **dict.fromkeys((".ts", ".mts", ".m2ts"), "mpegts"),
}
"""The formats of films that can be written, as FFmpeg calls them, by the ends of their names."""

SUFFIXES = tuple(CONTAINERS)
"""The endings, in lower case, of the films that can be written, and read under any name."""

READ_ONLY = (".avi", ".wmv", ".mpg", ".mpeg", ".vob", ".flv", ".3gp", ".ogv", ".mxf", ".dv")
"""The endings of other films, which become Matroska files in a folder."""

_SYNC = b"\x47"


def is_installed() -> bool:
    """Return whether films can be read and written."""
    return find_spec("av") is not None


def is_film(path: Path) -> bool:
    """Return whether a file is a film by its name."""
    return path.suffix.lower() in (*SUFFIXES, *READ_ONLY)


def is_typescript(path: Path) -> bool:
    """Return whether a file has a name of MPEG-TS, but no packet of it at its beginning.

    A packet begins with 0x47 (ISO/IEC 13818-1, 2.4.3.2); M2TS has four bytes of time before it.
    """
    if CONTAINERS.get(path.suffix.lower()) != "mpegts":
        return False
    try:
        with path.open("rb") as file:
            start = file.read(5)
    except OSError:  # which is told when it is read
        return False
    return _SYNC not in {start[:1], start[4:]}
