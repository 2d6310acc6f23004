import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gladsr.upscaling.tiling import OVERLAP, spans, upscale_tiled


@given(length=st.integers(1, 400), core=st.integers(16, 300), scale=st.integers(2, 4))
def test_spans_cover_the_axis_with_weights_that_sum_to_one(length: int, core: int, scale: int):
    total = np.zeros(scale * length)
    for span in spans(length, core, scale):
        assert 0 <= span.start < span.stop <= length
        assert span.stop - span.start <= core + 2 * OVERLAP
        assert (span.weights > 0).all()
        total[scale * span.start : scale * span.stop] += span.weights
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_a_tile_counts_least_where_its_surroundings_are_missing():
    _, middle, _ = spans(300, 100, 2)
    assert middle.weights[0] == middle.weights.min() < 0.01
    assert middle.weights[len(middle.weights) // 2] == 1


def nearest(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return x.repeat(2, axis=0).repeat(2, axis=1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (130, 70), (64, 64)])
@pytest.mark.parametrize("core", [16, 33, 64, 500])
def test_tiles_give_what_the_whole_gives(shape: tuple[int, int], core: int):
    x = np.random.default_rng(0).random((*shape, 3), np.float32)
    seen: list[float] = []
    y = upscale_tiled(nearest, x, scale=2, core=core, progress=seen.append)
    np.testing.assert_allclose(y, nearest(x), atol=1e-6)
    assert seen == sorted(seen)
    assert seen[-1] == 1
