"""Writing checkpoints and weights, and the weights to start from."""

import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from gladsr.atomic import atomic_write
from gladsr.errors import DataError


def write_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint so that a kill at any moment leaves the old file or the new one intact."""
    with atomic_write(path) as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())


def write_weights(weights: dict[str, Tensor], metadata: dict[str, str], path: Path) -> None:
    """Write weights in half precision, as .safetensors."""
    halves = {name: value.half().contiguous() for name, value in weights.items()}
    with atomic_write(path) as file:
        file.write(save(halves, metadata))


def start_from(network: nn.Module, weights: Path) -> tuple[int, int]:
    """Initialise a network with the weights of another network of its family.

    Tensors of the same name and shape are copied. A convolution with more inputs than in the other
    network, as with more GLAMs, ignores the new ones at first; a deconvolution for another scale
    gets the other kernel, resampled. All other tensors are left unchanged.

    Returns:
        The number of tensors that were initialised, and the number of all tensors.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        theirs = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{weights} cannot be read as safetensors: {error}") from error
    taken = {}
    ours = network.state_dict()
    for name, value in theirs.items():
        if name in ours and (fitted := _fit(value.float(), ours[name].shape)) is not None:
            taken[name] = fitted
    network.load_state_dict(taken, strict=False)
    return len(taken), len(ours)


def _fit(value: Tensor, shape: torch.Size) -> Tensor | None:
    if value.shape == shape:
        return value
    if value.ndim != 4 or value.ndim != len(shape) or value.shape[0] != shape[0]:
        return None
    if value.shape[1] == shape[1]:
        return interpolate(value, shape[2:], mode="bilinear")
    if value.shape[2:] == shape[2:] and value.shape[1] < shape[1]:
        return pad(value, (0, 0, 0, 0, 0, shape[1] - value.shape[1]))
    return None
