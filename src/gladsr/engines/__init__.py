"""The engines that run a trained model: OpenVINO (the default), ONNX Runtime and PyTorch."""

from gladsr.engines.engine import ChannelWeights, Engine, EngineName, LoadedEngine, Precision, load
from gladsr.engines.memory import give_back, memory_kept
from gladsr.errors import DeviceError, EngineError, MissingExtraError, OutOfMemoryError

__all__ = [
    "ChannelWeights",
    "DeviceError",
    "Engine",
    "EngineError",
    "EngineName",
    "LoadedEngine",
    "MissingExtraError",
    "OutOfMemoryError",
    "Precision",
    "give_back",
    "load",
    "memory_kept",
]
