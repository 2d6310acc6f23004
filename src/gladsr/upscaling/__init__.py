"""Whole pictures: any kind of pixels, any size, tiles, the self-ensemble, folders, films."""

from gladsr.errors import SizeError
from gladsr.upscaling.upscaler import Upscaler

__all__ = ["SizeError", "Upscaler"]
