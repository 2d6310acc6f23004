"""A trained run put into the zoo: measured first, then its three files together."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import skimage
import torch
from PIL import Image

from gladsr import zoo
from gladsr.cli import main
from gladsr.errors import SettingsError
from gladsr.network import Gladsr
from gladsr.network.weights import CHECKPOINT
from gladsr.training import read_settings, release, train
from gladsr.training.export import in_half_precision
from gladsr.training.release import TEST_SETS, load_run

FILES = ("toy-x2.json", "toy-x2.onnx", "toy-x2.safetensors")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the test sets, of one small photograph each."""
    root = tmp_path_factory.mktemp("data")
    for number, name in enumerate(TEST_SETS):
        (root / "test" / name).mkdir(parents=True)
        photograph = skimage.data.rocket()[40 * number :][:40, 300:350]
        Image.fromarray(photograph).save(root / "test" / name / "a.png")
    return root


@pytest.fixture
def run(toy_config: Path, toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a trained run, whose images are where $GLADSR_DATA says."""
    monkeypatch.setenv("GLADSR_DATA", str(toy_data))
    short = ("schedule.steps=2", "validate_every=2", "data.validation=$GLADSR_DATA/val")
    list(train(read_settings(toy_config, short), tmp_path / "run"))
    return tmp_path / "run"


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a zoo with older files of one model."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes(b"old")
    monkeypatch.setattr(zoo, "WEIGHTS", folder)
    monkeypatch.setattr(sys.modules["gladsr.zoo.card"], "WEIGHTS", folder)
    monkeypatch.setattr("gladsr.zoo.registry.MODELS", {"toy": (2,)})
    monkeypatch.setattr(zoo, "MODELS", {"toy": (2,)})
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _assert_same_network(ours: Gladsr, theirs: Gladsr) -> None:
    for value, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(value, other)


def test_a_run_in_the_zoo_is_its_averaged_network_with_its_scores(
    run: Path, data: Path, weights: Path
) -> None:
    assert release.release(run, data) == "toy-x2"
    assert sorted(_contents(weights)) == sorted(FILES)
    card = zoo.card("toy", 2)
    trained = in_half_precision(load_run(run)[0])
    _assert_same_network(zoo.load_network("toy", 2), trained)
    x = torch.rand(1, 3, 9, 7)
    with torch.no_grad():
        _, expected = trained(x)
    (found,) = onnxruntime.InferenceSession(card.onnx_path).run(None, {"input": x.numpy()})
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert card.sha256 == {
        "onnx": _digest(card.onnx_path),
        "safetensors": _digest(card.safetensors_path),
    }
    assert card.steps == 2
    assert card.parameters == sum(value.numel() for value in trained.parameters())
    assert card.settings["data"]["validation"] == ["$GLADSR_DATA/val"]
    assert "cache" not in card.settings["data"]
    assert set(card.scores) == set(TEST_SETS)
    assert all(scores["psnr"] > 15 and 0 < scores["ssim"] < 1 for scores in card.scores.values())
    assert card.validation["y"] > 15


def test_what_stops_while_it_is_measured_leaves_the_zoo_as_it_was(
    run: Path, data: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = _contents(weights)
    monkeypatch.setattr(release, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        release.release(run, data)
    assert _contents(weights) == before


def test_what_stops_while_it_is_written_leaves_the_zoo_as_it_was(
    run: Path, data: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("the disk is full")

    before = _contents(weights)
    monkeypatch.setattr(release, "export_onnx", full)
    with pytest.raises(OSError, match="full"):
        release.release(run, data)
    assert _contents(weights) == before


def test_without_its_validation_images_it_is_refused_plainly(
    run: Path,
    data: Path,
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = _contents(weights)
    monkeypatch.delenv("GLADSR_DATA")
    assert main(["export", str(run), "--zoo", str(data)]) == 2
    assert "$GLADSR_DATA/val: the environment variable" in capsys.readouterr().err
    assert _contents(weights) == before


def test_settings_that_no_longer_hold_are_named(run: Path, data: Path, weights: Path) -> None:
    checkpoint = torch.load(run / CHECKPOINT, weights_only=True)
    checkpoint["settings"]["schedule"]["laps"] = 3
    torch.save(checkpoint, run / CHECKPOINT)
    with pytest.raises(SettingsError, match=r"run: schedule\.laps"):
        release.release(run, data)
    assert sorted(_contents(weights)) == sorted(FILES)


def test_onnx_files_written_again_are_the_networks_of_their_weights(
    run: Path, data: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export_as_before(_network: Gladsr, path: Path, _metadata: object) -> None:
        path.write_bytes(b"of an older version")

    with monkeypatch.context() as before:
        before.setattr(release, "export_onnx", export_as_before)
        release.release(run, data)
    card = zoo.card("toy", 2)
    kept = card.safetensors_path.read_bytes()
    assert main(["export", "toy", "--zoo", str(data)]) == 0
    assert sorted(_contents(weights)) == sorted(FILES)
    assert card.safetensors_path.read_bytes() == kept
    again = json.loads((weights / "toy-x2.json").read_text())
    assert again["sha256"]["onnx"] == _digest(card.onnx_path)
    assert {**again, "sha256": card.sha256} == card.as_dict()
    x = np.full((1, 3, 5, 6), 0.4, np.float32)
    with torch.no_grad():
        expected = zoo.load_network("toy", 2)(torch.from_numpy(x))[1]
    found = onnxruntime.InferenceSession(card.onnx_path).run(["output"], {"input": x})[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_run_is_exported_at_its_own_scale(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(run), "-o", str(tmp_path / "a.onnx")]) == 0
    assert main(["export", str(run), "--scale", "2", "-o", str(tmp_path / "b.onnx")]) == 0
    assert _digest(tmp_path / "a.onnx") == _digest(tmp_path / "b.onnx")
    assert main(["export", str(run), "--scale", "3", "-o", str(tmp_path / "c.onnx")]) == 2
    assert "run has no scale 3; choose from --scale 2" in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "c.onnx").exists()
