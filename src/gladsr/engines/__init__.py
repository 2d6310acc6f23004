"""The engines that run a trained model: OpenVINO (the default), ONNX Runtime and PyTorch."""

from gladsr.engines.engine import (
    Engine,
    EngineError,
    EngineName,
    MissingExtraError,
    Precision,
    load,
)

__all__ = ["Engine", "EngineError", "EngineName", "MissingExtraError", "Precision", "load"]
