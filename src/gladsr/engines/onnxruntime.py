"""ONNX Runtime on the CPU, for machines that OpenVINO has no wheel for."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx.utils
import onnxruntime
from numpy.typing import NDArray

from gladsr.engines.engine import Attention, EngineError, Precision, out_of_memory_named

if TYPE_CHECKING:
    from gladsr.zoo import Card

logger = logging.getLogger(__name__)


class OnnxRuntimeEngine:
    """An ONNX model in ONNX Runtime."""

    def __init__(self, onnx_path: Path, *, threads: int | None) -> None:
        onnxruntime.disable_telemetry_events()
        self._model = onnx.load(onnx_path)
        self._threads = threads
        self._units = sum(
            name.startswith("attention.") for node in self._model.graph.node for name in node.output
        )
        self._sessions: dict[tuple[str, ...], onnxruntime.InferenceSession] = {}

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
            self._sessions[key] = onnxruntime.InferenceSession(
                part.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        return self._sessions[key]

    def run(
        self, x: NDArray[np.float32], *, draft: bool = False, attention: Attention | None = None
    ) -> NDArray[np.float32]:
        """Upscale; see `Engine`."""
        r_c = [] if attention is None else list(attention[:, np.newaxis, :, np.newaxis, np.newaxis])
        given = {f"attention.{unit}": weights for unit, weights in enumerate(r_c)}
        session = self._session(("y_c" if draft else "y",), tuple(given))
        with out_of_memory_named():
            (y,) = session.run(None, {"x": _batch(x), **given})
        return np.ascontiguousarray(y[0].transpose(1, 2, 0))

    def attention(self, x: NDArray[np.float32], *, draft: bool = False) -> Attention:
        """Read the attention; see `Engine`."""
        units = self._units // 2 if draft else self._units
        session = self._session(tuple(f"attention.{unit}" for unit in range(units)))
        with out_of_memory_named():
            r_c = session.run(None, {"x": _batch(x)})
        return np.stack([weights[0, :, 0, 0] for weights in r_c])


def _batch(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(x.transpose(2, 0, 1)[np.newaxis])


def load(
    card: "Card", *, device: str | None, precision: Precision, threads: int | None
) -> OnnxRuntimeEngine:
    """Load a model of the zoo."""
    if device is not None and device.lower() != "cpu":
        raise EngineError(f"the onnxruntime engine runs on the cpu only, not on {device!r}")
    if precision == "bf16":
        logger.warning("the onnxruntime engine does not compute in bf16; fp32 is used instead")
    return OnnxRuntimeEngine(card.onnx_path, threads=threads)
