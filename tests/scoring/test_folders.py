"""Whole folders: the published bicubic scores, and how images of other kinds are treated."""

import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from gladsr.errors import PictureError
from gladsr.pictures.resize import mod_crop, resize
from gladsr.scoring.evaluate import FolderScores, evaluate, images_in
from gladsr.scoring.psnr import psnr
from gladsr.scoring.ssim import ssim

astronaut: Callable[[], NDArray[np.uint8]] = data.astronaut
PHOTO = astronaut()[:101, 150:300]

# Bicubic PSNR and, where it is given, SSIM of these editions of the sets. The published means
# (33.66, 30.39, 28.42; 30.24, 27.55, 26.00; 29.56, 27.21, 25.96) are within 0.015 dB of them.
BICUBIC = {
    ("Set5", 2): (33.67, 0.9303),
    ("Set5", 3): (30.40, 0.8689),
    ("Set5", 4): (28.43, 0.8111),
    ("Set14", 2): (30.23, None),
    ("Set14", 3): (27.54, None),
    ("Set14", 4): (26.00, None),
    ("B100", 2): (29.56, 0.8434),
    ("B100", 3): (27.21, 0.7391),
    ("B100", 4): (25.96, 0.6681),
}


@pytest.mark.skipif("GLADSR_DATA" not in os.environ, reason="needs the research images")
@pytest.mark.parametrize(("name", "scale"), BICUBIC)
def test_bicubic_has_its_published_scores(name: str, scale: int) -> None:
    folder = Path(os.environ["GLADSR_DATA"], "test", name)
    scores = evaluate(partial(resize, scale=scale), folder, scale)
    expected_psnr, expected_ssim = BICUBIC[name, scale]
    assert len(scores.images) == {"Set5": 5, "Set14": 14, "B100": 100}[name]
    # Half of the last digit given, and 0.002 dB for a larger image that is rounded once, not twice.
    assert scores.psnr == pytest.approx(expected_psnr, abs=0.007)
    if expected_ssim:
        assert scores.ssim == pytest.approx(expected_ssim, abs=0.0002)


def _evaluate_one(upscale: Any, folder: Path, pixels: NDArray[Any], scale: int) -> FolderScores:
    Image.fromarray(pixels).save(folder / "a.png")
    return evaluate(upscale, folder, scale)


def test_the_upscaler_gets_the_exact_lr_image_and_its_output_is_what_is_scored(
    tmp_path: Path,
) -> None:
    seen = []

    def upscale(lr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        seen.append(lr)
        return lr.repeat(3, 0).repeat(3, 1)

    scores = _evaluate_one(upscale, tmp_path, PHOTO, scale=3)
    reference = mod_crop(PHOTO, 3)
    lr = resize(reference, scale=1 / 3)
    np.testing.assert_array_equal(seen, [lr])
    nearest = lr.repeat(3, 0).repeat(3, 1)
    (image,) = scores.images
    assert image.psnr == scores.psnr == psnr(nearest, reference, 3)
    assert image.ssim == scores.ssim == ssim(nearest, reference, 3)
    assert image.name == "a.png"
    assert image.sha256 == hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()


def test_the_mean_is_over_images_and_other_files_are_ignored(tmp_path: Path) -> None:
    for name, part in (("b.png", PHOTO[:60]), ("a.JPG", PHOTO[:, :60]), ("c.webp", PHOTO)):
        Image.fromarray(part).save(tmp_path / name, lossless=True)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "more").mkdir()
    scores = evaluate(partial(resize, scale=2), tmp_path, 2)
    assert [image.name for image in scores.images] == ["a.JPG", "b.png", "c.webp"]
    assert scores.psnr == pytest.approx(np.mean([image.psnr for image in scores.images]))
    assert scores.ssim == pytest.approx(np.mean([image.ssim for image in scores.images]))


def test_floating_point_output_is_scored_like_its_rounding(tmp_path: Path) -> None:
    def floating(lr: NDArray[np.uint8]) -> NDArray[np.float64]:
        larger: NDArray[np.float64] = resize(lr, scale=2) / 255
        return larger

    whole = _evaluate_one(partial(resize, scale=2), tmp_path, PHOTO, 2)
    assert _evaluate_one(floating, tmp_path, PHOTO, 2) == whole


def test_a_grey_image_is_upscaled_as_rgb_and_scored_as_luminance(tmp_path: Path) -> None:
    def tinted(lr: NDArray[np.uint8]) -> NDArray[np.float64]:
        assert lr.shape[2] == 3
        assert (lr == lr[..., :1]).all()
        tint: NDArray[np.float64] = resize(lr, scale=2) / 255 * 0.9 + np.array([0.03, 0, -0.03])
        return tint

    grey = mod_crop(PHOTO[..., 0], 2)
    scores = _evaluate_one(tinted, tmp_path, PHOTO[..., 0], 2)
    bicubic = resize(resize(grey, scale=0.5), scale=2)
    assert scores.psnr == pytest.approx(psnr(bicubic * 0.9 / 255, grey, 2), abs=0.02)


def test_sixteen_bits_and_an_opaque_alpha_score_as_eight_bits_without(tmp_path: Path) -> None:
    plain = _evaluate_one(partial(resize, scale=2), tmp_path, PHOTO[..., 0], 2)
    deep = _evaluate_one(partial(resize, scale=2), tmp_path, PHOTO[..., 0].astype("u2") * 257, 2)
    opaque = np.dstack([PHOTO[..., 0], np.full_like(PHOTO[..., 0], 255)])
    with_alpha = _evaluate_one(partial(resize, scale=2), tmp_path, opaque, 2)
    assert plain.psnr == deep.psnr == with_alpha.psnr


def test_an_image_that_cannot_be_scored_is_named(tmp_path: Path) -> None:
    bicubic = partial(resize, scale=4)
    with pytest.raises(PictureError, match="has no pictures"):
        images_in(tmp_path)
    with pytest.raises(PictureError, match="missing: it is not a folder"):
        evaluate(bicubic, tmp_path / "missing", 4)
    with pytest.raises(PictureError, match=r"a\.png: it is too small: ×4 needs 19 pixels a side"):
        _evaluate_one(bicubic, tmp_path, PHOTO[:19], 4)
    with pytest.raises(PictureError, match=r"a\.png: it has transparent parts"):
        _evaluate_one(bicubic, tmp_path, np.dstack([PHOTO, PHOTO[..., 0]]), 4)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(PictureError, match=r"a\.png: it is empty"):
        evaluate(bicubic, tmp_path, 4)


def test_hidden_files_and_folders_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "._baby.png").write_bytes(b"what another system keeps beside a picture")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "baby.png").touch()
    assert [path.name for path in images_in(tmp_path)] == ["baby.png"]
