"""The rivals of the paper's Tables II and V as networks, each built from its own paper.

All take RGB in [0, 1], (N, 3, h, w), and return RGB, (N, 3, s·h, s·w), not clipped. Those that were
made for the luminance alone upscale that, and the colours by bicubic. None comes with weights.
"""

from gladsr.paper.rivals.carn import Carn
from gladsr.paper.rivals.export import export_rival
from gladsr.paper.rivals.fsrcnn import Fsrcnn
from gladsr.paper.rivals.idn import Idn
from gladsr.paper.rivals.load import RivalError, load_rival
from gladsr.paper.rivals.memnet import MemNet
from gladsr.paper.rivals.rlfn import Rlfn
from gladsr.paper.rivals.srcnn import Srcnn
from gladsr.paper.rivals.vdsr import Vdsr

__all__ = [
    "Carn",
    "Fsrcnn",
    "Idn",
    "MemNet",
    "RivalError",
    "Rlfn",
    "Srcnn",
    "Vdsr",
    "export_rival",
    "load_rival",
]
