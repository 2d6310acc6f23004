"""Test sets and training images at toy size, from pictures that scikit-image ships."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data

from gladsr.paper import ablations

SETS = {
    "Set5": ["head"],
    "Set14": ["barbara", "zebra", "ppt3", "monarch"],
    "B100": ["223061", "148026"],
    "RealWorld": ["building", "comic1", "dog"],
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Toy networks are faster on one thread than on two that wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def no_giving_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process cannot take its priority back."""
    monkeypatch.setattr(ablations, "give_way", lambda: None)


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder laid out as the research images are, Urban100 left out."""
    root = tmp_path_factory.mktemp("toy")
    picture = data.astronaut()
    for number, (name, files) in enumerate(SETS.items()):
        (root / "test" / name).mkdir(parents=True)
        for shift, file in enumerate(files):
            top = 20 * number + 40 * shift
            crop = picture[top : top + 76, 150:254]
            Image.fromarray(crop).save(root / "test" / name / f"{file}.png")
    for name in ("train", "val"):
        (root / name).mkdir()
        Image.fromarray(data.coffee()[100:180, 200:300]).save(root / name / "a.png")
    return root


@pytest.fixture
def toy_settings(toy_data: Path) -> list[str]:
    """Return the words that make an ablation's training take a moment."""
    settings = {
        "network.features": 16,
        "network.growth": 4,
        "network.expansion": 1,
        "network.reduction": 2,
        "data.train": f'["{toy_data}/train"]',
        "data.validation": f"{toy_data}/val",
        "data.patch": 8,
        "data.batch": 1,
        "schedule.steps": 4,
        "schedule.warmup": 1,
        "validate_every": 2,
        "checkpoint_every": 2,
        "precision": "fp32",
        "compile": "false",
    }
    return [word for key, value in settings.items() for word in ("--setting", f"{key}={value}")]
