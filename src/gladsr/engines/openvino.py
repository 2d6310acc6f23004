"""OpenVINO, the default engine: the fastest on CPUs, and part of the default install."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from gladsr.engines.cache import cache_folder
from gladsr.engines.engine import ChannelWeights, Precision, out_of_memory_named
from gladsr.engines.memory import alone, give_back, memory_of
from gladsr.errors import DeviceError, EngineError

if TYPE_CHECKING:
    from gladsr.zoo import Card

logger = logging.getLogger(__name__)


@cache
def core() -> ov.Core:
    """Return OpenVINO's core, the one of this process.

    Each core that is deleted gives the process the signal stack back that it found. With several
    that can be one that is freed already, and Ctrl-C then ends in a segmentation fault.
    """
    return ov.Core()


class OpenVINOEngine:
    """A model in OpenVINO.

    Args:
        path: An ONNX file, or for int8 OpenVINO's own .xml of a quantised model.
        device: OpenVINO's name of the device.
        precision: What most is computed in.
        threads: The number of CPU threads; OpenVINO's own choice if None.
    """

    def __init__(
        self, path: Path, *, device: str, precision: Precision, threads: int | None
    ) -> None:
        self._model = core().read_model(path)
        self._device = device
        self._precision = precision
        self._settings: dict[str, Any] = {}
        if threads is not None:
            self._settings["INFERENCE_NUM_THREADS"] = threads
        if device == "CPU":
            # By itself it keeps the kernels of every size of picture, some 2 MB each; this many are
            # those of one or two sizes.
            self._settings["CPU_RUNTIME_CACHE_CAPACITY"] = 64
        folder = cache_folder("openvino")
        if folder is not None:
            self._settings["CACHE_DIR"] = str(folder)
        self._units = sum(name.startswith("attention.") for name in self._tensors(self._model))
        # OpenVINO by itself takes bf16 where the processor has it, so it is always told. What a
        # quantised model does not compute in int8 loses nothing to speak of in bf16.
        fast = precision != "fp32" and "BF16" in capabilities(device)
        self._settings["INFERENCE_PRECISION_HINT"] = "bf16" if fast else "f32"
        self._compiled: dict[tuple[str, ...], ov.CompiledModel] = {}

    def __str__(self) -> str:
        """Return the library, its version, the device and the precision."""
        version = ov.__version__.partition("-")[0]
        return f"OpenVINO {version} on {self._device} in {self._precision}"

    @staticmethod
    def _tensors(model: ov.Model) -> dict[str, ov.Output]:
        """Return everything that a model computes, by name."""
        return {
            name: tensor
            for operation in model.get_ops()
            for tensor in operation.outputs()
            for name in tensor.get_names()
        }

    def _part(self, outputs: tuple[str, ...], given: tuple[str, ...] = ()) -> ov.CompiledModel:
        """Return the part of the model that leads to ``outputs``, and no more, compiled.

        Its inputs are the picture and the tensors ``given``, which it then does not compute.
        """
        key = (*outputs, "of", *given)
        if key not in self._compiled:
            model = self._model.clone() if given else self._model
            tensors = self._tensors(model)
            inputs = model.get_parameters()
            for name in given:
                stand_in = ov.opset13.parameter(tensors[name].get_partial_shape(), ov.Type.f32)
                for target in tensors[name].get_target_inputs():
                    target.replace_source_output(stand_in.output(0))
                inputs.append(stand_in)
            part = ov.Model([tensors[name] for name in outputs], inputs, "part")
            give_back()
            with out_of_memory_named(), self._failure_named():
                self._compiled[key] = core().compile_model(part, self._device, self._settings)
        return self._compiled[key]

    @contextmanager
    def _failure_named(self) -> Iterator[None]:
        """Raise a `DeviceError` where the device cannot run the network."""
        try:
            yield
        except RuntimeError as error:
            why = str(error).strip().rpartition("\n")[2]
            raise DeviceError(f"{self} cannot run the network: {why}") from error

    @contextmanager
    def _inferred(
        self, outputs: tuple[str, ...], x: NDArray[np.float32], given: dict[str, ChannelWeights]
    ) -> Iterator[list[NDArray[np.float32]]]:
        """Compute outputs, which are there as long as the context, in which no other thread runs.

        The tensors ``given`` are not computed.
        """
        with alone:
            part = self._part(outputs, tuple(given))
            with out_of_memory_named(), self._failure_named():
                request = part.create_infer_request()
            with memory_of(part.release_memory):
                with out_of_memory_named():
                    request.infer([x.transpose(2, 0, 1)[np.newaxis], *given.values()])
                    if any(tensor.size == 0 for tensor in request.output_tensors):
                        raise MemoryError  # which it keeps to itself
                yield [tensor.data for tensor in request.output_tensors]

    def run(
        self,
        x: NDArray[np.float32],
        *,
        draft: bool = False,
        channel_weights: ChannelWeights | None = None,
    ) -> NDArray[np.float32]:
        """Upscale; see `Engine`."""
        r_c = (
            []
            if channel_weights is None
            else list(channel_weights[:, np.newaxis, :, np.newaxis, np.newaxis])
        )
        given = {f"attention.{unit}": weights for unit, weights in enumerate(r_c)}
        with self._inferred(("y_c" if draft else "y",), x, given) as (y,):
            return np.ascontiguousarray(y[0].transpose(1, 2, 0))

    def channel_weights(self, x: NDArray[np.float32], *, draft: bool = False) -> ChannelWeights:
        """Compute the channel weights; see `Engine`."""
        units = self._units // 2 if draft else self._units
        names = tuple(f"attention.{unit}" for unit in range(units))
        with self._inferred(names, x, {}) as r_c:
            return np.stack([weights[0, :, 0, 0] for weights in r_c])

    def masks(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Read the guided masks; see `Engine`."""
        with self._inferred(tuple(self._mask_names()), x, {}) as r_s:
            return np.concatenate([mask[0] for mask in r_s])

    def _mask_names(self) -> Iterator[str]:
        """Give the masks' names in the order of the GLAMs: of all gates, they have one channel."""
        for operation in self._model.get_ordered_ops():
            output = operation.output(0) if operation.get_type_name() == "Sigmoid" else None
            if output is not None and output.get_partial_shape()[1] == 1:
                yield output.get_any_name()


def load(
    card: "Card", *, device: str | None, precision: Precision, threads: int | None
) -> OpenVINOEngine:
    """Load a model of the zoo."""
    name = (device or "CPU").upper()
    _check(name)
    if precision != "fp32" and precision.upper() not in capabilities(name):
        logger.warning("%s does not compute in %s; fp32 is used instead", name, precision)
        precision = "fp32"
    path = int8_path(card) if precision == "int8" else card.onnx_path
    if not path.is_file():
        raise EngineError(
            f"{card.name} has no int8 weights at ×{card.scale}; make them with: gladsr export "
            f'{card.name} --scale {card.scale} --calibrate FOLDER -o "{path}"'
        )
    return OpenVINOEngine(path, device=name, precision=precision, threads=threads)


def int8_path(card: "Card") -> Path:
    """Return where the user keeps a model in 8 bits; the name tells what it was made from."""
    folder = cache_folder("int8")
    if folder is None:
        raise EngineError(
            "int8 weights lie in the user's cache folder, which cannot be written; "
            "let XDG_CACHE_HOME name another"
        )
    return folder / f"{card.name}-x{card.scale}-{card.sha256['onnx'][:12]}-int8.xml"


def _check(device: str) -> None:
    """Refuse a device that is not there, or is none, such as MULTI:FOO."""
    if device == "CPU":
        return
    x = ov.opset13.parameter([1], ov.Type.f32)
    try:
        core().compile_model(ov.Model([ov.opset13.relu(x)], [x], "least"), device)
    except RuntimeError as error:
        available = ", ".join(core().available_devices)
        raise DeviceError(f"OpenVINO has no device {device!r} here, only {available}") from error


def capabilities(device: str) -> list[str]:
    """Return what a device computes in, such as FP32 and BF16.

    Of one that chooses among others, such as MULTI:GPU,CPU, it is what it promises for all.
    """
    one = device.partition(":")[0]
    return list(core().get_property(one, ov.properties.device.capabilities))


def check_bf16() -> None:
    """Raise an `EngineError` where the processor does not compute in bf16."""
    if "BF16" not in capabilities("CPU"):
        raise EngineError("this processor does not compute in bf16")
