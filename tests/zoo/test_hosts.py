"""The shipped graphs meet the contracts of other programs, whose checks are written out here."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, ValueInfoProto

from gladsr import zoo

CARDS = pytest.mark.parametrize("card", zoo.cards(), ids=lambda card: f"{card.name}-x{card.scale}")


def shape(value: ValueInfoProto) -> list[int]:
    """Return a tensor's sides, -1 for those that are free."""
    return [side.dim_value or -1 for side in value.type.tensor_type.shape.dim]


@CARDS
def test_a_graph_has_metadata(card: zoo.Card):
    model = onnx.load(card.onnx_path)
    assert {prop.key: prop.value for prop in model.metadata_props} == {
        "model": card.name,
        "scale": str(card.scale),
        "licence": card.licence,
        "sha256": card.sha256["safetensors"],
    }
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    onnx.checker.check_model(model, full_check=True)


@CARDS
def test_vs_mlrt(card: zoo.Card):
    """One input and one output of floats with four axes; batch 1; 1 or 3 channels out."""
    graph = onnx.load(card.onnx_path).graph
    (x,), (y,) = graph.input, graph.output
    for value in (x, y):
        assert value.type.tensor_type.elem_type == TensorProto.FLOAT
        assert len(shape(value)) == 4
        assert shape(value)[0] == 1
    assert shape(y)[1] in (1, 3)


@CARDS
def test_magpie(card: zoo.Card):
    """One input called input and one output called output, RGB and of free height and width."""
    graph = onnx.load(card.onnx_path).graph
    (x,), (y,) = graph.input, graph.output
    assert (x.name, y.name) == ("input", "output")
    assert shape(x)[1:] == shape(y)[1:] == [3, -1, -1]


@CARDS
def test_chainner(card: zoo.Card):
    """The first output for the first input, NCHW, RGB in [0, 1]; it finds the scale by a run."""
    session = onnxruntime.InferenceSession(card.onnx_path)
    x = session.get_inputs()[0]
    assert x.type == "tensor(float)"
    assert x.shape[1] == 3
    picture = np.full((1, 3, 16, 24), 0.5, np.float32)
    y = session.run([session.get_outputs()[0].name], {x.name: picture})[0]
    assert y.shape == (1, 3, 16 * card.scale, 24 * card.scale)
    assert np.abs(y - 0.5).max() < 0.1
