"""A rival as an ONNX file: for the engines, for other programs, and as a teacher."""

import logging
import warnings
from pathlib import Path

import torch
from torch import nn

from gladsr.pictures.writing import appearing

LEAST = 16
"""LR pixels a side from which an exported network runs: RLFN pools over nearly as many."""


def export_rival(network: nn.Module, file: Path) -> None:
    """Write a rival as ONNX: whole, or not at all.

    Input ``x``, (1, 3, h, w), RGB in [0, 1]; output ``y``, (1, 3, s·h, s·w), not clipped; float32,
    any h and w from ``LEAST`` up.
    """
    height, width = (torch.export.Dim(side, min=LEAST) for side in ("height", "width"))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, about its own internals
        program = torch.onnx.export(
            network,
            (torch.rand(1, 3, 64, 72),),
            input_names=["x"],
            output_names=["y"],
            dynamic_shapes=({2: height, 3: width},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # noqa: S101 - tells the type checker what dynamo=True means
    with appearing(file) as opened:
        opened.write(program.model_proto.SerializeToString())
