"""The engines that run a trained model: OpenVINO (the default), ONNX Runtime and PyTorch."""

from gladsr.engines.engine import (
    Attention,
    Engine,
    EngineError,
    EngineName,
    MissingExtraError,
    OutOfMemoryError,
    Precision,
    load,
)

__all__ = [
    "Attention",
    "Engine",
    "EngineError",
    "EngineName",
    "MissingExtraError",
    "OutOfMemoryError",
    "Precision",
    "load",
]
