"""Exported networks against the network they came from, in other people's engines."""

import math
from pathlib import Path

import numpy as np
import onnx
import onnx.utils
import onnxruntime
import openvino
import pytest
import torch
from onnx import TensorProto

from gladsr.cli import main
from gladsr.network import Gladsr, GladsrConfig
from gladsr.network.gates import read_channel_weights, read_masks
from gladsr.network.weights import read_safetensors
from gladsr.training.export import (
    export_onnx,
    export_openvino,
    export_safetensors,
    in_half_precision,
)

SIZES = [(1, 1), (1, 9), (8, 1), (2, 3), (31, 17)]


@pytest.fixture(scope="module", params=[2, 3, 4], ids="x{}".format)
def network(request: pytest.FixtureRequest) -> Gladsr:
    torch.manual_seed(1)
    network = Gladsr(GladsrConfig(scale=request.param, glams=2, lsbs=2, ndg_residual=True))
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return network


@pytest.fixture(scope="module")
def small() -> Gladsr:
    return Gladsr(GladsrConfig(glams=1, lsbs=1))


@pytest.fixture(scope="module")
def exported(network: Gladsr, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("onnx") / "network.onnx"
    export_onnx(network, file)
    return file


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_onnx_agrees_with_pytorch_at_every_size(
    network: Gladsr, exported: Path, size: tuple[int, int]
) -> None:
    x = torch.rand(1, 3, *size)
    with torch.no_grad():
        _, expected = in_half_precision(network)(x)
    (found,) = onnxruntime.InferenceSession(exported).run(None, {"input": x.numpy()})
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_onnx_names_the_coarse_output_and_the_gates_of_every_unit(
    network: Gladsr, exported: Path
) -> None:
    model = onnx.load(exported)
    rounded = in_half_precision(network)
    x = torch.rand(1, 3, 12, 9)
    with torch.no_grad(), read_masks(rounded) as r_s, read_channel_weights(rounded) as r_c:
        y_c, _ = rounded(x)
    assert (len(r_s), len(r_c)) == (4, 8)
    expected = {"coarse": y_c}
    expected |= {f"mask.{number}": mask for number, mask in enumerate(r_s)}
    expected |= {f"channel_weights.{number}": weights for number, weights in enumerate(r_c)}
    part = onnx.utils.Extractor(model).extract_model(["input"], [*expected])
    session = onnxruntime.InferenceSession(part.SerializeToString())
    found = session.run([*expected], {"input": x.numpy()})
    for ours, theirs in zip(found, expected.values(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_nobody_elses_files_are_touched(small: Gladsr, tmp_path: Path) -> None:
    (tmp_path / "net.tmp").write_bytes(b"mine")
    export_onnx(small, tmp_path / "net.onnx")
    export_safetensors(small, tmp_path / "net.safetensors")
    assert (tmp_path / "net.tmp").read_bytes() == b"mine"


def test_a_bin_in_the_way_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.bin").write_bytes(b"mine")
    assert main(["export", "gladsr-l", "-o", str(tmp_path / "net.xml")]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["net.bin"]
    assert (tmp_path / "net.bin").read_bytes() == b"mine"


def test_openvino_ir_that_fails_leaves_what_was_there(
    small: Gladsr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_model: object, path: Path, **_options: object) -> None:
        path.write_bytes(b"half")
        raise OSError("the disk is full")

    (tmp_path / "net.xml").write_bytes(b"whole")
    monkeypatch.setattr(openvino, "save_model", fail)
    with pytest.raises(OSError, match="full"):
        export_openvino(small, tmp_path / "net.xml")
    assert [path.name for path in tmp_path.iterdir()] == ["net.xml"]
    assert (tmp_path / "net.xml").read_bytes() == b"whole"


@pytest.mark.parametrize("network", [3], indirect=True)
def test_openvino_ir_agrees_with_pytorch(network: Gladsr, tmp_path: Path) -> None:
    export_openvino(network, tmp_path / "network.xml")
    model = openvino.Core().compile_model(
        tmp_path / "network.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    x = torch.rand(1, 3, 13, 8)
    with torch.no_grad():
        expected = in_half_precision(network)(x)
    found = model({"input": x.numpy()})
    assert model.outputs[0].get_names() == {"output"}
    for name, theirs in zip(("coarse", "output"), expected, strict=True):
        np.testing.assert_allclose(found[name], theirs, atol=1e-4)


def test_safetensors_hold_the_same_network(network: Gladsr, tmp_path: Path) -> None:
    export_safetensors(network, tmp_path / "network.safetensors")
    again = read_safetensors(tmp_path / "network.safetensors")
    assert again.config == network.config
    x = torch.rand(1, 3, 6, 7)
    with torch.no_grad():
        for ours, theirs in zip(again(x), in_half_precision(network)(x), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_onnx_stores_half_precision_and_nothing_of_the_tracer(
    network: Gladsr, exported: Path
) -> None:
    weights = sum(parameter.numel() for parameter in network.parameters())
    model = onnx.load(exported)
    stored = [(weight.data_type, math.prod(weight.dims)) for weight in model.graph.initializer]
    full = [size for kind, size in stored if kind == TensorProto.FLOAT and size > 99]
    assert len(full) == 2  # of each of the two runs of the upsampler, as one convolution
    halves = [
        weight for weight in model.graph.initializer if weight.data_type == TensorProto.FLOAT16
    ]
    values = sum(np.count_nonzero(onnx.numpy_helper.to_array(weight)) for weight in halves)
    assert values < 1.1 * weights  # besides the zeros with which a deconvolution is a convolution
    assert exported.stat().st_size < 4e6
    assert not any(node.metadata_props for node in model.graph.node)
    sizes = [dim.dim_param for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert sizes[2:] == ["height", "width"]


def test_export_of_a_model_of_the_zoo(tmp_path: Path) -> None:
    file = tmp_path / "gladsr.onnx"
    assert main(["export", "gladsr-l", "--scale", "3", "-o", str(file)]) == 0
    onnx.checker.check_model(onnx.load(file))
    before = file.read_bytes()
    assert main(["export", "gladsr-l", "-o", str(file)]) == 2
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gladsr", "-o", "out.png"], "out.png does not end in one of .onnx, .xml, .safetensors"),
        (["gladsr"], "name a file with -o"),
        (["gladsr", "-o", "out.bin", "--format", "openvino"], "must end in .xml"),
        (["gladsr", "-o", "nowhere/out.onnx"], "nowhere is not a folder; create it first"),
        (["gladsr", "--scale", "5", "-o", "out.onnx"], "no scale 5"),
        (["no-such-run", "-o", "out.onnx"], "there is no model 'no-such-run'; choose from gladsr"),
        ([".", "-o", "out.onnx"], "not the folder of a training run"),
        (["rlfn=no-such.pth", "-o", "out.onnx"], "no-such.pth cannot be read"),
        (["edsr=no-such.pth", "-o", "out.onnx"], "there is no rival 'edsr'; choose from srcnn"),
        (["gladsr", "-o", "out.onnx", "--zoo", "."], "choose one of -o and --zoo"),
    ],
)
def test_what_cannot_be_exported_is_said_plainly(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", *arguments]) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not list(tmp_path.iterdir())
