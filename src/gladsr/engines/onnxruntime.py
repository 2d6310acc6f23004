"""ONNX Runtime, on the CPU and on what else its build has: CUDA, DirectML, Core ML."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx.shape_inference
import onnx.utils
import onnxruntime
from numpy.typing import NDArray

from gladsr.engines.engine import ChannelWeights, Precision, out_of_memory_named
from gladsr.errors import DeviceError

if TYPE_CHECKING:
    from gladsr.zoo import Card

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "dml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}

logger = logging.getLogger(__name__)


class OnnxRuntimeEngine:
    """An ONNX model in ONNX Runtime."""

    def __init__(self, onnx_path: Path, *, device: str = "cpu", threads: int | None) -> None:
        onnxruntime.disable_telemetry_events()
        self._device = device
        self._provider = _provider(device)
        self._model = onnx.shape_inference.infer_shapes(onnx.load(onnx_path))
        self._threads = threads
        self._units = sum(
            name.startswith("attention.") for node in self._model.graph.node for name in node.output
        )
        self._sessions: dict[tuple[str, ...], onnxruntime.InferenceSession] = {}

    def __str__(self) -> str:
        """Return the library, its version and the device."""
        return f"ONNX Runtime {onnxruntime.__version__} on {self._device} in fp32"

    def _session(
        self, outputs: tuple[str, ...], given: tuple[str, ...] = ()
    ) -> onnxruntime.InferenceSession:
        """Return a session of the part of the model that leads to ``outputs``, and no more.

        Its inputs are the picture and the tensors ``given``, which it then does not compute.
        """
        key = (*outputs, "of", *given)
        if key not in self._sessions:
            part = onnx.utils.Extractor(self._model).extract_model(["x", *given], list(outputs))
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self._threads or 0  # 0: as many as there are cores
            # DirectML works without only
            options.enable_mem_pattern = self._provider[0] != "DmlExecutionProvider"
            session = onnxruntime.InferenceSession(
                part.SerializeToString(), options, providers=[self._provider]
            )
            # A provider whose libraries do not load is left out without an error.
            if self._provider[0] not in session.get_providers():
                raise DeviceError(
                    f"ONNX Runtime cannot use the device {self._device!r}: its "
                    f"{self._provider[0]} does not load; see what ONNX Runtime printed"
                )
            self._sessions[key] = session
        return self._sessions[key]

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
        session = self._session(("y_c" if draft else "y",), tuple(given))
        with out_of_memory_named():
            (y,) = session.run(None, {"x": _batch(x), **given})
        return np.ascontiguousarray(y[0].transpose(1, 2, 0))

    def channel_weights(self, x: NDArray[np.float32], *, draft: bool = False) -> ChannelWeights:
        """Compute the channel weights; see `Engine`."""
        units = self._units // 2 if draft else self._units
        session = self._session(tuple(f"attention.{unit}" for unit in range(units)))
        with out_of_memory_named():
            r_c = session.run(None, {"x": _batch(x)})
        return np.stack([weights[0, :, 0, 0] for weights in r_c])

    def masks(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Read the guided masks; see `Engine`."""
        session = self._session(tuple(self._mask_names()))
        with out_of_memory_named():
            r_s = session.run(None, {"x": _batch(x)})
        return np.concatenate([mask[0] for mask in r_s])

    def _mask_names(self) -> Iterator[str]:
        """Give the masks' names in the order of the GLAMs: of all gates, they have one channel."""
        graph = self._model.graph
        gates = {node.output[0] for node in graph.node if node.op_type == "Sigmoid"}
        for info in graph.value_info:
            if info.name in gates and info.type.tensor_type.shape.dim[1].dim_value == 1:
                yield info.name


def _batch(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(x.transpose(2, 0, 1)[np.newaxis])


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
    card: "Card", *, device: str | None, precision: Precision, threads: int | None
) -> OnnxRuntimeEngine:
    """Load a model of the zoo."""
    if precision != "fp32":
        logger.warning(
            "the onnxruntime engine does not compute in %s; fp32 is used instead", precision
        )
    return OnnxRuntimeEngine(card.onnx_path, device=device or "cpu", threads=threads)
