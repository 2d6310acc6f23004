"""A rival as an ONNX file: for the engines, for other programs, and as a teacher."""

from pathlib import Path

import torch
from torch import nn

from gladsr.atomic import atomic_write

LEAST = 16
"""LR pixels a side from which an exported network runs: RLFN pools over nearly as many."""


def export_rival(network: nn.Module, file: Path) -> None:
    """Write a rival as ONNX: whole, or not at all.

    Input ``x``, (1, 3, h, w), RGB in [0, 1]; output ``y``, (1, 3, s·h, s·w), not clipped; float32,
    any h and w from ``LEAST`` up.
    """
    from gladsr.training.export import traced  # noqa: PLC0415 - needs the extra gladsr[train]

    model = traced(network, torch.rand(1, 3, 64, 72), ["y"], least=LEAST)
    with atomic_write(file) as opened:
        opened.write(model.SerializeToString())
