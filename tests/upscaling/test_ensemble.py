from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from gladsr.engines import ChannelWeights
from gladsr.upscaling.ensemble import SelfEnsemble

Array = NDArray[np.float32]


@pytest.fixture
def x() -> Array:
    return np.random.default_rng(0).random((4, 6, 3), np.float32)


def nearest(x: Array) -> Array:
    return x.repeat(2, axis=0).repeat(2, axis=1)


def shift(x: Array) -> Array:
    """Upscale, and move everything down and to the right, as no symmetrical network would."""
    return np.roll(nearest(x), (1, 2), axis=(0, 1))


class Engine:
    """An engine that runs a function; its channel weights are the corner of the picture."""

    def __init__(self, function: Callable[[Array], Array]) -> None:
        self.function = function
        self.views: list[bytes] = []

    def channel_weights(self, x: Array, *, draft: bool = False) -> ChannelWeights:
        assert draft
        return x[:1, 0]

    def run(
        self, x: Array, *, draft: bool = False, channel_weights: ChannelWeights | None = None
    ) -> Array:
        assert draft
        self.views.append(x.tobytes())
        if channel_weights is not None:
            np.testing.assert_array_equal(channel_weights, x[:1, 0])
        return self.function(x)


def plus(function: Callable[[Array], Array], x: Array) -> Array:
    return SelfEnsemble(Engine(function)).run(x, draft=True)


def test_it_does_not_change_a_symmetric_network(x: Array):
    np.testing.assert_allclose(plus(nearest, x), nearest(x), atol=1e-6)


def test_it_runs_on_the_eight_flips_and_turns(x: Array):
    engine = Engine(nearest)
    SelfEnsemble(engine).run(x, draft=True)
    turned = [np.rot90(base, turns) for base in (x, x[:, ::-1]) for turns in range(4)]
    assert set(engine.views) == {view.tobytes() for view in turned}
    assert len(engine.views) == 8


def test_every_view_has_its_own_channel_weights(x: Array):
    plus_engine = SelfEnsemble(Engine(nearest))
    channel_weights = plus_engine.channel_weights(x, draft=True)
    assert channel_weights.shape == (8, 1, 3)
    plus_engine.run(x, draft=True, channel_weights=channel_weights)


def test_it_is_equivariant_to_flips_and_turns(x: Array):
    y = plus(shift, x)
    assert np.abs(y - shift(x)).max() > 0.1
    np.testing.assert_allclose(plus(shift, np.rot90(x)), np.rot90(y), atol=1e-6)
    np.testing.assert_allclose(plus(shift, x[::-1]), y[::-1], atol=1e-6)
