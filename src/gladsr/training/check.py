"""Ten steps of a run in each mode, timed: whether, and how fast, a machine trains."""

import time
from collections.abc import Iterator
from importlib.metadata import version

import torch
from PIL import features
from torch.profiler import ProfilerActivity, profile

from gladsr.training.schedule import target_weights
from gladsr.training.settings import TrainingSettings
from gladsr.training.setup import Batches, batches, initial_state, use_device, validation_sets
from gladsr.training.step import Gradients, Mode, modes

STEPS = 10
SHOWN = 15


def check(settings: TrainingSettings) -> Iterator[str]:
    """Yield lines on the libraries, the data, and the speed of each mode, with a profile."""
    use_device(settings.device)
    on_gpu = settings.device.startswith("cuda")
    device = torch.cuda.get_device_name(settings.device) if on_gpu else settings.device
    avif = "reads AVIF" if features.check("avif") else "reads no AVIF"
    yield f"torch {torch.__version__} on {device}; Pillow {version('pillow')} {avif}"
    began = time.monotonic()
    crops, sets = batches(settings, 0, 1), validation_sets(settings)
    sizes = ", ".join(f"{name}: {len(pairs)}" for name, pairs in sets.items())
    yield f"data: {time.monotonic() - began:.1f} s; validation images: {sizes}"
    for mode in modes(settings, 1):
        try:
            yield _speed(settings, crops, mode)
        except Exception as error:  # noqa: BLE001 - whatever fails here is the finding
            yield f"{mode}: failed: {error}"


def _speed(settings: TrainingSettings, crops: Batches, mode: Mode) -> str:
    """Take steps in a mode; return its speed and, if it is eager, a profile."""
    on_gpu = settings.device.startswith("cuda")
    state = initial_state(settings, None)
    gradients = Gradients(state.network, settings, crops.crops, [mode])
    weights = target_weights(0.0, settings.loss) if settings.data.teacher else (1.0,)

    def step(number: int) -> None:
        gradients(crops.load(number), weights, squared=False)
        state.optimizer.step()

    def finish() -> float:
        if on_gpu:
            torch.cuda.synchronize()
        return time.monotonic()

    began = finish()
    gradients.prepare(crops.load(0))
    step(0)
    prepared = finish()
    for number in range(STEPS):
        step(number)
    issued = time.monotonic()  # a GPU may still be busy
    seconds = (finish() - prepared) / STEPS
    line = (
        f"{mode}: prepared in {prepared - began:.1f} s; {1000 * seconds:.1f} ms a step "
        f"({1000 * (issued - prepared) / STEPS:.1f} ms on the host), "
        f"{settings.data.batch / seconds:.0f} crops a second"
    )
    if on_gpu:
        line += f", {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"
    if mode != Mode():
        return line
    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=kinds) as profiled:
        step(0)
        finish()
    by = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    return f"{line}\n{profiled.key_averages().table(sort_by=by, row_limit=SHOWN)}"
