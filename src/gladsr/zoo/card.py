"""A model's card: the facts about one set of weights, kept beside them as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gladsr.atomic import atomic_write

WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True, kw_only=True)
class Card:
    """One trained model at one scale.

    Attributes:
        name: The model, such as ``gladsr-l``.
        scale: 2, 3 or 4.
        parameters: The number of learned values.
        mult_adds: Multiply-adds for a 960×960 output, convolutions only.
        network: The fields of its ``GladsrConfig``.
        settings: All of its training settings: data, start, recipe.
        steps: Optimizer steps, without those of the weights that it started from.
        hours: Training time on 2 cores, counted in the same way.
        validation: PSNR on Y in dB of y and of y_c on the validation images of ``settings``.
        scores: PSNR in dB and SSIM on Y by test set.
        licence: The licence of the weights, which is not that of the code.
        sha256: Digests of the weight files by suffix.
    """

    name: str
    scale: int
    parameters: int
    mult_adds: int
    network: dict[str, Any]
    settings: dict[str, Any]
    steps: int
    hours: float
    validation: dict[str, float]
    scores: dict[str, dict[str, float]]
    licence: str
    sha256: dict[str, str]

    @property
    def onnx_path(self) -> Path:
        """The network for the engines; `gladsr.training.export` describes the graph."""
        return WEIGHTS / f"{self.name}-x{self.scale}.onnx"

    @property
    def safetensors_path(self) -> Path:
        """The weights for PyTorch."""
        return WEIGHTS / f"{self.name}-x{self.scale}.safetensors"

    def as_dict(self) -> dict[str, Any]:
        """Return the card as plain values."""
        return asdict(self)

    def write(self) -> None:
        """Write the card beside its weight files."""
        text = json.dumps(self.as_dict(), indent=2) + "\n"
        with atomic_write(self.onnx_path.with_suffix(".json")) as file:
            file.write(text.encode())


def read_card(name: str, scale: int) -> Card:
    """Return the card beside a model's weights."""
    file = WEIGHTS / f"{name}-x{scale}.json"
    return Card(**json.loads(file.read_text(encoding="utf-8")))
