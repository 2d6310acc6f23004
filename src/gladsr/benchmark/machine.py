"""The machine that a benchmark runs on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gladsr.engines.processor import cpuinfo, processor

_LIBRARIES = ("gladsr", "openvino", "onnxruntime", "torch", "numpy")

# Those that speed up convolutions, by their names in Linux.
_INSTRUCTIONS = (
    *("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_bf16", "amx_int8", "asimd", "asimddp", "bf16", "i8mm", "sve"),
)


def cores() -> list[int]:
    """Return the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def machine(threads: int) -> dict[str, Any]:
    """Return the processor, the cores, the threads and the versions of the libraries."""
    info = cpuinfo()
    flags = set((info.get("flags") or info.get("Features") or "").split())
    return {
        "processor": processor(),
        "instruction_sets": [name for name in _INSTRUCTIONS if name in flags],
        "cores": cores(),
        "threads": threads,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: found for name in _LIBRARIES if (found := _version(name))},
    }


def _version(library: str) -> str | None:
    if library == "gladsr":
        from gladsr import __version__  # noqa: PLC0415 - the package may be run uninstalled

        return __version__
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def peak_memory() -> int | None:
    """Return the peak memory of this process in bytes; None if the system does not report it."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return _peak_of_unix()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return 1024 * int(line.split()[1])


def _peak_of_unix() -> int | None:
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ModuleNotFoundError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
