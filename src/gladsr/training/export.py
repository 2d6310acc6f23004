"""A trained network as files: safetensors for PyTorch, ONNX and OpenVINO IR for the engines."""

import copy
import logging
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save
from torch import Tensor, nn

from gladsr.atomic import atomic_write
from gladsr.network import Gladsr
from gladsr.network.fast import for_speed
from gladsr.network.gates import read_channel_weights, selective_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    import openvino as ov

OPSET = 20


def in_half_precision(network: Gladsr) -> Gladsr:
    """Return a copy in evaluation mode, its weights rounded to what half precision can hold."""
    rounded = copy.deepcopy(network).cpu().eval()
    with torch.no_grad():
        for parameter in rounded.parameters():
            parameter.copy_(parameter.half())
    return rounded


def export_safetensors(network: Gladsr, path: Path) -> None:
    """Write the weights in half precision."""
    weights = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    with atomic_write(path) as file:
        file.write(save(weights))


def export_onnx(network: Gladsr, path: Path) -> None:
    """Write the network as ONNX, in its fast form.

    Input ``x``, (1, 3, h, w), RGB in [0, 1]; outputs ``y_c`` and ``y``, (1, 3, s·h, s·w), not
    clipped; float32, any h and w from 1 up. The weights are stored in half precision, where that
    is exact, and cast once, when an engine loads the file.

    The channel weights of the U selective units, in the order of `selective_units`, are the
    tensors ``attention.0`` to ``attention.(U-1)`` inside, (1, K, 1, 1): there the engines read it
    and set it.
    """
    exported = _WithAttention(in_half_precision(network))
    channel_weights = [f"attention.{unit}" for unit in range(len(selective_units(network)))]
    model = traced(exported, torch.rand(1, 3, 17, 19), ["y_c", "y", *channel_weights], least=1)
    model.graph.value_info.extend(model.graph.output[2:])
    del model.graph.output[2:]
    _store_in_half_precision(model)
    _tidy(model)
    onnx.checker.check_model(model, full_check=True)
    with atomic_write(path) as file:
        file.write(model.SerializeToString())


def export_openvino(network: Gladsr, path: Path) -> None:
    """Write the network as OpenVINO IR: ``path``, ending in .xml, and a .bin beside it."""
    with as_openvino(network) as model:
        save_openvino(model, path, compress=False)  # halves are halves already


@contextmanager
def as_openvino(network: Gladsr) -> "Iterator[ov.Model]":
    """Give the network as OpenVINO reads it, with its file there as long as the context."""
    from gladsr.engines.openvino import core  # noqa: PLC0415 - slow to import

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "network.onnx"
        export_onnx(network, source)
        yield core().read_model(source)


def save_openvino(model: "ov.Model", path: Path, *, compress: bool) -> None:
    """Write OpenVINO IR whole or not at all: ``path``, ending in .xml, and a .bin beside it.

    Args:
        model: What to write.
        path: The .xml file.
        compress: Whether to store floats in half precision.
    """
    import openvino as ov  # noqa: PLC0415 - slow to import

    with tempfile.TemporaryDirectory(prefix=".gladsr-", dir=path.parent) as folder:
        whole = Path(folder) / "network.xml"
        ov.save_model(model, whole, compress_to_fp16=compress)
        whole.with_suffix(".bin").replace(path.with_suffix(".bin"))
        whole.replace(path)


class _WithAttention(nn.Module):
    """A network in its fast form; its channel weights are further outputs, to get names."""

    def __init__(self, network: Gladsr) -> None:
        super().__init__()
        self.network = network
        self.fast = for_speed(network)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        with read_channel_weights(self.network) as channel_weights:
            y_c, y = self.fast(x)
        return y_c, y, *channel_weights


def traced(network: nn.Module, x: Tensor, outputs: list[str], *, least: int) -> onnx.ModelProto:
    """Return a network of one input ``x``, (1, 3, h, w), as ONNX.

    Args:
        network: The network, in evaluation mode.
        x: A picture that it runs on, h and w different.
        outputs: The names of what it returns.
        least: From which h and w on it runs.
    """
    height, width = (torch.export.Dim(side, min=least) for side in ("height", "width"))
    for talkative in ("torch.onnx", "onnxscript"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, about its own internals
        program = torch.onnx.export(
            network,
            (x,),
            input_names=["x"],
            output_names=outputs,
            dynamic_shapes=({2: height, 3: width},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # noqa: S101 - tells the type checker what dynamo=True means
    return program.model_proto


def _store_in_half_precision(model: onnx.ModelProto) -> None:
    """Replace every float32 weight that half precision can hold by that and a cast back.

    The others are products of weights: the upsampler's convolutions taken together.
    """
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(weight)
        halves = values.astype("float16")
        if not np.array_equal(values, halves):
            continue
        half = numpy_helper.from_array(halves, f"{weight.name}.half")
        casts.append(helper.make_node("Cast", [half.name], [weight.name], to=TensorProto.FLOAT))
        weight.CopyFrom(half)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _tidy(model: onnx.ModelProto) -> None:
    """Drop what the tracer noted down, and call the outputs' free sizes by plain names.

    The shapes of the channel weights stay, for a part of the model that begins there needs them.
    """
    channel_weights = [
        info for info in model.graph.value_info if info.name.startswith("attention.")
    ]
    del model.graph.value_info[:]
    model.graph.value_info.extend(channel_weights)
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for part in (
        *model.graph.node,
        *model.graph.value_info,
        *model.graph.initializer,
        *model.graph.input,
        *model.graph.output,
    ):
        del part.metadata_props[:]
    for output in model.graph.output:
        for dimension, name in zip(
            output.type.tensor_type.shape.dim[2:], ("height_up", "width_up"), strict=True
        ):
            dimension.dim_param = name
