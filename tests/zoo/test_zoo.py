"""The weights that the project ships."""

import hashlib

import numpy as np
import onnxruntime
import pytest
import torch

from gladsr.errors import UnknownModelError
from gladsr.network import mult_adds, parameters
from gladsr.zoo import Card, card, cards, load_network

CARDS = pytest.mark.parametrize("shipped", cards(), ids=lambda card: f"{card.name}-x{card.scale}")


@CARDS
def test_both_forms_of_the_weights_agree(shipped: Card) -> None:
    network = load_network(shipped.name, shipped.scale)
    session = onnxruntime.InferenceSession(shipped.onnx_path)
    for size in ((1, 1), (5, 1), (23, 38)):
        x = torch.rand(1, 3, *size)
        with torch.no_grad():
            expected = network(x)
        for ours, theirs in zip(session.run(None, {"input": x.numpy()}), expected[1:], strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-4)


@CARDS
def test_cards_are_correct(shipped: Card) -> None:
    network = load_network(shipped.name, shipped.scale)
    assert shipped.parameters == parameters(network)
    assert shipped.mult_adds == mult_adds(network, shipped.scale)
    assert shipped.sha256 == {
        path.suffix.removeprefix("."): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (shipped.onnx_path, shipped.safetensors_path)
    }
    assert shipped.onnx_path.stat().st_size < 4 * 2**20


def test_names_are_those_of_the_files() -> None:
    assert [(shipped.name, shipped.scale) for shipped in cards()] == [
        *((name, scale) for name in ("gladsr", "gladsr-l") for scale in (2, 3, 4)),
        ("gladsr-photo", 2),
        ("gladsr-photo", 4),
        ("gladsr-sr291", 2),
    ]


@pytest.mark.parametrize(("name", "scale"), [("gladsr-xl", 2), ("gladsr", 5)])
def test_an_unknown_model_lists_the_known_ones(name: str, scale: int) -> None:
    with pytest.raises(UnknownModelError, match=r"gladsr-l|2, 3, 4"):
        card(name, scale)
