"""The command `gladsr evaluate`, with an upscaler that repeats pixels in place of a network."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from gladsr import cli
from gladsr.cli import evaluate as command
from gladsr.pictures import resize
from gladsr.scoring import evaluate


class Repeat:
    """Nearest neighbour, with the interface of the Upscaler."""

    def __init__(self, model: str, *, scale: int, ensemble: bool, precision: str = "fp32") -> None:
        self.settings = (model, ensemble)
        self.scale = scale
        self.precision = precision

    def __call__(self, lr: NDArray[Any]) -> NDArray[Any]:
        return lr.repeat(self.scale, 0).repeat(self.scale, 1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two images in a folder named Set5."""
    monkeypatch.setattr(command, "Upscaler", Repeat)
    images = tmp_path / "Set5"
    images.mkdir()
    for name in ("astronaut", "chelsea"):
        Image.fromarray(getattr(data, name)()[:90, :120]).save(images / f"{name}.png")
    return images


def test_json_is_one_document_with_bicubic_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model", "gladsr", "--model", "gladsr-l", "--scale", "2", "--scale", "3"]
    assert cli.main(["evaluate", str(folder), *words, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    results = json.loads(captured.out)
    assert [(result["model"], result["scale"]) for result in results] == [
        (model, scale) for scale in (2, 3) for model in ("bicubic", "gladsr", "gladsr-l")
    ]
    for result in results:
        scale = result["scale"]
        upscale = (
            partial(resize, scale=scale)
            if result["model"] == "bicubic"
            else Repeat("", scale=scale, ensemble=False)
        )
        expected = evaluate(upscale, folder, scale)
        assert result["folder"] == str(folder)
        assert result["ensemble"] is False
        assert (result["psnr"], result["ssim"]) == (expected.psnr, expected.ssim)
        assert [image["name"] for image in result["images"]] == ["astronaut.png", "chelsea.png"]
        assert [image["sha256"] for image in result["images"]] == [
            image.sha256 for image in expected.images
        ]


def test_the_table_has_the_papers_figures_beside_ours(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["evaluate", str(folder), "--scale", "4"]) == 0
    bicubic, ours = (line for line in capsys.readouterr().out.splitlines() if "Set5" in line)
    expected = evaluate(Repeat("", scale=4, ensemble=False), folder, 4)
    assert "bicubic" in bicubic
    assert "32.14" not in bicubic
    for word in ("gladsr", "×4", f"{expected.psnr:.2f}", f"{expected.ssim:.4f}", "32.14 / 0.8940"):
        assert word in ours


def test_the_ensemble_is_optional_and_has_no_figures_in_the_paper(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Repeat] = []

    def make(model: str, *, scale: int, precision: str, ensemble: bool) -> Repeat:
        made.append(Repeat(model, scale=scale, precision=precision, ensemble=ensemble))
        return made[-1]

    monkeypatch.setattr(command, "Upscaler", make)
    assert cli.main(["evaluate", str(folder), "--ensemble"]) == 0
    assert [upscaler.settings for upscaler in made] == [("gladsr", True)]
    out = capsys.readouterr().out
    assert "gladsr+" in out
    assert "37.99" not in out


def test_per_image_shows_every_image(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["evaluate", str(folder), "--per-image"]) == 0
    out = capsys.readouterr().out
    assert out.count("Set5/astronaut.png") == out.count("Set5/chelsea.png") == 2


def test_a_perfect_score_is_null_in_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in folder.iterdir():
        path.unlink()
    Image.fromarray(np.full((40, 40, 3), 99, np.uint8)).save(folder / "flat.png")
    assert cli.main(["evaluate", str(folder), "--json"]) == 0
    for result in json.loads(capsys.readouterr().out):
        assert result["psnr"] is result["images"][0]["psnr"] is None
        assert result["ssim"] == 1


def test_a_folder_with_a_damaged_image_is_named_and_the_others_are_scored(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = folder.parent / "other[1]"
    other.mkdir()
    (other / "damaged.png").write_bytes((folder / "chelsea.png").read_bytes()[:5000])
    assert cli.main(["evaluate", str(other), str(folder)]) == 1
    captured = capsys.readouterr()
    assert "Set5" in captured.out
    assert "other" not in captured.out
    assert (
        f"{other} cannot be scored at ×2. {other / 'damaged.png'}: it cannot be read"
        in captured.err
    )


@pytest.mark.parametrize("scale", ["1", "5"])
def test_an_unavailable_scale_is_rejected(
    folder: Path, capsys: pytest.CaptureFixture[str], scale: str
) -> None:
    assert cli.main(["evaluate", str(folder), "--scale", "2", "--scale", scale]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"no network has the scale {scale}; choose from --scale 2, 3, 4" in captured.err


@pytest.mark.parametrize("wrong", ["missing", "empty"])
def test_a_folder_without_images_is_rejected_before_anything_is_scored(
    folder: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    (folder.parent / "empty").mkdir()
    assert cli.main(["evaluate", str(folder), str(folder.parent / wrong)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(folder.parent / wrong) in captured.err
