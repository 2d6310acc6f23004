"""PyTorch, for its devices (CUDA, Apple's MPS) and to compare the others with."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from gladsr.engines.engine import EngineError, Precision
from gladsr.zoo import load_network

if TYPE_CHECKING:
    from gladsr.network import Gladsr
    from gladsr.zoo import Card


class TorchEngine:
    """A network with its weights in PyTorch."""

    def __init__(
        self, network: "Gladsr", *, device: str, precision: Precision, threads: int | None
    ) -> None:
        try:
            self._device = torch.device(device)
            self._network = network.to(self._device).eval()
        except (RuntimeError, AssertionError) as error:  # AssertionError: built without CUDA
            raise EngineError(f"PyTorch cannot use the device {device!r}: {error}") from error
        self._precision = precision
        if threads is not None:
            torch.set_num_threads(threads)  # PyTorch has one number for the whole process

    @torch.inference_mode()
    def run(self, x: NDArray[np.float32], *, draft: bool = False) -> NDArray[np.float32]:
        """Upscale; see `Engine`."""
        batch = torch.from_numpy(np.ascontiguousarray(x)).permute(2, 0, 1)[np.newaxis]
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._precision == "bf16"):
            batch = batch.to(self._device)
            y = _coarse_output(self._network, batch) if draft else self._network(batch)[1]
        return y[0].permute(1, 2, 0).float().cpu().contiguous().numpy()


def _coarse_output(network: "Gladsr", x: torch.Tensor) -> torch.Tensor:
    """Return y_c without computing y (Eq. 3)."""
    x_up = network.alpha * network.upscale_bicubic(x)
    if network.re_c is None:
        raise EngineError("this network has no coarse output, so it makes no draft")
    f_c = network.ndg_c(network.fenet(x))
    residual: torch.Tensor = network.re_c(network.upsampler(f_c))
    return x_up + network.beta * residual


def load(
    card: "Card", *, device: str | None, precision: Precision, threads: int | None
) -> TorchEngine:
    """Load a model of the zoo."""
    network = load_network(card.name, card.scale)
    return TorchEngine(network, device=device or "cpu", precision=precision, threads=threads)
