import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gladsr.errors import SizeError
from gladsr.upscaling.sizes import MAX_SCALE, check_scale, fitted, limited, passes, scaled

sides = st.integers(1, 5000)
pictures = st.tuples(sides, sides)


@pytest.mark.parametrize("scale", [1, 0.5, 0, -2, 8.01, math.inf, math.nan])
def test_scales_out_of_range_are_rejected(scale: float):
    with pytest.raises(SizeError, match="must be above 1 and at most 8"):
        check_scale(scale)


@given(pictures, st.floats(1.001, MAX_SCALE))
def test_a_scale_gives_the_nearest_size(size: tuple[int, int], scale: float):
    for before, after in zip(size, scaled(size, scale), strict=True):
        assert abs(after - scale * before) <= 0.5 + 1e-9
        assert after >= before


@given(pictures, st.floats(1, 7.99), st.floats(1, 7.99))
def test_a_fitted_size_fits_the_box_and_touches_it(
    size: tuple[int, int], across: float, down: float
):
    width, height = math.floor(across * size[1]) + 1, math.floor(down * size[0]) + 1
    after = fitted(size, width, height)
    assert after[0] <= height
    assert after[1] <= width
    assert after[0] == height or after[1] == width
    assert after == scaled(size, min(width / size[1], height / size[0]))


def test_one_side_is_enough():
    assert fitted((480, 640), width=1280) == (960, 1280)
    assert fitted((480, 640), height=720) == (720, 960)


@pytest.mark.parametrize(
    ("width", "height", "message"),
    [
        (640, None, "it has 640x480 pixels: 640x would not make it larger"),
        (9999, 100, "9999x100 would not make it larger"),
        (None, 4000, "x4000 is more than 8 times as large"),
    ],
)
def test_sizes_out_of_range_are_rejected(width: int | None, height: int | None, message: str):
    with pytest.raises(SizeError, match=message):
        fitted((480, 640), width, height)


@given(pictures, st.floats(1.001, MAX_SCALE), st.integers(1, 10**8))
def test_a_limit_is_kept_and_nearly_reached(size: tuple[int, int], scale: float, more: int):
    target, most = scaled(size, scale), size[0] * size[1] + more
    after = limited(size, target, most)
    assert after[0] * after[1] <= most
    assert size[0] <= after[0] <= target[0]
    assert size[1] <= after[1] <= target[1]
    assert after == target or 4 * after[0] * after[1] >= most  # least for the smallest pictures


def test_a_picture_beyond_the_limit_is_rejected():
    with pytest.raises(SizeError, match="it has 640x480 pixels, and the limit of outputs is 1000"):
        limited((480, 640), (960, 1280), 1000)


@given(st.floats(1.001, MAX_SCALE))
def test_passes_reach_the_scale_with_the_fewest_networks(scale: float):
    chosen = passes(scale, (2, 3, 4))
    assert math.prod(chosen) >= scale
    assert len(chosen) == (1 if scale <= 4 else 2)
    assert math.prod(chosen) == min(whole for whole in (2, 3, 4, 6, 8) if whole >= scale)
