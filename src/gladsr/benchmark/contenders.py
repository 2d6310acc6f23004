"""What is measured: a network in an engine and a precision."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gladsr import engines, zoo
from gladsr.engines import ENGINES, EngineName, Network, Precision
from gladsr.errors import EngineError, NetworkFileError

Run = Callable[[NDArray[np.float32]], object]

_CARD_PIXELS = 960**2  # of the output that a card's Mult-Adds are for
_PROBE = 48  # LR pixels a side of the picture that multiply-adds are counted for


@dataclass(frozen=True)
class Contender:
    """A network in an engine and a precision.

    Attributes:
        network: The network.
        engine: The engine's name.
        precision: The precision to compute in.
        threads: The number of CPU threads.
        mult_adds: The multiply-adds of the plain network for one output pixel.
    """

    network: Network
    engine: EngineName
    precision: Precision
    threads: int
    mult_adds: float

    def __str__(self) -> str:
        """Return the model, the scale, the engine and the precision."""
        return f"{self.model} ×{self.scale} {self.engine} {self.precision}"

    @property
    def model(self) -> str:
        """The network's name."""
        return self.network.name

    @property
    def scale(self) -> int:
        """The factor by which the network upscales."""
        return self.network.scale

    @property
    def of_zoo(self) -> bool:
        """Whether `gladsr upscale` has it."""
        return self.network.card is not None

    def load(self) -> Run:
        """Return the function that runs it on a picture, h×w×3 in [0, 1].

        Raises:
            EngineError: The network cannot be run, or not in the precision.
        """
        engine = engines.load(
            self.network, self.engine, precision=self.precision, threads=self.threads
        )
        if engine.precision != self.precision:
            raise EngineError(f"{engine.device} does not compute in {self.precision}")
        return engine.run


Setups = list[tuple[EngineName, Precision]]
"""Engines, each with a precision."""


def of_zoo(
    models: list[str], scales: list[int], setups: Setups, threads: int
) -> Iterator[Contender]:
    """Yield models of the zoo at every scale, in every engine and precision.

    Args:
        models: Their names; an empty list stands for all that have the scale.
        scales: The factors by which they upscale.
        setups: The engines and precisions.
        threads: The number of CPU threads.

    Raises:
        UnknownModelError: There is no such model, or not at that scale.
    """
    for scale in scales:
        for model in dict.fromkeys(models or zoo.models_at(scale)):
            card = zoo.card(model, scale)
            for engine, precision in setups:
                yield Contender(
                    Network.of_card(card),
                    engine,
                    precision,
                    threads,
                    card.mult_adds / _CARD_PIXELS,
                )


def of_networks(
    networks: list[Network], setups: Setups, threads: int, folder: Path
) -> Iterator[Contender]:
    """Yield other networks, in the engines and precisions that can run them.

    Args:
        networks: The networks.
        setups: The engines and precisions. int8 is for models of the zoo only.
        threads: The number of CPU threads.
        folder: Where ONNX files of networks that have none are written.
    """
    for network in networks:
        exported = network if network.onnx else _export(network, folder)
        assert exported.onnx is not None  # noqa: S101 - for the type checker
        mult_adds = mult_adds_of(exported.onnx) / (network.scale * _PROBE) ** 2
        for engine, precision in setups:
            if precision != "int8" and getattr(exported, ENGINES[engine].runs) is not None:
                yield Contender(exported, engine, precision, threads, mult_adds)


def networks_at(scales: list[int], specs: list[str]) -> list[tuple[str, dict[int, Network]]]:
    """Find networks that are not models of the zoo.

    Args:
        scales: The scales to measure at; an ONNX file has its own.
        specs: What `gladsr.engines.find` takes, or a rival's name alone for random weights, which
            are as fast.

    Returns:
        Each spec with its networks by scale.

    Raises:
        gladsr.Error: There is no such network, or not at those scales.
    """
    found = []
    for spec in specs:
        if "=" in spec or Path(spec).suffix or Path(spec).exists():
            networks = engines.find(spec)
            if not any(network.onnx for network in networks.values()):
                networks = _at(scales, networks, spec)
        else:
            networks = {scale: engines.untrained(spec, scale) for scale in scales}
        found.append((spec, networks))
    return found


def _at(scales: list[int], networks: dict[int, Network], spec: str) -> dict[int, Network]:
    chosen = {scale: network for scale, network in networks.items() if scale in scales}
    if not chosen:
        has = ", ".join(f"×{scale}" for scale in networks)
        raise NetworkFileError(f"{spec} upscales by {has} only; choose that with --scale")
    return chosen


def _export(network: Network, folder: Path) -> Network:
    """Return a network of PyTorch with an ONNX file, which is written into a folder."""
    from gladsr.training.export import export_onnx  # noqa: PLC0415 - needs the extra gladsr[train]

    assert network.module is not None  # noqa: S101 - a network has one or the other
    file = folder / f"{network.name}-x{network.scale}.onnx"
    export_onnx(network.module(), file)
    return replace(network, onnx=file)


def mult_adds_of(onnx: Path) -> int:
    """Return the multiply-adds of an ONNX network's convolutions for a picture of 48×48 pixels.

    Deconvolutions count at their input's size, as in `gladsr.network.cost`.
    """
    from gladsr.engines.openvino import core  # noqa: PLC0415 - slow to import

    model = core().read_model(onnx)
    model.reshape([1, 3, _PROBE, _PROBE])
    total = 0
    for operation in model.get_ops():
        kind = operation.get_type_name()
        if "Convolution" in kind:
            pixels = operation.input(0) if "Backprop" in kind else operation.output(0)
            total += prod(operation.input(1).get_shape()) * prod(pixels.get_shape()[2:])
    return total
