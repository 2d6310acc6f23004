"""The options for reading and for writing picture files."""

import math
from dataclasses import dataclass

MAX_PIXELS = 2**28
"""The default limit on the pixels of an input: those of 16,384 × 16,384."""
MAX_PAGES = 10_000
"""The default limit on the pages or frames of an input."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options for reading a picture file.

    Attributes:
        max_input_pixels: Reject files with more pixels than this, all pages together.
        float_range: The floating-point values in the file that stand for black and white. Signed
            and 32-bit integers use it too, but their own range where it is the default.
        max_pages: Reject files with more pages or frames than this.

    Raises:
        ValueError: A limit is below 1, or the range is not two finite, increasing numbers.
    """

    max_input_pixels: int = MAX_PIXELS
    float_range: tuple[float, float] = (0, 1)
    max_pages: int = MAX_PAGES

    def __post_init__(self) -> None:
        for name in ("max_input_pixels", "max_pages"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but must be at least 1")
        low, high = self.float_range
        if not -math.inf < low < high < math.inf:
            raise ValueError(
                f"float_range is {self.float_range}, but must be two numbers, low < high"
            )


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """Options for writing a picture file.

    Attributes:
        quality: Quality of JPEG, WebP and AVIF, from 1 to 100; WebP is lossless at 100.
        strip_metadata: Write only the pixels and what defines their colours.

    Raises:
        ValueError: The quality is out of range.
    """

    quality: int = 95
    strip_metadata: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality is {self.quality}, but must be from 1 to 100")
