"""Pictures and films of any kind and size: the upscaler, tiles, the self-ensemble, the pipeline."""

from gladsr.errors import SizeError
from gladsr.upscaling.upscaler import Upscaler

__all__ = ["SizeError", "Upscaler"]
