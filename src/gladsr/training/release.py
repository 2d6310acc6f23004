"""From a training run to the zoo: the averaged weights, their files, their scores, their card."""

import hashlib
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gladsr import zoo
from gladsr.errors import DataError
from gladsr.network import Gladsr, GladsrConfig, mult_adds, parameters
from gladsr.scoring import evaluate
from gladsr.training.checkpoint import read_checkpoint
from gladsr.training.data import to_tensor
from gladsr.training.export import export_onnx, export_safetensors, in_half_precision
from gladsr.training.settings import PLACES, TrainingSettings, checked
from gladsr.training.setup import CHECKPOINT, validation_pairs
from gladsr.training.validate import to_pixels, validate

TEST_SETS = ("Set5", "Set14", "B100")
LICENCE = "CC-BY-NC-4.0"


def load_run(run: Path) -> tuple[Gladsr, dict[str, Any]]:
    """Return the averaged network of a training run, and all that its checkpoint holds.

    Raises:
        DataError: there is no checkpoint, or it is damaged.
    """
    file = run / CHECKPOINT
    if not file.is_file():
        raise DataError(f"{run} holds no {CHECKPOINT}: it is not the folder of a training run")
    checkpoint = read_checkpoint(file)
    network = Gladsr(GladsrConfig(**checkpoint["settings"]["network"]))
    prefix = "module."
    network.load_state_dict(
        {
            name.removeprefix(prefix): value
            for name, value in checkpoint["averaged"].items()
            if name.startswith(prefix)
        }
    )
    return network.eval(), checkpoint


def load_trained(model: str, scale: int | None) -> Gladsr:
    """Return a network of the zoo, by name, or of a training run, by its folder.

    Args:
        model: The name or the folder.
        scale: The network's; if None, 2 of the zoo's and whatever the run has.

    Raises:
        DataError: the run has no checkpoint, or is of another scale.
        UnknownModelError: the zoo has no such model, or not at that scale.
    """
    run = Path(model)
    if model in zoo.MODELS or not run.is_dir():
        return zoo.load_network(model, scale or 2)
    network, _ = load_run(run)
    if scale not in {None, network.config.scale}:
        raise DataError(f"{run} is a training run at ×{network.config.scale}, not at ×{scale}")
    return network


def release(run: Path, data: Path) -> str:
    """Put a run's averaged weights into the zoo, with a card; return the name they have there.

    Nothing there is replaced before all is measured and made.

    Args:
        run: the folder of a training run.
        data: a folder with ``test/Set5``, ``test/Set14`` and ``test/B100``.

    Raises:
        DataError: ``run`` holds no checkpoint, or ``data`` has not all of the sets.
        SettingsError: the run's settings no longer hold, or name an environment variable that is
            not set.
    """
    missing = [name for name in TEST_SETS if not (data / "test" / name).is_dir()]
    if missing:
        raise DataError(f"{data / 'test'} has no {', '.join(missing)}")
    network, checkpoint = load_run(run)
    network = in_half_precision(network)
    settings = checked(checkpoint["settings"], run)
    scale = network.config.scale
    card = zoo.Card(
        name=settings.model,
        scale=scale,
        parameters=parameters(network),
        mult_adds=mult_adds(network, scale),
        network=asdict(network.config),
        settings=settings.model_dump(mode="json", exclude=PLACES),
        steps=checkpoint["step"],
        hours=round(checkpoint["seconds"] / 3600, 2),
        validation=_validation(network, settings),
        scores={name: _scores(network, data / "test" / name) for name in TEST_SETS},
        licence=LICENCE,
        sha256={},
    )
    _put(network, card)
    return f"{card.name}-x{scale}"


def _put(network: Gladsr, card: zoo.Card) -> None:
    """Make a network's files beside those of the zoo, then put them and its card in their place."""
    with tempfile.TemporaryDirectory(prefix=".gladsr-", dir=zoo.WEIGHTS) as folder:
        made = {
            "onnx": Path(folder, card.onnx_path.name),
            "safetensors": Path(folder, card.safetensors_path.name),
        }
        export_safetensors(network, made["safetensors"])
        export_onnx(network, made["onnx"])
        digests = {
            kind: hashlib.sha256(file.read_bytes()).hexdigest() for kind, file in made.items()
        }
        for file in made.values():
            file.replace(zoo.WEIGHTS / file.name)
        replace(card, sha256=digests).write()


def export_zoo() -> None:
    """Write every ONNX file of the zoo anew, from its weights; its card then has its new digest.

    For a change in what an exported network looks like, not in what it computes.
    """
    for card in zoo.cards():
        export_onnx(zoo.load_network(card.name, card.scale), card.onnx_path)
        digest = hashlib.sha256(card.onnx_path.read_bytes()).hexdigest()
        replace(card, sha256=card.sha256 | {"onnx": digest}).write()


def _validation(network: Gladsr, settings: TrainingSettings) -> dict[str, float]:
    found = validate(network, validation_pairs(settings), network.config.scale, "cpu")
    return {"y": round(found.psnr, 3), "y_c": round(found.psnr_coarse, 3)}


def _scores(network: Gladsr, folder: Path) -> dict[str, float]:
    @torch.no_grad()
    def upscale(lr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return to_pixels(network(to_tensor(lr[None]))[1])

    found = evaluate(upscale, folder, network.config.scale)
    return {"psnr": round(found.psnr, 3), "ssim": round(found.ssim, 4)}
