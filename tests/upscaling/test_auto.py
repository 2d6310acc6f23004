"""The choice of the model, for pictures whose history the test knows."""

import pickle
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from skimage import data

from gladsr import EngineError, Upscaler
from gladsr.pictures import Picture, read, resize
from gladsr.pictures.compression import Compression, stated_compression
from gladsr.upscaling.auto import CLEAN, PHOTO, choose, choose_for_file
from gladsr.upscaling.files import FilePair

SMALL = data.chelsea()[90:138, 120:184]
NOISY = np.clip(
    np.rint(SMALL + np.random.default_rng(0).normal(0, 15, SMALL.shape)), 0, 255
).astype(np.uint8)


def _saved(pixels: NDArray[Any], path: Path, quality: int) -> NDArray[Any]:
    Image.fromarray(pixels).save(path, quality=quality)
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "brick", "grass", "text"])
def test_clean_pictures(name: str):
    assert choose(getattr(data, name)()).model == CLEAN


@pytest.mark.parametrize("quality", [10, 30, 50, 71, 84])
@pytest.mark.parametrize("name", ["astronaut", "brick", "grass"])
def test_jpeg_below_quality_85(name: str, quality: int, tmp_path: Path):
    path = tmp_path / "a.jpg"
    pixels = _saved(getattr(data, name)(), path, quality)
    choice = choose(pixels, stated_compression(path))
    assert str(choice) == f"gladsr-photo (JPEG quality {quality})"
    as_png = choose(pixels)
    assert as_png.model == PHOTO
    assert "traces of JPEG" in as_png.reason


@pytest.mark.parametrize("quality", [88, 95, 100])
@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_jpeg_of_high_quality(name: str, quality: int, tmp_path: Path):
    path = tmp_path / "a.jpg"
    pixels = _saved(getattr(data, name)(), path, quality)
    assert choose(pixels, stated_compression(path)).model == CLEAN
    assert choose(pixels).model == CLEAN


def test_low_quality_under_a_high_one(tmp_path: Path):
    path = tmp_path / "a.jpg"
    twice = _saved(_saved(data.chelsea(), path, 50), path, 95)
    choice = choose(twice, stated_compression(path))
    assert choice.model == PHOTO
    assert "traces of JPEG" in choice.reason


@pytest.mark.parametrize(("quality", "model"), [(30, PHOTO), (90, CLEAN)])
def test_webp(quality: int, model: str, tmp_path: Path):
    path = tmp_path / "a.webp"
    assert choose(_saved(data.coffee(), path, quality), stated_compression(path)).model == model


@pytest.mark.parametrize("name", ["coffee", "chelsea", "brick"])
def test_noise(name: str):
    pixels = getattr(data, name)()
    noisy = pixels + np.random.default_rng(0).normal(0, 12, pixels.shape)
    choice = choose(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    assert choice.model == PHOTO
    assert choice.reason.startswith("noise of 1")


def test_blur():
    blurred = Image.fromarray(data.astronaut()).filter(ImageFilter.GaussianBlur(1))
    assert str(choose(np.asarray(blurred))) == "gladsr-photo (blurred)"


def test_files_that_state_no_compression(tmp_path: Path):
    image = Image.fromarray(data.coffee())
    image.save(tmp_path / "a.png")
    image.save(tmp_path / "a.webp", lossless=True)
    (tmp_path / "damaged.jpg").write_bytes(b"\xff\xd8\xff\xe0damaged")
    for name in ("a.png", "a.webp", "damaged.jpg", "missing.jpg"):
        assert stated_compression(tmp_path / name) is None


def test_the_format_is_detected_by_content_not_by_name(tmp_path: Path):
    path = tmp_path / "a.png"
    Image.fromarray(data.coffee()).save(path, "JPEG", quality=60)
    assert stated_compression(path) == Compression("JPEG", 60)


@pytest.fixture(scope="module")
def auto() -> Upscaler:
    return Upscaler(scale=2)


def _models(upscaler: Upscaler) -> list[str]:
    """Return the models that an upscaler has loaded."""
    return sorted(key[0] for key in upscaler._networks._loaded)


def test_a_model_is_loaded_when_it_is_first_chosen():
    upscaler = Upscaler(scale=2)
    assert _models(upscaler) == []
    upscaler(SMALL)
    assert _models(upscaler) == [CLEAN]
    upscaler(NOISY)
    assert _models(upscaler) == [CLEAN, PHOTO]


def test_unavailable_settings_are_an_error_at_once():
    with pytest.raises(EngineError, match="no engine 'abacus'"):
        Upscaler(engine="abacus")  # type: ignore[arg-type]
    with pytest.raises(EngineError, match="NPU7"):
        Upscaler(device="NPU7")


def test_arrays_are_upscaled_by_the_model_that_suits_them(auto: Upscaler):
    for pixels, model in ((SMALL, CLEAN), (NOISY, PHOTO)):
        np.testing.assert_array_equal(auto(pixels), Upscaler(model, scale=2)(pixels))
        np.testing.assert_array_equal(auto.masks(pixels), Upscaler(model, scale=2).masks(pixels))


def test_files_and_images_are_judged_by_their_header(auto: Upscaler, tmp_path: Path):
    path = tmp_path / "a.jpg"
    _saved(SMALL[:14, :14], path, 60)  # too small to be judged by its pixels
    pixels = np.asarray(Image.open(path))
    expected = Upscaler(PHOTO, scale=2)(pixels)
    np.testing.assert_array_equal(auto(Image.open(path)), expected)
    np.testing.assert_array_equal(auto(path), expected)
    auto.save(path, tmp_path / "b.png")
    np.testing.assert_array_equal(read(tmp_path / "b.png").pixels, expected)
    np.testing.assert_array_equal(auto(pixels), Upscaler(CLEAN, scale=2)(pixels))


def test_a_copy_makes_the_same_choice(auto: Upscaler):
    copy = pickle.loads(pickle.dumps(auto))  # noqa: S301 - our own bytes
    assert copy == auto
    assert _models(copy) == []
    np.testing.assert_array_equal(copy(NOISY), auto(NOISY))


def test_a_scale_that_gladsr_photo_lacks_is_made_from_a_larger_one():
    expected = resize(Upscaler(PHOTO, scale=4)(NOISY / 255), size=(144, 192)).clip(0, 1)
    np.testing.assert_allclose(Upscaler(scale=3)(NOISY / 255), expected, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, -0.5, 1.5])
def test_pixels_out_of_range_are_still_an_error(auto: Upscaler, bad: float):
    pixels = np.full((40, 40), 0.5)
    pixels[20, 20] = bad
    with pytest.raises(ValueError, match="must lie in"):
        auto(pixels)


def _film(path: Path, frames: list[NDArray[np.uint8]], **options: str) -> None:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", 25, {"g": "5", **options})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv444p"
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def test_a_film_is_judged_by_frames_from_its_whole_length(tmp_path: Path):
    black = [np.zeros((128, 192, 3), np.uint8)] * 10
    clean = data.coffee()[:128, 100:292]
    noise = np.random.default_rng(1)
    noisy = [
        np.clip(clean + noise.normal(0, 15, clean.shape), 0, 255).astype(np.uint8)
        for _ in range(40)
    ]
    for frames, model in (([clean] * 50, CLEAN), (black + noisy, PHOTO)):
        path = tmp_path / f"{model}.mkv"
        _film(path, frames, crf="5")
        pair = FilePair(path, tmp_path / "large.mkv")
        assert choose_for_file(pair, Picture(frames[0])).model == model
