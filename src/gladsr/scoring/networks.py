"""Networks as upscalers of pictures, so that all are scored by the same code."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gladsr import engines
from gladsr.engines import Engine, Network
from gladsr.scoring.evaluate import Upscale
from gladsr.upscaling.pixels import to_unit

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class FileNetwork:
    """A network from a file, loaded.

    Attributes:
        name: What it is called.
        scale: The factor by which it upscales.
        upscale: Runs it on a picture, h×w×3 of uint8 to s·h×s·w×3 of floats, not clipped.
    """

    name: str
    scale: int
    upscale: Upscale


def read_networks(
    specs: Collection[str], *, beside: Collection[str] = (), threads: int | None = None
) -> tuple[dict[int, FileNetwork], ...]:
    """Load networks from files, each at every scale that it has.

    Args:
        specs: What `gladsr.engines.find` takes.
        beside: The names of what they are compared with.
        threads: The number of CPU threads; the engines' own choice if None.

    Raises:
        EngineError: A network cannot be loaded, or has a name that another has at the same scale
            or that is in ``beside``.
    """
    return tuple(
        {
            scale: FileNetwork(
                network.name, scale, upscale_with(engines.load(network, threads=threads))
            )
            for scale, network in found.items()
        }
        for found in engines.find_all(specs, beside=beside)
    )


def upscale_with(engine: Engine, *, draft: bool = False) -> Upscale:
    """Return the function that runs an engine on a picture, h×w×3 of uint8 or floats in [0, 1]."""

    def upscale(picture: NDArray[Any]) -> NDArray[np.float32]:
        return engine.run(to_unit(picture), draft=draft)

    return upscale


def in_torch(network: "nn.Module", name: str, scale: int) -> engines.LoadedEngine:
    """Load a network that is in memory into the PyTorch engine."""
    return engines.load(Network(name, scale, name, module=lambda: network), "torch")
