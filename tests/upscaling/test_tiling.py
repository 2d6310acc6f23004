import logging
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gladsr.engines import ChannelWeights
from gladsr.errors import OutOfMemoryError
from gladsr.upscaling.tiling import OVERLAP, WHOLE, NetworkOutput, Region, tiles, whole
from tests.upscaling.stand_ins import Array, InMemory, StandIn

lengths = st.integers(1, 90)


@given(top=lengths, height=lengths, left=lengths, width=lengths, core=st.integers(16, 40))
def test_tiles_cover_a_region_once(top: int, height: int, left: int, width: int, core: int):
    count = np.zeros((top + height, left + width), int)
    for tile in tiles(Region(top, top + height, left, left + width), core, core):
        assert 0 < min(tile.size) <= max(tile.size) <= core
        count[tile.top : tile.bottom, tile.left : tile.right] += 1
    assert (count[top:, left:] == 1).all()
    assert count.sum() == height * width


class FarSighted(StandIn):
    """An engine that sees as far as the overlap goes, and weighs by the mean of the picture.

    Beyond the borders it sees zeros, as the convolutions of the network do.
    """

    def __init__(self, most: float = math.inf) -> None:
        self.most = most
        self.sides: list[int] = []

    def run(
        self, x: Array, *, draft: bool = False, channel_weights: ChannelWeights | None = None
    ) -> Array:
        assert not draft
        if x.shape[0] * x.shape[1] > self.most:
            raise OutOfMemoryError("there is not enough memory")
        self.sides.append(max(x.shape[:2]))
        weights = self.channel_weights(x) if channel_weights is None else channel_weights
        padded = np.pad(x, ((OVERLAP, OVERLAP), (OVERLAP, OVERLAP), (0, 0)))
        height, width = x.shape[:2]
        shifted = [
            padded[down : down + height, across : across + width]
            for down in (0, OVERLAP, 2 * OVERLAP)
            for across in (0, OVERLAP, 2 * OVERLAP)
        ]
        mean: Array = np.mean(shifted, axis=0, dtype=np.float32)
        mean *= weights[0]
        return mean.repeat(2, axis=0).repeat(2, axis=1)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_part_in_any_tiles_equals_that_of_the_complete_output(data: st.DataObject):
    height, width = data.draw(st.integers(1, 130)), data.draw(st.integers(1, 130))
    pixels = np.random.default_rng(0).random((height, width, 3), np.float32)
    expected = FarSighted().run(pixels)
    top, left = data.draw(st.integers(0, 2 * height - 1)), data.draw(st.integers(0, 2 * width - 1))
    bottom = data.draw(st.integers(top + 1, 2 * height))
    right = data.draw(st.integers(left + 1, 2 * width))
    output = NetworkOutput(InMemory(pixels), FarSighted(), 2, core=data.draw(st.integers(16, 140)))
    part = output.read(Region(top, bottom, left, right))
    np.testing.assert_allclose(part, expected[top:bottom, left:right], atol=1e-6)


def test_the_channel_weights_of_a_large_picture_are_those_of_spread_bands():
    rows, columns = np.mgrid[:900, :600].astype(np.float32)
    picture = InMemory(np.stack([rows / 900, columns / 600, (rows > 450)], axis=2))
    assert math.prod(picture.size) > WHOLE
    output = NetworkOutput(picture, FarSighted(), 2, core=64)
    output.read(Region(0, 2, 0, 2))
    channel_weights = output._channel_weights
    assert channel_weights is not None
    np.testing.assert_allclose(channel_weights, [[0.5, 0.5, 0.5]], atol=0.01)
    assert sum(math.prod(region.size) for region in picture.read_regions[1:]) == 288 * 288


def test_the_channel_weights_are_computed_once():
    picture = InMemory(np.ones((100, 100, 1), np.float32))
    output = NetworkOutput(picture, FarSighted(), 2, core=20)
    for part in tiles(whole(output.size), 40, 40):
        output.read(part)
    assert picture.read_regions.count(whole(picture.size)) == 1


def test_grey_is_the_mean_of_three_equal_channels():
    grey = np.random.default_rng(0).random((30, 20, 1), np.float32)
    y = NetworkOutput(InMemory(grey), FarSighted(), 2, core=16).read(Region(0, 60, 0, 40))
    expected = FarSighted().run(np.repeat(grey, 3, axis=2)).mean(axis=2, keepdims=True)
    np.testing.assert_allclose(y, expected, atol=1e-6)


def test_smaller_tiles_are_used_when_memory_runs_out(caplog: pytest.LogCaptureFixture):
    pixels = np.random.default_rng(0).random((200, 300, 3), np.float32)
    engine = FarSighted(most=90 * 90)
    output = NetworkOutput(InMemory(pixels), engine, 2, core=300)
    np.testing.assert_allclose(output.read(whole(output.size)), FarSighted().run(pixels), atol=1e-6)
    assert caplog.messages[-1] == "memory ran out; continuing in tiles of 37 pixels"
    caplog.clear()
    output.read(whole(output.size))
    assert not caplog.messages  # it does not try the large ones again


def test_an_error_is_raised_when_no_tile_fits(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.CRITICAL)
    output = NetworkOutput(
        InMemory(np.zeros((99, 99, 3), np.float32)), FarSighted(most=10), 2, core=99
    )
    with pytest.raises(OutOfMemoryError):
        output.read(whole(output.size))


def test_bounded_values_stay_within_their_neighbourhood(monkeypatch: pytest.MonkeyPatch):
    def ringing(_self: Any, x: Array, **_options: Any) -> Array:
        return x.repeat(2, axis=0).repeat(2, axis=1) * 3 - 1

    monkeypatch.setattr(FarSighted, "run", ringing)
    alpha = np.full((50, 50, 1), 0.25, np.float32)
    alpha[:, 25:] = 0.75
    picture = InMemory(alpha)
    y = NetworkOutput(picture, FarSighted(), 2, core=16, bounded=True).read(Region(0, 100, 0, 100))
    flat = np.r_[0:48, 52:100]
    np.testing.assert_array_equal(y[:, flat], alpha.repeat(2, 0).repeat(2, 1)[:, flat])
