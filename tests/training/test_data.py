"""Training images, crops and teachers."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import skimage
import torch
from onnx import TensorProto, helper
from PIL import Image
from skimage.filters import gaussian

from gladsr.errors import DataError, PictureError
from gladsr.pictures import SUFFIXES, Picture, resize, write
from gladsr.rivals.load import RIVALS
from gladsr.training.data import Crops, PairedImages, load_pairs, load_taught


@pytest.fixture
def pairs(toy_data: Path, tmp_path: Path) -> PairedImages:
    return load_pairs([toy_data / "train"], 2, tmp_path)


def test_pairs_are_the_images_and_their_exact_bicubic(pairs: PairedImages) -> None:
    assert pairs.names == ["0.png", "1.png"]
    expected = skimage.data.astronaut()[100:196, 150:250]  # cropped to a multiple of 2
    np.testing.assert_array_equal(pairs.hr[0], expected)
    np.testing.assert_array_equal(pairs.lr[0], resize(expected, scale=0.5))


def test_hidden_files_are_skipped(toy_data: Path, tmp_path: Path, pairs: PairedImages) -> None:
    (toy_data / "train" / "._0.png").write_bytes(b"metadata of another system")
    assert load_pairs([toy_data / "train"], 2, tmp_path).names == pairs.names


def test_images_of_every_format_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for suffix in SUFFIXES:
        write(Picture(np.zeros((20, 20, 3), np.uint8)), folder / f"a{suffix}")
    names = load_pairs([folder], 2, tmp_path / "cache").names
    assert names == sorted(f"a{suffix}" for suffix in SUFFIXES)


def test_second_loading_decodes_nothing(
    toy_data: Path, tmp_path: Path, pairs: PairedImages
) -> None:
    packed = next(tmp_path.glob("x2-*/hr"))
    stamp = packed.stat().st_mtime_ns
    again = load_pairs([toy_data / "train"], 2, tmp_path)
    np.testing.assert_array_equal(again.hr[1], pairs.hr[1])
    assert packed.stat().st_mtime_ns == stamp


def test_changed_images_are_decoded_again(tmp_path: Path) -> None:
    file = tmp_path / "images" / "a.png"
    file.parent.mkdir()
    for value in (10, 20):
        Image.new("RGB", (20, 20 + value), (value, value, value)).save(file)
        assert load_pairs([file.parent], 2, tmp_path / "cache").hr[0].mean() == value


def test_excluded_images_are_left_out(toy_data: Path, tmp_path: Path) -> None:
    for exclude in (["0.png"], ["0*"], ["[!1]*"], ["*0.png", "x"]):
        assert load_pairs([toy_data / "train"], 2, tmp_path, exclude=exclude).names == ["1.png"]


def test_grey_alpha_and_16_bit_images_become_rgb_of_8_bits(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    grey = skimage.data.camera()[:40, :40]
    Image.fromarray(grey).save(folder / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(folder / "grey16.png")
    rgba = np.dstack([grey, grey, grey, np.full_like(grey, 128)])
    Image.fromarray(rgba).save(folder / "rgba.png")
    for image in load_pairs([folder], 2, tmp_path / "cache").hr:
        np.testing.assert_array_equal(image, np.dstack([grey, grey, grey]))


def test_samples_depend_on_seed_and_number_alone(pairs: PairedImages) -> None:
    first = Crops(pairs, 8, seed=1, shuffle_colours=True)
    second = Crops(pairs, 8, seed=1, shuffle_colours=True)
    for n in (5, 0, 3):
        for ours, theirs in zip(first.sample(n), second.sample(n), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    other = Crops(pairs, 8, seed=2)
    assert any((first.sample(n)[0] != other.sample(n)[0]).any() for n in range(3))


def test_samples_lie_on_each_other_after_every_augmentation(pairs: PairedImages) -> None:
    crops = Crops(pairs, 16, seed=0, shuffle_colours=True)
    for n in range(60):
        lr, hr = crops.sample(n)
        assert lr.shape == (16, 16, 3)
        assert hr.shape == (32, 32, 3)
        inside = (slice(3, -3), slice(3, -3))  # away from borders that the crop has and HR had not
        difference = resize(hr, scale=0.5)[inside].astype(int) - lr[inside]
        assert abs(difference).max() <= 1


def test_only_hr_is_sharpened(pairs: PairedImages) -> None:
    plain = Crops(pairs, 16, seed=0, taught=pairs.hr)
    sharper = Crops(pairs, 16, seed=0, taught=pairs.hr, sharpen=0.8)
    for n in range(5):
        lr, hr, taught = plain.sample(n)
        sharper_lr, sharper_hr, sharper_taught = sharper.sample(n)
        np.testing.assert_array_equal(sharper_lr, lr)
        np.testing.assert_array_equal(sharper_taught, taught)
        blurred = gaussian(hr.astype(float), 1, channel_axis=2)
        expected = np.clip(hr + 0.8 * (hr - blurred), 0, 255)
        assert abs(sharper_hr - expected)[4:-4, 4:-4].mean() < 1  # PIL's Gaussian is made of boxes
        assert sharper_hr.std() > hr.std()


def test_all_flips_turns_and_images_are_drawn(pairs: PairedImages) -> None:
    crops = Crops(pairs, pairs.lr[0].shape[0], seed=0)  # full height: few offsets, many flips
    seen = {lr.tobytes() for lr, _ in (crops.sample(n) for n in range(400))}
    shapes = {lr.shape[:2] for lr in pairs.lr}
    offsets = sum(width - height + 1 for height, width in shapes) * len(pairs)
    assert len(seen) == 8 * offsets


@pytest.mark.parametrize(("power", "share"), [(1.0, 0.8), (0.5, 2 / 3), (0.0, 0.5)])
def test_large_images_are_drawn_by_their_area_to_a_power(
    tmp_path: Path, power: float, share: float
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for side, value in ((40, 0), (80, 255)):  # areas of 1 to 4
        Image.new("L", (side, side), value).save(folder / f"{side}.png")
    pairs = load_pairs([folder], 2, tmp_path / "cache")
    crops = Crops(pairs, 8, seed=0, area_power=power)
    drawn = np.mean([crops.sample(n)[0].all() for n in range(1000)])
    assert drawn == pytest.approx(share, abs=0.05)


def test_images_smaller_than_a_crop_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for size in (20, 40):
        Image.new("RGB", (size, size)).save(folder / f"{size}.png")
    pairs = load_pairs([folder], 2, tmp_path / "cache")
    assert Crops(pairs, 16, seed=0).left_out == 1
    with pytest.raises(DataError, match="as large as a crop of 21"):
        Crops(pairs, 21, seed=0)


def test_batches_are_consecutive_samples_in_0_to_1(pairs: PairedImages) -> None:
    crops = Crops(pairs, 8, seed=0)
    lr, hr = crops.batch(6, 2)
    assert lr.shape == (2, 3, 8, 8)
    assert hr.shape == (2, 3, 16, 16)
    expected = crops.sample(7)[1].transpose(2, 0, 1) / np.float32(255)
    np.testing.assert_allclose(hr[1], expected, atol=1e-7)


@pytest.mark.parametrize("missing", [True, False])
def test_folders_without_images_are_named(tmp_path: Path, missing: bool) -> None:
    folder = tmp_path / "nothing"
    if not missing:
        folder.mkdir()
    with pytest.raises(PictureError, match="nothing"):
        load_pairs([folder], 2, tmp_path / "cache")


def test_excluding_all_images_is_an_error(toy_data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.exclude matches every image of .*train"):
        load_pairs([toy_data / "train"], 2, tmp_path, exclude=["0.png", "1.png"])


def test_an_image_smaller_than_the_scale_is_named(tmp_path: Path) -> None:
    Image.new("RGB", (40, 1)).save(tmp_path / "line.png")
    with pytest.raises(DataError, match=r"line\.png is too small: ×2 needs 2 pixels a side"):
        load_pairs([tmp_path], 2, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


@pytest.fixture
def doubling(tmp_path: Path) -> Path:
    """A teacher that repeats every pixel of LR four times."""
    return repeating(2, tmp_path / "teacher.onnx")


def repeating(scale: int, file: Path) -> Path:
    """Write a teacher that repeats every pixel of LR."""
    graph = helper.make_graph(
        [helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest")],
        "repeating",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, "H", "W"])],
        [helper.make_tensor("scales", TensorProto.FLOAT, [4], [1, 1, scale, scale])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), file)
    return file


def test_outputs_of_a_teacher_are_cropped_like_hr(pairs: PairedImages, doubling: Path) -> None:
    taught = load_taught(pairs, doubling)
    for lr, picture in zip(pairs.lr, taught, strict=True):
        np.testing.assert_array_equal(picture, lr.repeat(2, 0).repeat(2, 1))
    crops = Crops(pairs, 8, seed=0, taught=taught, shuffle_colours=True)
    for n in range(20):
        lr, hr, picture = crops.sample(n)
        assert hr.shape == picture.shape
        np.testing.assert_array_equal(picture, lr.repeat(2, 0).repeat(2, 1))
    assert [images.shape for images in crops.batch(0, 3)] == [(3, 3, 8, 8)] + 2 * [(3, 3, 16, 16)]


def test_outputs_of_a_teacher_are_computed_once(pairs: PairedImages, doubling: Path) -> None:
    load_taught(pairs, doubling)
    stored = next(pairs.folder.glob("taught-*"))
    stamp = stored.stat().st_mtime_ns
    load_taught(pairs, doubling)
    assert stored.stat().st_mtime_ns == stamp


def test_outputs_of_a_teacher_for_a_larger_scale_are_reduced(
    toy_data: Path, tmp_path: Path
) -> None:
    quadrupling = repeating(4, tmp_path / "teacher.onnx")
    at_x3 = load_pairs([toy_data / "train"], 3, tmp_path)
    for lr, hr, picture in zip(at_x3.lr, at_x3.hr, load_taught(at_x3, quadrupling), strict=True):
        assert picture.shape == hr.shape
        np.testing.assert_array_equal(
            picture, resize(lr.repeat(4, 0).repeat(4, 1), size=hr.shape[:2])
        )


def test_a_teacher_may_be_weights_of_rlfn(pairs: PairedImages, tmp_path: Path) -> None:
    network = RIVALS["rlfn"](2).eval()
    torch.save(network.state_dict(), tmp_path / "rlfn.pth")
    taught = load_taught(pairs, tmp_path / "rlfn.pth")
    for lr, found in zip(pairs.lr, taught, strict=True):
        with torch.no_grad():
            y = network(torch.from_numpy(lr.transpose(2, 0, 1)[None].copy()) / 255)[0]
        expected = np.rint(255 * y.clamp(0, 1).permute(1, 2, 0).numpy())
        assert abs(found - expected).max() <= 1
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(DataError, match=r"other\.pth"):
        load_taught(pairs, tmp_path / "other.pth")


def test_unsuitable_teachers_are_rejected_by_name(
    toy_data: Path, tmp_path: Path, doubling: Path
) -> None:
    at_x3 = load_pairs([toy_data / "train"], 3, tmp_path)
    with pytest.raises(DataError, match=r"teacher\.onnx makes"):
        load_taught(at_x3, doubling)
    assert not list(at_x3.folder.glob("taught-*"))
    for content in (None, b"not a network"):
        other = tmp_path / "other.onnx"
        if content:
            other.write_bytes(content)
        with pytest.raises(DataError, match=r"other\.onnx"):
            load_taught(at_x3, other)
