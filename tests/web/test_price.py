"""The price of a place in the queue. `measurements/service_price.py` compares it with time."""

from dataclasses import replace

import pytest

from gladsr.web.messages import Part, PictureHeader
from gladsr.web.price import PriceList, price
from gladsr.web.settings import TargetSize, UpscaleSettings

HEADER = PictureHeader([(300, 400)], has_alpha=False)
SETTINGS = UpscaleSettings(scale=2)


@pytest.mark.parametrize(
    ("header", "settings", "parts", "least", "most"),
    [
        (replace(HEADER, has_alpha=True), SETTINGS, ["result"], 1.8, 2.1),
        (HEADER, replace(SETTINGS, ensemble=True), ["result"], 7, 8.1),
        (HEADER, replace(SETTINGS, draft=True), ["result"], 0.4, 0.7),
        (HEADER, replace(SETTINGS, model="gladsr-l"), ["result"], 0.4, 0.7),
        (HEADER, replace(SETTINGS, scale=8), ["result"], 4, 12),
        (HEADER, replace(SETTINGS, scale=None, size=TargetSize(3200, None)), ["result"], 4, 12),
        (PictureHeader([(300, 400)] * 10, has_alpha=False), SETTINGS, ["result"], 9, 10.1),
        (HEADER, SETTINGS, ["bicubic", "draft", "result", "view"], 1.3, 1.8),
        (PictureHeader([(1, 1)] * 2000, has_alpha=False), SETTINGS, ["result"], 3, 30),
    ],
)
def test_the_price_follows_the_work(
    header: PictureHeader, settings: UpscaleSettings, parts: list[Part], least: float, most: float
):
    ratio = price(header, settings, parts) / price(HEADER, SETTINGS, ["result"])
    assert least < ratio < most


def test_the_masks_of_a_huge_picture_cost_what_is_computed():
    huge = PictureHeader([(20_000, 20_000)], has_alpha=False)
    small = PictureHeader([(384, 384)], has_alpha=False)
    settings = replace(SETTINGS, scale=4)
    assert price(huge, settings, ["masks"]) < 100 * price(small, settings, ["masks"])


def test_prices_approach_the_speed_of_the_machine():
    prices = PriceList()
    for _ in range(100):
        prices.learn(prices.of(HEADER, SETTINGS, ["result"]), 7.0)
    assert prices.of(HEADER, SETTINGS, ["result"]) == pytest.approx(7, rel=0.01)
