"""A queue of runs, packed, trained as on another machine, and brought back."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage
import torch
from PIL import Image

from gladsr.errors import SettingsError
from gladsr.network.weights import read_run, read_safetensors
from gladsr.rivals.load import RIVALS
from gladsr.training.bundle import pack
from gladsr.training.check import check
from gladsr.training.data import decode
from gladsr.training.queue import Queue, read_queue, run_queue

ABSENT = (
    *("pyvips", "openvino", "onnx", "onnxscript", "onnxruntime", "tensorboard", "typer", "rich"),
    *("scipy", "skimage", "matplotlib", "av", "fastapi", "torchvision"),
)
"""Packages that the other machine may lack."""

BLOCKED = f"import sys; sys.modules.update(dict.fromkeys({ABSENT!r}))"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder, named by an environment variable, and a teacher."""
    root = tmp_path / "somewhere"
    (root / "train").mkdir(parents=True)
    (root / "val").mkdir()
    photograph = Image.fromarray(skimage.data.astronaut()[100:197, 150:251])
    photograph.save(root / "train" / "lossless.png")
    photograph.save(root / "train" / "photo.jpg", quality=98, subsampling=0)
    photograph.save(root / "train" / "secret.png")
    Image.fromarray(skimage.data.chelsea()[100:197, 150:251]).save(root / "val" / "cat.png")
    torch.manual_seed(0)
    torch.save(RIVALS["rlfn"](2).state_dict(), root / "teacher.pth")
    monkeypatch.setenv("TOY_DATA", str(root))
    return root


@pytest.fixture
def queue_file(data: Path, toy_config: Path) -> Path:
    """Three runs, of which the second cannot begin and the third starts from the first."""
    assert data.is_dir()
    common = [
        "data.train=['$TOY_DATA/train']",
        "data.exclude=['secret*']",
        "data.validation='$TOY_DATA/val'",
        "data.teacher='$TOY_DATA/teacher.pth'",
        "data.cache=cache",
        "data.resident=true",
        "data.patterns=0.1",
        "loss.teacher_until=0.7",
        "loss.squared=0.3",
        "schedule.steps=6",
    ]
    starts = {"first": [], "broken": ["start=$GLADSR_RUNS/none.safetensors"]}
    starts["third"] = ["start=$GLADSR_RUNS/first/toy.safetensors"]
    tables = [
        f'[[run]]\nname = "{name}"\nshare = {share}\nconfig = "toy.toml"\n'
        f"settings = {common + start}\n"
        for share, (name, start) in enumerate(starts.items(), start=1)
    ]
    file = toy_config.with_name("queue.toml")
    file.write_text("\n".join(["minutes = 3", *tables]))
    return file


def _pack(queue: Queue, bundle: Path, *, megabytes: float = 64) -> None:
    for _ in pack(queue, bundle, megabytes, []):
        pass


def test_rehearsal(queue_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _pack(read_queue(queue_file), tmp_path / "bundle")
    (tmp_path / "there").mkdir()
    bundle = (tmp_path / "bundle").rename(tmp_path / "there" / "bundle")
    (tmp_path / "somewhere").rename(tmp_path / "gone")
    monkeypatch.delenv("TOY_DATA")
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "sitecustomize.py").write_text(BLOCKED)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "blocked"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, bundle / "run.py", "run", "-o", "runs", "--minutes", "9"],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=500,
    )
    first, broken, third = done.stdout.splitlines()
    assert "first: finished at step 6" in first, (tmp_path / "runs/first/log.txt").read_text()
    assert broken == "broken: failed, nothing saved"
    assert "none.safetensors" in (tmp_path / "runs/broken/log.txt").read_text()
    assert "third: finished at step 6" in third
    network = read_run(tmp_path / "runs" / "third")
    assert network(torch.rand(1, 3, 9, 8))[1].shape == (1, 3, 18, 16)


def test_a_run_that_exceeds_its_time_is_killed_and_what_it_saved_can_be_used(
    queue_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    queue = read_queue(queue_file)
    settings = queue.runs[0].settings
    schedule = settings.schedule.model_copy(update={"steps": 10**6})
    endless = settings.model_copy(update={"schedule": schedule})
    endless = endless.model_copy(update={"validate_every": 10**6, "checkpoint_every": 1})
    queue = Queue(minutes=1, runs=[queue.runs[0].model_copy(update={"settings": endless})])
    for seconds in (8, 16, 32, 64, 128):  # on a busy machine it takes long to start
        (outcome,) = run_queue(queue, tmp_path / "runs", seconds / 60, reserve=-1e6)
        assert outcome.ending == "killed"
        if outcome.report:
            break
    assert outcome.report["step"] > 0
    assert read_run(tmp_path / "runs" / "first").config.scale == 2
    assert read_safetensors(tmp_path / "runs" / "first" / "toy.safetensors").config.scale == 2


def test_packed_images_are_those_that_are_used(
    queue_file: Path, data: Path, tmp_path: Path
) -> None:
    _pack(read_queue(queue_file), tmp_path / "bundle")
    packed = tmp_path / "bundle" / "data" / "TOY_DATA"
    assert {file.name for file in (packed / "train").iterdir()} == {"lossless.png", "photo.jpg"}
    for name in ("train/lossless.png", "val/cat.png"):
        np.testing.assert_array_equal(decode(packed / name), decode(data / name))
        assert (packed / name).stat().st_size <= (data / name).stat().st_size
    near = decode(packed / "train/photo.jpg").astype(int) - decode(data / "train/photo.jpg")
    assert 0 < abs(near).mean() < 2


def test_images_with_the_most_detail_are_packed_where_room_is_short(
    queue_file: Path, data: Path, tmp_path: Path
) -> None:
    for number in range(8):
        flat = Image.new("RGB", (300, 300), (number, 0, 0))
        flat.save(data / "train" / f"a{number}.png", compress_level=0)
        noise = np.random.default_rng(number).integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(noise).save(data / "train" / f"b{number}.png")
    queue = read_queue(queue_file)
    _pack(queue, tmp_path / "all")
    total = sum(file.stat().st_size for file in (tmp_path / "all").rglob("*") if file.is_file())
    _pack(queue, tmp_path / "few", megabytes=(total - 5000) / 2**20)
    packed = {file.name for file in (tmp_path / "few" / "data/TOY_DATA/train").iterdir()}
    assert packed >= {f"b{number}.png" for number in range(8)}
    assert not any(name[0] == "a" for name in packed)
    with pytest.raises(SettingsError, match=r"no room for images of \$TOY_DATA/train"):
        _pack(queue, tmp_path / "none", megabytes=0.1)


def test_absolute_paths_cannot_travel(queue_file: Path, data: Path, tmp_path: Path) -> None:
    queue_file.write_text(queue_file.read_text().replace("$TOY_DATA/val", f"{data}/val"))
    with pytest.raises(SettingsError, match="val: only paths that are relative or begin with"):
        _pack(read_queue(queue_file), tmp_path / "bundle")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("minutes = 3", "is not a queue"),
        ("nonsense", "is not a queue"),
        ('minutes = 0\n[[run]]\nname = "a"\nconfig = "toy.toml"', "minutes"),
        ('minutes = 1\n[[run]]\nname = "../a"\nconfig = "toy.toml"', "name"),
        (2 * '[[run]]\nname = "a"\nconfig = "toy.toml"\n', "minutes"),
        ("minutes = 1\n" + 2 * '[[run]]\nname = "a"\nconfig = "toy.toml"\n', "the same name"),
    ],
)
def test_wrong_queues_are_rejected(toy_config: Path, text: str, message: str) -> None:
    file = toy_config.with_name("queue.toml")
    file.write_text(text)
    with pytest.raises(SettingsError, match=message):
        read_queue(file)


def test_the_check_times_each_mode(
    queue_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    libraries, images, eager = check(read_queue(queue_file).runs[0].settings)
    assert "torch" in libraries
    assert "val: 1" in images
    assert "crops a second" in eager
    assert "convolution" in eager  # of the profile
