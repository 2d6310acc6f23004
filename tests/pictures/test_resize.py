"""The resize against MATLAB's own results, published and not, and against Pillow."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from gladsr.pictures.resize import mod_crop, resize, resize_part

astronaut: Callable[[], NDArray[np.uint8]] = data.astronaut
camera: Callable[[], NDArray[np.uint8]] = data.camera

# A small picture and what MATLAB's imresize makes of it, as the tests of GNU Octave's image
# package record them.
PICTURE = np.array(
    [
        [116, 227, 153, 69, 146, 194, 59, 130, 139, 106],
        [2, 47, 137, 249, 90, 75, 16, 24, 158, 44],
        [155, 68, 46, 84, 166, 156, 69, 204, 32, 152],
        [71, 221, 137, 230, 210, 153, 192, 115, 30, 118],
        [107, 143, 108, 52, 51, 73, 101, 21, 175, 90],
        [54, 158, 143, 77, 26, 168, 113, 229, 165, 225],
        [9, 47, 133, 135, 130, 207, 236, 43, 19, 73],
        [129, 60, 59, 243, 64, 181, 249, 56, 32, 86],
    ],
    np.uint8,
)
MATLAB: dict[float, list[list[int]]] = {
    1.5: [
        [116, 187, 237, 171, 94, 61, 135, 191, 187, 75, 91, 142, 140, 124, 108],
        [43, 92, 143, 149, 164, 163, 119, 123, 118, 44, 38, 80, 151, 118, 62],
        [13, 21, 47, 107, 195, 228, 115, 81, 70, 24, 19, 56, 137, 105, 48],
        [146, 98, 49, 49, 71, 107, 148, 159, 132, 58, 124, 176, 61, 85, 146],
        [118, 139, 144, 92, 116, 168, 201, 188, 159, 140, 167, 158, 27, 69, 153],
        [61, 151, 218, 145, 174, 219, 201, 164, 146, 187, 148, 84, 48, 76, 115],
        [102, 132, 151, 119, 90, 72, 72, 72, 83, 114, 60, 31, 144, 130, 80],
        [81, 121, 154, 133, 87, 41, 19, 67, 116, 95, 108, 140, 183, 180, 163],
        [37, 95, 152, 150, 117, 73, 35, 108, 179, 130, 174, 214, 153, 176, 219],
        [3, 29, 73, 131, 136, 120, 116, 162, 214, 229, 147, 54, 35, 62, 96],
        [67, 54, 51, 83, 153, 187, 111, 141, 210, 255, 149, 22, 13, 42, 74],
        [142, 99, 53, 43, 164, 237, 77, 103, 197, 254, 159, 42, 31, 59, 91],
    ],
    4 / 3: [
        [116, 203, 221, 141, 62, 110, 180, 191, 70, 104, 143, 136, 111, 106],
        [26, 78, 126, 156, 200, 139, 103, 103, 33, 28, 92, 158, 67, 46],
        [51, 35, 51, 112, 195, 146, 101, 87, 29, 57, 100, 114, 81, 74],
        [159, 110, 63, 50, 82, 148, 179, 152, 83, 173, 147, 27, 143, 170],
        [70, 171, 189, 134, 217, 226, 193, 158, 186, 157, 83, 25, 114, 135],
        [91, 152, 162, 116, 118, 114, 102, 98, 138, 65, 60, 127, 92, 84],
        [90, 130, 144, 111, 52, 24, 50, 101, 94, 86, 129, 190, 146, 135],
        [41, 114, 157, 139, 89, 37, 82, 178, 125, 192, 203, 154, 213, 227],
        [4, 33, 89, 141, 127, 118, 151, 213, 232, 119, 35, 34, 81, 92],
        [88, 61, 54, 97, 203, 129, 115, 203, 255, 119, 18, 24, 70, 81],
        [147, 91, 43, 68, 247, 125, 80, 191, 255, 130, 33, 37, 83, 94],
    ],
    0.5: [
        [105, 140, 126, 81, 109],
        [110, 134, 153, 114, 93],
        [108, 108, 94, 127, 146],
        [67, 126, 162, 149, 62],
    ],
    1 / 3: [
        [115, 135, 97, 101],
        [113, 119, 124, 125],
        [81, 157, 118, 64],
    ],
}


@pytest.mark.parametrize("scale", MATLAB)
def test_equals_the_results_of_matlab_that_octave_records(scale: float) -> None:
    np.testing.assert_array_equal(resize(PICTURE, scale=scale), MATLAB[scale])


def test_equals_matlab_in_floating_point() -> None:
    row = resize(np.array([[10.0, 6.0]]), size=(1, 3))
    np.testing.assert_allclose(row, [[10.27777777777777, 8, 5.72222222222222]], atol=1e-13)


def _published_lr_images() -> list[tuple[Path, Path, int]]:
    """(HR, LR, scale) of Set5 and Set14 as they are handed round, the LR made by MATLAB."""
    if "GLADSR_DATA" not in os.environ:
        return []
    test = Path(os.environ["GLADSR_DATA"], "test")
    return [
        (test / name / f"{lr.stem.removesuffix(f'x{scale}')}.png", lr, scale)
        for name in ("Set5", "Set14")
        for scale in (2, 3, 4)
        for lr in sorted((test / f"{name}_LR_bicubic" / f"X{scale}").iterdir())
    ]


@pytest.mark.skipif("GLADSR_DATA" not in os.environ, reason="needs the research images")
def test_equals_every_published_lr_image_of_set5_and_set14_to_the_bit() -> None:
    images = _published_lr_images()
    assert len(images) == 57
    for hr, lr, scale in images:
        small = resize(mod_crop(np.asarray(Image.open(hr)), scale), scale=1 / scale)
        np.testing.assert_array_equal(small, np.asarray(Image.open(lr)), err_msg=str(lr))


@pytest.mark.parametrize("size", [(100, 150), (77, 210), (300, 450), (301, 97)])
def test_floats_equal_pillow_away_from_the_borders(size: tuple[int, int]) -> None:
    """Pillow has the same kernel and widens it too, but cuts it off at the borders."""
    picture = camera()[:200, :300].astype(np.float32) / 255
    ours = resize(picture, size=size)
    height, width = size
    pillow = np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))
    # The kernel reaches two pixels of the coarser of the two pictures.
    inside = tuple(
        slice(3 * max(1, out // n), -3 * max(1, out // n))
        for n, out in zip(picture.shape, size, strict=True)
    )
    np.testing.assert_allclose(ours[inside], pillow[inside], atol=2e-6)


def _matrix(length: int, scale: float) -> NDArray[np.float64]:
    """The resize of one dimension as a dense matrix, from the definition.

    Output pixel i lies at (i + 1/2) / scale - 1/2 in the input, which goes on for ever as its
    own mirror image; the kernel is stretched by 1 / scale when shrinking and sums to one.
    """
    stretch = max(1.0, 1 / scale)
    matrix = np.zeros((int(np.ceil(length * scale)), length))
    reach = int(2 * stretch) + 2
    for i, row in enumerate(matrix):
        centre = (i + 0.5) / scale - 0.5
        for j in range(int(centre) - reach, int(centre) + reach + 1):
            x = abs(centre - j) / stretch
            if x <= 1:
                weight = 1.5 * x**3 - 2.5 * x**2 + 1
            elif x < 2:
                weight = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
            else:
                continue
            mirrored = j % (2 * length)
            row[min(mirrored, 2 * length - 1 - mirrored)] += weight
    matrix /= matrix.sum(axis=1, keepdims=True)
    return matrix


@pytest.mark.parametrize("scale", [0.11, 0.25, 1 / 3, 0.5, 0.73, 1.2, 2, 3.7])
@pytest.mark.parametrize("shape", [(1, 1), (1, 13), (9, 2), (31, 40)])
def test_floats_equal_the_definition_written_as_matrices(
    shape: tuple[int, int], scale: float
) -> None:
    picture = np.random.default_rng(0).random((*shape, 3))
    height, width = _matrix(shape[0], scale), _matrix(shape[1], scale)
    expected = np.einsum("ia,jb,abc->ijc", height, width, picture)
    np.testing.assert_allclose(resize(picture, scale=scale), expected, atol=1e-12)


@settings(deadline=None)
@given(
    st.integers(0, 65535),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
)
def test_a_flat_picture_stays_flat(
    level: int, shape: tuple[int, int], size: tuple[int, int]
) -> None:
    flat = np.full((*shape, 3), level, np.uint16)
    np.testing.assert_array_equal(resize(flat, size=size), np.full((*size, 3), level, np.uint16))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float64])
def test_scale_one_changes_nothing_and_copies(kind: type[np.generic]) -> None:
    picture = astronaut()[:33, :20].astype(kind)
    same = resize(picture, scale=1)
    np.testing.assert_array_equal(same, picture)
    assert same.dtype == picture.dtype
    assert not np.shares_memory(same, picture)


def test_sixteen_bits_are_rounded_in_their_own_range() -> None:
    picture = astronaut()[:60, :80].astype(np.uint16) * 200 + 7000
    wide, exact = resize(picture, scale=0.5), resize(picture.astype(np.float64), scale=0.5)
    assert wide.dtype == np.uint16
    # Half a level is lost in each of the two passes; the kernel's weights sum to 1.3 in size.
    assert np.abs(wide - exact).max() < 0.5 + 0.5 * 1.3
    assert len(np.unique(wide)) > 2000


def test_overshoot_is_clipped_in_whole_numbers_and_kept_in_floating_point() -> None:
    edge = np.repeat(np.array([[0, 1]], np.uint8), 8, axis=1).repeat(8, axis=0)
    whole, floating = resize(edge * 255, scale=2), resize(edge.astype(np.float32), scale=2)
    assert (whole.min(), whole.max()) == (0, 255)
    assert floating.min() < -0.01
    assert floating.max() > 1.01


def test_the_dimension_that_shrinks_most_comes_first() -> None:
    """In whole numbers the order shows, by the rounding between the passes."""
    picture = camera()[:64, :64]
    width_first = resize(resize(picture, size=(64, 16)), size=(32, 16))
    np.testing.assert_array_equal(resize(picture, size=(32, 16)), width_first)
    height_first = resize(resize(picture, size=(32, 64)), size=(32, 16))
    assert (height_first != width_first).any()


def test_channels_are_resized_alike_and_apart() -> None:
    picture = astronaut()[:50, :70]
    together = resize(picture, scale=1 / 3)
    for channel in range(3):
        np.testing.assert_array_equal(
            together[..., channel], resize(picture[..., channel], scale=1 / 3)
        )


def test_the_memory_layout_of_the_input_does_not_matter() -> None:
    picture = astronaut()
    view = picture[::-2, 3:200:3, ::-1]
    np.testing.assert_array_equal(resize(view, scale=0.5), resize(view.copy(), scale=0.5))


@pytest.mark.parametrize("scale", range(2, 9))
def test_every_multiple_of_the_scale_shrinks_to_the_whole_quotient(scale: int) -> None:
    for quotient in (1, 7, 49, 120, 481):
        row = np.zeros((1, quotient * scale), np.uint8)
        assert resize(row, scale=1 / scale).shape == (1, quotient)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 8))
def test_mod_crop_keeps_the_top_left_multiple(height: int, width: int, scale: int) -> None:
    picture = np.arange(height * width).reshape(height, width)
    cropped = mod_crop(picture, scale)
    assert all(
        side % scale == 0 and 0 <= whole - side < scale
        for side, whole in zip(cropped.shape, picture.shape, strict=True)
    )
    np.testing.assert_array_equal(cropped, picture[: cropped.shape[0], : cropped.shape[1]])


@pytest.mark.parametrize(
    ("shape", "kind", "arguments", "error"),
    [
        ((4, 4), np.uint8, {}, ValueError),
        ((4, 4), np.uint8, {"scale": 2.0, "size": (8, 8)}, ValueError),
        ((4, 4), np.uint8, {"scale": 0.0}, ValueError),
        ((4, 4), np.uint8, {"scale": float("nan")}, ValueError),
        ((4, 4), np.uint8, {"size": (0, 4)}, ValueError),
        ((0, 4), np.uint8, {"scale": 2.0}, ValueError),
        ((4,), np.uint8, {"scale": 2.0}, ValueError),
        ((4, 4), np.int32, {"scale": 2.0}, TypeError),
        ((4, 4), np.bool_, {"scale": 2.0}, TypeError),
    ],
)
def test_invalid_arguments_are_rejected(
    shape: tuple[int, ...],
    kind: type[np.generic],
    arguments: dict[str, float | tuple[int, int]],
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        resize(np.zeros(shape, kind), **arguments)  # type: ignore[arg-type]  # wrong on purpose


@given(st.data())
def test_a_part_is_that_part_of_the_whole(data: st.DataObject):
    sides = st.integers(1, 40)
    shape = (data.draw(sides), data.draw(sides))
    size = (data.draw(sides), data.draw(sides))
    image = np.random.default_rng(0).random((*shape, 2), np.float32)
    rows, columns = (
        slice(start, data.draw(st.integers(start + 1, length)))
        for length in size
        for start in [data.draw(st.integers(0, length - 1))]
    )
    part = resize_part(lambda *of: image[of], shape, size=size, rows=rows, columns=columns)
    np.testing.assert_array_equal(part, resize(image, size=size)[rows, columns])
