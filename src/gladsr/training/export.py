"""A trained network as files: safetensors for PyTorch, ONNX and OpenVINO IR for the engines."""

import copy
import logging
import tempfile
import warnings
from collections.abc import Mapping
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
from gladsr.engines.graph import (
    COARSE,
    INPUT,
    OUTPUT,
    channel_weights_names,
    mask_names,
    with_output,
)
from gladsr.network import Gladsr
from gladsr.network.fast import for_speed
from gladsr.network.gates import (
    guided_units,
    read_channel_weights,
    read_masks,
    selective_units,
)
from gladsr.network.weights import configuration

if TYPE_CHECKING:
    from collections.abc import Iterator

    import openvino as ov

OPSET = 18
"""The lowest that PyTorch's exporter writes."""

LEAST = 16
"""The smallest height and width that an exported rival runs on: RLFN pools over nearly as many."""


def in_half_precision(network: Gladsr) -> Gladsr:
    """Return a copy in evaluation mode, its weights rounded to what half precision can hold."""
    rounded = copy.deepcopy(network).cpu().eval()
    with torch.no_grad():
        for parameter in rounded.parameters():
            parameter.copy_(parameter.half())
    return rounded


def export_safetensors(network: Gladsr, path: Path) -> None:
    """Write the weights in half precision, with the network's configuration as metadata."""
    weights = {name: value.half().contiguous() for name, value in network.state_dict().items()}
    with atomic_write(path) as file:
        file.write(save(weights, configuration(network)))


def export_onnx(network: nn.Module, path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a network as ONNX.

    Input ``input``, (1, 3, h, w), RGB in [0, 1]; output ``output``, (1, 3, s·h, s·w), not clipped;
    float32, any h and w.

    A GLADSR is written in its fast form and opset 17. Its weights are stored in half precision,
    where that is exact, and cast once, when an engine loads the file. The coarse output, the masks
    and the channel weights are tensors inside, named as `gladsr.engines.graph` has it.

    Another network, of `gladsr.rivals`, is written for h and w from ``LEAST`` up, and in opset 18:
    an antialiased bicubic has none below.

    Args:
        network: The network; a GLADSR must have a coarse output.
        path: The file to write.
        metadata: For the file's ``metadata_props``: model, scale, licence, and the sha256 of the
            weights.
    """
    if isinstance(network, Gladsr):
        model = _gladsr(network)
    else:
        model = traced(network, torch.rand(1, 3, 64, 72), [OUTPUT], least=LEAST)
    helper.set_model_props(model, dict(metadata or {}))
    onnx.checker.check_model(model, full_check=True)
    with atomic_write(path) as file:
        file.write(model.SerializeToString())


def _gladsr(network: Gladsr) -> onnx.ModelProto:
    exported = _WithGates(in_half_precision(network))
    gates = [*mask_names(len(guided_units(network)))]
    gates += channel_weights_names(len(selective_units(network)))
    model = traced(exported, torch.rand(1, 3, 17, 19), [COARSE, OUTPUT, *gates], least=1)
    _hide_outputs(model)
    _split_weights(model)
    _store_in_half_precision(model)
    _to_opset_17(model)
    return model


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
        yield core().read_model(with_output(source.read_bytes(), COARSE))


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


class _WithGates(nn.Module):
    """A network in its fast form; its gates are further outputs, to get names."""

    def __init__(self, network: Gladsr) -> None:
        super().__init__()
        self.network = network
        self.fast = for_speed(network)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        with read_masks(self.network) as masks, read_channel_weights(self.network) as r_c:
            y_c, y = self.fast(x)
        return y_c, y, *masks, *r_c


def traced(network: nn.Module, x: Tensor, outputs: list[str], *, least: int) -> onnx.ModelProto:
    """Return a network of one input, (1, 3, h, w), as ONNX.

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
            input_names=[INPUT],
            output_names=outputs,
            dynamic_shapes=({2: height, 3: width},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # noqa: S101 - for the type checker
    model = program.model_proto
    _tidy(model)
    return model


def _tidy(model: onnx.ModelProto) -> None:
    """Drop the tracer's notes, and give the free sizes of the outputs plain names."""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for part in (
        *model.graph.node,
        *model.graph.initializer,
        *model.graph.input,
        *model.graph.output,
    ):
        del part.metadata_props[:]
    for output in model.graph.output:
        sides = output.type.tensor_type.shape.dim[2:]
        for side, name in zip(sides, ("height", "width"), strict=True):
            if side.dim_param not in ("", name):
                side.dim_param = f"{name}_up"


def _hide_outputs(model: onnx.ModelProto) -> None:
    """Make inner tensors of all outputs but the upscaled picture.

    Their types stay: a part of the model that begins at one of them needs its shape.
    """
    outputs = [*model.graph.output]
    del model.graph.output[:]
    for output in outputs:
        kept = model.graph.output if output.name == OUTPUT else model.graph.value_info
        kept.append(output)


def _split_weights(model: onnx.ModelProto) -> None:
    """Store the parts of weights where the fast form splits them: NNCF quantises no others."""
    graph = model.graph
    stored = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    nodes = [*graph.node]
    del graph.node[:]
    for node in nodes:
        if node.op_type != "Split" or node.input[0] not in stored:
            graph.node.append(node)
            continue
        weight, lengths = (stored[name] for name in node.input)
        (axis,) = (attribute.i for attribute in node.attribute if attribute.name == "axis")
        parts = np.split(weight, np.cumsum(lengths)[:-1], axis)
        graph.initializer.extend(map(numpy_helper.from_array, parts, node.output))
    _drop_unused_weights(graph)


def _drop_unused_weights(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    weights = [weight for weight in graph.initializer if weight.name in used]
    del graph.initializer[:]
    graph.initializer.extend(weights)


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


def _to_opset_17(model: onnx.ModelProto) -> None:
    """Turn a model of opset 18 into one of opset 17, which more programs read.

    Of the operators in use two have changed: ReduceMean got its axes as an input, and Split the
    number of its outputs, which follows from the outputs.
    """
    stored = {weight.name: weight for weight in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "ReduceMean":
            axes = numpy_helper.to_array(stored[node.input.pop()])
            del node.attribute[:]
            node.attribute.append(helper.make_attribute("axes", axes.tolist()))
        elif node.op_type == "Split":
            attributes = [value for value in node.attribute if value.name != "num_outputs"]
            del node.attribute[:]
            node.attribute.extend(attributes)
    _drop_unused_weights(model.graph)
    model.opset_import[0].version = 17
    model.ir_version = 8
