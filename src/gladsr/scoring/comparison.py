"""Crops of several versions of a picture side by side, as in papers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gladsr.errors import ComparisonError
from gladsr.pictures import luminance, resize, to_rgb
from gladsr.scoring.psnr import psnr
from gladsr.scoring.ssim import WINDOW, ssim

Pixels = NDArray[np.uint8]

_COLOURS = ("#e03030", "#3070e0", "#20a050", "#e0a020", "#a040c0", "#20b0b0")
_SHOWN = 224  # pixels that the longer side of a crop is enlarged to, at most
_GAP, _TEXT = 10, 16  # pixels between panels, and the font size in pixels
_CUT_OFF = 8  # an original that is larger by this many pixels is rejected


class Box(NamedTuple):
    """A rectangle of a picture, in pixels from its left and upper border."""

    x: int
    y: int
    width: int
    height: int

    def of(self, pixels: Pixels) -> Pixels:
        """Return the pixels in it."""
        return pixels[self.y : self.y + self.height, self.x : self.x + self.width]


@dataclass(frozen=True)
class Version:
    """A version of the picture.

    Attributes:
        label: Its name on the sheet.
        pixels: H×W×3, as large as the largest version.
        score: Its PSNR in dB and SSIM, if it has been scored.
    """

    label: str
    pixels: Pixels
    score: tuple[float, float] | None = None


def versions(
    pictures: Mapping[str, Pixels], original: Pixels | None = None, border: int | None = None
) -> list[Version]:
    """Bring versions of a picture to one size, and score them.

    Args:
        pictures: H×W×3 by their labels; the sizes must be the largest one's, or a half, a third
            and so on of it. Smaller ones get larger pixels, and no score.
        original: The original, H×W×3, or H×W if it is grey and its own luminance; as large as the
            largest, or up to 7 pixels larger, because the others may have been cropped to a
            multiple of the scale.
        border: The pixels to ignore at each side when scoring. If None, the ratio of the largest to
            the smallest picture, or 0 if all are equal.

    Returns:
        The original first, if there is one.

    Raises:
        ComparisonError: The sizes do not fit together.
    """
    height, width = max((pixels.shape[:2] for pixels in pictures.values()), key=np.prod)
    found = []
    if original is not None:
        lacking = original.shape[0] - height, original.shape[1] - width
        if min(lacking) < 0 or max(lacking) >= _CUT_OFF:
            raise ComparisonError(
                f"the original has {original.shape[1]}×{original.shape[0]} pixels, but the largest "
                f"picture {width}×{height}"
            )
        original = original[:height, :width]
        found.append(Version("HR", to_rgb(original, alpha="over white")))
    factors = {label: _factor(label, pixels, height, width) for label, pixels in pictures.items()}
    if border is None:
        largest = max(factors.values())
        border = largest if largest > 1 else 0
    for label, pixels in pictures.items():
        factor = factors[label]
        score = None
        if original is not None and factor == 1:
            if min(height, width) < WINDOW + 2 * border:
                raise ComparisonError(f"{label} is too small to be scored")
            seen = pixels if original.ndim == 3 else np.rint(pixels.mean(2)).astype(np.uint8)
            score = psnr(seen, original, border), ssim(seen, original, border)
        found.append(Version(label, pixels.repeat(factor, 0).repeat(factor, 1), score))
    return found


def _factor(label: str, pixels: Pixels, height: int, width: int) -> int:
    """Return the factor from a picture to a size."""
    factor: int = round(height / pixels.shape[0])
    if (factor * pixels.shape[0], factor * pixels.shape[1]) != (height, width):
        raise ComparisonError(
            f"{label} has {pixels.shape[1]}×{pixels.shape[0]} pixels, but the largest picture has "
            f"{width}×{height}, which is not a multiple"
        )
    return factor


def most_different(pictures: Sequence[Pixels], side: int, count: int = 1) -> list[Box]:
    """Return the squares in which pictures differ most; they do not overlap.

    Args:
        pictures: H×W×3, all of one size.
        side: The side of the squares, in pixels.
        count: The number of squares; fewer are returned if no more fit.

    Returns:
        Squares by the variance of the luminance among the pictures, the largest first.
    """
    spread = np.var([luminance(picture) for picture in pictures], axis=0)
    sums = np.pad(spread, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    boxes = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    found = list[Box]()
    while len(found) < count and boxes.max(initial=-1) > -1:
        top, left = (int(at) for at in np.unravel_index(boxes.argmax(), boxes.shape))
        found.append(Box(left, top, side, side))
        boxes[max(0, top - side + 1) : top + side, max(0, left - side + 1) : left + side] = -1
    return found


def draw(shown: Sequence[Version], boxes: Sequence[Box]) -> Pixels:
    """Draw a sheet: the complete picture with its boxes framed, and each box in every version.

    Args:
        shown: The versions, in their order; the first one is shown completely.
        boxes: The boxes. A single one is spread over two rows if there are many versions.

    Returns:
        H×W×3.
    """
    columns = len(shown) if len(boxes) > 1 or len(shown) < 4 else -(-len(shown) // 2)
    rows = [
        [_panel(version, box, colour) for version in shown[start : start + columns]]
        for box, colour in zip(boxes, _colours(boxes), strict=True)
        for start in range(0, len(shown), columns)
    ]
    grid = _under([_beside(row) for row in rows])
    return np.asarray(_beside([_whole(shown[0].pixels, boxes, grid.height, grid.width), grid]))


def _colours(boxes: Sequence[Box]) -> list[str]:
    return [_COLOURS[number % len(_COLOURS)] for number in range(len(boxes))]


def _panel(version: Version, box: Box, colour: str) -> Image.Image:
    """Draw a crop in its frame, with the label and the score below."""
    zoom = max(1, _SHOWN // max(box.width, box.height))
    crop = box.of(version.pixels).repeat(zoom, 0).repeat(zoom, 1)
    lines = [version.label]
    if version.score is not None:
        lines.append(f"{version.score[0]:.2f} dB / {version.score[1]:.4f}")
    height, width = crop.shape[:2]
    panel = Image.new("RGB", (width + 4, height + 4 + (_TEXT + 4) * 2 + _GAP), "white")
    painter = ImageDraw.Draw(panel)
    painter.rectangle((0, 0, width + 3, height + 3), outline=colour, width=2)
    panel.paste(Image.fromarray(crop), (2, 2))
    font = ImageFont.load_default(_TEXT)
    for number, line in enumerate(lines):
        text = _shortened(line, font, width)
        middle = (width + 4 - font.getlength(text)) / 2
        painter.text((middle, height + 6 + number * (_TEXT + 4)), text, "black", font)
    return panel


def _shortened(text: str, font: Any, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


def _whole(pixels: Pixels, boxes: Sequence[Box], height: int, width: int) -> Image.Image:
    """Draw the picture as large as fits, with the boxes framed."""
    scale = min(height / pixels.shape[0], max(height, width) / pixels.shape[1])
    size = tuple(max(1, round(scale * side)) for side in pixels.shape[:2])
    whole = Image.fromarray(resize(pixels, size=(size[0], size[1])))
    painter = ImageDraw.Draw(whole)
    for box, colour in zip(boxes, _colours(boxes), strict=True):
        corners = (box.x, box.y, box.x + box.width, box.y + box.height)
        left, top, right, bottom = (round(scale * side) for side in corners)
        painter.rectangle((left - 2, top - 2, right + 1, bottom + 1), outline=colour, width=2)
    return whole


def _beside(images: Sequence[Image.Image]) -> Image.Image:
    width = sum(image.width for image in images) + _GAP * (len(images) - 1)
    row = Image.new("RGB", (width, max(image.height for image in images)), "white")
    left = 0
    for image in images:
        row.paste(image, (left, 0))
        left += image.width + _GAP
    return row


def _under(images: Sequence[Image.Image]) -> Image.Image:
    height = sum(image.height for image in images)
    column = Image.new("RGB", (max(image.width for image in images), height), "white")
    top = 0
    for image in images:
        column.paste(image, (0, top))
        top += image.height
    return column
