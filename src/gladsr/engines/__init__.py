"""The engines that run a network on an array: OpenVINO (the default), ONNX Runtime and PyTorch."""

from gladsr.engines.engine import (
    ChannelWeights,
    Engine,
    LoadedEngine,
    Precision,
    PrecisionChoice,
)
from gladsr.engines.find import check_names, find, find_all, untrained
from gladsr.engines.memory import memory_retained, release_memory
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
    "check_names",
    "find",
    "find_all",
    "load",
    "memory_retained",
    "release_memory",
    "untrained",
]
