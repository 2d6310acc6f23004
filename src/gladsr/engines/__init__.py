"""The engines that run a trained model: OpenVINO (the default), ONNX Runtime and PyTorch."""

from gladsr.engines.engine import Attention, Engine, EngineName, Precision, ZooEngine, load
from gladsr.engines.memory import give_back, memory_kept
from gladsr.errors import DeviceError, EngineError, MissingExtraError, OutOfMemoryError

__all__ = [
    "Attention",
    "DeviceError",
    "Engine",
    "EngineError",
    "EngineName",
    "MissingExtraError",
    "OutOfMemoryError",
    "Precision",
    "ZooEngine",
    "give_back",
    "load",
    "memory_kept",
]
