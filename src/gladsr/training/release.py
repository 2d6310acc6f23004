"""From a training run to the zoo: the averaged weights, their files, their scores, their card."""

import hashlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gladsr import zoo
from gladsr.network import Gladsr, GladsrConfig, mult_adds, parameters
from gladsr.scoring import evaluate
from gladsr.training.data import DataError, to_tensor
from gladsr.training.export import export_onnx, export_safetensors, in_half_precision
from gladsr.training.loop import CHECKPOINT, validation_pairs
from gladsr.training.settings import TrainingSettings
from gladsr.training.validate import to_pixels, validate

TEST_SETS = ("Set5", "Set14", "B100")
LICENCE = "CC-BY-NC-4.0"


def load_run(run: Path) -> tuple[Gladsr, dict[str, Any]]:
    """Return the averaged network of a training run, and all that its checkpoint holds.

    Raises:
        DataError: there is no checkpoint.
    """
    file = run / CHECKPOINT
    if not file.is_file():
        raise DataError(f"{run} holds no {CHECKPOINT}: it is not the folder of a training run")
    checkpoint = torch.load(file, map_location="cpu", weights_only=True)
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


def load_trained(model: str, scale: int) -> Gladsr:
    """Return a network of the zoo, by name, or of a training run, by its folder.

    Raises:
        DataError: it is neither.
        zoo.UnknownModelError: the zoo has it, but not at that scale.
    """
    if model in zoo.MODELS:
        return zoo.load_network(model, scale)
    return load_run(Path(model))[0]


def release(run: Path, data: Path) -> str:
    """Put a run's averaged weights into the zoo, with a card; return the name they have there.

    Args:
        run: the folder of a training run.
        data: a folder with ``test/Set5``, ``test/Set14`` and ``test/B100``.

    Raises:
        DataError: ``run`` holds no checkpoint, or ``data`` has not all of the sets.
    """
    missing = [name for name in TEST_SETS if not (data / "test" / name).is_dir()]
    if missing:
        raise DataError(f"{data / 'test'} has no {', '.join(missing)}")
    network, checkpoint = load_run(run)
    network = in_half_precision(network)
    settings = TrainingSettings.model_validate(checkpoint["settings"])
    scale = network.config.scale
    weights, model = zoo.WEIGHTS, f"{settings.model}-x{scale}"
    export_safetensors(network, weights / f"{model}.safetensors")
    export_onnx(network, weights / f"{model}.onnx")
    validation = _validation(network, settings)
    card = zoo.Card(
        name=settings.model,
        scale=scale,
        parameters=parameters(network),
        mult_adds=mult_adds(network, scale),
        network=asdict(network.config),
        settings=settings.model_dump(mode="json", exclude={"data": {"cache"}}),
        steps=checkpoint["step"],
        hours=round(checkpoint["seconds"] / 3600, 2),
        validation=validation,
        scores={name: _scores(network, data / "test" / name) for name in TEST_SETS},
        licence=LICENCE,
        sha256={
            suffix: hashlib.sha256((weights / f"{model}.{suffix}").read_bytes()).hexdigest()
            for suffix in ("onnx", "safetensors")
        },
    )
    card.write()
    return model


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
