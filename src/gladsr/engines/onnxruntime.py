"""ONNX Runtime on the CPU, for machines that OpenVINO has no wheel for."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx.utils
import onnxruntime
from numpy.typing import NDArray

from gladsr.engines.engine import EngineError, Precision

if TYPE_CHECKING:
    from gladsr.zoo import Card

logger = logging.getLogger(__name__)


class OnnxRuntimeEngine:
    """An ONNX model in ONNX Runtime."""

    def __init__(self, onnx_path: Path, *, threads: int | None) -> None:
        onnxruntime.disable_telemetry_events()
        self._model = onnx.load(onnx_path)
        self._threads = threads
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}

    def _session(self, output: str) -> onnxruntime.InferenceSession:
        """Return a session of the part of the model that ``output`` needs, and no more."""
        if output not in self._sessions:
            part = onnx.utils.Extractor(self._model).extract_model(["x"], [output])
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self._threads or 0  # 0: as many as there are cores
            self._sessions[output] = onnxruntime.InferenceSession(
                part.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        return self._sessions[output]

    def run(self, x: NDArray[np.float32], *, draft: bool = False) -> NDArray[np.float32]:
        """Upscale; see `Engine`."""
        batch = np.ascontiguousarray(x.transpose(2, 0, 1)[np.newaxis])
        (y,) = self._session("y_c" if draft else "y").run(None, {"x": batch})
        return np.ascontiguousarray(y[0].transpose(1, 2, 0))


def load(
    card: "Card", *, device: str | None, precision: Precision, threads: int | None
) -> OnnxRuntimeEngine:
    """Load a model of the zoo."""
    if device is not None and device.lower() != "cpu":
        raise EngineError(f"the onnxruntime engine runs on the cpu only, not on {device!r}")
    if precision == "bf16":
        logger.warning("the onnxruntime engine does not compute in bf16; fp32 is used instead")
    return OnnxRuntimeEngine(card.onnx_path, threads=threads)
