"""The size of an upscaled picture, and the passes of networks that reach it."""

import math
import re
from itertools import combinations_with_replacement

from gladsr.errors import SizeError

MAX_SCALE = 8

SIZE_PATTERN = "^([1-9][0-9]{0,8}[x×]([1-9][0-9]{0,8})?|[x×][1-9][0-9]{0,8})$"
"""The syntax of a size."""


def check_scale(scale: float) -> None:
    """Check that a scale is above 1 and at most `MAX_SCALE`.

    Raises:
        SizeError: It is not.
    """
    if not 1 < scale <= MAX_SCALE:
        raise SizeError(f"the scale is {scale:g}, but must be above 1 and at most {MAX_SCALE}")


def parse_size(text: str) -> tuple[int | None, int | None]:
    """Parse a width and a height, one of which may be missing.

    Raises:
        SizeError: The text is not a size.

    Example:
        >>> parse_size("1920x1080"), parse_size("x2160")
        ((1920, 1080), (None, 2160))
    """
    if re.fullmatch(SIZE_PATTERN, text) is None:
        raise SizeError(f"the size is {text!r}, but must be such as 1920x1080, 3840x or x2160")
    width, height = re.split("[x×]", text)
    return int(width) if width else None, int(height) if height else None


def scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return height and width times a scale, rounded.

    Example:
        >>> scaled((5, 8), 1.5)
        (8, 12)
    """
    return _rounded(scale * size[0]), _rounded(scale * size[1])


def fitted(
    size: tuple[int, int], width: int | None = None, height: int | None = None
) -> tuple[int, int]:
    """Return the largest height and width that fit into a box, with the aspect ratio kept.

    Args:
        size: Height and width of the picture.
        width: The width of the box; no limit if None.
        height: The height of the box; no limit if None.

    Raises:
        SizeError: That is not larger than the picture, or more than `MAX_SCALE` times as large.

    Example:
        >>> fitted((480, 640), width=1920, height=1080)
        (1080, 1440)
    """
    limits = (height or math.inf, width or math.inf)
    scale = min(limit / side for limit, side in zip(limits, size, strict=True))
    box = f"{width or ''}x{height or ''}"
    if scale <= 1:
        raise SizeError(f"it has {size[1]}x{size[0]} pixels: {box} would not make it larger")
    if scale > MAX_SCALE:
        raise SizeError(
            f"it has {size[1]}x{size[0]} pixels: {box} is more than {MAX_SCALE} times as large"
        )
    return scaled(size, scale)


def output_size(
    size: tuple[int, int], scale: float | None, box: tuple[int | None, int | None] | None
) -> tuple[int, int]:
    """Return the height and width of a picture after upscaling by a scale or into a box.

    Args:
        size: Height and width of the picture.
        scale: The scale, as for `scaled`; not used if there is a box.
        box: The width and height to fit into, as for `fitted`.

    Raises:
        SizeError: As for `fitted`.

    Example:
        >>> output_size((480, 640), 1.5, None), output_size((480, 640), None, (1920, None))
        ((720, 960), (1440, 1920))
    """
    if box is not None:
        return fitted(size, *box)
    assert scale is not None  # noqa: S101 - for the type checker
    return scaled(size, scale)


def limited(size: tuple[int, int], target: tuple[int, int], max_pixels: int) -> tuple[int, int]:
    """Return a target size, or the largest of the same aspect ratio within a number of pixels.

    Args:
        size: Height and width of the picture.
        target: Height and width that it should get.
        max_pixels: The maximum number of pixels.

    Raises:
        SizeError: The picture has as many pixels already.

    Example:
        >>> limited((480, 640), (1920, 2560), 1_000_000)
        (866, 1154)
    """
    height, width = size
    if target[0] * target[1] <= max_pixels:
        return target
    if height * width >= max_pixels:
        raise SizeError(f"it has {width}x{height} pixels, and the limit of outputs is {max_pixels}")
    scale = math.sqrt(max_pixels / (height * width))
    return (
        min(target[0], max(height, math.floor(scale * height))),
        min(target[1], max(width, math.floor(scale * width))),
    )


def passes(scale: float, trained: tuple[int, ...]) -> list[int]:
    """Return the scales of the networks to run one after the other; one if one is enough.

    Their product is the scale, or the smallest one above it. The smaller scale comes first, so that
    the next network has fewer pixels to process.

    Example:
        >>> [passes(scale, (2, 3, 4)) for scale in (1.5, 4, 4.1, 8)]
        [[2], [4], [2, 3], [2, 4]]
        >>> passes(8, (2,))
        [2, 2, 2]
    """
    choices = [[one] for one in trained]
    for number in (2, 3):
        several = map(list, combinations_with_replacement(trained, number))
        choices += [each for each in several if math.prod(each) > max(trained)]
    return min((choice for choice in choices if math.prod(choice) >= scale), key=math.prod)


def _rounded(length: float) -> int:
    return math.floor(length + 0.5)
