import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
from PIL import Image

from gladsr import Upscaler
from gladsr.cli import main
from gladsr.pictures import Picture, read, read_pages

CHELSEA = skimage.data.chelsea()[80:112, 120:160]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(CHELSEA).save("a.png")
    Path("in").mkdir()
    for name in ("b.png", "c.jpg"):
        Image.fromarray(CHELSEA[:8, :10]).save(Path("in") / name)
    Path("in/notes.txt").write_text("not a picture")


def files(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_one_picture(capsys: pytest.CaptureFixture[str]):
    assert main(["upscale", "a.png", "-o", "large.png"]) == 0
    np.testing.assert_array_equal(read("large.png").pixels, Upscaler("gladsr", scale=2)(CHELSEA))
    printed = capsys.readouterr()
    expected = "gladsr: a.png: gladsr (clean)\n"
    assert (printed.out, printed.err) == ("", expected)  # no progress where there is no terminal


def test_a_named_model_is_not_announced(capsys: pytest.CaptureFixture[str]):
    assert main(["upscale", "a.png", "-o", "large.png", "--model", "gladsr"]) == 0
    assert capsys.readouterr().err == ""


def test_the_model_is_chosen_for_each_file_of_a_folder(capsys: pytest.CaptureFixture[str]):
    photograph = skimage.data.astronaut()[100:196, 100:228]
    Path("mixed").mkdir()
    Image.fromarray(photograph).save("mixed/clean.png")
    Image.fromarray(photograph).save("mixed/photo.jpg", quality=71)
    Image.open("mixed/photo.jpg").save("mixed/saved-again.png")
    noise = np.random.default_rng(0).normal(0, 15, photograph.shape)
    noisy = np.clip(photograph + noise, 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save("mixed/noisy.png")
    assert main(["upscale", "mixed", "-o", "out", "--draft", "--format", "png"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "gladsr: clean.png: gladsr (clean)"
    assert lines[1].startswith("gladsr: noisy.png: gladsr-photo (noise of 1")
    assert lines[2] == "gladsr: photo.jpg: gladsr-photo (JPEG quality 71)"
    assert lines[3].startswith("gladsr: saved-again.png: gladsr-photo (traces of JPEG quality 7")
    for name in files("mixed"):
        model = "gladsr" if name == "clean.png" else "gladsr-photo"
        expected = Upscaler(model, draft=True)(read(f"mixed/{name}").pixels)
        np.testing.assert_array_equal(read(f"out/{Path(name).stem}.png").pixels, expected)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_options_reach_the_upscaler(scale: int):
    arguments = ["--model", "gladsr-l", "--scale", str(scale), "--draft", "--ensemble"]
    machine = ["--engine", "onnxruntime", "--threads", "1", "--device", "cpu"]
    assert main(["upscale", "a.png", "-o", "large.png", *arguments, *machine]) == 0
    expected = Upscaler(
        "gladsr-l", scale=scale, draft=True, ensemble=True, engine="onnxruntime", threads=1
    )(CHELSEA)
    np.testing.assert_array_equal(read("large.png").pixels, expected)


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        (["--scale", "1.5"], (48, 60)),
        (["--size", "90x90"], (72, 90)),
        (["--size", "x100"], (100, 125)),
        (["--size", "100x", "--tile", "16"], (80, 100)),
        (["--max-output-pixels", "2000"], (40, 50)),
    ],
    ids=str,
)
def test_any_size(arguments: list[str], size: tuple[int, int]):
    assert main(["upscale", "a.png", "-o", "out.png", "--model", "gladsr-l", *arguments]) == 0
    assert read("out.png").pixels.shape == (*size, 3)


def test_a_picture_that_is_large_enough_is_reported_and_the_rest_is_done(
    capsys: pytest.CaptureFixture[str],
):
    assert (
        main(["upscale", "a.png", "in", "-o", "out", "--size", "40x32", "--model", "gladsr"]) == 1
    )
    assert files("out") == ["b.png", "c.jpg"]
    first = capsys.readouterr().err.splitlines()[0]
    assert first == "gladsr: a.png: it has 40x32 pixels: 40x32 would not make it larger"


def test_quality_changes_the_size_of_the_file():
    for quality in ("40", "95"):
        assert main(["upscale", "a.png", "-o", f"{quality}.jpg", "--quality", quality]) == 0
    assert Path("40.jpg").stat().st_size < Path("95.jpg").stat().st_size / 2


def test_a_folder_gives_a_folder():
    assert main(["upscale", "in", "-o", "new/out"]) == 0
    assert files("new/out") == ["b.png", "c.jpg"]
    assert read("new/out/c.jpg").pixels.shape == (16, 20, 3)


@pytest.mark.parametrize(
    ("arguments", "label"),
    [([], "x2"), (["--scale", "1.5"], "x1.5"), (["--size", "64×64"], "64x64")],
    ids=str,
)
def test_without_an_output_each_input_gets_one_beside_it(arguments: list[str], label: str):
    assert main(["upscale", "a.png", "in", "--draft", *arguments]) == 0
    assert set(files(".")) == {"a.png", f"a-{label}.png", "in", f"in-{label}"}
    assert files(f"in-{label}") == ["b.png", "c.jpg"]
    assert files("in") == ["b.png", "c.jpg", "notes.txt"]


def test_without_an_output_a_file_that_exists_is_kept(capsys: pytest.CaptureFixture[str]):
    Path("a-x2.png").write_bytes(b"mine")
    assert main(["upscale", "a.png"]) == 2
    assert "a-x2.png exists already; --overwrite" in capsys.readouterr().err
    assert Path("a-x2.png").read_bytes() == b"mine"


def test_recursive_keeps_the_structure():
    assert main(["upscale", ".", "-o", "out", "--recursive"]) == 0
    assert files("out") == ["a.png", "in"]
    assert files("out/in") == ["b.png", "c.jpg"]


def test_failures_are_reported_and_the_rest_is_done(capsys: pytest.CaptureFixture[str]):
    Path("in/broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand nothing more")
    words = ["--model", "gladsr"]
    assert main(["upscale", "in", "nowhere.png", "in/notes.txt", "-o", "out", *words]) == 1
    assert files("out") == ["b.png", "c.jpg"]
    broken, nowhere, notes, others, summary = capsys.readouterr().err.splitlines()
    assert broken.startswith("gladsr: in/broken.png: it cannot be read")
    assert nowhere.startswith("gladsr: nowhere.png: it cannot be read")
    assert notes.startswith("gladsr: in/notes.txt:")
    assert others == "gladsr: 1 file ignored"
    assert summary == "gladsr: 3 of 5 files failed"


def test_a_picture_too_large_for_the_memory_is_reported_and_the_rest_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    upscale, pictures = Upscaler.upscale, iter(["b.png", "c.jpg"])

    def run_out(self: Upscaler, *arguments: Any) -> Picture:
        if next(pictures) == "b.png":
            raise MemoryError
        return upscale(self, *arguments)

    monkeypatch.setattr(Upscaler, "upscale", run_out)
    assert main(["upscale", "in", "-o", "out"]) == 1
    assert "in/b.png: it is too large for this machine's memory." in capsys.readouterr().err
    assert files("out") == ["c.jpg"]


def test_nothing_is_done_when_an_output_exists(capsys: pytest.CaptureFixture[str]):
    Path("out").mkdir()
    Path("out/c.jpg").write_bytes(b"mine")
    assert main(["upscale", "in", "-o", "out"]) == 2
    assert "out/c.jpg exists already; --overwrite" in capsys.readouterr().err
    assert files("out") == ["c.jpg"]
    assert Path("out/c.jpg").read_bytes() == b"mine"


def test_skip_existing_keeps_existing_outputs():
    Path("out").mkdir()
    Path("out/c.jpg").write_bytes(b"mine")
    assert main(["upscale", "in", "-o", "out", "--skip-existing"]) == 0
    assert files("out") == ["b.png", "c.jpg"]
    assert Path("out/c.jpg").read_bytes() == b"mine"
    assert main(["upscale", "in", "-o", "out", "--skip-existing"]) == 0


def test_overwrite_replaces_existing_outputs():
    Path("out.png").write_bytes(b"old")
    assert main(["upscale", "a.png", "-o", "out.png", "--overwrite"]) == 0
    assert read("out.png").pixels.shape == (64, 80, 3)


def test_overwrite_never_replaces_the_input(capsys: pytest.CaptureFixture[str]):
    before = Path("a.png").read_bytes()
    assert main(["upscale", "a.png", "-o", "a.png", "--overwrite"]) == 2
    assert "over the input a.png" in capsys.readouterr().err
    assert Path("a.png").read_bytes() == before


def test_two_inputs_with_one_output_are_rejected_before_anything_is_done(
    capsys: pytest.CaptureFixture[str],
):
    Path("in/a.png").write_bytes(Path("a.png").read_bytes())
    assert main(["upscale", "a.png", "in", "-o", "out"]) == 2
    assert "would both become out/a.png" in capsys.readouterr().err
    assert not Path("out").exists()


def test_patterns_formats_and_other_files(capsys: pytest.CaptureFixture[str]):
    arguments = ["--include", "*.jpg", "--include", "*.png", "--exclude", "b*", "--format", "webp"]
    assert main(["upscale", "in", "-o", "out", "--model", "gladsr", *arguments]) == 0
    assert files("out") == ["c.webp"]
    assert capsys.readouterr().err == "gladsr: 2 files ignored\n"


def test_every_page_is_upscaled():
    pages = [Image.fromarray(CHELSEA[:8, :10]), Image.fromarray(CHELSEA[:6, :5])]
    pages[0].save("pages.tif", save_all=True, append_images=pages[1:])
    assert main(["upscale", "pages.tif", "-o", "large.tif"]) == 0
    shapes = [page.pixels.shape for page in read_pages("large.tif").pictures]
    assert shapes == [(16, 20, 3), (12, 10, 3)]


def test_metadata_can_be_stripped():
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    Image.fromarray(CHELSEA).save("camera.jpg", exif=exif, dpi=(300, 300))
    for arguments, kept in ((["--strip-metadata"], False), ([], True)):
        assert main(["upscale", "camera.jpg", "-o", "out.jpg", "--overwrite", *arguments]) == 0
        assert (read("out.jpg").exif is not None) == kept
        assert (read("out.jpg").dpi is not None) == kept


def test_the_limit_of_input_pixels_can_be_changed(capsys: pytest.CaptureFixture[str]):
    assert main(["upscale", "a.png", "-o", "b.png", "--max-input-pixels", "1279"]) == 1
    assert "40 × 32 pixels, more than the limit of 1,279" in capsys.readouterr().err
    assert main(["upscale", "a.png", "-o", "b.png", "--max-input-pixels", "1280"]) == 0


def test_floats_of_another_range_need_the_option(capsys: pytest.CaptureFixture[str]):
    Image.fromarray(CHELSEA[..., 0].astype(np.float32)).save("a.tif")
    assert main(["upscale", "a.tif", "-o", "b.tif"]) == 1
    assert "give their range" in capsys.readouterr().err
    assert main(["upscale", "a.tif", "-o", "b.tif", "--range", "0,255"]) == 0
    with Image.open("b.tif") as image:
        assert 100 < np.asarray(image).mean() < 160


def test_the_conversion_of_cmyk_is_reported(capsys: pytest.CaptureFixture[str]):
    Image.fromarray(CHELSEA).convert("CMYK").save("cmyk.jpg")
    assert main(["upscale", "cmyk.jpg", "-o", "rgb.jpg", "--model", "gladsr"]) == 0
    expected = "gladsr: cmyk.jpg: its CMYK becomes RGB, in the colour space sRGB\n"
    assert capsys.readouterr().err == expected


def test_names_of_any_bytes_can_be_printed(capsys: pytest.CaptureFixture[str]):
    name = os.fsdecode(b"in/\xff.png")
    Path(name).write_bytes(b"nothing")
    assert main(["upscale", "in", "-o", "out"]) == 1
    assert "it is not a supported picture" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scale", "9"], "the scale is 9, but must be above 1 and at most 8"),
        (["--scale", "1"], "the scale is 1, but must be above 1 and at most 8"),
        (["--scale", "3", "--size", "9x9"], "choose from --scale and --size"),
        (["--size", "90"], "the size is '90', but must be such as 1920x1080, 3840x or x2160"),
        (["--size", "x"], "the size is 'x', but must be such as"),
        (["--size", "0x90"], "the size is '0x90', but must be such as"),
        (["--tile", "15"], "--tile is '15', but must be auto or a number from 16"),
        (["--max-output-pixels", "0"], "--max-output-pixels"),
        (["--model", "esrgan"], "no model 'esrgan'; choose from gladsr, gladsr-l"),
        (["--model", "esrgan", "--scale", "8"], "no model 'esrgan'; choose from gladsr, gladsr-l"),
        (["--device", "NPU7"], "no device 'NPU7'"),
        (["--overwrite", "--skip-existing"], "choose one of --overwrite and --skip-existing"),
        (["--quality", "101"], "--quality"),
        (["--range", "9"], "must be two numbers"),
        (["--range", "1,0"], "must be two numbers"),
        (["--format", "psd"], "--format is 'psd', but must be one of .png"),
    ],
)
def test_wrong_options_are_rejected_with_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["upscale", "a.png", "-o", "out.png", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not Path("out.png").exists()


def test_unavailable_bf16_is_reported(caplog: pytest.LogCaptureFixture):
    arguments = ["--engine", "onnxruntime", "--precision", "bf16"]
    assert main(["upscale", "a.png", "-o", "out.png", *arguments]) == 0
    assert "does not compute in bf16; fp32 is used" in caplog.text


def test_files_are_checked_when_they_are_reached(monkeypatch: pytest.MonkeyPatch):
    """One that cannot must not keep the others from being done."""
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    assert main(["upscale", "a.png", "-o", "out.png", "--draft"]) == 0


def test_a_folder_that_cannot_be_created_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "folder"
    assert main(["upscale", "a.png", "-o", str(folder / "out.png"), "--draft"]) == 1
    assert f"{folder}: it cannot be created (Not a directory)." in capsys.readouterr().err
