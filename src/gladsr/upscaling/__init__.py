"""Whole pictures: any kind of pixels, tiles, the self-ensemble, folders."""

from gladsr.upscaling.upscaler import Upscaler

__all__ = ["Upscaler"]
