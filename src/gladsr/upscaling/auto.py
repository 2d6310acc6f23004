"""The choice between the model for clean pictures and the one for photographs.

docs/auto.md has the measurements behind the limits.
"""

from dataclasses import dataclass
from statistics import mode
from typing import Any

from numpy.typing import NDArray

from gladsr.films.formats import is_film
from gladsr.pictures import Picture
from gladsr.pictures.compression import Compression, stated_compression
from gladsr.upscaling.degradation import Degradation, estimate
from gladsr.upscaling.files import FilePair

AUTO = "auto"
"""The name that stands for a choice of the model."""

CLEAN, PHOTO = "gladsr", "gladsr-photo"

MIN_QUALITY = {"JPEG": 85, "WebP": 50}
MAX_NOISE = 5.0
MIN_SHARPNESS = -25.0
_SAVED_AGAIN = 5  # how far the quality in the pixels is below the header's after a second saving


@dataclass(frozen=True)
class Choice:
    """A model and the reason for it.

    Attributes:
        model: "gladsr" or "gladsr-photo".
        reason: Such as "JPEG quality 71".
    """

    model: str
    reason: str

    def __str__(self) -> str:
        """Return both, such as "gladsr-photo (JPEG quality 71)"."""
        return f"{self.model} ({self.reason})"


def choose(
    pixels: NDArray[Any], stated: Compression | None = None, *, compressed: bool = False
) -> Choice:
    """Choose a model for a picture.

    Args:
        pixels: H×W, H×W×2 with alpha, H×W×3 or H×W×4; uint8, uint16 or float in [0, 1].
        stated: The compression that its file states.
        compressed: Whether it comes from lossy compression, stated or not.

    Example:
        >>> import numpy as np
        >>> str(choose(np.zeros((64, 64), np.uint8), Compression("JPEG", 71)))
        'gladsr-photo (JPEG quality 71)'
    """
    return judge(estimate(pixels, compressed=compressed or stated is not None), stated)


def choose_for_file(pair: FilePair, first: Picture) -> Choice:
    """Choose one model for all pages or frames of a file.

    A picture file is judged by its header and its first page or frame, a film by three of its
    frames.

    Args:
        pair: The file.
        first: Its first page or frame.
    """
    if not is_film(pair.destination):
        return choose(first.pixels, stated_compression(pair.source))
    from gladsr.films.sampling import sample_frames  # noqa: PLC0415 - needs gladsr[video]

    frames = sample_frames(pair.source) or [first.pixels]
    choices = [choose(frame, compressed=True) for frame in frames]
    model = mode(choice.model for choice in choices)
    return next(choice for choice in choices if choice.model == model)


def judge(found: Degradation, stated: Compression | None = None) -> Choice:
    """Choose a model for a picture of some degradation.

    Args:
        found: The degradation that the pixels show.
        stated: The compression that the file states.
    """
    if stated and stated.quality < MIN_QUALITY[stated.format]:
        return Choice(PHOTO, f"{stated.format} quality {stated.quality}")
    saved_again = stated is None or (found.quality or 100) < stated.quality - _SAVED_AGAIN
    if found.quality is not None and found.quality < MIN_QUALITY["JPEG"] and saved_again:
        return Choice(PHOTO, f"traces of JPEG quality {found.quality}")
    if found.noise > MAX_NOISE:
        return Choice(PHOTO, f"noise of {found.noise:.0f} levels")
    if found.sharpness < MIN_SHARPNESS:
        return Choice(PHOTO, "blurred")
    return Choice(CLEAN, f"{stated.format} quality {stated.quality}" if stated else "clean")
