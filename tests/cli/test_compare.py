from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
from numpy.typing import NDArray
from PIL import Image

from gladsr.cli import main
from gladsr.errors import ComparisonError
from gladsr.pictures import read, resize, to_rgb
from gladsr.scoring import psnr, ssim
from gladsr.scoring.comparison import Box, draw, most_different, versions

PHOTO = skimage.data.astronaut()[:240, 100:340]
SMALL = resize(PHOTO, scale=0.5)
LARGE = resize(SMALL, scale=2)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for name, pixels in {"photo": PHOTO, "small": SMALL, "large": LARGE}.items():
        Image.fromarray(pixels).save(f"{name}.png")


def holds(sheet: NDArray[Any], crop: NDArray[Any], zoom: int) -> bool:
    """Return whether a sheet shows a crop to the pixel, so many times enlarged."""
    wanted = crop.repeat(zoom, 0).repeat(zoom, 1)
    corners = np.argwhere((sheet == wanted[0, 0]).all(axis=2))
    height, width = wanted.shape[:2]
    return any(np.array_equal(sheet[y : y + height, x : x + width], wanted) for y, x in corners)


def test_a_sheet_shows_every_version_of_every_rectangle(capsys: pytest.CaptureFixture[str]):
    words = ["compare", "small.png", "large.png", "--hr", "photo.png", "-o", "sheet.png"]
    assert main([*words, "--crop", "100,40,56,56", "--crop", "10,20,112,28"]) == 0
    sheet = read("sheet.png").pixels
    enlarged = SMALL.repeat(2, 0).repeat(2, 1)
    for pixels in (PHOTO, LARGE, enlarged):
        assert holds(sheet, pixels[40:96, 100:156], 4)
        assert holds(sheet, pixels[20:48, 10:122], 2)
    assert capsys.readouterr().err == (
        "gladsr: sheet.png shows --crop 100,40,56,56 --crop 10,20,112,28\n"
    )


def test_by_default_it_shows_where_the_pictures_differ_most(capsys: pytest.CaptureFixture[str]):
    changed = PHOTO.copy()
    changed[150:190, 30:70] = 255 - changed[150:190, 30:70]
    changed[20:40, 180:200] //= 2
    Image.fromarray(changed).save("changed.png")
    assert main(["compare", "photo.png", "changed.png", "-o", "sheet.png", "--places", "2"]) == 0
    _, first, _, second = capsys.readouterr().err.split("shows ")[1].split()
    for words, (left, top, side) in ((first, (30, 150, 40)), (second, (180, 20, 20))):
        x, y, width, height = map(int, words.split(","))
        assert x <= left
        assert y <= top
        assert x + width >= left + side
        assert y + height >= top + side


def test_rectangles_do_not_overlap():
    noise = np.random.default_rng(0).integers(0, 255, (2, 100, 100, 3), np.uint8)
    boxes = most_different(list(noise), 30, 6)
    covered = np.zeros((100, 100), int)
    for box in boxes:
        covered[box.y : box.y + 30, box.x : box.x + 30] += 1
    assert len(boxes) > 3
    assert covered.max() == 1
    assert most_different(list(noise), 100, 6) == [Box(0, 0, 100, 100)]


def test_the_scores_are_those_of_the_whole_pictures():
    hr, small, large = versions({"small": SMALL, "large": LARGE}, PHOTO)
    assert (hr.label, hr.score, small.score) == ("HR", None, None)
    assert large.score == (psnr(LARGE, PHOTO, 2), ssim(LARGE, PHOTO, 2))
    _, alone = versions({"large": LARGE}, PHOTO)
    assert alone.score == (psnr(LARGE, PHOTO), ssim(LARGE, PHOTO))
    _, cut = versions({"large": LARGE}, np.pad(PHOTO, ((0, 3), (0, 1), (0, 0))), border=4)
    assert cut.score == (psnr(LARGE, PHOTO, 4), ssim(LARGE, PHOTO, 4))


def test_grey_is_its_own_luminance_as_in_evaluate():
    grey, blurred = PHOTO[..., 1], LARGE[..., 1]
    _, scored = versions({"a": to_rgb(blurred, alpha="over white")}, grey)
    assert scored.score is not None
    assert scored.score[0] == psnr(blurred, grey)


def test_scores_are_printed_below_the_crops():
    box = [Box(0, 0, 50, 50)]
    plain = draw(versions({"a": LARGE, "b": PHOTO}), box)
    scored = draw(versions({"a": LARGE}, PHOTO), box)
    assert plain.shape == scored.shape
    bottom = plain.shape[0] - 20  # the second line
    assert plain[bottom:, plain.shape[1] // 2 :].min() == 255
    assert scored[bottom:, scored.shape[1] // 2 :].min() < 50


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_any_number_of_pictures_and_long_names(count: int):
    for number in range(count):
        Image.fromarray(PHOTO).save(f"{'long name ' * 8}{number}.png")
    names = [f"{'long name ' * 8}{number}.png" for number in range(count)]
    assert main(["compare", *names, "-o", "sheet.jpg"]) == 0
    height, width = read("sheet.jpg").pixels.shape[:2]
    assert height < 700
    assert width < 500 + 250 * count


@pytest.mark.parametrize("kind", ["grey", "transparent", "16 bits"])
def test_any_kind_of_picture(kind: str):
    pixels: NDArray[Any] = {
        "grey": PHOTO[..., 0],
        "transparent": np.dstack([PHOTO, np.zeros((240, 240), np.uint8)]),
        "16 bits": PHOTO[..., 0].astype(np.uint16) * 257,
    }[kind]
    Image.fromarray(pixels).save("other.png")
    words = ["compare", "other.png", "photo.png", "-o", "sheet.png", "--crop", "0,0,56,56"]
    assert main(words) == 0
    shown = np.full_like(PHOTO, 255) if kind == "transparent" else np.dstack([PHOTO[..., 0]] * 3)
    assert holds(read("sheet.png").pixels, shown[:56, :56], 4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["photo.png"], "give two pictures or more, or one and --hr"),
        (["photo.png", "missing.png"], "missing.png: it cannot be read"),
        (["photo.png", "odd.png"], "odd has 100×240 pixels, but the largest picture has"),
        (["small.png", "--hr", "photo.png"], "the original has 240×240 pixels, but the largest"),
        (["photo.png", "large.png", "--crop", "200,0,41,10"], "extends beyond the 240×240 pixels"),
        (["photo.png", "large.png", "--crop", "1,2,3"], "must be X,Y,W,H such as"),
        (["photo.png", "large.png", "--labels", "one"], "--labels has 1 names for 2 pictures"),
        (["photo.png", "large.png", "--labels", "a,a"], "two pictures have the same name"),
        (["photo.png", "photo.png"], "two pictures have the same name"),
        (["photo.png", "large.png", "-o", "sheet.txt"], "sheet.txt does not end in one of"),
        (["photo.png", "large.png", "-o", "photo.png", "--overwrite"], "over an input"),
        (["photo.png", "small.png", "-o", "large.png"], "large.png exists already"),
    ],
    ids=str,
)
def test_wrong_arguments_are_rejected_with_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    Image.fromarray(PHOTO[:, :100]).save("odd.png")
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    output = [] if "-o" in words else ["-o", "sheet.png"]
    assert main(["compare", *words, *output]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


def test_too_small_pictures_are_not_scored():
    with pytest.raises(ComparisonError, match="a is too small to be scored"):
        versions({"a": PHOTO[:10, :10]}, PHOTO[:10, :10])
