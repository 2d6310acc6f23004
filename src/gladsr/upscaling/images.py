"""Conversions between PIL images and arrays."""

from typing import Any

import numpy as np
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from gladsr.pictures.compression import Compression, header_quality
from gladsr.pictures.picture import pixels_of
from gladsr.pictures.reading import cmyk_to_srgb

_CONVERTED = {
    "1": "L",
    "P": "RGB",
    "PA": "RGBA",
    "La": "LA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
}
"""Modes that are converted, and to which."""

_WITH_ALPHA = {"L": "LA", "RGB": "RGBA"}
"""The mode of images whose ``info["transparency"]`` makes colours transparent."""


def to_array(image: Image.Image) -> NDArray[Any]:
    """Return an image's pixels as an array that can be upscaled.

    Palettes, bits, HSV and YCbCr become RGB or grey, CMYK and LAB become sRGB, and a transparent
    colour becomes an alpha channel. 32-bit integers become 16 bits.

    Raises:
        ValueError: The image is of another mode, or has integers that do not fit into 16 bits.
    """
    if image.mode == "CMYK":
        return _cmyk_to_rgb(image)
    if image.mode == "LAB":
        return np.asarray(_lab_to_rgb(image))
    if image.mode == "I":
        pixels = np.asarray(image)
        if pixels.min() < 0 or pixels.max() > 65535:
            raise ValueError("the values of an image of mode I must lie in 0 to 65535")
        return pixels.astype(np.uint16)
    if image.mode in ("LA", "RGBA", "F") or image.mode.startswith("I;16"):
        return np.asarray(image)
    mode = _CONVERTED.get(image.mode, image.mode)
    if mode not in ("L", "LA", "RGB", "RGBA"):
        raise ValueError(f"images of mode {image.mode} are not supported; convert it to RGB")
    if "transparency" in image.info:
        mode = _WITH_ALPHA.get(mode, mode)
    return np.asarray(image.convert(mode))


def stated_compression(image: Image.Image) -> Compression | None:
    """Return the compression of an image that was opened from a JPEG file and not changed."""
    if isinstance(image, JpegImageFile):
        return Compression("JPEG", header_quality(image))
    return None


def from_array(pixels: NDArray[Any], like: Image.Image) -> Image.Image:
    """Return an upscaled image, with the profile and print size of the one it was made of.

    Args:
        pixels: What the array of `to_array` became.
        like: The original image.
    """
    image = Image.fromarray(pixels.astype(np.int32) if like.mode == "I" else pixels)
    dropped = {"transparency", *(["icc_profile"] if like.mode in ("CMYK", "LAB") else [])}
    image.info = {key: value for key, value in like.info.items() if key not in dropped}
    if "dpi" in like.info:
        sides = zip(like.info["dpi"], image.size, like.size, strict=True)
        image.info["dpi"] = tuple(dpi * after / before for dpi, after, before in sides)
    return image


def _cmyk_to_rgb(image: Image.Image) -> NDArray[Any]:
    cmyk = pyvips.Image.new_from_array(np.asarray(image), interpretation="cmyk")
    if "icc_profile" in image.info:
        cmyk.set_type(pyvips.GValue.blob_type, "icc-profile-data", image.info["icc_profile"])
    return pixels_of(cmyk_to_srgb(cmyk))


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms  # noqa: PLC0415 - rarely needed

    lab, srgb = (ImageCms.createProfile(name) for name in ("LAB", "sRGB"))
    rgb = ImageCms.applyTransform(image, ImageCms.buildTransform(lab, srgb, "LAB", "RGB"))
    assert rgb is not None  # noqa: S101 - only if in place
    return rgb
