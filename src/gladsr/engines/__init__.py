"""The engines that run a network on an array: OpenVINO (the default), ONNX Runtime and PyTorch."""

from gladsr.engines.engine import (
    ChannelWeights,
    Engine,
    LoadedEngine,
    Precision,
    PrecisionChoice,
)
from gladsr.engines.find import find, find_all, tell_apart, untrained
from gladsr.engines.memory import give_back, memory_kept
from gladsr.engines.networks import Network
from gladsr.engines.registry import ENGINES, EngineName, load
from gladsr.errors import DeviceError, EngineError, MissingExtraError, OutOfMemoryError

__all__ = [
    "ENGINES",
    "ChannelWeights",
    "DeviceError",
    "Engine",
    "EngineError",
    "EngineName",
    "LoadedEngine",
    "MissingExtraError",
    "Network",
    "OutOfMemoryError",
    "Precision",
    "PrecisionChoice",
    "find",
    "find_all",
    "give_back",
    "load",
    "memory_kept",
    "tell_apart",
    "untrained",
]
