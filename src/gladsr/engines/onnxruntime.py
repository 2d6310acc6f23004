"""ONNX Runtime, on the CPU and the other devices of its build: CUDA, DirectML, Core ML."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx.shape_inference
import onnx.utils
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from gladsr.engines import graph
from gladsr.engines.engine import ChannelWeights, Precision, last_line, run_errors_translated
from gladsr.errors import DeviceError, EngineError, NetworkFileError

if TYPE_CHECKING:
    from gladsr.engines.networks import Network

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "dml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}


class OnnxRuntimeEngine:
    """An ONNX file in ONNX Runtime.

    Args:
        path: The file.
        origin: What messages call the network.
        device: ONNX Runtime's name for the device, such as "cuda:1".
        threads: The number of CPU threads; ONNX Runtime's own choice if None.

    Raises:
        NetworkFileError: The file cannot be read.
        DeviceError: This build has no such device.
    """

    precision: Precision = "fp32"

    def __init__(
        self, path: Path, *, origin: str, device: str = "cpu", threads: int | None = None
    ) -> None:
        onnxruntime.disable_telemetry_events()
        self.device = device
        self._origin = origin
        self._provider = _provider(device)
        try:
            self._model = onnx.shape_inference.infer_shapes(onnx.load(path))
        except Exception as error:  # the type depends on where the damage is
            raise NetworkFileError(f"{path} cannot be read as ONNX: {last_line(error)}") from error
        self._threads = threads
        self._names = _tensors_of(self._model)
        self._sessions: dict[tuple[str, ...], onnxruntime.InferenceSession] = {}

    def __str__(self) -> str:
        """Return the library, its version, the device and the precision."""
        return f"ONNX Runtime {onnxruntime.__version__} on {self.device} in {self.precision}"

    def _session(
        self, outputs: tuple[str, ...], given: tuple[str, ...] = ()
    ) -> onnxruntime.InferenceSession:
        """Return a session of the part of the network that leads to ``outputs``, and no more.

        Its inputs are the picture and the tensors ``given``, which it then does not compute.
        """
        key = (*outputs, "of", *given)
        if key not in self._sessions:
            inputs = [self._names.input, *given]
            try:
                part = onnx.utils.Extractor(self._model).extract_model(inputs, list(outputs))
            except ValueError as error:
                raise EngineError(f"{self._origin} has no {outputs[0]} output") from error
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self._threads or 0  # 0: as many as there are cores
            # DirectML requires it to be off.
            options.enable_mem_pattern = self._provider[0] != "DmlExecutionProvider"
            session = onnxruntime.InferenceSession(
                part.SerializeToString(), options, providers=[self._provider]
            )
            # A provider whose libraries do not load is left out without an error.
            if self._provider[0] not in session.get_providers():
                raise DeviceError(
                    f"ONNX Runtime cannot use the device {self.device!r}: its "
                    f"{self._provider[0]} does not load; see what ONNX Runtime printed"
                )
            self._sessions[key] = session
        return self._sessions[key]

    def _inferred(
        self,
        outputs: tuple[str, ...],
        x: NDArray[np.float32],
        given: dict[str, ChannelWeights] | None = None,
    ) -> list[NDArray[np.float32]]:
        """Compute outputs; the tensors ``given`` are not computed."""
        given = given or {}
        session = self._session(outputs, tuple(given))
        batch = np.ascontiguousarray(x.transpose(2, 0, 1)[np.newaxis])
        with run_errors_translated(self._origin, x):
            computed: list[NDArray[np.float32]] = session.run(
                None, {self._names.input: batch, **given}
            )
        return computed

    def run(
        self,
        x: NDArray[np.float32],
        *,
        draft: bool = False,
        channel_weights: ChannelWeights | None = None,
    ) -> NDArray[np.float32]:
        """Upscale; see `Engine`."""
        output, given = self._names.output_of(draft=draft), self._names.given(channel_weights)
        (y,) = self._inferred((output,), x, given)
        return np.ascontiguousarray(y[0].transpose(1, 2, 0))

    def channel_weights(self, x: NDArray[np.float32], *, draft: bool = False) -> ChannelWeights:
        """Compute the channel weights; see `Engine`."""
        names = self._names.channel_weights_of(draft=draft)
        if not names:
            return np.empty((0, 0), np.float32)
        return np.stack([weights[0, :, 0, 0] for weights in self._inferred(names, x)])

    def masks(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the guided masks; see `LoadedEngine`."""
        if not self._names.masks:
            raise EngineError(f"{self._origin} has no guided masks")
        return np.concatenate([mask[0] for mask in self._inferred(self._names.masks, x)])


def _tensors_of(model: onnx.ModelProto) -> graph.Tensors:
    weights = {weight.name for weight in model.graph.initializer}  # inputs too in older files
    return graph.Tensors.of(
        [value.name for value in model.graph.input if value.name not in weights],
        [value.name for value in model.graph.output],
        {name for node in model.graph.node for name in node.output},
    )


def _provider(device: str) -> tuple[str, dict[str, str]]:
    """Return the provider that runs on a device, such as "cuda:1", and its settings."""
    kind, _, number = device.lower().partition(":")
    available = onnxruntime.get_available_providers()
    provider = _PROVIDERS.get(kind, "")
    if provider not in available or (number and not number.isdecimal()):
        has = ", ".join(name for name, needed in _PROVIDERS.items() if needed in available)
        raise DeviceError(f"this ONNX Runtime has no device {device!r}, only {has}")
    return provider, {"device_id": number} if number else {}


def load(
    network: "Network", *, device: str | None, precision: Precision, threads: int | None
) -> OnnxRuntimeEngine:
    """Load a network from its ONNX file, in fp32."""
    assert precision == "fp32"  # noqa: S101 - the registry asks for no other
    assert network.onnx is not None  # noqa: S101 - the registry offers no other
    return OnnxRuntimeEngine(
        network.onnx, origin=network.origin, device=device or "cpu", threads=threads
    )


def operation(
    kind: str, x: NDArray[np.float32], w: NDArray[np.float32], _precision: Precision, threads: int
) -> Callable[[], object]:
    """Return a function that computes a matrix product or a 3×3 convolution; see `Ceiling`."""
    node = (
        helper.make_node("MatMul", ["x", "w"], ["y"])
        if kind == "matrix product"
        else helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    )
    part = helper.make_graph(
        [node],
        "ceiling",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape)],
        [numpy_helper.from_array(w, "w")],
    )
    model = helper.make_model(part, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"x": x})
