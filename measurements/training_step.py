"""Time a training step: python measurements/training_step.py [MODEL] [SCALE] [BATCH] [PATCH].

GLADSR ×2, 16 crops of 48×48 unless told, in bf16, channels last, on all cores. "Plain" is the
network as one would write it, with PyTorch's deconvolution and Adam; the others add one thing each.
Then where the time of our step goes, by PyTorch's profiler.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d
from torch.profiler import ProfilerActivity, profile

from gladsr import zoo
from gladsr.network import Gladsr, GladsrConfig
from gladsr.network.layers import Deconvolution
from gladsr.training.loss import stagewise_loss
from gladsr.training.muon import Muon

TURNS = 5
SHOWN = 8


class PlainDeconvolution(Deconvolution):
    """The same with PyTorch's own bias."""

    def forward(self, x: Tensor) -> Tensor:
        """Return what the deconvolution gives."""
        return conv_transpose2d(
            x, self.weight, self.bias, self.scale, self.padding, groups=self.groups
        )


def network(config: GladsrConfig, *, plain: bool = False, compiled: bool = False) -> Gladsr:
    """Return a network to be trained."""
    torch.manual_seed(0)
    made = Gladsr(config)
    for module in made.modules():
        if plain and isinstance(module, Deconvolution):
            module.__class__ = PlainDeconvolution
    made = made.to(memory_format=torch.channels_last)
    if compiled:
        made.compile()
    return made


def step(
    made: Gladsr, optimizer: torch.optim.Optimizer, batch: int, patch: int
) -> Callable[[], None]:
    """Return the function that takes one step."""
    x = torch.rand(batch, 3, patch, patch).contiguous(memory_format=torch.channels_last)
    scale = made.config.scale
    hr = torch.rand(batch, 3, scale * patch, scale * patch)

    def run() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            y_c, y = made(x)
            loss = stagewise_loss(y_c, y, hr, 0.1)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(made.parameters(), 1.0)
        optimizer.step()

    return run


def main(model: str = "gladsr", scale: int = 2, batch: int = 16, patch: int = 48) -> None:
    """Print the medians of all ways in turns, and a profile of the last."""
    config = GladsrConfig(**zoo.card(model, scale).network)
    plain, ours = network(config, plain=True), network(config)
    compiled, recipe = network(config, compiled=True), network(config, compiled=True)
    adam = (1e-9, (0.9, 0.99))
    ways = {
        "plain": step(plain, torch.optim.Adam(plain.parameters(), *adam), batch, patch),
        "bias apart": step(ours, torch.optim.Adam(ours.parameters(), *adam), batch, patch),
        "compiled": step(compiled, torch.optim.Adam(compiled.parameters(), *adam), batch, patch),
        "Muon": step(recipe, Muon(recipe, *adam), batch, patch),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(TURNS + 2):
        for way, run in ways.items():
            start = time.perf_counter()
            run()
            if turn > 1:
                seconds[way].append(time.perf_counter() - start)
    print(f"{model} ×{scale}, {batch} crops of {patch}×{patch}, {torch.get_num_threads()} threads")
    first = float(np.median(seconds["plain"]))
    for way, taken in seconds.items():
        median = float(np.median(taken))
        print(
            f"{way:12} {median:.3f} s  {batch / median:5.1f} crops a second  {first / median:.2f}×"
        )
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        ways["Muon"]()
    kinds = sorted(profiled.key_averages(), key=lambda kind: -kind.self_cpu_time_total)
    whole = sum(kind.self_cpu_time_total for kind in kinds)
    for kind in kinds[:SHOWN]:
        print(f"    {100 * kind.self_cpu_time_total / whole:5.1f} %  {kind.key}")


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:]))
