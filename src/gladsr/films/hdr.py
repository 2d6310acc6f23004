"""HDR10 metadata: the mastering display (SMPTE ST 2086) and the content light level."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from av import VideoFrame
from av.sidedata.sidedata import Type

_CHROMATICITY, _LUMINANCE = 50_000, 10_000  # units per 1 and per cd/m² in x264 and x265
_DISPLAY = {"libx264": "mastering-display", "libx265": "master-display"}
_LIGHT = {"libx264": "cll", "libx265": "max-cll"}
_PARAMETERS = {
    "libx264": "x264-params",
    "libx265": "x265-params",
    "libsvtav1": "svtav1-params",
}


@dataclass(frozen=True)
class Light:
    """The mastering display of a film and the light level of its content.

    Attributes:
        display: The chromaticities of red, green, blue and white, x and y of each, and the minimum
            and maximum luminance in cd/m²; None if not stated.
        content: The maximum light level of a pixel and the maximum average of a frame, in cd/m²;
            None if not stated.
    """

    display: tuple[Fraction, ...] | None
    content: tuple[int, int] | None

    def options(self, encoder: str) -> dict[str, str]:
        """Return the options that set it in an encoder; none if the encoder does not support it.

        Args:
            encoder: FFmpeg's name of the encoder.
        """
        if encoder not in _PARAMETERS:
            return {}
        svt = encoder == "libsvtav1"
        parameters = []
        if self.display is not None:
            *chromaticities, darkest, brightest = self.display
            red, green, blue, white = (
                ",".join(
                    f"{float(value):.5f}" if svt else f"{round(value * _CHROMATICITY)}"
                    for value in pair
                )
                for pair in zip(chromaticities[::2], chromaticities[1::2], strict=True)
            )
            luminance = ",".join(
                f"{float(value):.4f}" if svt else f"{round(value * _LUMINANCE)}"
                for value in (brightest, darkest)
            )
            display = f"G({green})B({blue})R({red})WP({white})L({luminance})"
            parameters.append(f"{_DISPLAY.get(encoder, 'mastering-display')}={display}")
        if self.content is not None:
            parameters.append(
                f"{_LIGHT.get(encoder, 'content-light')}={self.content[0]},{self.content[1]}"
            )
        return {_PARAMETERS[encoder]: ":".join(parameters)} if parameters else {}


def light_of(frame: VideoFrame) -> Light:
    """Return the HDR10 metadata of a film's first frame."""
    try:
        side_data = cast("Any", frame.side_data)
        display = side_data.get(Type.MASTERING_DISPLAY_METADATA)
        content = side_data.get(Type.CONTENT_LIGHT_LEVEL)
    except ValueError:  # side data of a type that PyAV does not have
        return Light(None, None)
    return Light(
        None if display is None else _mastering_display(bytes(display)),
        None if content is None else struct.unpack("=2I", bytes(content)[:8]),
    )


def _mastering_display(data: bytes) -> tuple[Fraction, ...] | None:
    """Parse FFmpeg's AVMasteringDisplayMetadata: ten fractions and two flags for which are set."""
    *numbers, chromaticities, luminances = struct.unpack("=22i", data[:88])
    if not (chromaticities and luminances and all(numbers[1::2])):
        return None
    return tuple(
        Fraction(numerator, denominator)
        for numerator, denominator in zip(numbers[::2], numbers[1::2], strict=True)
    )
