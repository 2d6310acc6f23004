"""The processor, as the operating system describes it."""

import platform
from pathlib import Path


def processor() -> str:
    """Return the processor's name if the system reports one, else its architecture."""
    return cpuinfo().get("model name") or platform.processor() or platform.machine()


def has_bf16() -> bool:
    """Return whether the processor has instructions for bf16; False where that is unknown.

    OpenVINO also lists bf16 among the capabilities of processors that emulate it slowly.
    """
    features = cpuinfo()
    flags = f"{features.get('flags', '')} {features.get('Features', '')}".split()
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags)


def cpuinfo() -> dict[str, str]:
    """Return the description of the first core in Linux; nothing on other systems."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}
