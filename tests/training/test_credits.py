"""The credits of training images."""

import os
from pathlib import Path

import pytest
from PIL import Image

from gladsr.errors import DataError
from gladsr.training import read_settings
from gladsr.training.credits import credits_of
from gladsr.training.settings import TrainingSettings

DATA = Path(os.environ.get("GLADSR_DATA", "nowhere"))
RECIPE = Path(__file__).parents[2] / "configs" / "recipe.toml"

OPEN = "file\tsource\tpath\tlicence"
PHOTOS = "file\toriginal\tcollection"
SOURCES = "dataset\trepository\tlicence_as_stated"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a few images and its tables."""
    names = ("open/a.avif", "open/b.avif", "photos/c.png", "photos/d.png", "drawn/e.png")
    for name in names:
        file = tmp_path / "train" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20)).save(file)
    rows = (
        OPEN,
        "train/open/a.avif\tsomeone/walls\tx/jane-van-dam-wndpWTiDuT0-unsplash.jpg\tUnsplash",
        "train/open/b.avif\tdebian:w_1%3a1.deb\tusr/The_Quay_by_Tom_O'Neill.jpg\tCC-BY-SA-3.0",
    )
    (tmp_path / "open.tsv").write_text("\n".join(rows))
    photos = (PHOTOS, "c.png\tbyte.jpg\thills", "d.png\tx.jpg\tunknown")
    (tmp_path / "train" / "photos.tsv").write_text("\n".join(photos))
    sources = (SOURCES, "photos_hires/hills\ta/hills\tCC0-1.0", "unknown\tz/z\tnone")
    (tmp_path / "SOURCES.tsv").write_text("\n".join(sources))
    return tmp_path


def _settings(config: Path, data: Path, *changes: str) -> TrainingSettings:
    folders = [str(data / "train" / name) for name in ("open", "photos", "drawn")]
    return read_settings(config, (f"data.train={folders}", *changes))


def test_author_source_and_licence_of_every_image(toy_config: Path, data: Path) -> None:
    text = credits_of(_settings(toy_config, data, "data.exclude=['d.*']"), data)
    assert text.splitlines()[2:] == [
        "a/hills: CC0-1.0",
        "    byte.jpg",
        "",
        "debian:w_1%3a1.deb: CC-BY-SA-3.0",
        "    usr/The_Quay_by_Tom_O'Neill.jpg, by Tom O'Neill",
        "",
        "someone/walls: Unsplash",
        "    x/jane-van-dam-wndpWTiDuT0-unsplash.jpg, by Jane Van Dam",
    ]


def test_an_image_without_an_entry_is_an_error(toy_config: Path, data: Path) -> None:
    Image.new("RGB", (20, 20)).save(data / "train" / "open" / "new.png")
    with pytest.raises(DataError, match=r"new\.png has no entry in the tables"):
        credits_of(_settings(toy_config, data), data)


@pytest.mark.skipif(not DATA.is_dir(), reason="GLADSR_DATA names no folder")
def test_all_images_of_the_recipe_have_credits() -> None:
    text = credits_of(read_settings(RECIPE, ("network.scale=2",)), DATA)
    assert "linuxdeepin/deepin-wallpapers: CC-BY-4.0" in text
    assert "wikipedia" not in text
    assert "by Cristina Gottardi" in text
