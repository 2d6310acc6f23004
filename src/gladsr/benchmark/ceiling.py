"""The best rate that a processor reaches: a large matrix product, a large 3×3 convolution.

A network cannot be faster than its multiply-adds at this rate. Each engine has its own kernels, and
some are slow on some processors, so that the best of the engines counts.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gladsr.engines import Precision

Kind = Literal["matrix product", "convolution"]

SIDE = 2048  # of the matrices
CHANNELS, PIXELS = 128, 192  # of the convolution, in and out, and its picture's side

MULT_ADDS: dict[Kind, int] = {
    "matrix product": SIDE**3,
    "convolution": 9 * CHANNELS**2 * PIXELS**2,
}

_SHAPES: dict[Kind, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "matrix product": ((SIDE, SIDE), (SIDE, SIDE)),
    "convolution": ((1, CHANNELS, PIXELS, PIXELS), (CHANNELS, CHANNELS, 3, 3)),
}


@dataclass(frozen=True)
class Ceiling:
    """A product or a convolution in an engine and a precision."""

    engine: str
    kind: Kind
    precision: Precision
    threads: int

    def __str__(self) -> str:
        """Return the engine and what it computes."""
        return f"{self.engine} {self.kind} {self.precision}"

    @property
    def mult_adds(self) -> int:
        """What it computes when it is run once."""
        return MULT_ADDS[self.kind]

    def load(self) -> Callable[[NDArray[np.float32]], object]:
        """Return the function that computes it once, whatever picture it is given.

        Raises:
            ModuleNotFoundError: The engine's library is not installed.
            EngineError: The processor does not compute in bf16.
        """
        if self.precision == "bf16":
            from gladsr.engines.openvino import check_bf16  # noqa: PLC0415 - slow to import

            check_bf16()
        make = {"openvino": _in_openvino, "onnxruntime": _in_onnxruntime, "torch": _in_torch}
        x_shape, w_shape = _SHAPES[self.kind]
        random = np.random.default_rng(0)
        x = random.uniform(-1, 1, x_shape).astype(np.float32)
        w = random.uniform(-1, 1, w_shape).astype(np.float32) / np.float32(math.sqrt(SIDE))
        compute = make[self.engine](self.kind, x, w, self.precision, self.threads)
        return lambda _picture: compute()


def _in_openvino(
    kind: Kind, x: Any, w: Any, precision: Precision, threads: int
) -> Callable[[], object]:
    import openvino as ov  # noqa: PLC0415 - slow to import
    from openvino import opset13 as ops  # noqa: PLC0415 - likewise

    from gladsr.engines.openvino import core  # noqa: PLC0415 - likewise

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


def _in_onnxruntime(
    kind: Kind, x: Any, w: Any, _precision: Precision, threads: int
) -> Callable[[], object]:
    import onnxruntime  # noqa: PLC0415 - needs the extra gladsr[onnxruntime]
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - likewise

    node = (
        helper.make_node("MatMul", ["x", "w"], ["y"])
        if kind == "matrix product"
        else helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    )
    graph = helper.make_graph(
        [node],
        "ceiling",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape)],
        [numpy_helper.from_array(w, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"x": x})


def _in_torch(
    kind: Kind, x: Any, w: Any, precision: Precision, threads: int
) -> Callable[[], object]:
    import torch  # noqa: PLC0415 - needs the extra gladsr[torch]

    torch.set_num_threads(threads)
    kept = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = torch.from_numpy(x).to(kept), torch.from_numpy(w).to(kept)
    if kind == "convolution":
        left, right = (value.to(memory_format=torch.channels_last) for value in (left, right))

    @torch.inference_mode()
    def compute() -> object:
        if kind == "matrix product":
            return torch.mm(left, right)
        return torch.conv2d(left, right, padding=1)

    return compute
