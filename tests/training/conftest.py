"""A training run at toy size, on pictures that scikit-image ships."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import skimage
import torch
from PIL import Image


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Toy networks are faster on one thread than on two that wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `train` and `val`, a few small photographs in each."""
    root = tmp_path_factory.mktemp("toy-data")
    photographs = {
        "train": [skimage.data.astronaut(), skimage.data.coffee()],
        "val": [skimage.data.chelsea()],
    }
    for folder, images in photographs.items():
        (root / folder).mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image[100:197, 150:251]).save(root / folder / f"{number}.png")
    return root


@pytest.fixture
def toy_config(toy_data: Path, tmp_path: Path) -> Path:
    """Return a settings file for a network of one GLAM that trains in moments."""
    config = tmp_path / "toy.toml"
    config.write_text(f"""
model = "toy"
seed = 3
precision = "bf16"
validate_every = 4
checkpoint_every = 2

[network]
scale = 2
glams = 1
lsbs = 1
ndg_residual = true

[data]
train = ["{toy_data}/train"]
validation = "{toy_data}/val"
patch = 8
batch = 4
shuffle_colours = true
cache = "{tmp_path}/cache"

[loss]
gamma = 0.1

[optimizer]
learning_rate = 1e-3
clip_norm = 1.0

[schedule]
steps = 12
kind = "cosine"
warmup = 3

[average]
decay = 0.9
""")
    return config
