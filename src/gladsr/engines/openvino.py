"""OpenVINO, the default engine: the fastest on CPUs, and part of the default install."""

import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from gladsr.engines.engine import Attention, EngineError, Precision, out_of_memory_named

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
        self._units = sum(name.startswith("attention.") for name in self._tensors(self._model))
        self._compiled: dict[tuple[str, ...], ov.CompiledModel] = {}

    def _capabilities(self, device: str) -> list[str]:
        return list(core().get_property(device, ov.properties.device.capabilities))

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
            model = self._model.clone()
            tensors = self._tensors(model)
            inputs = model.get_parameters()
            for name in given:
                stand_in = ov.opset13.parameter(tensors[name].get_partial_shape(), ov.Type.f32)
                for target in tensors[name].get_target_inputs():
                    target.replace_source_output(stand_in.output(0))
                inputs.append(stand_in)
            part = ov.Model([tensors[name] for name in outputs], inputs, "part")
            self._compiled[key] = core().compile_model(part, self._device, self._settings)
        return self._compiled[key]

    @staticmethod
    def _infer(
        part: ov.CompiledModel, inputs: list[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        # A request each time: it gives a large picture's memory back, and threads do not share it.
        request = part.create_infer_request()
        with out_of_memory_named():
            request.infer(inputs)
        return [tensor.data for tensor in request.output_tensors]

    def run(
        self, x: NDArray[np.float32], *, draft: bool = False, attention: Attention | None = None
    ) -> NDArray[np.float32]:
        """Upscale; see `Engine`."""
        r_c = [] if attention is None else list(attention[:, np.newaxis, :, np.newaxis, np.newaxis])
        given = tuple(f"attention.{unit}" for unit in range(len(r_c)))
        part = self._part(("y_c" if draft else "y",), given)
        (y,) = self._infer(part, [x.transpose(2, 0, 1)[np.newaxis], *r_c])
        return np.ascontiguousarray(y[0].transpose(1, 2, 0))

    def attention(self, x: NDArray[np.float32], *, draft: bool = False) -> Attention:
        """Read the attention; see `Engine`."""
        units = self._units // 2 if draft else self._units
        part = self._part(tuple(f"attention.{unit}" for unit in range(units)))
        r_c = self._infer(part, [x.transpose(2, 0, 1)[np.newaxis]])
        return np.stack([weights[0, :, 0, 0] for weights in r_c])


def load(
    card: "Card", *, device: str | None, precision: Precision, threads: int | None
) -> OpenVINOEngine:
    """Load a model of the zoo."""
    return OpenVINOEngine(
        card.onnx_path, device=(device or "CPU").upper(), precision=precision, threads=threads
    )
