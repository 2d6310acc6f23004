"""What can be loaded into an engine: the description of a network, whatever its origin."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gladsr import zoo

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


@dataclass(frozen=True)
class Network:
    """A network at one scale. It can be pickled.

    Attributes:
        name: What it is called.
        scale: The factor by which it upscales.
        origin: What messages call it: its file, or its name and scale.
        onnx: The file that OpenVINO and ONNX Runtime run; None if there is none.
        module: Builds what PyTorch runs, in evaluation mode; None if that is not possible.
        card: Its card, if it is a model of the zoo.
    """

    name: str
    scale: int
    origin: str
    onnx: Path | None = None
    module: "Callable[[], nn.Module] | None" = field(default=None, compare=False)
    card: zoo.Card | None = field(default=None, compare=False)

    @classmethod
    def of_card(cls, card: zoo.Card) -> "Network":
        """Return a model of the zoo."""
        return cls(
            card.name,
            card.scale,
            f"{card.name} ×{card.scale}",
            card.onnx_path,
            partial(zoo.load_network, card.name, card.scale),
            card,
        )
