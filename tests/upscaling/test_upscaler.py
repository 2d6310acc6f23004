import io
import math
import multiprocessing
import os
import pickle
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import skimage
from numpy.typing import DTypeLike, NDArray
from PIL import Image, ImageCms

from gladsr import Upscaler, engines, zoo
from gladsr.errors import (
    EngineError,
    OutputExistsError,
    SizeError,
    StorageError,
    UnknownModelError,
)
from gladsr.pictures import Picture, read, resize, write
from gladsr.upscaling.tiling import NetworkOutput, Sampling, whole
from tests.upscaling.stand_ins import InMemory

CHELSEA: NDArray[np.uint8] = skimage.data.chelsea()[80:180, 120:260]
EXACT = partial(Upscaler, precision="fp32")  # bf16 rounds sums of other orders differently


@pytest.fixture(scope="module")
def sr() -> Upscaler:
    return Upscaler("gladsr", scale=2)


@pytest.mark.parametrize("model", ["gladsr", "gladsr-l"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_photograph_comes_out_sharper_than_by_bicubic(model: str, scale: int):
    original = CHELSEA[:96, :132]
    small = resize(original, scale=1 / scale)
    ours = Upscaler(model, scale=scale)(small)
    bicubic = resize(small, scale=scale)
    psnr = [skimage.metrics.peak_signal_noise_ratio(original, y) for y in (ours, bicubic)]
    assert psnr[0] > psnr[1] + 0.3


def test_gladsr_photo_is_best_on_noisy_jpeg_photographs():
    models = [Upscaler(name, scale=4) for name in ("gladsr-photo", "gladsr", "gladsr-l")]
    similarities = []
    for name in ("chelsea", "astronaut", "coffee"):
        original = getattr(skimage.data, name)()[:300, :448]
        small = resize(original, scale=1 / 4).astype(float)
        noise = np.random.default_rng(0).normal(0, 6, small.shape)
        file = io.BytesIO()
        noisy = Image.fromarray((small + noise).clip(0, 255).astype(np.uint8))
        noisy.save(file, "JPEG", quality=60)
        given = np.asarray(Image.open(file))
        outputs = [*(model(given) for model in models), resize(given, scale=4)]
        similarities.append(
            [skimage.metrics.structural_similarity(original, y, channel_axis=2) for y in outputs]
        )
    photo, *others = np.mean(similarities, axis=0)
    assert photo > max(others) + 0.02


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "shape", [(5, 7), (5, 7, 1), (5, 7, 2), (5, 7, 3), (5, 7, 4), (1, 1), (1, 9, 3)]
)
def test_arrays_keep_their_kind_depth_and_channels(
    sr: Upscaler, dtype: DTypeLike, shape: tuple[int, ...]
):
    unit = np.random.default_rng(0).random(shape)
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(np.dtype(dtype)).max
    pixels = (unit * white).astype(dtype)
    before = pixels.copy()
    y = sr(pixels)
    assert y.dtype == dtype
    assert y.shape == (2 * shape[0], 2 * shape[1], *shape[2:])
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize(
    ("mode", "comes_out"),
    [
        ("L", "L"),
        ("LA", "LA"),
        ("RGB", "RGB"),
        ("RGBA", "RGBA"),
        ("I;16", "I;16"),
        ("F", "F"),
        ("P", "RGB"),
        ("1", "L"),
    ],
)
def test_images_give_images(sr: Upscaler, mode: str, comes_out: str):
    image = Image.fromarray(CHELSEA[:20, :30])
    if mode == "F":
        image = Image.fromarray(np.asarray(image.convert("L"), np.float32) / 255)
    elif mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257)
    else:
        image = image.convert(mode)
    y = sr(image)
    assert (y.mode, y.size) == (comes_out, (60, 40))


@pytest.mark.parametrize(
    ("mode", "colour", "comes_out"),
    [("RGB", (9, 20, 30), "RGBA"), ("L", 9, "LA"), ("1", 0, "LA"), ("P", 1, "RGBA")],
)
def test_a_transparent_colour_of_a_png_becomes_alpha(
    sr: Upscaler, tmp_path: Path, mode: str, colour: Any, comes_out: str
):
    image = Image.fromarray(CHELSEA[:20, :30]).convert(mode)
    image.paste(colour, (5, 5, 15, 15))
    image.save(tmp_path / "a.png", transparency=colour)
    with Image.open(tmp_path / "a.png") as read_back:
        y = sr(read_back)
    assert y.mode == comes_out
    assert "transparency" not in y.info
    alpha = np.asarray(y)[..., -1]
    assert (alpha[14:26, 14:26] == 0).all()
    assert alpha.max() == 255
    np.testing.assert_array_equal(np.asarray(y), sr(tmp_path / "a.png"))


def test_an_image_keeps_its_profile_and_print_size(sr: Upscaler):
    image = Image.fromarray(CHELSEA[:20, :30])
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.info.update(icc_profile=profile, dpi=(300, 300))
    upscaled = sr(image)
    assert upscaled.info["icc_profile"] == profile
    assert upscaled.info["dpi"] == (600, 600)


@pytest.mark.parametrize(
    ("mode", "comes_out", "tolerance"),
    [("YCbCr", "RGB", 2), ("HSV", "RGB", 8), ("LAB", "RGB", 6), ("RGBX", "RGB", 0)],
)
def test_images_of_other_colour_spaces_become_rgb(
    sr: Upscaler, mode: str, comes_out: str, tolerance: float
):
    rgb = Image.fromarray(CHELSEA[:20, :30])
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.applyTransform(rgb, ImageCms.buildTransform(srgb, lab, "RGB", "LAB"))
        assert image is not None
    else:
        image = rgb.convert(mode)
    y = sr(image)
    assert y.mode == comes_out
    assert np.abs(np.asarray(y, float) - sr(np.asarray(rgb))).mean() <= tolerance


def test_a_cmyk_image_becomes_what_its_file_becomes(sr: Upscaler, tmp_path: Path):
    file = tmp_path / "a.tif"
    Image.fromarray(CHELSEA[:20, :30]).convert("CMYK").save(file)
    with Image.open(file) as image:
        assert image.mode == "CMYK"
        y = sr(image)
    assert y.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(y), sr(file))


@pytest.mark.parametrize(("mode", "comes_out"), [("RGBa", "RGBA"), ("La", "LA"), ("PA", "RGBA")])
def test_images_with_other_kinds_of_alpha(sr: Upscaler, mode: str, comes_out: str):
    alpha = np.tile(np.linspace(0, 255, 30).astype(np.uint8), (20, 1))
    straight = Image.fromarray(np.dstack([CHELSEA[:20, :30], alpha]))
    if mode == "PA":
        image = straight.convert("RGB").convert("P").convert("PA")
        image.putalpha(Image.fromarray(alpha))
    else:
        image = straight.convert("LA" if mode == "La" else "RGBA").convert(mode)
    assert image.mode == mode
    y = sr(image)
    assert y.mode == comes_out
    np.testing.assert_array_equal(np.asarray(y), np.asarray(sr(image.convert(comes_out))))


@pytest.mark.parametrize("mode", ["I", "I;16B"])
def test_images_of_16_bits_in_other_layouts_keep_their_mode(sr: Upscaler, mode: str):
    grey = CHELSEA[:20, :30, 0] * np.uint16(257)
    image = Image.fromarray(grey.astype(np.int32 if mode == "I" else ">u2"))
    assert image.mode == mode
    y = sr(image)
    assert y.mode == mode
    np.testing.assert_array_equal(np.asarray(y), sr(grey))


def test_integers_beyond_16_bits_are_rejected(sr: Upscaler):
    with pytest.raises(ValueError, match="mode I must lie in 0 to 65535"):
        sr(Image.new("I", (4, 4), 65536))


def test_arrays_of_other_classes_and_byte_orders(sr: Upscaler):
    grey = CHELSEA[:20, :30, 0]
    expected = sr(grey)
    np.testing.assert_array_equal(sr(grey.view(np.matrix)), expected)
    swapped = sr((grey * np.uint16(257)).astype(">u2"))
    assert swapped.dtype == ">u2"
    np.testing.assert_array_equal(swapped, sr(grey * np.uint16(257)))
    with pytest.raises(TypeError, match="masked arrays are not supported"):
        sr(np.ma.masked_greater(grey, 100))
    for wrong in (grey > 100, [[1, 2], [3, 4]], np.array([["a"]])):
        with pytest.raises(TypeError, match="uint8, uint16 or floating point, not"):
            sr(wrong)


def test_an_image_an_array_and_a_path_give_the_same_pixels(sr: Upscaler, tmp_path: Path):
    file = tmp_path / "chelsea.png"
    Image.fromarray(CHELSEA).save(file)
    y = sr(CHELSEA)
    np.testing.assert_array_equal(sr(file), y)
    np.testing.assert_array_equal(sr(str(file)), y)
    np.testing.assert_array_equal(np.asarray(sr(Image.fromarray(CHELSEA))), y)


def test_grey_is_upscaled_as_the_same_grey_in_three_channels(sr: Upscaler):
    grey = CHELSEA[..., 1]
    y = sr(np.stack([grey] * 3, axis=2)).astype(float)
    assert np.abs(sr(grey) - y.mean(axis=2)).max() < 1


def test_a_smooth_ramp_of_16_bits_shows_no_banding(sr: Upscaler):
    ramp = np.linspace(20_000, 22_000, 128).round().astype(np.uint16)
    y = sr(np.tile(ramp, (32, 1)))[16, 8:-8]
    assert len(np.unique(y)) > 0.9 * y.size  # 8 bits would leave 9 levels
    assert np.abs(np.diff(y.astype(int))).max() < 64


@pytest.mark.parametrize("alpha", [0, 90, 255])
def test_a_constant_alpha_is_kept(sr: Upscaler, alpha: int):
    y = sr(np.dstack([CHELSEA[:20, :30], np.full((20, 30), alpha, np.uint8)]))
    assert (y[..., 3] == alpha).all()


@pytest.mark.parametrize("background", [0.0, 1.0])
def test_a_cut_out_has_no_fringe_over_black_or_white(sr: Upscaler, background: float):
    """A cut-out that is upscaled looks as one that is upscaled on its background."""
    rows, columns = np.mgrid[:60, :80]
    alpha = np.clip(20.5 - np.hypot(rows - 30, columns - 40), 0, 1)[..., np.newaxis]
    colour = np.array([0.9, 0.5, 0.1])
    # The invisible pixels are of a colour that would show, did it bleed into the edge.
    hidden = np.where(alpha > 0, colour, [0.0, 1.0, 1.0])
    y = sr(np.concatenate([hidden, alpha], axis=2))
    over = y[..., :3] * y[..., 3:] + background * (1 - y[..., 3:])
    difference = over - sr(colour * alpha + background * (1 - alpha))
    assert np.abs(difference).mean() < 1 / 255
    edge = difference[(y[..., 3] > 0.02) & (y[..., 3] < 0.98)]
    assert len(edge) > 500
    assert np.abs(edge.mean(axis=0)).max() < 0.01  # neither dark nor bright nor coloured
    assert np.abs(edge).mean() < 0.025


@pytest.mark.parametrize("scale", [2, 2.6, 5])
def test_a_soft_edge_has_only_the_colours_beside_it(scale: float):
    """Not even where a premultiplied colour and its alpha do not quite fit."""
    rows, columns = np.mgrid[:30, :40]
    alpha = np.clip(10.5 - np.hypot(rows - 15, columns - 20), 0, 1)[..., np.newaxis]
    colour = np.where(columns[..., np.newaxis] < 20, [0.9, 0.5, 0.1], [0.2, 0.5, 0.8])
    y = EXACT("gladsr-l", scale=scale)(np.concatenate([colour, alpha], axis=2))
    middle = y.shape[1] // 2
    for half, own in ((y[:, : middle - 9], [0.9, 0.5, 0.1]), (y[:, middle + 9 :], [0.2, 0.5, 0.8])):
        soft = half[(half[..., 3] > 0.01) & (half[..., 3] < 0.98)]
        assert len(soft) > 50
        np.testing.assert_allclose(soft[:, :3], np.broadcast_to(own, (len(soft), 3)), atol=1e-6)


def breaking_pictures() -> dict[str, NDArray[np.uint8]]:
    photo = CHELSEA[:60, :90]
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 2, (60, 90, 1), np.uint8) * 255
    rows, columns = np.mgrid[:60, :90]
    checks = ((rows + columns) % 2 * 255).astype(np.uint8)[..., np.newaxis]
    half = columns[..., np.newaxis] < 45
    return {
        "photo": photo,
        "half black, half noise": np.where(half, 0, noise).repeat(3, axis=2).astype(np.uint8),
        "half white, half checks": np.where(half, 255, checks).repeat(3, axis=2).astype(np.uint8),
        "half photo, half noise": np.where(half, photo, noise).astype(np.uint8),
    }


@pytest.mark.parametrize("model", zoo.MODELS)
@pytest.mark.parametrize("name", breaking_pictures())
def test_tiles_do_not_show(model: str, name: str):
    x = breaking_pictures()[name].astype(np.float32) / 255
    whole = EXACT(model, scale=2)(x)
    tiled = EXACT(model, scale=2, tile=32)(x)
    assert np.abs(tiled - whole).max() < 0.05 / 255


@pytest.mark.parametrize("scale", [3, 4, 5, 2.3])
@pytest.mark.parametrize("channels", [2, 3])
def test_tiles_do_not_show_at_any_scale(scale: float, channels: int):
    x = CHELSEA[:30, :40, :channels].astype(np.float32) / 255
    whole = EXACT("gladsr-l", scale=scale)(x)
    tiled = EXACT("gladsr-l", scale=scale, tile=20)(x)
    seen = np.broadcast_to(whole[..., -1:] > 0.01, whole.shape) if channels == 2 else whole >= 0
    assert np.abs(tiled - whole)[seen].max() < 0.1 / 255


@pytest.mark.parametrize("options", [{"ensemble": True}, {"draft": True}], ids=str)
def test_tiles_do_not_show_with_any_option(options: dict[str, Any]):
    x = CHELSEA[:70, :60].astype(np.float32) / 255
    whole = EXACT("gladsr-l", scale=2, **options)(x)
    tiled = EXACT("gladsr-l", scale=2, tile=32, **options)(x)
    assert np.abs(tiled - whole).max() < 0.05 / 255


def test_tiles_do_not_show_where_the_channel_weights_come_from_a_sample():
    x = breaking_pictures()["half photo, half noise"].astype(np.float32)
    x /= 255
    engine = engines.load(zoo.card("gladsr-l", 2))
    sampling = Sampling(whole=50 * 50, band=8)
    outputs = (
        NetworkOutput(InMemory(x), engine, 2, core=core, sampling=sampling)
        for core in (200, 40, 37)
    )
    first, *others = (output.read(whole(output.size)) for output in outputs)
    for other in others:
        assert np.abs(other - first).max() < 0.05 / 255


@pytest.mark.parametrize("level", [0, 77, 255])
def test_flat_colour_is_flat_across_tile_borders(level: int):
    x = np.full((96, 96, 3), level, np.uint8)
    x[..., 1] = 255 - level
    y = EXACT("gladsr-l", scale=2, tile=32)(x)
    np.testing.assert_array_equal(y, EXACT("gladsr-l", scale=2, tile=96)(x))
    inside = y[48:-48, 48:-48]  # where the borders of the picture are not seen
    for phase in (inside[i::2, j::2] for i in range(2) for j in range(2)):
        assert (phase == phase[0, 0]).all()


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"scale": 1.5}, (30, 45)),
        ({"scale": 3.3}, (66, 99)),
        ({"scale": 5}, (100, 150)),
        ({"scale": 8}, (160, 240)),
        ({"size": (50, 50)}, (33, 50)),
        ({"size": (None, 70)}, (70, 105)),
        ({"scale": 4, "max_output_pixels": 2400}, (40, 60)),
    ],
    ids=str,
)
def test_any_size(options: dict[str, Any], size: tuple[int, int]):
    x = CHELSEA[:20, :30]
    y = EXACT("gladsr-l", **options)(x)
    assert y.shape == (*size, 3)
    expected = resize(x, size=size).astype(float)
    assert np.sqrt(np.square(y - expected).mean()) < 12  # the same picture, in the same place


@pytest.mark.parametrize("shape", [(1, 1), (1, 33), (41, 1), (2, 3, 4)])
@pytest.mark.parametrize("scale", [1.1, 2, 5, 8])
def test_flat_pictures_of_any_size_stay_near_flat(shape: tuple[int, ...], scale: float):
    y = EXACT("gladsr-l", scale=scale)(np.full(shape, 128, np.uint8))
    assert y.shape[:2] == tuple(math.floor(scale * side + 0.5) for side in shape[:2])
    assert np.abs(y.astype(int) - 128).max() < 40


def test_between_trained_scales_the_larger_is_downscaled():
    x = CHELSEA[:40, :30].astype(np.float32) / 255
    larger = EXACT("gladsr-l", scale=3)(x)
    y = EXACT("gladsr-l", scale=2.5)(x)
    np.testing.assert_allclose(y, resize(larger, size=(100, 75)).clip(0, 1), atol=1e-6)


def test_above_four_two_networks_run_in_a_row():
    x = CHELSEA[:20, :30].astype(np.float32) / 255
    twice = EXACT("gladsr-l", scale=3)(EXACT("gladsr-l", scale=2)(x))
    np.testing.assert_allclose(EXACT("gladsr-l", scale=6)(x), twice, atol=1e-5)


def test_a_model_of_one_scale_runs_up_to_three_times():
    x = CHELSEA[:20, :24].astype(np.float32) / 255
    twice, expected = EXACT("gladsr-sr291", scale=2), x
    for _ in range(3):
        expected = twice(expected)
    np.testing.assert_allclose(EXACT("gladsr-sr291", scale=8)(x), expected, atol=1e-4)


def test_the_ensemble_gains_psnr():
    """On average, but not on every picture."""
    sr = Upscaler("gladsr-l", scale=2)
    plus = replace(sr, ensemble=True)
    gains = []
    for name in ("chelsea", "astronaut", "coffee", "rocket"):
        original = getattr(skimage.data, name)()[:200, 100:340]
        small = resize(original, scale=0.5)
        scores = [
            skimage.metrics.peak_signal_noise_ratio(original, y) for y in (plus(small), sr(small))
        ]
        gains.append(scores[0] - scores[1])
    assert fmean(gains) > 0.02


def test_a_draft_is_the_coarse_output(sr: Upscaler):
    draft = Upscaler("gladsr", scale=2, draft=True)(CHELSEA).astype(float)
    difference = np.abs(draft - sr(CHELSEA))
    assert 0 < difference.mean() < 2


def test_it_can_be_pickled(sr: Upscaler):
    copy = pickle.loads(pickle.dumps(sr))  # noqa: S301 - our own bytes
    assert repr(copy) == repr(sr)
    np.testing.assert_array_equal(copy(CHELSEA), sr(CHELSEA))


def test_the_same_picture_gives_the_same_bytes(sr: Upscaler):
    np.testing.assert_array_equal(sr(CHELSEA), sr(CHELSEA))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"model": "esrgan"}, UnknownModelError, "no model 'esrgan'"),
        ({"scale": 9}, SizeError, "the scale is 9, but must be above 1 and at most 8"),
        ({"scale": 2, "size": (9, 9)}, ValueError, "a scale or a size, not both"),
        ({"size": (None, None)}, ValueError, "must be a width, a height or both"),
        ({"size": (0, 9)}, ValueError, "must be a width, a height or both, of 1 or more"),
        ({"max_output_pixels": 0}, ValueError, "max_output_pixels is 0"),
        ({"engine": "abacus"}, EngineError, "no engine 'abacus'"),
        ({"tile": 8}, ValueError, "tile is 8, but must be 16 or more"),
    ],
)
def test_wrong_settings_are_rejected(settings: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        Upscaler(**settings)


def test_save_keeps_the_metadata_and_scales_the_resolution(sr: Upscaler, tmp_path: Path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>'
    source = Picture(CHELSEA, icc_profile=profile, xmp=xmp, dpi=(72.0, 72.0))
    write(source, tmp_path / "in.jpg")
    sr.save(tmp_path / "in.jpg", tmp_path / "out.jpg")
    saved = read(tmp_path / "out.jpg")
    assert saved.icc_profile == profile
    assert saved.xmp == xmp
    assert saved.dpi == pytest.approx((144, 144))
    assert saved.pixels.shape == (200, 280, 3)


def test_save_overwrites_only_on_request(sr: Upscaler, tmp_path: Path):
    source, destination = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(CHELSEA[:4, :4]).save(source)
    destination.write_bytes(b"mine")
    with pytest.raises(OutputExistsError, match=r"out\.png: it exists already"):
        sr.save(source, destination)
    assert destination.read_bytes() == b"mine"
    sr.save(source, destination, overwrite=True)
    assert read(destination).pixels.shape == (8, 8, 3)


def test_save_into_a_folder_that_is_missing_names_it(sr: Upscaler, tmp_path: Path):
    destination = tmp_path / "missing" / "out.png"
    with pytest.raises(StorageError, match=r"there is no folder .*missing") as error:
        sr.save(tmp_path / "in.png", destination)
    assert str(destination) in str(error.value)


@pytest.mark.parametrize("channels", [3, 4])
def test_save_reports_its_progress(sr: Upscaler, tmp_path: Path, channels: int):
    pixels = np.zeros((5, 5, channels), np.uint8)
    write(Picture(pixels), tmp_path / "in.png")
    shares: list[float] = []
    sr.save(tmp_path / "in.png", tmp_path / "out.png", progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_replaced_upscalers_share_loaded_networks(monkeypatch: pytest.MonkeyPatch):
    loaded: list[int] = []
    load = engines.load

    def noted(card: zoo.Card, *arguments: Any, **options: Any) -> engines.LoadedEngine:
        loaded.append(card.scale)
        return load(card, *arguments, **options)

    monkeypatch.setattr(engines, "load", noted)
    first = Upscaler("gladsr-l", scale=2)
    second = replace(first, scale=1.5, ensemble=True)
    third = replace(first, scale=None, size=(60, None))
    assert third(CHELSEA[:8, :20]).shape == (24, 60, 3)
    assert second(CHELSEA[:8, :20]).shape == (12, 30, 3)
    assert second == Upscaler("gladsr-l", scale=1.5, ensemble=True)
    assert loaded == [2, 3, 2]
    pickled = pickle.loads(pickle.dumps(third))  # noqa: S301 - our own
    assert pickled == third
    assert replace(first, model="gladsr")(CHELSEA[:8, :20]).shape == (16, 40, 3)


def test_masks_of_grey_and_opaque_pictures_are_those_of_their_colours():
    upscaler, grey = Upscaler("gladsr-l", scale=1.5), CHELSEA[:8, :20, 0]
    masks = upscaler.masks(np.dstack([grey] * 3))
    opaque = np.full_like(grey, 255)
    for pixels in (grey, np.dstack([grey, opaque]), np.dstack([grey] * 3 + [opaque])):
        np.testing.assert_array_equal(upscaler.masks(pixels), masks)
    assert ((masks > 0) & (masks < 1)).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_process_forked_after_a_network_was_loaded_is_rejected(sr: Upscaler):
    """An engine's threads do not survive a fork: it would wait for them for ever."""
    context = multiprocessing.get_context("fork")
    results = context.Queue()

    def use(upscaler: Upscaler | None) -> None:
        try:
            (upscaler or Upscaler("gladsr-l", scale=2))(CHELSEA[:8, :8])
        except EngineError as error:
            results.put(str(error))

    for upscaler in (sr, None):
        process = context.Process(target=use, args=(upscaler,))
        process.start()
        message = results.get(timeout=60)
        process.join()
        assert 'get_context("spawn")' in message


def test_channels_beside_the_colours_grow_each_for_itself(sr: Upscaler):
    colours, extra = CHELSEA[:20, :30], CHELSEA[20:40, :30, :2]
    larger = sr.upscale(Picture(colours, extra=extra))
    np.testing.assert_array_equal(larger.pixels, sr(colours))
    assert larger.extra is not None
    for channel in range(2):
        np.testing.assert_array_equal(larger.extra[..., channel], sr(extra[..., channel]))
