"""Single-image super-resolution with GLADSR, for scales up to 8.

Example:
    >>> import gladsr
    >>> import numpy as np
    >>> sr = gladsr.Upscaler("gladsr", scale=2)
    >>> sr(np.zeros((30, 40, 3), np.uint8)).shape
    (60, 80, 3)
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from gladsr.errors import (
    ComparisonError,
    DataError,
    DeviceError,
    EncodingError,
    EngineError,
    Error,
    MissingExtraError,
    NetworkFileError,
    OutOfMemoryError,
    OutputExistsError,
    PictureError,
    PlanError,
    SettingsError,
    SizeError,
    StorageError,
    TooLargeError,
    UnknownModelError,
)

if TYPE_CHECKING:
    from gladsr.films.encoders import Encoding
    from gladsr.pictures import ReadOptions, WriteOptions
    from gladsr.upscaling import Upscaler
    from gladsr.zoo import load_network, models

__version__ = "0.1.0"

# OpenVINO and NNCF report to their makers through this package, by default and from the moment that
# they are imported. Without it they do not. Every process that uses one of them imports this first.
sys.modules["openvino_telemetry"] = cast("Any", None)

__all__ = [
    "ComparisonError",
    "DataError",
    "DeviceError",
    "Encoding",
    "EncodingError",
    "EngineError",
    "Error",
    "MissingExtraError",
    "NetworkFileError",
    "OutOfMemoryError",
    "OutputExistsError",
    "PictureError",
    "PlanError",
    "ReadOptions",
    "SettingsError",
    "SizeError",
    "StorageError",
    "TooLargeError",
    "UnknownModelError",
    "Upscaler",
    "WriteOptions",
    "load_network",
    "models",
]

_MODULES = {
    "Encoding": "gladsr.films.encoders",
    "ReadOptions": "gladsr.pictures",
    "Upscaler": "gladsr.upscaling",
    "WriteOptions": "gladsr.pictures",
    "load_network": "gladsr.zoo",
    "models": "gladsr.zoo",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, so that `import gladsr` stays fast."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
