"""A film and its frames."""

from dataclasses import dataclass
from pathlib import Path

from av import VideoFormat

from gladsr.films.hdr import Light
from gladsr.pictures import Pages, Picture


@dataclass(frozen=True, slots=True, eq=False)
class FilmFrame(Picture):
    """One frame of a film, in 16 bits per channel.

    Attributes:
        pts: When it is shown, in the time base of the film's stream.
        duration: How long it is shown, in the same unit; 0 if unknown.
    """

    pts: int = 0
    duration: int = 0

    def without_metadata(self) -> "FilmFrame":
        """Return the frame, which has no metadata."""
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How a film's samples become colours on a screen.

    Attributes:
        pixel_format: Their format.
        display_matrix: How frames are rotated and mirrored for display; None if they are not.
        matrix: The matrix coefficients, as numbered by FFmpeg and ITU-T H.273, like the next three.
        range: Limited or full.
        primaries: The colour primaries.
        transfer: The transfer characteristics.
        light: HDR10 metadata.
    """

    pixel_format: VideoFormat
    display_matrix: tuple[int, ...] | None
    matrix: int
    range: int
    primaries: int
    transfer: int
    light: Light

    @property
    def on_its_side(self) -> bool:
        """Whether the film is shown rotated by a quarter turn."""
        matrix = self.display_matrix
        return matrix is not None and abs(matrix[1]) > abs(matrix[0])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Film(Pages):
    """A film; its `count` is an estimate.

    Attributes:
        path: The file.
        look: How its samples become colours.
    """

    path: Path
    look: Look
