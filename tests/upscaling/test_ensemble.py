import numpy as np
import pytest
from numpy.typing import NDArray

from gladsr.upscaling.ensemble import self_ensemble


@pytest.fixture
def x() -> NDArray[np.float32]:
    return np.random.default_rng(0).random((4, 6, 3), np.float32)


def nearest(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return x.repeat(2, axis=0).repeat(2, axis=1)


def shift(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Upscale, and move everything down and to the right, as no symmetrical network would."""
    return np.roll(nearest(x), (1, 2), axis=(0, 1))


def test_a_symmetrical_network_is_left_as_it_is(x: NDArray[np.float32]):
    np.testing.assert_allclose(self_ensemble(nearest, x), nearest(x), atol=1e-6)


def test_it_runs_on_the_eight_flips_and_turns(x: NDArray[np.float32]):
    views: set[bytes] = set()

    def note(view: NDArray[np.float32]) -> NDArray[np.float32]:
        views.add(view.tobytes())
        return nearest(view)

    self_ensemble(note, x)
    turned = [np.rot90(base, turns) for base in (x, x[:, ::-1]) for turns in range(4)]
    assert views == {view.tobytes() for view in turned}


def test_the_mean_of_all_views_does_not_depend_on_how_the_picture_lies(x: NDArray[np.float32]):
    y = self_ensemble(shift, x)
    assert np.abs(y - shift(x)).max() > 0.1
    np.testing.assert_allclose(self_ensemble(shift, np.rot90(x)), np.rot90(y), atol=1e-6)
    np.testing.assert_allclose(self_ensemble(shift, x[::-1]), y[::-1], atol=1e-6)
