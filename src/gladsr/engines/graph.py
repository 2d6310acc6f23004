"""The names of the tensors in an exported network; only this module knows them.

An exported network has one input and one output, so that other programs can run it. What the
engines need besides are tensors inside it: the coarse output, the masks and the channel weights.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

INPUT = "input"
OUTPUT = "output"
COARSE = "coarse"
_MASK = "mask."
_CHANNEL_WEIGHTS = "channel_weights."


def mask_names(count: int) -> list[str]:
    """Return the names of that many masks R_s, in the order in which they are computed."""
    return [f"{_MASK}{number}" for number in range(count)]


def channel_weights_names(count: int) -> list[str]:
    """Return the names of the channel weights R_c of that many units, in the order they run."""
    return [f"{_CHANNEL_WEIGHTS}{number}" for number in range(count)]


@dataclass(frozen=True)
class Tensors:
    """The tensors that a graph has.

    Attributes:
        input: The picture, (1, 3, h, w).
        output: The upscaled picture, (1, 3, s·h, s·w).
        masks: The guided masks R_s (Eq. 9), (1, 1, h, w) each; none in a network of another kind.
        channel_weights: The channel weights R_c (Eq. 8), (1, K, 1, 1) each, those that the coarse
            output depends on first; none in a network of another kind.
    """

    input: str
    output: str
    masks: tuple[str, ...] = ()
    channel_weights: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, inputs: Sequence[str], outputs: Sequence[str], everything: Collection[str]
    ) -> "Tensors":
        """Find the tensors of a graph, whoever exported it.

        Args:
            inputs: The names of its inputs; the first one is the picture.
            outputs: The names of its outputs. The picture is the one called output or y, otherwise
                the last one.
            everything: The names of all its tensors.
        """
        named = [name for name in (OUTPUT, "y") if name in outputs]
        masks = sum(name.startswith(_MASK) for name in everything)
        units = sum(name.startswith(_CHANNEL_WEIGHTS) for name in everything)
        return cls(
            inputs[0],
            (named or outputs)[0 if named else -1],
            tuple(mask_names(masks)),
            tuple(channel_weights_names(units)),
        )

    def output_of(self, *, draft: bool) -> str:
        """Return the coarse output, or the final one."""
        return COARSE if draft else self.output

    def given(self, channel_weights: NDArray[np.float32] | None) -> dict[str, NDArray[np.float32]]:
        """Return channel weights, U×K, as tensors to set by name; the last units may have none."""
        r_c = () if channel_weights is None else channel_weights[:, None, :, None, None]
        return dict(zip(self.channel_weights, r_c, strict=False))

    def channel_weights_of(self, *, draft: bool) -> tuple[str, ...]:
        """Return the channel weights of the coarse output alone, or all of them."""
        return self.channel_weights[: len(self.channel_weights) // 2 if draft else None]


def with_output(model: bytes, name: str) -> bytes:
    """Return an ONNX file in which an inner tensor is a further output.

    Serialised protocol buffers merge when they are concatenated: appending a ModelProto (graph is
    its field 7) with a GraphProto (output, 12) with a ValueInfoProto (name, 1) adds the output.

    Args:
        model: The file's content.
        name: The tensor's name, of at most 100 bytes.
    """
    message = name.encode()
    for field in (1, 12, 7):
        message = bytes([field << 3 | 2, len(message)]) + message
    return model + message
