"""Depths: nothing is lost upwards, and downwards the nearest level is taken."""

import numpy as np
import pytest

from gladsr.pictures.depth import to_depth

BYTES = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("kind", [np.uint16, np.float32, np.float64])
def test_eight_bits_survive_any_wider_depth(kind: type[np.generic]) -> None:
    wide = to_depth(BYTES, kind)
    assert wide.dtype == kind
    np.testing.assert_array_equal(to_depth(wide, np.uint8), BYTES)


def test_sixteen_bits_survive_single_precision() -> None:
    words = np.arange(65536, dtype=np.uint16)
    floats = to_depth(words, np.float32)
    assert (floats.min(), floats.max()) == (0, 1)
    np.testing.assert_array_equal(to_depth(floats, np.uint16), words)


def test_sixteen_bits_become_the_nearest_of_eight() -> None:
    words = np.arange(65536, dtype=np.uint16)
    distance = np.abs(to_depth(words, np.uint8) * 257.0 - words)
    assert distance.max() <= 128.5


def test_what_is_outside_the_range_is_clipped() -> None:
    np.testing.assert_array_equal(to_depth(np.array([-3.0, 7.0]), np.uint16), [0, 65535])


@pytest.mark.parametrize("kind", [np.int32, np.bool_, np.uint32])
def test_other_data_types_are_rejected(kind: type[np.generic]) -> None:
    with pytest.raises(TypeError, match="uint8, uint16"):
        to_depth(np.zeros(3, kind), np.uint8)
    with pytest.raises(TypeError, match="uint8, uint16"):
        to_depth(BYTES, kind)
