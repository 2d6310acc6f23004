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
"""FFmpeg's name of the container format for each suffix that can be written."""

SUFFIXES = tuple(CONTAINERS)
"""The suffixes, in lower case, of films that can be written."""

READ_ONLY = (".avi", ".wmv", ".mpg", ".mpeg", ".vob", ".flv", ".3gp", ".ogv", ".mxf", ".dv")
"""The suffixes of films that can only be read; in an output folder they become Matroska files."""

_SYNC = b"\x47"


def is_installed() -> bool:
    """Return whether the library for films is installed."""
    return find_spec("av") is not None


def is_film(path: Path) -> bool:
    """Return whether a file's name is that of a film."""
    return path.suffix.lower() in (*SUFFIXES, *READ_ONLY)


def is_typescript(path: Path) -> bool:
    """Return whether a file has a suffix of MPEG-TS but does not start with a packet of it.

    A packet starts with 0x47 (ISO/IEC 13818-1, 2.4.3.2); M2TS puts a four-byte timestamp before it.
    """
    if CONTAINERS.get(path.suffix.lower()) != "mpegts":
        return False
    try:
        with path.open("rb") as file:
            start = file.read(5)
    except OSError:  # reported when the film is read
        return False
    return _SYNC not in {start[:1], start[4:]}
