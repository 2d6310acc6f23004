"""Networks from files, beside bicubic: ONNX graphs made here, and weights of rivals."""

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from PIL import Image
from skimage import data

from gladsr import cli
from gladsr.errors import EngineError
from gladsr.rivals.load import RIVALS
from gladsr.scoring import evaluate
from gladsr.scoring.networks import FileNetwork, read_networks

astronaut: Callable[[], NDArray[np.uint8]] = data.astronaut


def _onnx(
    file: Path, outputs: dict[str, float], *, scale: int = 3, channels: int = 3, size: Any = None
) -> str:
    """Write a network that repeats pixels and adds to each output what ``outputs`` says."""
    nodes, constants = [], []
    for name, added in outputs.items():
        constants += [
            helper.make_tensor(f"{name}.s", TensorProto.FLOAT, [4], [1, 1, scale, scale]),
            helper.make_tensor(f"{name}.a", TensorProto.FLOAT, [], [added]),
        ]
        nodes += [
            helper.make_node(
                "Resize",
                ["input", "", f"{name}.s"],
                [f"{name}.r"],
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            ),
            helper.make_node("Add", [f"{name}.r", f"{name}.a"], [name]),
        ]
    shape = [1, channels, size or "h", size or "w"]
    graph = helper.make_graph(
        nodes,
        "repeat",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, file)
    return str(file)


def read_network(spec: str, threads: int | None = None) -> dict[int, FileNetwork]:
    (found,) = read_networks([spec], threads=threads)
    return found


@pytest.mark.parametrize(
    ("outputs", "added"),
    [
        ({"output": 0.25, "y": 0.1, "z": 0.2}, 0.25),
        ({"out": 0.25}, 0.25),
        ({"y": 0.5, "z": 0.1}, 0.5),
        ({"first": 0.1, "last": 0.25}, 0.25),
    ],
)
@pytest.mark.parametrize("size", [None, 64])
def test_the_picture_is_the_output_of_that_name_or_the_last_one(
    tmp_path: Path, outputs: dict[str, float], added: float, size: int | None
) -> None:
    found = read_network(_onnx(tmp_path / "net.onnx", outputs, size=size))
    assert list(found) == [3]
    picture = astronaut()[:31, :45]
    expected = picture.repeat(3, 0).repeat(3, 1) / 255 + added
    np.testing.assert_allclose(found[3].upscale(picture), expected, atol=1e-6)
    assert found[3].name == "net"


@torch.inference_mode()
def test_a_rival_is_run_by_pytorch(tmp_path: Path) -> None:
    network = RIVALS["idn"](4).eval()
    torch.save(network.state_dict(), tmp_path / "idn.pth")
    picture = astronaut()[:20, :24]
    upscaled = read_network(f"idn={tmp_path / 'idn.pth'}", threads=1)[4].upscale(picture)
    batch = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None] / 255
    expected = network(batch)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(upscaled, expected, atol=1e-6)


def test_a_missing_or_wrong_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"none\.onnx does not exist"):
        read_network(str(tmp_path / "none.onnx"))
    with pytest.raises(EngineError, match=r"a\.pth could be any network; name it, such as rlfn="):
        read_network("a.pth")
    with pytest.raises(EngineError, match=r"^\S*grey\.onnx takes 1 channel"):
        read_network(_onnx(tmp_path / "grey.onnx", {"y": 0}, channels=1))
    with pytest.raises(EngineError, match=r"same\.onnx turns 48×48×3 into 48×48×3"):
        read_network(_onnx(tmp_path / "same.onnx", {"y": 0}, scale=1))
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    with pytest.raises(EngineError, match=r"broken\.onnx cannot be read by OpenVINO"):
        read_network(str(tmp_path / "broken.onnx"))


def test_one_name_may_have_several_scales_but_each_only_once(tmp_path: Path) -> None:
    x2, other_x2, x3 = (
        f"net={_onnx(tmp_path / f'{name}.onnx', {'y': 0}, scale=scale)}"
        for name, scale in (("a", 2), ("b", 2), ("c", 3))
    )
    assert [list(found) for found in read_networks([x2, x3])] == [[2], [3]]
    with pytest.raises(EngineError, match=f"^{x2} and {other_x2} are both called net at ×2; give"):
        read_networks([x2, x3, other_x2])
    with pytest.raises(EngineError, match=f"^net and {x3} are both called net at ×3"):
        read_networks([x3], beside=("bicubic", "net"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One image in a folder named Set5."""
    (tmp_path / "Set5").mkdir()
    Image.fromarray(astronaut()[:90, 150:270]).save(tmp_path / "Set5" / "a.png")
    return tmp_path / "Set5"


def test_evaluate_scores_a_network_and_bicubic(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = _onnx(folder.parent / "repeat.onnx", {"y": 0})
    words = ["evaluate", str(folder), "--network", spec, "--json", "--timings"]
    assert cli.main(words) == 0
    bicubic, ours = json.loads(capsys.readouterr().out)
    expected = evaluate(lambda lr: lr.repeat(3, 0).repeat(3, 1), folder, 3)
    assert (bicubic["model"], bicubic["scale"]) == ("bicubic", 3)
    assert (ours["model"], ours["scale"], ours["psnr"]) == ("repeat", 3, expected.psnr)
    assert ours["seconds"] == ours["images"][0]["seconds"] > 0
    assert cli.main(words[:-1]) == 0
    assert "seconds" not in capsys.readouterr().out


def test_evaluate_shows_timings_apart_and_the_papers_figures_of_a_rival(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(RIVALS["carn"](2).state_dict(), folder.parent / "carn.pth")
    spec = f"carn={folder.parent / 'carn.pth'}"
    assert cli.main(["evaluate", str(folder), "--network", spec, "--scale", "4", "--timings"]) == 0
    out = capsys.readouterr().out
    assert "seconds" in out
    assert "32.13 / 0.8937" in out


def test_evaluate_scores_a_network_at_a_scale_that_it_alone_has(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = _onnx(folder.parent / "repeat.onnx", {"y": 0}, scale=5)
    words = ["evaluate", str(folder), "--network", spec, "--scale"]
    assert cli.main([*words, "5", "--json"]) == 0
    assert [found["scale"] for found in json.loads(capsys.readouterr().out)] == [5, 5]
    assert cli.main([*words, "6"]) == 2
    assert "no network has the scale 6; choose from --scale 2, 3, 4, 5" in capsys.readouterr().err


def test_a_rival_that_fails_on_a_picture_is_named_and_the_rest_is_scored(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = folder.parent
    file = root / "rlfn.pth"
    torch.save(RIVALS["rlfn"](4).state_dict(), file)
    small = root / "Set14"
    small.mkdir()
    Image.fromarray(astronaut()[:48, 150:198]).save(small / "barbara.png")
    network = ["--network", f"rlfn={file}"]
    reason = f"{file} does not run on a picture of 12×12: "
    assert cli.main(["evaluate", str(small), str(folder), "--json", *network]) == 1
    captured = capsys.readouterr()
    assert f"{small} cannot be scored at ×4. {reason}" in captured.err
    scored = [(Path(one["folder"]).name, one["model"]) for one in json.loads(captured.out)]
    assert scored == [("Set14", "bicubic"), ("Set5", "bicubic"), ("Set5", "rlfn")]
    words = ["--data", str(root), "-o", str(root / "output"), *network]
    assert cli.main(["reproduce", "table2", "table3", *words]) == 1
    assert f"table2: {reason}" in capsys.readouterr().err
    assert [left.name for left in (root / "output").glob("*.json")] == ["table3.json"]


def test_evaluate_rejects_a_scale_that_a_network_lacks(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = _onnx(folder.parent / "repeat.onnx", {"y": 0})
    assert cli.main(["evaluate", str(folder), "--network", spec, "--scale", "2"]) == 2
    assert "repeat upscales by ×3 only" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "names"),
    [
        *product(("evaluate", "reproduce"), [("net", "net"), ("gladsr",), ("bicubic",)]),
        *product(("benchmark",), [("net", "net"), ("gladsr",)]),
    ],
)
def test_networks_with_the_same_name_are_rejected(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, names: tuple[str, ...]
) -> None:
    file = _onnx(folder.parent / "repeat.onnx", {"y": 0})
    networks = [word for name in names for word in ("--network", f"{name}={file}")]
    words = {
        "evaluate": [str(folder), "--model", "gladsr"],
        "reproduce": ["fig11", "-o", str(folder.parent / "output")],
        "benchmark": ["--quick", "--model", "gladsr"],
    }
    assert cli.main([command, *words[command], *networks]) == 2
    captured = capsys.readouterr()
    assert f"both called {names[0]} at ×3" in captured.err
    assert captured.out == ""
