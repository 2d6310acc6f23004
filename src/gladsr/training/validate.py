"""PSNR of both outputs on the validation images, while training."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gladsr.scoring import psnr
from gladsr.training.data import PairedImages, Pixels, to_tensor
from gladsr.training.settings import TrainingSettings
from gladsr.training.step import autocast


@dataclass(frozen=True)
class Validation:
    """Mean PSNR on Y in dB of the final and the coarse output, and the first final outputs."""

    psnr: float
    psnr_coarse: float
    samples: list[Pixels]


def validate_all(
    network: nn.Module, sets: dict[str, PairedImages], settings: TrainingSettings
) -> dict[str, Validation]:
    """Score a network on every set of images, in the precision in which it is trained."""
    with autocast(settings):
        return {
            name: validate(network, pairs, settings.network.scale, settings.device)
            for name, pairs in sets.items()
        }


@torch.no_grad()
def validate(network: nn.Module, pairs: PairedImages, scale: int, device: str) -> Validation:
    """Score a network, (N, 3, h, w) to (y_c, y), on complete images in its current precision."""
    coarse_scores: list[float] = []
    scores: list[float] = []
    samples: list[Pixels] = []
    for lr, hr in zip(pairs.lr, pairs.hr, strict=True):
        coarse, final = network(to_tensor(lr[None]).to(device))
        scores.append(psnr(to_pixels(final), hr, scale))
        coarse_scores.append(psnr(to_pixels(coarse), hr, scale))
        if len(samples) < 4:
            samples.append(to_pixels(final))
    return Validation(float(np.mean(scores)), float(np.mean(coarse_scores)), samples)


def to_pixels(output: Tensor) -> Pixels:
    """Return the first image of (N, 3, H, W) as (H, W, 3), clipped and rounded to uint8."""
    pixels = output[0].float().clamp(0, 1).mul(255).round().byte()
    return pixels.permute(1, 2, 0).cpu().numpy()
