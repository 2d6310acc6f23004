"""The rivals of the paper's Tables II and V as networks, each built from its own paper.

All take RGB in [0, 1], (N, 3, h, w), and return RGB, (N, 3, s·h, s·w), not clipped. Those that were
made for the luminance alone upscale that, and the colours by bicubic. None comes with weights.
"""

from gladsr.errors import NetworkFileError
from gladsr.rivals.load import load_rival

__all__ = ["NetworkFileError", "load_rival"]
