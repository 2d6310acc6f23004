"""OpenVINO, the default engine: the fastest on CPUs, and part of the default install."""

import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from gladsr.engines.engine import EngineError, Precision

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
    """An ONNX model in OpenVINO."""

    def __init__(
        self, onnx_path: Path, *, device: str, precision: Precision, threads: int | None
    ) -> None:
        available = core().available_devices
        # "GPU" stands for "GPU.0"; "AUTO" and "MULTI:…" choose among those available
        if not device.startswith(("AUTO", "MULTI", "HETERO")) and not any(
            name == device or name.startswith(f"{device}.") for name in available
        ):
            raise EngineError(
                f"OpenVINO has no device {device!r} here, only {', '.join(available)}"
            )
        if precision == "bf16" and "BF16" not in self._capabilities(device):
            logger.warning("%s does not compute in bf16; fp32 is used instead", device)
            precision = "fp32"
        self._model = core().read_model(onnx_path)
        self._device = device
        # OpenVINO by itself takes bf16 where the processor has it, so it is always told.
        self._settings = {
            ov.properties.hint.inference_precision: {"fp32": ov.Type.f32, "bf16": ov.Type.bf16}[
                precision
            ]
        }
        if threads is not None:
            self._settings[ov.properties.inference_num_threads] = threads
        self._compiled: dict[str, ov.CompiledModel] = {}

    def _capabilities(self, device: str) -> list[str]:
        return list(core().get_property(device, ov.properties.device.capabilities))

    def _part(self, output: str) -> ov.CompiledModel:
        """Return the part of the model that ``output`` needs, and no more, compiled."""
        if output not in self._compiled:
            part = ov.Model([self._model.output(output)], self._model.get_parameters(), output)
            self._compiled[output] = core().compile_model(part, self._device, self._settings)
        return self._compiled[output]

    def run(self, x: NDArray[np.float32], *, draft: bool = False) -> NDArray[np.float32]:
        """Upscale; see `Engine`."""
        # A request each time: it gives a large picture's memory back, and threads do not share it.
        request = self._part("y_c" if draft else "y").create_infer_request()
        request.infer([x.transpose(2, 0, 1)[np.newaxis]])
        y: NDArray[np.float32] = request.get_output_tensor().data[0]
        return np.ascontiguousarray(y.transpose(1, 2, 0))


def load(
    card: "Card", *, device: str | None, precision: Precision, threads: int | None
) -> OpenVINOEngine:
    """Load a model of the zoo."""
    return OpenVINOEngine(
        card.onnx_path, device=(device or "CPU").upper(), precision=precision, threads=threads
    )
