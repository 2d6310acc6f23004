"""Checkpoints and the weights to start from."""

import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from gladsr.atomic import atomic_write
from gladsr.errors import DataError


def save_atomically(state: dict[str, Any], path: Path) -> None:
    """Write ``state`` so that a kill at any moment leaves the old file or the new one whole."""
    with atomic_write(path) as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())


def start_from(network: nn.Module, weights: Path) -> tuple[int, int]:
    """Begin with the weights of another network of this family.

    What has the same name and shape is copied. A convolution with more inputs than its forerunner,
    as in a network with more GLAMs, ignores the new ones at first; a deconvolution for another
    scale takes its forerunner's kernel, resampled. The rest stays as it is.

    Returns:
        How many of the network's tensors were taken, and how many it has.

    Raises:
        DataError: the file cannot be read.
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
