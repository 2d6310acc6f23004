"""Networks from files of weights: safetensors, and the checkpoint of a training run."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from gladsr.errors import DataError, NetworkFileError
from gladsr.network.config import GladsrConfig
from gladsr.network.gladsr import Gladsr

CHECKPOINT = "checkpoint.pt"
"""The name of the checkpoint in the folder of a training run."""

CONFIGURATION = "network"
"""Under this key a safetensors file of ours has the network's configuration, as JSON."""


def read_safetensors(file: Path, config: GladsrConfig | None = None) -> Gladsr:
    """Return a network with the weights of a file that `gladsr export` wrote.

    Args:
        file: The .safetensors file.
        config: The network's configuration; the one in the file's metadata if None.

    Returns:
        The network in float32 and in evaluation mode.

    Raises:
        NetworkFileError: The file cannot be read, has no configuration, or does not fit its own.
    """
    try:
        with safe_open(file, "pt") as opened:
            written = (opened.metadata() or {}).get(CONFIGURATION)
            weights = {name: opened.get_tensor(name).float() for name in opened.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError) as error:
        raise NetworkFileError(f"{file} cannot be read as safetensors: {error}") from error
    if config is None and written is None:
        raise NetworkFileError(f"{file} does not contain the configuration of a GLADSR network")
    try:
        network = Gladsr(config or GladsrConfig(**json.loads(written or "")))
        network.load_state_dict(weights)
    except (RuntimeError, TypeError, ValueError) as error:
        raise NetworkFileError(f"{file} does not fit its configuration: {error}") from error
    return network.eval()


def configuration(network: Gladsr) -> dict[str, str]:
    """Return the metadata from which `read_safetensors` builds the network."""
    return {CONFIGURATION: json.dumps(asdict(network.config))}


def read_run(folder: Path) -> Gladsr:
    """Return the network of a training run with its averaged weights, in evaluation mode.

    Raises:
        DataError: There is no checkpoint, or it is damaged.
    """
    return averaged(read_checkpoint(checkpoint_of(folder)))


def checkpoint_of(run: Path) -> Path:
    """Return the checkpoint in the folder of a training run.

    Raises:
        DataError: There is none.
    """
    file = run / CHECKPOINT
    if not file.is_file():
        raise DataError(f"{run} holds no {CHECKPOINT}: it is not the folder of a training run")
    return file


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the content of a training run's checkpoint.

    Raises:
        DataError: The file is damaged, or not a checkpoint of a training run.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the type depends on where the damage is
        raise DataError(f"{path} cannot be read as a checkpoint: it is damaged") from error
    if not isinstance(saved, dict) or not {"settings", "averaged", "step"} <= saved.keys():
        raise DataError(f"{path} is no checkpoint of a training run")
    return saved


def averaged(checkpoint: dict[str, Any]) -> Gladsr:
    """Return the network of a checkpoint with its averaged weights, in evaluation mode."""
    network = Gladsr(GladsrConfig(**checkpoint["settings"]["network"]))
    prefix = "module."
    network.load_state_dict(
        {
            name.removeprefix(prefix): value
            for name, value in checkpoint["averaged"].items()
            if name.startswith(prefix)
        }
    )
    return network.eval()
