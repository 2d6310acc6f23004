"""The rivals against the costs and scores that their papers and the paper's Table II print."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from skimage import data

from gladsr.cli import main
from gladsr.errors import NetworkFileError
from gladsr.network import mult_adds, parameters
from gladsr.paper.table2 import counted
from gladsr.pictures import resize
from gladsr.rivals.load import RIVALS, load_rival
from gladsr.scoring import evaluate
from gladsr.scoring.networks import read_networks
from gladsr.training.export import LEAST

astronaut: Callable[[], NDArray[np.uint8]] = data.astronaut

# Table II: parameters in K, Mult-Adds in G at ×2, ×3, ×4.
TABLE_II = {
    "srcnn": (57, (52.7, 52.7, 52.7)),
    "fsrcnn": (12, (2.9, 1.3, 0.7)),
    "vdsr": (665, (612.6, 612.6, 612.6)),
    "memnet": (677, (2662.4, 2662.4, 2662.4)),
    "idn": (553, (127.4, 56.6, 33.6)),
    "carn": (1592, (222.8, 118.8, 90.9)),
}


@pytest.mark.parametrize("name", TABLE_II)
def test_parameters_are_those_of_table_ii(name: str) -> None:
    """As the paper counts: with all that they learn, MemNet has 686K and FSRCNN 13K."""
    network = RIVALS[name](2)
    printed = TABLE_II[name][0]
    assert round(counted(name, network) / 1000) == printed


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", TABLE_II)
def test_mult_adds_are_those_of_table_ii(name: str, scale: int) -> None:
    """IDN at ×4 alone cannot be met.

    Its three networks differ in the stride of the last layer only, so that its Mult-Adds go with
    the area of the input: from the 127.4G and 56.6G printed for ×2 and ×3 follow 31.8G at ×4, not
    33.6G.
    """
    printed = TABLE_II[name][1][scale - 2]
    if (name, scale) == ("idn", 4):
        printed = 127.4 / 4
    giga = mult_adds(RIVALS[name](scale), scale) / 1e9
    assert giga == pytest.approx(printed, rel=0.02, abs=0.05)


@pytest.mark.parametrize(("scale", "thousands", "giga"), [(2, 527, 115.4), (4, 543.7, 29.8)])
def test_rlfn_costs_what_its_paper_prints(scale: int, thousands: float, giga: float) -> None:
    network = RIVALS["rlfn"](scale)
    assert parameters(network) == pytest.approx(thousands * 1e3, rel=0.001)
    assert mult_adds(network, scale) / 1e9 == pytest.approx(giga, rel=0.02)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", RIVALS)
@torch.inference_mode()
def test_every_rival_upscales_rgb(name: str, scale: int) -> None:
    network = RIVALS[name](scale).eval()
    assert network(torch.rand(1, 3, 17, 20)).shape == (1, 3, 17 * scale, 20 * scale)


@pytest.mark.parametrize("name", ["vdsr", "memnet", "idn"])
@torch.inference_mode()
def test_a_luminance_network_that_adds_nothing_is_matlabs_bicubic(name: str) -> None:
    network = RIVALS[name](2).eval()
    last = {"vdsr": "layers.38", "memnet": "reconstruct.2", "idn": "deconvolution"}[name]
    for parameter in network.get_submodule(last).parameters():
        parameter.zero_()
    lr = (astronaut()[:40, 180:230] / 255).astype(np.float32)
    y = network(torch.from_numpy(lr).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    inner = (slice(4, -4), slice(4, -4))  # at the border PyTorch leaves out, MATLAB mirrors
    np.testing.assert_allclose(y[inner], resize(lr, scale=2)[inner], atol=1e-5)


@torch.inference_mode()
def test_only_the_luminance_is_changed() -> None:
    lr = torch.rand(1, 3, 16, 16)
    change = (RIVALS["srcnn"](2)(lr) - RIVALS["srcnn"](2)(lr))[0].numpy()  # random weights differ
    assert np.abs(change).max() > 0.001
    np.testing.assert_allclose(change[0], change[1], atol=1e-5)
    np.testing.assert_allclose(change[0], change[2], atol=1e-5)


def test_the_scale_of_weights_is_detected(tmp_path: Path) -> None:
    for scale in (2, 4):
        save_file(RIVALS["rlfn"](scale).state_dict(), tmp_path / f"{scale}.safetensors")
        assert list(load_rival("rlfn", tmp_path / f"{scale}.safetensors")) == [scale]
    torch.save(RIVALS["carn"](2).state_dict(), tmp_path / "carn.pth")
    assert list(load_rival("carn", tmp_path / "carn.pth")) == [2, 3, 4]


def test_a_file_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    with pytest.raises(NetworkFileError, match="there is no rival 'edsr'; choose from srcnn"):
        load_rival("edsr", file)
    with pytest.raises(NetworkFileError, match=r"weights\.pth cannot be read: No such file"):
        load_rival("rlfn", file)
    torch.save(RIVALS["vdsr"](2), file)
    with pytest.raises(NetworkFileError, match="holds more than weights"):
        load_rival("vdsr", file)
    for other in ([torch.zeros(1)], {"step": 3}, {0: torch.zeros(1)}):
        torch.save(other, file)
        with pytest.raises(NetworkFileError, match=r"weights\.pth holds no dictionary of weights"):
            load_rival("vdsr", file)
    torch.save(RIVALS["vdsr"](2).state_dict(), file)
    with pytest.raises(NetworkFileError, match=r"weights\.pth does not fit rlfn: Missing key"):
        load_rival("rlfn", file)
    file.write_bytes(b"no weights")
    with pytest.raises(NetworkFileError, match=r"weights\.pth"):
        load_rival("rlfn", file)


@pytest.mark.parametrize(("name", "scale"), [("rlfn", 4), ("carn", 3), ("fsrcnn", 2)])
def test_an_exported_rival_is_the_same_network(tmp_path: Path, name: str, scale: int) -> None:
    network, file, onnx = RIVALS[name](scale).eval(), tmp_path / "weights.pth", tmp_path / "a.onnx"
    torch.save(network.state_dict(), file)
    command = ["export", f"{name}={file}", "-o", str(onnx), "--scale", str(scale)]
    assert main(command) == 0
    session = onnxruntime.InferenceSession(onnx)
    for height, width in ((LEAST, LEAST), (37, 90)):
        x = torch.rand(1, 3, height, width)
        (found,) = session.run(None, {"input": x.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(found, network(x).numpy(), atol=1e-4)
    assert main(command) == 2  # it exists
    assert main([*command[:3], str(tmp_path / "a.xml"), *command[4:]]) == 2  # ONNX alone
    assert not (tmp_path / "a.xml").exists()


def test_a_scale_that_a_rival_lacks_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rlfn.safetensors"
    save_file(RIVALS["rlfn"](4).state_dict(), file)
    command = ["export", f"rlfn={file}", "--scale", "2", "-o", str(tmp_path / "rlfn.onnx")]
    assert main(command) == 2
    assert "has no scale 2; choose from --scale 4" in capsys.readouterr().err
    assert not (tmp_path / "rlfn.onnx").exists()


def _teacher(scale: int) -> Path:
    return Path(os.environ.get("GLADSR_DATA", "unset"), "..", "teachers", f"rlfn_x{scale}.pth")


@pytest.mark.skipif(not _teacher(2).is_file(), reason="needs RLFN's weights beside GLADSR_DATA")
@pytest.mark.parametrize(("scale", "published"), [(2, 38.07), (4, 32.24)])
def test_rlfn_has_its_published_score_on_set5(scale: int, published: float) -> None:
    ((network,),) = (found.values() for found in read_networks([f"rlfn={_teacher(scale)}"]))
    found = evaluate(network.upscale, Path(os.environ["GLADSR_DATA"], "test", "Set5"), scale)
    assert found.psnr == pytest.approx(published, abs=0.006)
