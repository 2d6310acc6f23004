"""What is measured: a network in an engine and a precision."""

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gladsr import engines, zoo
from gladsr.engines import Precision
from gladsr.errors import EngineError, NetworkFileError
from gladsr.paper.networks import onnx_network, read_network, tell_apart

EngineName = Literal["openvino", "onnxruntime", "torch"]
Run = Callable[[NDArray[np.float32]], object]

PRECISIONS: dict[EngineName, tuple[Precision, ...]] = {
    "openvino": ("fp32", "bf16", "int8"),
    "onnxruntime": ("fp32",),
    "torch": ("fp32", "bf16"),
}
"""What each engine computes in. Whether the processor does is another question."""

_CARD_PIXELS = 960**2  # of the output that a card's Mult-Adds are for
_PROBE = 48  # LR pixels a side of the picture that multiply-adds are counted for


@dataclass(frozen=True)
class Contender:
    """A network at a scale in an engine and a precision.

    Attributes:
        model: Its name.
        scale: What it multiplies the sides by.
        engine: What runs it.
        precision: What it is to be computed in.
        threads: Of the CPU.
        mult_adds: Of the plain network for one output pixel.
        onnx: The file of a network that is not of the zoo.
        rival: The words that name a rival, with its weights or not, for PyTorch.
    """

    model: str
    scale: int
    engine: EngineName
    precision: Precision
    threads: int
    mult_adds: float
    onnx: Path | None = None
    rival: str | None = None

    def __str__(self) -> str:
        """Return the model, the scale, the engine and the precision."""
        return f"{self.model} ×{self.scale} {self.engine} {self.precision}"

    @property
    def of_zoo(self) -> bool:
        """Whether `gladsr upscale` has it."""
        return self.onnx is None and self.rival is None

    def load(self) -> Run:
        """Return the function that runs it on a picture, h×w×3 in [0, 1].

        Raises:
            EngineError: It cannot be had; the message says why.
        """
        if self.of_zoo:
            return self._of_zoo()
        if self.engine == "torch":
            assert self.rival is not None  # noqa: S101 - `contenders` gives PyTorch no ONNX file
            return _in_torch(self.rival, self.scale, self.precision, self.threads)
        assert self.onnx is not None  # noqa: S101 - likewise
        if self.engine == "openvino":
            return onnx_network(self.onnx, threads=self.threads, precision=self.precision)
        return _in_onnxruntime(self.onnx, self.threads)

    def _of_zoo(self) -> Run:
        said = _Said()
        logger = logging.getLogger("gladsr.engines")
        logger.addHandler(said)
        engine = engines.load(
            zoo.card(self.model, self.scale),
            self.engine,
            precision=self.precision,
            threads=self.threads,
        )
        logger.removeHandler(said)
        if said.messages:  # such as that the processor does not compute in bf16
            raise EngineError(said.messages[0])
        return engine.run


class _Said(logging.Handler):
    """Keeps what an engine warns of while it loads."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages = list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def of_zoo(
    models: list[str],
    scales: list[int],
    kinds: list[tuple[EngineName, Precision]],
    threads: int,
) -> Iterator[Contender]:
    """Give models of the zoo at every scale, in every engine and precision.

    Args:
        models: Their names; none stands for all that have the scale.
        scales: What they multiply the sides by.
        kinds: The engines and precisions.
        threads: Of the CPU.

    Raises:
        UnknownModelError: There is no such model, or not at that scale.
    """
    for scale in scales:
        for model in dict.fromkeys(models or zoo.models_at(scale)):
            mult_adds = zoo.card(model, scale).mult_adds / _CARD_PIXELS
            for engine, precision in kinds:
                yield Contender(model, scale, engine, precision, threads, mult_adds)


def of_networks(
    specs: list[str],
    scales: list[int],
    kinds: list[tuple[EngineName, Precision]],
    threads: int,
    folder: Path,
    *,
    beside: Collection[str] = (),
) -> Iterator[Contender]:
    """Give networks from elsewhere, in the engines and precisions that can run them.

    Args:
        specs: ``FILE.onnx``, ``NAME=FILE.onnx``, a rival's name (then with random weights, which
            are as fast), or ``RIVAL=FILE`` with its weights.
        scales: Of rivals; an ONNX file has its own.
        kinds: The engines and precisions. int8 is for models of the zoo only.
        threads: Of the CPU.
        folder: Where ONNX files of the rivals are written.
        beside: The names of what they are compared with.

    Raises:
        EngineError: There is no such file or rival, it cannot be used, or its name does not tell it
            from another.
    """
    found = [(spec, *each) for spec in specs for each in _as_onnx(spec, scales, folder)]
    tell_apart([(spec, name, scale) for spec, name, scale, _ in found], beside=beside)
    for spec, name, scale, onnx in found:
        rival = None if spec.endswith(".onnx") else spec
        mult_adds = mult_adds_of(onnx) / (scale * _PROBE) ** 2
        for engine, precision in kinds:
            if precision != "int8" and (engine != "torch" or rival):
                yield Contender(name, scale, engine, precision, threads, mult_adds, onnx, rival)


def mult_adds_of(onnx: Path) -> int:
    """Return the multiply-adds of an ONNX network's convolutions for a picture of 48×48 pixels.

    Deconvolutions count at their input's size, as `gladsr.network.cost` has it.
    """
    from gladsr.engines.openvino import core  # noqa: PLC0415 - slow to import

    model = core().read_model(onnx)
    model.reshape([1, 3, _PROBE, _PROBE])
    total = 0
    for operation in model.get_ops():
        kind = operation.get_type_name()
        if "Convolution" in kind:
            places = operation.input(0) if "Backprop" in kind else operation.output(0)
            total += prod(operation.input(1).get_shape()) * prod(places.get_shape()[2:])
    return total


def _as_onnx(spec: str, scales: list[int], folder: Path) -> Iterator[tuple[str, int, Path]]:
    """Give a network: its name, its scale and its ONNX file, which of a rival is written.

    A rival comes at each of the scales.
    """
    if spec.endswith(".onnx"):
        ((scale, found),) = read_network(spec).items()
        yield found.name, scale, Path(spec.partition("=")[2] or spec)
        return

    from gladsr.training.export_rival import export_rival  # noqa: PLC0415 - needs gladsr[train]

    for name, scale, network in _rivals(spec, scales):
        file = folder / f"{name}-x{scale}.onnx"
        export_rival(network, file)
        yield name, scale, file


def _rivals(spec: str, scales: list[int]) -> Iterator[tuple[str, int, Any]]:
    """Give a rival at the scales: its name, its scale and the PyTorch network."""
    from gladsr.rivals.load import RIVALS, load_rival  # noqa: PLC0415 - likewise

    name, equals, file = spec.partition("=")
    if name not in RIVALS:
        raise NetworkFileError(f"there is no rival {name!r}; there are {', '.join(RIVALS)}")
    loaded = load_rival(name, Path(file)) if equals else None
    if loaded is not None and not set(scales) & set(loaded):
        has = ", ".join(f"×{scale}" for scale in loaded)
        raise NetworkFileError(f"{spec} upscales by {has} only; say so with --scale")
    for scale in scales:
        if loaded is None:
            yield name, scale, RIVALS[name](scale).eval()
        elif scale in loaded:
            yield name, scale, loaded[scale]


def _in_torch(spec: str, scale: int, precision: Precision, threads: int) -> Run:
    import torch  # noqa: PLC0415 - needs the extra gladsr[torch]

    from gladsr.engines.openvino import check_bf16  # noqa: PLC0415 - slow to import

    if precision == "bf16":
        check_bf16()
    torch.set_num_threads(threads)
    ((_, _, network),) = _rivals(spec, [scale])
    network.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run(x: NDArray[np.float32]) -> object:
        batch = torch.from_numpy(x.transpose(2, 0, 1)[np.newaxis].copy())
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return network(batch.to(memory_format=torch.channels_last))

    return run


def _in_onnxruntime(file: Path, threads: int) -> Run:
    import onnxruntime  # noqa: PLC0415 - needs the extra gladsr[onnxruntime]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    wanted = ["y" if "y" in names else names[-1]]

    def run(x: NDArray[np.float32]) -> object:
        batch = np.ascontiguousarray(x.transpose(2, 0, 1)[np.newaxis])
        return session.run(wanted, {source.name: batch})

    return run
