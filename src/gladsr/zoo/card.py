"""A model's card: the facts about one weight file, kept beside it as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True, kw_only=True)
class Card:
    """One trained model at one scale.

    Attributes:
        name: the model, such as ``gladsr-l``.
        scale: 2, 3 or 4.
        parameters: number of learned values.
        mult_adds: multiply-adds for a 960×960 output, convolutions only.
        network: the fields of its ``GladsrConfig``.
        settings: the whole of its training settings: data, start, recipe.
        steps: optimizer steps, those of the weights it started from not counted.
        hours: training time on 2 cores, counted in the same way.
        validation: PSNR on Y in dB of y and of y_c on the validation images of ``settings``.
        scores: PSNR in dB and SSIM on Y by test set.
        licence: the terms of the weights, which are not those of the code.
        sha256: digests of the weight files by suffix.
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
        """The network for the engines: input ``x``, outputs ``y_c`` and ``y``, any size."""
        return WEIGHTS / f"{self.name}-x{self.scale}.onnx"

    @property
    def safetensors_path(self) -> Path:
        """The weights for PyTorch."""
        return WEIGHTS / f"{self.name}-x{self.scale}.safetensors"

    def as_dict(self) -> dict[str, Any]:
        """Return the card as plain values."""
        return asdict(self)

    def write(self) -> None:
        """Keep the card beside its weight files: whole, or as it was before."""
        file = self.onnx_path.with_suffix(".json")
        unfinished = file.with_suffix(".tmp")
        unfinished.write_text(json.dumps(self.as_dict(), indent=2) + "\n", encoding="utf-8")
        unfinished.replace(file)


def read_card(name: str, scale: int) -> Card:
    """Return the card that stands beside a weight file."""
    file = WEIGHTS / f"{name}-x{scale}.json"
    return Card(**json.loads(file.read_text(encoding="utf-8")))
