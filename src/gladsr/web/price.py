"""How long a picture will take to compute: the price of a place in the queue."""

import math
from collections.abc import Collection, Sequence
from functools import lru_cache

from gladsr import zoo
from gladsr.upscaling.auto import AUTO, CLEAN
from gladsr.upscaling.sizes import passes
from gladsr.upscaling.tiling import WHOLE
from gladsr.web.messages import Part, PictureHeader
from gladsr.web.settings import UpscaleSettings

# Seconds on one core of a current server, measured by `measurements/service_price.py`. Only their
# ratios matter: `PriceList` learns the speed of the machine.
PER_PICTURE = 0.004
PER_PAGE = 0.005
PER_OUTPUT_PIXEL = 1.5e-7
PER_MULT_ADD = 2.0e-11
DRAFT = 0.5  # share of the network that a draft runs


def price(header: PictureHeader, settings: UpscaleSettings, parts: Collection[Part]) -> float:
    """Return the estimated seconds to compute a job on the reference machine.

    Args:
        header: What the input's header declares.
        settings: How to upscale.
        parts: The output files to make.
    """
    first = header.sizes[:1]
    seconds = PER_PICTURE
    if "masks" in parts:
        side = math.isqrt(min(WHOLE, math.prod(first[0])))  # larger ones are downscaled
        return seconds + _pages([(side, side)], settings, share=1)
    views = 2 if header.has_alpha else 1  # alpha goes through the network by itself
    share = views * (8 if settings.ensemble else 1) * (DRAFT if settings.draft else 1)
    seconds += _pages(header.sizes, settings, share=share)
    if "draft" in parts:
        seconds += _pages(first, settings, share=views * DRAFT)
    others = len({"bicubic", "view"}.intersection(parts))
    return seconds + others * _pages(first, settings, share=0)


class PriceList:
    """Prices in seconds on this machine, whose speed is learned from finished jobs."""

    def __init__(self) -> None:
        self._slowness = 1.0  # of this machine, relative to the reference

    def of(
        self, header: PictureHeader, settings: UpscaleSettings, parts: Collection[Part]
    ) -> float:
        """Return the estimated seconds to compute a job; see `price`."""
        return self._slowness * price(header, settings, parts)

    def learn(self, estimated: float, seconds: float) -> None:
        """Note how long a job took for which `of` had returned an estimate."""
        self._slowness *= min(max(seconds / estimated, 0.1), 10) ** 0.1


def _pages(sizes: Sequence[tuple[int, int]], settings: UpscaleSettings, *, share: float) -> float:
    """Return the seconds for some pages, with a share of the network's work."""
    seconds = 0.0
    for size in sizes:
        after = settings.output_size(size)
        scale = max(after[0] / size[0], after[1] / size[1])
        mult_adds = math.prod(size) * _mult_adds(settings.model, scale)
        seconds += PER_PAGE + PER_OUTPUT_PIXEL * math.prod(after) + share * PER_MULT_ADD * mult_adds
    return seconds


@lru_cache(1000)
def _mult_adds(model: str, scale: float) -> float:
    """Return the multiply-adds for an input pixel, of all networks that run in a row."""
    model = CLEAN if model == AUTO else model  # the other choice costs the same
    total, pixels = 0.0, 1.0
    for each in passes(scale, zoo.scales_of(model)):
        total += pixels * zoo.card(model, each).mult_adds / (960 / each) ** 2
        pixels *= each**2
    return total
