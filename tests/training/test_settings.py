"""Settings files: how they are read, and which values are rejected."""

from pathlib import Path

import pytest

from gladsr.errors import SettingsError
from gladsr.training.queue import read_queue
from gladsr.training.reference import reference
from gladsr.training.settings import expand, read_settings

FOLDER = Path(__file__).parents[2] / "configs"
CONFIGS = sorted([*FOLDER.glob("*.toml"), *FOLDER.glob("paper/*.toml")])
QUEUES = sorted(FOLDER.glob("queues/*.toml"))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.stem)
def test_configurations_of_the_project_are_valid(config: Path) -> None:
    settings = read_settings(config)
    assert settings.network.scale in (2, 3, 4)
    assert settings.schedule.steps > 0


@pytest.mark.parametrize("config", QUEUES, ids=lambda path: path.stem)
def test_queues_of_the_project_are_valid(config: Path) -> None:
    names = [run.name for run in read_queue(config).runs]
    for run in read_queue(config).runs:
        start = run.settings.start
        assert start is None or start.parts[1] in names[: names.index(run.name)]


def test_overrides_change_single_keys(toy_config: Path) -> None:
    settings = read_settings(
        toy_config, ("schedule.steps=7", "network.upsampler=sub-pixel", "optimizer.clip_norm=0.5")
    )
    assert settings.schedule.steps == 7
    assert settings.network.upsampler == "sub-pixel"
    assert settings.optimizer.clip_norm == 0.5


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("schedule.stepps=7", "schedule.stepps"),
        ("network.gmals=2", "gmals"),
        ("network.scale=7", "scale"),
        ("loss.gamma=2", "loss.gamma"),
        ("schedule.steps=many", "schedule.steps"),
        ("seed", "key=value"),
        ("seed.x=1", "seed is not a table"),
        (f"seed={2**64}", "seed: Input should be less than"),
        ("optimizer.betas=[0.9, 1.5]", "optimizer.betas.1: Input should be less than 1"),
        ("data.validation=[]", "data.validation: List should have at least 1 item"),
        ("data.validation=['a/val', 'b/val']", "folders of different names"),
        ("schedule.minutes=0", "schedule.minutes: Input should be greater than 0"),
    ],
)
def test_wrong_keys_and_values_are_rejected_by_name(
    toy_config: Path, override: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings(toy_config, (override,))


def test_weight_decay_is_rejected_without_muon(toy_config: Path) -> None:
    decays = "optimizer.weight_decay=0.1"
    with pytest.raises(SettingsError, match="weight_decay is Muon's"):
        read_settings(toy_config, (decays, "optimizer.kind=adam"))
    settings = read_settings(toy_config, (decays, "optimizer.kind=muon"))
    assert settings.optimizer.weight_decay == 0.1


def test_images_are_resident_on_a_gpu_unless_crops_need_the_cpu(toy_config: Path) -> None:
    degraded, on_gpu = "degradation.noise=3", "device=cuda"
    assert not read_settings(toy_config).resident
    assert read_settings(toy_config, (on_gpu,)).resident
    assert not read_settings(toy_config, (on_gpu, degraded)).resident
    assert not read_settings(toy_config, (on_gpu, "data.sharpen=1.0")).resident
    with pytest.raises(SettingsError, match=r"data\.resident must be false where LR is degraded"):
        read_settings(toy_config, ("data.resident=true", degraded))


def test_validation_is_one_folder_or_several(toy_config: Path) -> None:
    assert len(read_settings(toy_config).data.validation) == 1
    several = read_settings(toy_config, ("data.validation=['a/b', 'c']",))
    assert several.data.validation == [Path("a/b"), Path("c")]


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        read_settings(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("model = ")
    with pytest.raises(SettingsError, match=r"broken\.toml"):
        read_settings(broken)


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ('"config.toml"', r"config\.toml extends itself, or a file that leads back to it"),
        ('"other.toml"', r"config\.toml extends itself, or a file that leads back to it"),
        ("5", r"config\.toml: extends is 5, but must be a file's name"),
    ],
)
def test_files_that_cannot_be_extended_are_named(
    tmp_path: Path, extends: str, message: str
) -> None:
    (tmp_path / "other.toml").write_text('extends = "config.toml"')
    config = tmp_path / "config.toml"
    config.write_text(f"extends = {extends}")
    with pytest.raises(SettingsError, match=message):
        read_settings(config)


def test_a_table_replaces_a_value(toy_config: Path, tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text("data = 3")
    toy_config.write_text(f'extends = "base.toml"\n{toy_config.read_text()}')
    assert read_settings(toy_config).data.patch == 8


def test_environment_variables_in_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMEWHERE", "/data")
    assert expand(Path("$SOMEWHERE/train")) == Path("/data/train")
    monkeypatch.delenv("SOMEWHERE")
    with pytest.raises(SettingsError, match="SOMEWHERE"):
        expand(Path("$SOMEWHERE/train"))


def test_the_reference_page_is_generated_from_the_types() -> None:
    page = Path(__file__).parents[2] / "docs" / "settings.md"
    assert page.read_text() == reference()
    for key in ("schedule", "halve_every", "gamma", "ndg_residual", "shuffle_colours"):
        assert key in page.read_text()
