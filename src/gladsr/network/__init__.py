"""GLADSR in PyTorch: its configuration, its layers, its costs (the paper's Section III)."""

from gladsr.network.config import GladsrConfig, Upsampler
from gladsr.network.cost import kernel_weights, mult_adds, parameters
from gladsr.network.gladsr import Gladsr

__all__ = ["Gladsr", "GladsrConfig", "Upsampler", "kernel_weights", "mult_adds", "parameters"]
