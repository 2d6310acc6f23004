"""A rival as an ONNX file: for the engines, for other programs, and as a teacher."""

from pathlib import Path

import torch
from torch import nn

from gladsr.atomic import atomic_write
from gladsr.training.export import traced

LEAST = 16
"""Smallest height and width of an exported network's input; RLFN pools over nearly as many."""


def export_rival(network: nn.Module, file: Path) -> None:
    """Write a rival as ONNX.

    Input ``x``, (1, 3, h, w), RGB in [0, 1]; output ``y``, (1, 3, s·h, s·w), not clipped; float32,
    any h and w from ``LEAST`` up.
    """
    model = traced(network, torch.rand(1, 3, 64, 72), ["y"], least=LEAST)
    with atomic_write(file) as opened:
        opened.write(model.SerializeToString())
