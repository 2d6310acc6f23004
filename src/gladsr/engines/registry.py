"""The registry of engines, and loading a network into one of them."""

import logging
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Literal, cast, get_args

from gladsr.engines.engine import FiniteEngine, LoadedEngine, Precision, PrecisionChoice
from gladsr.engines.networks import Network
from gladsr.engines.processor import has_bf16
from gladsr.errors import DeviceError, EngineError, MissingExtraError
from gladsr.zoo import Card

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineInfo:
    """An engine. Its code is the module of `gladsr.engines` that has the library's name.

    The module has two functions: ``load``, which takes a `Network`, and ``operation``, which makes
    what `gladsr benchmark` compares a network's speed with.

    Attributes:
        library: The name under which its library is imported.
        requirement: What pip installs the library by.
        runs: The attribute of a `Network` that it runs.
        precisions: The precisions that it supports, where the processor does.
        devices: The kinds of device that it runs on, the best suited one first.
    """

    library: str
    requirement: str
    runs: Literal["onnx", "module"]
    precisions: tuple[Precision, ...]
    devices: tuple[str, ...]

    def code(self) -> ModuleType:
        """Import the engine's module.

        Raises:
            MissingExtraError: The library is not installed.
        """
        try:
            return import_module(f"gladsr.engines.{self.library}")
        except ModuleNotFoundError as error:
            raise MissingExtraError(self.library, self.requirement) from error


EngineName = Literal["auto", "openvino", "onnxruntime", "torch"]

ENGINES = {
    info.library: info
    for info in (
        EngineInfo("openvino", "openvino", "onnx", ("fp32", "bf16", "int8"), ("cpu",)),
        EngineInfo(
            "onnxruntime",
            "gladsr[onnxruntime]",
            "onnx",
            ("fp32",),
            ("cpu", "cuda", "dml", "coreml"),
        ),
        EngineInfo("torch", "gladsr[torch]", "module", ("fp32", "bf16"), ("cuda", "mps", "cpu")),
    )
}
"""By name; of those equally suited to a device, the first one installed is preferred."""


def load(
    network: Network | Card,
    engine: EngineName = "auto",
    *,
    device: str | None = None,
    precision: PrecisionChoice = "fp32",
    threads: int | None = None,
) -> LoadedEngine:
    """Load a network into an engine.

    Args:
        network: What to load: what `find` returns, or the card of a model of the zoo.
        engine: The engine's name; "auto" is the first of those installed that has the device and
            can run the network: on a CPU OpenVINO, ONNX Runtime, PyTorch in this order.
        device: "cpu", or by the engine: OpenVINO "GPU", "NPU", …; ONNX Runtime "cuda", "cuda:1",
            "dml", "coreml"; PyTorch "cuda", "cuda:1", "mps". The CPU if None.
        precision: "bf16" and "int8" are faster where the processor computes in them. Where it, or
            the engine, does not, fp32 is used: a line in the log and the engine's attribute
            ``precision`` say so. "auto" is bf16 in OpenVINO on processors with bf16 instructions,
            and fp32 everywhere else.
        threads: The number of CPU threads; the engine's own choice if None.

    Raises:
        MissingExtraError: The engine's library is not installed.
        EngineError: There is no such engine, precision or device, or fewer than one thread; or the
            engine cannot run the network, or not in that precision.
    """
    if isinstance(network, Card):
        network = Network.of_card(network)
    _check_choice("engine", engine, get_args(EngineName))
    _check_choice("precision", precision, get_args(PrecisionChoice))
    if threads is not None and threads < 1:
        raise EngineError(f"threads is {threads}, but must be 1 or more")
    failures = list[DeviceError]()
    for info in _candidates(network, engine, device):
        load_in = partial(info.code().load, network, device=device, threads=threads)
        used = _precision(info, precision, device)
        try:
            loaded = cast("LoadedEngine", load_in(precision=used))
        except DeviceError as error:
            failures.append(error)
            continue
        logger.info("%s is run by %s", network.origin, loaded)
        if loaded.precision == "fp32":
            return loaded
        return FiniteEngine(loaded, partial(load_in, precision="fp32"))
    if len(failures) == 1:
        raise failures[0]
    raise EngineError("; ".join(map(str, failures)))


def _precision(info: EngineInfo, choice: PrecisionChoice, device: str | None) -> Precision:
    """Return the precision to load a network in."""
    if choice == "auto":
        native = info.library == "openvino" and device in {None, "CPU", "cpu"} and has_bf16()
        return "bf16" if native else "fp32"
    if choice not in info.precisions:
        logger.warning("the %s engine does not compute in %s; fp32 is used", info.library, choice)
        return "fp32"
    return choice


def _check_choice(what: str, chosen: str, choices: tuple[str, ...]) -> None:
    if chosen not in choices:
        raise EngineError(f"there is no {what} {chosen!r}; choose from {', '.join(choices)}")


def _candidates(network: Network, engine: EngineName, device: str | None) -> list[EngineInfo]:
    """Return the engines to try in turn."""
    if engine != "auto":
        info = ENGINES[engine]
        if getattr(network, info.runs) is None:
            other = "a network in PyTorch" if info.runs == "module" else "an ONNX file"
            raise EngineError(f"{network.origin} cannot be run by {engine}, which needs {other}")
        return [info]
    kind = (device or "cpu").lower().partition(":")[0]
    able = [info for info in ENGINES.values() if getattr(network, info.runs) is not None]
    having = [info for info in able if kind in info.devices]
    having.sort(key=lambda info: info.devices.index(kind))
    # Any other name is one of OpenVINO's.
    having = having or [info for info in able if info.library == "openvino"] or able
    return [info for info in having if find_spec(info.library)] or having[:1]
