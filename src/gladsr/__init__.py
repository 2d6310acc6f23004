"""Single-image super-resolution: photographs up to eight times larger, with GLADSR.

Example:
    >>> import gladsr
    >>> import numpy as np
    >>> sr = gladsr.Upscaler("gladsr", scale=2)
    >>> sr(np.zeros((30, 40, 3), np.uint8)).shape
    (60, 80, 3)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gladsr.upscaling import Upscaler
    from gladsr.zoo import load_network

__version__ = "0.1.0"

__all__ = ["Upscaler", "load_network"]

_HOMES = {"Upscaler": "gladsr.upscaling", "load_network": "gladsr.zoo"}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, so that no part of the package loads the others."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
