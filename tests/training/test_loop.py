"""The training loop: what it learns, and that nothing is lost when it is stopped."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from gladsr.errors import DataError, PictureError, SettingsError
from gladsr.network import Gladsr, GladsrConfig
from gladsr.network.weights import CHECKPOINT
from gladsr.training import TrainingStoppedError, read_settings, train
from gladsr.training.checkpoint import start_from
from gladsr.training.release import load_run

GLADSR = [sys.executable, "-W", "ignore", "-m", "gladsr"]


def _load(run: Path) -> dict[str, Any]:
    saved: dict[str, Any] = torch.load(run / CHECKPOINT, weights_only=True)
    return saved


def _tensors(value: Any) -> list[Tensor]:
    """Return all tensors of nested dictionaries and lists, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for part in value.values() for tensor in _tensors(part)]
    if isinstance(value, list | tuple):
        return [tensor for part in value for tensor in _tensors(part)]
    return []


def _assert_same_state(one: dict[str, Any], other: dict[str, Any]) -> None:
    for part in ("network", "averaged", "optimizer"):
        for ours, theirs in zip(_tensors(one[part]), _tensors(other[part]), strict=True):
            assert torch.equal(ours, theirs)
    assert one["step"] == other["step"]


def _finish(config: Path, run: Path, *changes: str, resume: bool = False) -> dict[str, Any]:
    list(train(read_settings(config, changes), run, resume=resume))
    return _load(run)


def test_training_beats_bicubic_on_what_it_trains_on(toy_config: Path, tmp_path: Path) -> None:
    seen = f"data.validation={read_settings(toy_config).data.train[0]}"
    common = (seen, "data.patch=16", "precision=fp32", "validate_every=100")
    untrained = ("schedule.steps=1", "schedule.warmup=0", "optimizer.learning_rate=1e-12")
    trained = ("schedule.steps=200", "optimizer.learning_rate=5e-3")
    bicubic, *_ = train(read_settings(toy_config, common + untrained), tmp_path / "bicubic")
    *_, last = train(read_settings(toy_config, common + trained), tmp_path / "run")
    assert last.validation.psnr > bicubic.validation.psnr + 0.3
    assert last.validation.psnr_coarse > bicubic.validation.psnr_coarse
    assert last.step == last.steps == 200
    assert last.seconds_left == 0
    assert last.waiting < 1


@pytest.mark.parametrize(("how", "optimizer"), [(signal.SIGKILL, "adam"), (signal.SIGTERM, "muon")])
def test_killed_and_resumed_gives_the_same_bits(
    toy_config: Path, tmp_path: Path, how: int, optimizer: str
) -> None:
    kind = f"optimizer.kind={optimizer}"
    whole = _finish(toy_config, tmp_path / "whole", kind)
    run = tmp_path / "killed"
    command = [*GLADSR, "train", str(toy_config), kind, f"--output={run}", "--threads=1"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603 - our own command
    deadline = time.monotonic() + 120
    while not (run / CHECKPOINT).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, how)
    assert process.wait(60) == (130 if how == signal.SIGTERM else -how)
    assert 0 < _load(run)["step"] < 12
    _assert_same_state(_finish(toy_config, run, kind, resume=True), whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("network.glams=2", r"other settings: network\.glams was 1 and is now 2; take .* --output"),
        ("optimizer.kind=muon", r'optimizer\.kind was "adam" and is now "muon"'),
        ("schedule.steps=24", r"schedule\.steps was 2 and is now 24"),
        ("optimizer.learning_rate=2e-3", r"learning_rate was 0\.001 and is now 0\.002"),
        ("data.train=['elsewhere']", r'data\.train was \[".*/train"\] and is now \["elsewhere"\]'),
    ],
)
def test_a_run_resumes_with_its_own_settings_only(
    toy_config: Path, tmp_path: Path, change: str, message: str
) -> None:
    short, run = ("schedule.steps=2",), tmp_path / "run"
    list(train(read_settings(toy_config, short), run))
    before = (run / CHECKPOINT).read_bytes()
    with pytest.raises(SettingsError, match=message):
        list(train(read_settings(toy_config, (*short, change)), run, resume=True))
    assert (run / CHECKPOINT).read_bytes() == before


def test_the_first_of_many_changed_settings_are_named(toy_config: Path, tmp_path: Path) -> None:
    list(train(read_settings(toy_config, ("schedule.steps=2",)), tmp_path / "run"))
    others = ("seed=4", "network.lsbs=2", "data.patch=9", "loss.gamma=0.2", "average.decay=0")
    with pytest.raises(SettingsError, match=r"seed was .*\.lsbs was .*\.patch was .*, and 3 more"):
        list(train(read_settings(toy_config, others), tmp_path / "run", resume=True))


def test_a_run_resumes_on_another_machine_and_from_an_older_version(
    toy_config: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    config = ("degradation.jpeg=[30, 90]", "schedule.steps=4")
    reports = train(read_settings(toy_config, (*config, "validate_every=2")), run)
    assert next(reports).step == 2
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(TrainingStoppedError, match="stopped at step 2 of 4"):
        next(reports)
    saved = _load(run)
    del saved["settings"]["data"]["patterns"], saved["settings"]["compile"]
    torch.save(saved, run / CHECKPOINT)
    means = ("precision=fp32", "checkpoint_every=1", f"data.cache={tmp_path / 'other'}")
    *_, last = train(read_settings(toy_config, (*config, *means)), run, resume=True)
    assert last.step == 4


@pytest.mark.parametrize("device", ["cuda:99", "teapot", "meta"])
def test_a_device_that_is_not_available_is_rejected_at_once(
    toy_config: Path, tmp_path: Path, device: str
) -> None:
    settings = read_settings(toy_config, (f"device={device}",))
    with pytest.raises(SettingsError, match=rf"device is '{device}'.*device=cpu"):
        list(train(settings, tmp_path / "run"))
    assert [path.name for path in tmp_path.iterdir()] == ["toy.toml"]


def test_two_processes_train_as_one(toy_config: Path, tmp_path: Path) -> None:
    alone = _finish(toy_config, tmp_path / "alone", "precision=fp32")
    run = tmp_path / "together"
    command = ("train", str(toy_config), f"--output={run}", "--threads=1", "precision=fp32")
    _in_two_processes("-m", "gladsr", *command)
    for ours, theirs in zip(
        _tensors(_load(run)["network"]), _tensors(alone["network"]), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-3)


def _in_two_processes(*arguments: str) -> None:
    launcher = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone"]
    command = [*launcher, "--nproc-per-node=2", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=300)  # noqa: S603 - our own command


STOPPED = """
import os, signal, sys
from pathlib import Path

import torch

from gladsr.training import TrainingStoppedError, loop, read_settings

config, run, stopped_rank = sys.argv[1:]
set_learning_rate = loop.set_learning_rate

def stop_and_set(state, settings):
    if state.step == 4 and os.environ["RANK"] == stopped_rank:
        os.kill(os.getpid(), signal.SIGTERM)
    set_learning_rate(state, settings)

loop.set_learning_rate = stop_and_set
torch.set_num_threads(1)
try:
    list(loop.train(read_settings(Path(config), ("precision=fp32",)), Path(run)))
except TrainingStoppedError:
    pass
"""


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_signal_to_one_process_stops_all_after_the_same_step(
    toy_config: Path, tmp_path: Path, rank: str
) -> None:
    script, run = tmp_path / "stopped.py", tmp_path / "run"
    script.write_text(STOPPED)
    _in_two_processes(str(script), str(toy_config), str(run), rank)
    assert _load(run)["step"] == 5


def test_several_processes_cannot_have_a_time_limit(
    toy_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SettingsError, match=r"schedule\.minutes .* single process"):
        list(train(read_settings(toy_config, ("schedule.minutes=1",)), tmp_path / "run"))


@pytest.mark.parametrize("world", [3, 8])
def test_a_batch_that_processes_cannot_share_evenly_is_rejected(
    toy_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: int
) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(world))
    with pytest.raises(SettingsError, match=rf"batch is 4, which {world} .* multiple of {world}"):
        list(train(read_settings(toy_config), tmp_path / "run"))


@pytest.mark.parametrize("ends", [True, False])
def test_a_run_closes_its_log_whether_it_ends_or_not(
    toy_config: Path, tmp_path: Path, ends: bool
) -> None:
    def writers() -> list[Thread]:
        return [one for one in threading.enumerate() if "tensorboard" in type(one).__module__]

    reports = train(read_settings(toy_config, ("schedule.steps=4", "validate_every=2")), tmp_path)
    next(reports)
    assert writers()
    if ends:
        assert [report.step for report in reports] == [4]
    else:
        del reports  # as when its caller fails
    assert not writers()


def test_processes_that_fail_leave_their_group(
    toy_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = {"WORLD_SIZE": "1", "RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
    for name, value in group.items():
        monkeypatch.setenv(name, value)
    settings = read_settings(toy_config, (f"data.validation={tmp_path / 'none'}",))
    with pytest.raises(PictureError, match="none: it is not a folder"):
        list(train(settings, tmp_path / "run"))
    assert not torch.distributed.is_initialized()


def test_images_smaller_than_a_crop_are_reported(
    toy_config: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for size in (20, 40):
        Image.new("RGB", (size, size)).save(folder / f"{size}.png")
    changes = ("data.patch=16", "schedule.steps=1", f"data.train=['{folder}']")
    list(train(read_settings(toy_config, changes), tmp_path / "run"))
    warning = "training images smaller than data.patch, 16 LR pixels a side, are left out: 1"
    messages = [record.message for record in caplog.records if record.name.startswith("gladsr")]
    assert messages == [warning]


def test_an_image_too_small_to_be_scored_is_named_before_the_first_step(
    toy_config: Path, tmp_path: Path
) -> None:
    folder, run = tmp_path / "images", tmp_path / "run"
    folder.mkdir()
    Image.new("RGB", (40, 5)).save(folder / "line.png")
    settings = read_settings(toy_config, (f"data.validation={folder}",))
    with pytest.raises(DataError, match=r"line\.png is too small: .* ×2 needs 6 pixels a side"):
        next(train(settings, run))
    assert not run.exists()
    Image.new("RGB", (40, 6)).save(folder / "line.png")
    assert next(train(settings, run)).step == 4


def test_a_run_is_neither_overwritten_nor_resumed_from_nothing(
    toy_config: Path, tmp_path: Path
) -> None:
    settings = read_settings(toy_config, ("schedule.steps=1", "validate_every=1"))
    with pytest.raises(SettingsError, match="no checkpoint to resume"):
        list(train(settings, tmp_path / "run", resume=True))
    list(train(settings, tmp_path / "run"))
    with pytest.raises(SettingsError, match="--resume"):
        list(train(settings, tmp_path / "run"))


@pytest.mark.parametrize(
    "damage",
    [lambda whole: whole[: len(whole) // 2], lambda _: b"", lambda _: b"not a checkpoint"],
    ids=["cut", "empty", "other"],
)
def test_a_damaged_checkpoint_is_named(
    toy_config: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    settings = read_settings(toy_config, ("schedule.steps=1", "validate_every=1"))
    list(train(settings, tmp_path / "run"))
    checkpoint = tmp_path / "run" / CHECKPOINT
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    with pytest.raises(DataError, match=re.escape(f"{checkpoint} cannot be read")):
        list(train(settings, tmp_path / "run", resume=True))
    with pytest.raises(DataError, match=re.escape(f"{checkpoint} cannot be read")):
        load_run(tmp_path / "run")


def test_weights_alone_are_not_a_checkpoint(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / CHECKPOINT)
    with pytest.raises(DataError, match="no checkpoint of a training run"):
        load_run(tmp_path)


def test_the_learning_rate_of_the_paper_halves_at_intervals(
    toy_config: Path, tmp_path: Path
) -> None:
    settings = read_settings(
        toy_config,
        (
            "schedule.kind=step",
            "schedule.halve_every=2",
            "schedule.warmup=0",
            "schedule.steps=5",
            "validate_every=1",
        ),
    )
    rates = [report.learning_rate for report in train(settings, tmp_path / "run")]
    assert rates == pytest.approx([1e-3, 5e-4, 5e-4, 2.5e-4, 2.5e-4])


def test_a_run_ends_by_time_with_a_learning_rate_of_zero(toy_config: Path, tmp_path: Path) -> None:
    changes = ("schedule.steps=1_000_000", "schedule.minutes=0.05", "validate_every=1_000_000")
    (report,) = train(read_settings(toy_config, changes), tmp_path / "run")
    assert report.step < report.steps
    assert report.learning_rate == 0
    assert report.seconds_left == 0
    saved = json.loads((tmp_path / "run" / "report.json").read_text())
    assert saved["step"] == report.step == _load(tmp_path / "run")["step"]
    assert saved["validations"][-1]["psnr"]["val"]["y"] == round(report.validation.psnr, 3)
    assert saved["seconds"] + saved["seconds_setting_up"] > 2.8


def test_a_run_without_time_to_train_is_an_error(toy_config: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"longer than schedule\.minutes"):
        list(train(read_settings(toy_config, ("schedule.minutes=1e-6",)), tmp_path / "run"))


def test_a_resident_run_resumes_bit_for_bit(toy_config: Path, tmp_path: Path) -> None:
    changes = ("data.resident=true", "data.patterns=0.1", "optimizer.kind=muon")
    settings = read_settings(toy_config, changes)
    list(train(settings, tmp_path / "whole"))
    stopped = train(settings, tmp_path / "stopped")
    assert next(stopped).step == 4
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(TrainingStoppedError, match="stopped at step 4 of 12"):
        next(stopped)
    list(train(settings, tmp_path / "stopped", resume=True))
    _assert_same_state(_load(tmp_path / "stopped"), _load(tmp_path / "whole"))


def test_several_validation_folders_are_reported(toy_config: Path, tmp_path: Path) -> None:
    data = read_settings(toy_config).data
    folders = f"data.validation=['{data.validation[0]}', '{data.train[0]}']"
    (report,) = train(
        read_settings(toy_config, (folders, "schedule.steps=1", "schedule.warmup=0")), tmp_path
    )
    assert list(report.validations) == ["val", "train"]
    assert report.validation is report.validations["val"]
    assert len({found.psnr for found in report.validations.values()}) == 2


def test_saved_weights_are_the_averaged_ones(toy_config: Path, tmp_path: Path) -> None:
    list(train(read_settings(toy_config), tmp_path))
    network, _ = load_run(tmp_path)
    weights = load_file(tmp_path / "toy.safetensors")
    for name, value in network.state_dict().items():
        assert torch.equal(weights[name], value.half())


@pytest.mark.parametrize("scale", [3, 4])
def test_another_scale_starts_as_the_trained_one(tmp_path: Path, scale: int) -> None:
    trained = _random(Gladsr(GladsrConfig(glams=1, lsbs=1)))
    save_file(trained.state_dict(), tmp_path / "x2.safetensors")
    network = Gladsr(GladsrConfig(glams=1, lsbs=1, scale=scale))
    taken, of = start_from(network, tmp_path / "x2.safetensors")
    assert taken == of
    x = torch.full((1, 3, 9, 9), 0.4)
    inside = [
        (slice(None), slice(None), slice(3 * s, -3 * s), slice(3 * s, -3 * s)) for s in (2, scale)
    ]
    for ours, theirs in zip(network(x), trained(x), strict=True):
        torch.testing.assert_close(
            ours[inside[1]].mean((2, 3)), theirs[inside[0]].mean((2, 3)), atol=0.1, rtol=0
        )


def test_a_grown_network_starts_as_the_smaller_one(tmp_path: Path) -> None:
    small = _random(Gladsr(GladsrConfig(glams=1, lsbs=1, ndg_residual=True)))
    save_file(small.state_dict(), tmp_path / "small.safetensors")
    grown = Gladsr(GladsrConfig(glams=3, lsbs=1, ndg_residual=True))
    start_from(grown, tmp_path / "small.safetensors")
    x = torch.rand(1, 3, 7, 6)
    for ours, theirs in zip(grown(x), small(x), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_another_network_takes_what_fits_and_keeps_the_rest(tmp_path: Path) -> None:
    trained = _random(Gladsr(GladsrConfig(glams=1, lsbs=1)))
    save_file(trained.state_dict(), tmp_path / "spu.safetensors")
    other = Gladsr(GladsrConfig(glams=1, lsbs=1, upsampler="sub-pixel"))
    before = {name: value.clone() for name, value in other.state_dict().items()}
    taken, of = start_from(other, tmp_path / "spu.safetensors")
    assert 0 < taken < of
    after = other.state_dict()
    assert torch.equal(after["fenet.weight"], trained.fenet.weight)
    assert torch.equal(after["upsampler.0.weight"], before["upsampler.0.weight"])


def test_weights_of_another_kind_are_rejected_as_a_start(toy_config: Path, tmp_path: Path) -> None:
    save_file({"conv.weight": torch.zeros(3, 3, 3, 3)}, tmp_path / "other.safetensors")
    settings = read_settings(toy_config, (f"start={tmp_path / 'other.safetensors'}",))
    with pytest.raises(DataError, match=r"other\.safetensors has no weights that fit"):
        list(train(settings, tmp_path / "run"))


def _random(network: Gladsr) -> Gladsr:
    """Randomise the gating layers, which begin at zero."""
    for gating in (network.re_c, network.re_f):
        assert gating is not None
        torch.nn.init.normal_(gating.weight, std=0.02)
    return network
