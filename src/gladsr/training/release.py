"""From a training run to the zoo: its averaged weights, their files, scores and card."""

import hashlib
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gladsr import zoo
from gladsr.errors import DataError
from gladsr.network import Gladsr, mult_adds, parameters
from gladsr.network.weights import averaged, checkpoint_of, read_checkpoint
from gladsr.scoring import evaluate
from gladsr.scoring.networks import in_torch, upscale_with
from gladsr.training.export import export_onnx, export_safetensors, in_half_precision
from gladsr.training.settings import PLACES, TrainingSettings, checked
from gladsr.training.setup import validation_pairs
from gladsr.training.validate import validate

TEST_SETS = ("Set5", "Set14", "B100")
LICENCE = "CC-BY-NC-4.0"


def load_run(run: Path) -> tuple[Gladsr, dict[str, Any]]:
    """Return the averaged network of a training run, and the content of its checkpoint.

    Raises:
        DataError: There is no checkpoint, or it is damaged.
    """
    checkpoint = read_checkpoint(checkpoint_of(run))
    return averaged(checkpoint), checkpoint


def release(run: Path, data: Path) -> str:
    """Put a run's averaged weights into the zoo, with a card, and return their name.

    Nothing is replaced before everything has been measured and written.

    Args:
        run: The folder of a training run.
        data: A folder with ``test/Set5``, ``test/Set14`` and ``test/B100``.

    Raises:
        DataError: ``run`` holds no checkpoint, or ``data`` lacks one of the sets.
        SettingsError: The run's settings are no longer valid, or name an environment variable that
            is not set.
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
    """Write a network's files beside those of the zoo, then rename them and write its card."""
    with tempfile.TemporaryDirectory(prefix=".gladsr-", dir=zoo.WEIGHTS) as folder:
        onnx, safetensors = (
            Path(folder, file.name) for file in (card.onnx_path, card.safetensors_path)
        )
        export_safetensors(network, safetensors)
        card = replace(card, sha256={"safetensors": _digest(safetensors)})
        export_onnx(network, onnx, metadata(card))
        card = replace(card, sha256={"onnx": _digest(onnx)} | card.sha256)
        for file in (onnx, safetensors):
            file.replace(zoo.WEIGHTS / file.name)
        card.write()


def reexport(name: str) -> None:
    """Write the ONNX files of a model of the zoo again, from its weights, with their digests.

    This is for changes to the exported graph; the card keeps its scores.

    Raises:
        UnknownModelError: The zoo has no such model.
    """
    for scale in zoo.scales_of(name):
        card = zoo.card(name, scale)
        export_onnx(zoo.load_network(name, scale), card.onnx_path, metadata(card))
        replace(card, sha256=card.sha256 | {"onnx": _digest(card.onnx_path)}).write()


def metadata(card: zoo.Card) -> dict[str, str]:
    """Return the ``metadata_props`` of a model's ONNX file."""
    return {
        "model": card.name,
        "scale": str(card.scale),
        "licence": card.licence,
        "sha256": card.sha256["safetensors"],
    }


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _validation(network: Gladsr, settings: TrainingSettings) -> dict[str, float]:
    found = validate(network, validation_pairs(settings), network.config.scale, "cpu")
    return {"y": round(found.psnr, 3), "y_c": round(found.psnr_coarse, 3)}


def _scores(network: Gladsr, folder: Path) -> dict[str, float]:
    scale = network.config.scale
    found = evaluate(upscale_with(in_torch(network, "GLADSR", scale)), folder, scale)
    return {"psnr": round(found.psnr, 3), "ssim": round(found.ssim, 4)}
