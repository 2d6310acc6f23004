"""A trained network in 8-bit integers, by post-training quantisation with NNCF."""

import logging
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from gladsr.engines.graph import Tensors
from gladsr.errors import PictureError
from gladsr.network import Gladsr
from gladsr.pictures import mod_crop, read, resize, to_depth
from gladsr.scoring import images_in
from gladsr.training.export import as_openvino, save_openvino
from gladsr.upscaling.pixels import to_unit

CALIBRATION_IMAGES = 48
CALIBRATION_SIDE = 128  # HR pixels a side of the centre that is used

_WIDE = 32  # the fewest channels in and out for which quantising pays


def export_int8(network: Gladsr, path: Path, folder: Path) -> None:
    """Write the network as OpenVINO IR that computes its inner convolutions in 8 bits.

    Only convolutions of 32 and more channels before the last channel weights are quantised: nearly
    all of the arithmetic. The rest (the first convolution, the gates, the upsampler, the bicubic
    and all sums) stays in floats, since there the loss is largest and the gain smallest. The
    weights use 7 of the 8 bits: processors with AVX2 alone add products in 16 bits, which would
    overflow.

    Args:
        network: The network.
        path: The file to write, ending in .xml; a .bin is written beside it.
        folder: High-resolution pictures; their downscaled centres show the range of every feature.
            Use training pictures: test pictures would flatter their own scores.

    Raises:
        PictureError: The folder has no pictures in colour, or one of them cannot be read or is
            smaller than the scale.
        ModuleNotFoundError: NNCF is not installed.
    """
    import nncf  # noqa: PLC0415 - slow to import, and needs the extra gladsr[int8]
    from nncf.quantization.advanced_parameters import OverflowFix  # noqa: PLC0415 - needs nncf

    logging.getLogger("nncf").setLevel(logging.ERROR)
    crops = calibration(folder, network.config.scale)
    with as_openvino(network) as model:
        quantised = nncf.quantize(
            model,
            nncf.Dataset(crops),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(crops),
            ignored_scope=nncf.IgnoredScope(names=kept(model)),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=OverflowFix.ENABLE
            ),
        )
        save_openvino(quantised, path, compress=True)


def calibration(folder: Path, scale: int) -> list[NDArray[np.float32]]:
    """Return LR pictures, (1, 3, h, w), from the centres of images spread evenly over a folder."""
    files = images_in(folder)
    count = min(CALIBRATION_IMAGES, len(files))
    crops = []
    for number in range(count):
        file = files[number * len(files) // count]
        pixels = to_depth(read(file).pixels, np.uint8)
        if pixels.ndim != 3 or pixels.shape[2] != 3:
            continue
        top, left = (max(0, side - CALIBRATION_SIDE) // 2 for side in pixels.shape[:2])
        middle = pixels[top : top + CALIBRATION_SIDE, left : left + CALIBRATION_SIDE]
        hr = mod_crop(middle, scale)
        if not hr.size:
            raise PictureError(file, f"it is too small: ×{scale} needs {scale} pixels a side")
        small = to_unit(resize(hr, scale=1 / scale))
        crops.append(np.ascontiguousarray(small.transpose(2, 0, 1)[np.newaxis]))
    if not crops:
        raise PictureError(folder, "it has no pictures in colour to calibrate with")
    return crops


def kept(model: ov.Model) -> list[str]:
    """Return the names of the operations that are not quantised."""
    inner = _ancestors(_last_channel_weights(model))
    return [
        operation.get_friendly_name()
        for operation in model.get_ops()
        if _computes(operation)
        and (operation.get_friendly_name() not in inner or _is_sensitive(operation))
    ]


def _computes(operation: ov.Node) -> bool:
    return operation.get_type_name() not in ("Constant", "Parameter", "Result")


def _is_sensitive(operation: ov.Node) -> bool:
    """Return whether it is a narrow convolution or belongs to a gate."""
    if operation.get_type_name() == "Convolution":
        outputs, inputs, *_ = operation.input(1).get_shape()
        return bool(min(outputs, inputs) < _WIDE)
    return operation.get_type_name() in ("Interpolate", "Multiply", "ReduceMean", "Sigmoid")


def _last_channel_weights(model: ov.Model) -> ov.Node:
    inside = {
        name: operation
        for operation in model.get_ops()
        for output in operation.outputs()
        for name in output.get_names()
    }
    names = Tensors.of(["input"], ["output"], inside).channel_weights
    return inside[names[-1]]


def _ancestors(operation: ov.Node) -> set[str]:
    found = set[str]()
    waiting = [operation]
    while waiting:
        for value in waiting.pop().input_values():
            source = value.get_node()
            if source.get_friendly_name() not in found:
                found.add(source.get_friendly_name())
                waiting.append(source)
    return found
