"""OpenVINO, the default engine: the fastest on CPUs, and part of the default install."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from gladsr.engines import graph
from gladsr.engines.cache import cache_folder
from gladsr.engines.engine import (
    ChannelWeights,
    Precision,
    last_line,
    memory_errors_translated,
    run_errors_translated,
)
from gladsr.engines.memory import memory_of, release_memory, run_lock
from gladsr.errors import DeviceError, EngineError, NetworkFileError

if TYPE_CHECKING:
    from gladsr.engines.networks import Network
    from gladsr.zoo import Card

logger = logging.getLogger(__name__)


@cache
def core() -> ov.Core:
    """Return this process's only core of OpenVINO.

    Each core that is deleted restores the signal stack that it found. With several cores that may
    be one that is freed already, and Ctrl-C then ends in a segmentation fault.
    """
    return ov.Core()


class OpenVINOEngine:
    """A network in OpenVINO.

    Args:
        path: An ONNX file, or for int8 OpenVINO's own .xml of a quantised network.
        origin: What messages call the network.
        device: OpenVINO's name for the device.
        precision: The precision of most of the computation.
        threads: The number of CPU threads; OpenVINO's own choice if None.

    Raises:
        NetworkFileError: The file cannot be read, or is not a network for RGB.
    """

    def __init__(
        self,
        path: Path,
        *,
        origin: str,
        device: str = "CPU",
        precision: Precision = "fp32",
        threads: int | None = None,
    ) -> None:
        self.device = device
        self.precision = precision
        self._path = path
        self._origin = origin
        self._model = _read(path)
        self._names = _tensors_of(self._model)
        self._settings: dict[str, Any] = {}
        if threads is not None:
            self._settings["INFERENCE_NUM_THREADS"] = threads
        if device == "CPU":
            # The default keeps the kernels of every size of picture, some 2 MB each; this many are
            # those of one or two sizes.
            self._settings["CPU_RUNTIME_CACHE_CAPACITY"] = 64
        folder = cache_folder("openvino")
        if folder is not None:
            self._settings["CACHE_DIR"] = str(folder)
        # OpenVINO's default is bf16 where the processor has it, so it is always set. What a
        # quantised model does not compute in int8 loses next to nothing in bf16.
        fast = precision != "fp32" and "BF16" in capabilities(device)
        self._settings["INFERENCE_PRECISION_HINT"] = "bf16" if fast else "f32"
        self._compiled: dict[tuple[str, ...], ov.CompiledModel] = {}

    def __str__(self) -> str:
        """Return the library, its version, the device and the precision."""
        version = ov.__version__.partition("-")[0]
        return f"OpenVINO {version} on {self.device} in {self.precision}"

    def _part(self, outputs: tuple[str, ...], given: tuple[str, ...] = ()) -> ov.CompiledModel:
        """Return the part of the network that leads to ``outputs``, and no more, compiled.

        Its inputs are the picture and the tensors ``given``, which it then does not compute.
        """
        key = (*outputs, "of", *given)
        if key not in self._compiled:
            model = self._model.clone() if given else self._model
            if graph.COARSE in outputs and graph.COARSE not in _tensors(model):
                model = self._with_coarse_output()
            tensors = _tensors(model)
            inputs = model.get_parameters()
            for name in given:
                stand_in = ov.opset13.parameter(tensors[name].get_partial_shape(), ov.Type.f32)
                for target in tensors[name].get_target_inputs():
                    target.replace_source_output(stand_in.output(0))
                inputs.append(stand_in)
            part = ov.Model([tensors[name] for name in outputs], inputs, "part")
            release_memory()
            with memory_errors_translated(), self._device_errors_translated():
                self._compiled[key] = core().compile_model(part, self.device, self._settings)
        return self._compiled[key]

    def _with_coarse_output(self) -> ov.Model:
        """Read the file with the coarse output, which is not on the way to the final one."""
        try:
            return core().read_model(graph.with_output(self._path.read_bytes(), graph.COARSE))
        except RuntimeError as error:
            raise EngineError(f"{self._origin} has no coarse output") from error

    @contextmanager
    def _device_errors_translated(self) -> Iterator[None]:
        """Turn a failure of the device to run the network into a `DeviceError`."""
        try:
            yield
        except RuntimeError as error:
            raise DeviceError(f"{self} cannot run the network: {last_line(error)}") from error

    @contextmanager
    def _inferred(
        self,
        outputs: tuple[str, ...],
        x: NDArray[np.float32],
        given: dict[str, ChannelWeights] | None = None,
    ) -> Iterator[list[NDArray[np.float32]]]:
        """Compute outputs, which are valid within the context, in which no other thread runs.

        The tensors ``given`` are not computed.
        """
        given = given or {}
        with run_lock:
            part = self._part(outputs, tuple(given))
            with memory_errors_translated(), self._device_errors_translated():
                request = part.create_infer_request()
            with memory_of(part.release_memory):
                with run_errors_translated(self._origin, x):
                    request.infer([x.transpose(2, 0, 1)[np.newaxis], *given.values()])
                    if any(tensor.size == 0 for tensor in request.output_tensors):
                        raise MemoryError  # OpenVINO itself raises nothing
                yield [tensor.data for tensor in request.output_tensors]

    def run(
        self,
        x: NDArray[np.float32],
        *,
        draft: bool = False,
        channel_weights: ChannelWeights | None = None,
    ) -> NDArray[np.float32]:
        """Upscale; see `Engine`."""
        output, given = self._names.output_of(draft=draft), self._names.given(channel_weights)
        with self._inferred((output,), x, given) as (y,):
            return np.ascontiguousarray(y[0].transpose(1, 2, 0))

    def channel_weights(self, x: NDArray[np.float32], *, draft: bool = False) -> ChannelWeights:
        """Compute the channel weights; see `Engine`."""
        names = self._names.channel_weights_of(draft=draft)
        if not names:
            return np.empty((0, 0), np.float32)
        with self._inferred(names, x) as r_c:
            return np.stack([weights[0, :, 0, 0] for weights in r_c])

    def masks(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the guided masks; see `LoadedEngine`."""
        if not self._names.masks:
            raise EngineError(f"{self._origin} has no guided masks")
        with self._inferred(self._names.masks, x) as r_s:
            return np.concatenate([mask[0] for mask in r_s])


def _read(path: Path) -> ov.Model:
    """Read a network, and let it take pictures of any size.

    Raises:
        NetworkFileError: The file cannot be read, or is not a network for RGB.
    """
    try:
        model = core().read_model(path)
    except RuntimeError as error:
        raise NetworkFileError(f"{path} cannot be read by OpenVINO: {last_line(error)}") from error
    channels = model.input().partial_shape[1]
    if channels.is_static and channels.get_length() != 3:
        raise NetworkFileError(
            f"{path} takes {channels.get_length()} channel(s), but must take RGB"
        )
    any_size = ov.PartialShape([1, 3, -1, -1])
    if model.input().partial_shape != any_size:
        try:
            model.reshape(any_size)
        except RuntimeError as error:
            raise NetworkFileError(
                f"{path} does not take pictures of any size: {last_line(error)}"
            ) from error
    return model


def _tensors(model: ov.Model) -> dict[str, ov.Output]:
    """Return everything that a model computes, by name."""
    return {
        name: tensor
        for operation in model.get_ops()
        for tensor in operation.outputs()
        for name in tensor.get_names()
    }


def _tensors_of(model: ov.Model) -> graph.Tensors:
    names = [output.get_any_name() for output in model.outputs]
    return graph.Tensors.of([model.input().get_any_name()], names, _tensors(model))


def load(
    network: "Network", *, device: str | None, precision: Precision, threads: int | None
) -> OpenVINOEngine:
    """Load a network from its ONNX file."""
    name = (device or "CPU").upper()
    _check(name)
    if precision != "fp32" and precision.upper() not in capabilities(name):
        logger.warning("%s does not compute in %s; fp32 is used", name, precision)
        precision = "fp32"
    assert network.onnx is not None  # noqa: S101 - the registry offers no other
    path = _int8_file(network) if precision == "int8" else network.onnx
    return OpenVINOEngine(
        path, origin=network.origin, device=name, precision=precision, threads=threads
    )


def operation(
    kind: str, x: NDArray[np.float32], w: NDArray[np.float32], precision: Precision, threads: int
) -> Callable[[], object]:
    """Return a function that computes a matrix product or a 3×3 convolution; see `Ceiling`."""
    ops = ov.opset13
    source = ops.parameter(x.shape, ov.Type.f32)
    left, right = source, ops.constant(w)
    if precision == "int8":
        bound = np.float32(np.abs(w).max())
        left = ops.fake_quantize(left, *map(np.float32, (-1, 1, -1, 1)), levels=256)
        right = ops.fake_quantize(right, -bound, bound, -bound, bound, levels=255)
    if kind == "matrix product":
        y = ops.matmul(left, right, transpose_a=False, transpose_b=False)
    else:
        y = ops.convolution(left, right, [1, 1], [1, 1], [1, 1], [1, 1])
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "INFERENCE_NUM_THREADS": threads,
    }
    compiled = core().compile_model(ov.Model([y], [source], "ceiling"), "CPU", settings)
    request = compiled.create_infer_request()
    return lambda: request.infer([x], share_inputs=True, share_outputs=True)


def _int8_file(network: "Network") -> Path:
    if network.card is None:
        raise EngineError(f"{network.origin} has no int8 weights: only models of the zoo do")
    path = int8_path(network.card)
    if not path.is_file():
        name, scale = network.name, network.scale
        raise EngineError(
            f"{name} has no int8 weights at ×{scale}; make them with: gladsr export {name} "
            f'--scale {scale} --calibrate FOLDER -o "{path}"'
        )
    return path


def int8_path(card: "Card") -> Path:
    """Return where the user keeps a model in 8 bits; its name has the digest of its source."""
    folder = cache_folder("int8")
    if folder is None:
        raise EngineError(
            "int8 weights are kept in the user's cache folder, which is not writable; set "
            "XDG_CACHE_HOME to another folder"
        )
    return folder / f"{card.name}-x{card.scale}-{card.sha256['onnx'][:12]}-int8.xml"


def _check(device: str) -> None:
    """Reject a device that is not available, or not one at all, such as MULTI:FOO."""
    if device == "CPU":
        return
    x = ov.opset13.parameter([1], ov.Type.f32)
    try:
        core().compile_model(ov.Model([ov.opset13.relu(x)], [x], "least"), device)
    except RuntimeError as error:
        available = ", ".join(core().available_devices)
        raise DeviceError(f"OpenVINO has no device {device!r} here, only {available}") from error


def capabilities(device: str) -> list[str]:
    """Return the precisions that a device computes in, such as FP32 and BF16.

    For a device that chooses among others, such as MULTI:GPU,CPU, they are those that it promises.
    """
    one = device.partition(":")[0]
    return list(core().get_property(one, ov.properties.device.capabilities))
