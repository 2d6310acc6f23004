"""What HDR10 films say of the screen that they were made on (SMPTE ST 2086) and of their light."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from av import VideoFrame

_CHROMATICITY, _LUMINANCE = 50_000, 10_000  # the units in which x264 and x265 are told
_SCREEN = {"libx264": "mastering-display", "libx265": "master-display"}
_LIGHT = {"libx264": "cll", "libx265": "max-cll"}
_PARAMETERS = {
    "libx264": "x264-params",
    "libx265": "x265-params",
    "libsvtav1": "svtav1-params",
}


@dataclass(frozen=True)
class Light:
    """The screen and the light of a film.

    Attributes:
        screen: The chromaticities of red, green, blue and white, x and y of each, and the least and
            the largest luminance in cd/m²; None if they are not stated.
        content: The largest light of a pixel and of a frame on average; None likewise.
    """

    screen: tuple[Fraction, ...] | None
    content: tuple[int, int] | None

    def options(self, encoder: str) -> dict[str, str]:
        """Return what an encoder is told, by FFmpeg's name for it; nothing if it cannot be."""
        if encoder not in _PARAMETERS:
            return {}
        svt = encoder == "libsvtav1"
        words = []
        if self.screen is not None:
            *places, darkest, brightest = self.screen
            red, green, blue, white = (
                ",".join(
                    f"{float(at):.5f}" if svt else f"{round(at * _CHROMATICITY)}" for at in pair
                )
                for pair in zip(places[::2], places[1::2], strict=True)
            )
            luminance = ",".join(
                f"{float(at):.4f}" if svt else f"{round(at * _LUMINANCE)}"
                for at in (brightest, darkest)
            )
            screen = f"G({green})B({blue})R({red})WP({white})L({luminance})"
            words.append(f"{_SCREEN.get(encoder, 'mastering-display')}={screen}")
        if self.content is not None:
            words.append(
                f"{_LIGHT.get(encoder, 'content-light')}={self.content[0]},{self.content[1]}"
            )
        return {_PARAMETERS[encoder]: ":".join(words)} if words else {}


def light_of(frame: "VideoFrame") -> Light:
    """Return what a film's first frame says of its light."""
    from av.sidedata.sidedata import Type  # noqa: PLC0415 - needs the extra gladsr[video]

    try:
        side_data = cast("Any", frame.side_data)
        screen = side_data.get(Type.MASTERING_DISPLAY_METADATA)
        content = side_data.get(Type.CONTENT_LIGHT_LEVEL)
    except ValueError:  # side data that PyAV does not know
        return Light(None, None)
    return Light(
        None if screen is None else _screen(bytes(screen)),
        None if content is None else struct.unpack("=2I", bytes(content)[:8]),
    )


def _screen(data: bytes) -> tuple[Fraction, ...] | None:
    """Read FFmpeg's AVMasteringDisplayMetadata: ten fractions, and whether they are known."""
    *numbers, chromaticities, luminances = struct.unpack("=22i", data[:88])
    if not (chromaticities and luminances and all(numbers[1::2])):
        return None
    return tuple(
        Fraction(numerator, denominator)
        for numerator, denominator in zip(numbers[::2], numbers[1::2], strict=True)
    )
