"""`gladsr train`: what it says when it cannot begin."""

from pathlib import Path

import pytest
from PIL import Image

from gladsr.cli import main

CONFIG = """
[data]
train = ["{train}"]
validation = "{train}"
cache = "{cache}"
[schedule]
steps = 1
"""


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["schedule.stepps=1"], "schedule.stepps"),
        (["data.train=['$NOWHERE/at/all']"], "environment variable"),
        (["data.train=['absent']"], "absent: it is not a folder"),
        (["start=absent.safetensors"], "absent.safetensors"),
        (["device=cuda:99"], "device is 'cuda:99', which PyTorch cannot use here"),
        (["--resume"], "no checkpoint to resume"),
    ],
)
def test_errors_in_training_are_reported_plainly(
    overrides: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(train=tmp_path / "images", cache=tmp_path / "cache"))
    (tmp_path / "images").mkdir()
    Image.new("RGB", (100, 100)).save(tmp_path / "images" / "black.png")
    run = tmp_path / "run"
    assert main(["train", str(config), f"--output={run}", *overrides]) == 2
    assert message in capsys.readouterr().err
    assert not run.exists()
