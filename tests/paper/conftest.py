"""Test sets and training images at toy size, from pictures that scikit-image ships."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data

from gladsr.paper.exhibit import Request

SETS = {
    "Set5": ["head"],
    "Set14": ["barbara", "zebra", "ppt3", "monarch"],
    "B100": ["223061", "148026"],
    "RealWorld": ["building", "comic1", "dog"],
}

ToyRequest = Callable[..., Request]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Use one thread, on which toy networks are faster than on two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder laid out like the research images, without Urban100."""
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


@pytest.fixture(scope="session")
def toy_settings(toy_data: Path) -> tuple[str, ...]:
    """Return settings with which an ablation trains in a moment."""
    settings = {
        "network.glams": 1,
        "network.lsbs": 1,
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
    return tuple(f"{key}={value}" for key, value in settings.items())


@pytest.fixture(scope="session")
def toy_request(toy_data: Path, toy_settings: tuple[str, ...]) -> ToyRequest:
    """Return a function that makes a request for a folder, with changes to the toy settings."""

    def request(folder: Path, *changes: str, test_sets: Path = toy_data / "test") -> Request:
        return Request(folder, test_sets, threads=1, settings=(*toy_settings, *changes))

    return request
