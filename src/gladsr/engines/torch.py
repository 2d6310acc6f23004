"""PyTorch, for its devices (CUDA, Apple's MPS) and to compare the others with."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from gladsr.engines.engine import ChannelWeights, Precision, out_of_memory_named
from gladsr.errors import DeviceError
from gladsr.network.gates import read_channel_weights, read_masks, set_channel_weights
from gladsr.zoo import load_network

if TYPE_CHECKING:
    from gladsr.network import Gladsr
    from gladsr.zoo import Card

logger = logging.getLogger(__name__)


class TorchEngine:
    """A network with its weights in PyTorch."""

    def __init__(
        self, network: "Gladsr", *, device: str, precision: Precision, threads: int | None
    ) -> None:
        try:
            self._device = torch.device(device)
            self._network = network.to(self._device).eval()
        except (RuntimeError, AssertionError) as error:  # AssertionError: built without CUDA
            raise DeviceError(f"PyTorch cannot use the device {device!r}: {error}") from error
        # Without it, a CPU takes half as long again. PyTorch's types leave this signature out.
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._precision = precision
        if threads is not None:
            torch.set_num_threads(threads)  # PyTorch has one number for the whole process

        self._lock = Lock()  # the channel weights are set in the network, which threads share

    def __str__(self) -> str:
        """Return the library, its version, the device and the precision."""
        return f"PyTorch {torch.__version__} on {self._device} in {self._precision}"

    @torch.inference_mode()
    def run(
        self,
        x: NDArray[np.float32],
        *,
        draft: bool = False,
        channel_weights: ChannelWeights | None = None,
    ) -> NDArray[np.float32]:
        """Upscale; see `Engine`."""
        with self._ready(x) as batch:
            given = np.empty((0, 0), np.float32) if channel_weights is None else channel_weights
            r_c = torch.from_numpy(given).to(self._device)[..., None, None]
            with set_channel_weights(self._network, list(r_c)):
                y = _coarse_output(self._network, batch) if draft else self._network(batch)[1]
            return y[0].permute(1, 2, 0).float().cpu().contiguous().numpy()

    @torch.inference_mode()
    def channel_weights(self, x: NDArray[np.float32], *, draft: bool = False) -> ChannelWeights:
        """Compute the channel weights; see `Engine`."""
        with self._ready(x) as batch, read_channel_weights(self._network) as r_c:
            f_c = self._network.ndg_c(self._network.fenet(batch))
            if not draft:
                self._network.ndg_f(f_c)
            return torch.stack([weights[0, :, 0, 0] for weights in r_c]).float().cpu().numpy()

    @torch.inference_mode()
    def masks(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Read the guided masks; see `Engine`."""
        with self._ready(x) as batch, read_masks(self._network) as r_s:
            self._network(batch)
            return torch.cat([mask[0] for mask in r_s]).float().cpu().numpy()

    @contextmanager
    def _ready(self, x: NDArray[np.float32]) -> Iterator[torch.Tensor]:
        """Hold the network, in its precision, and give the picture as a batch on its device."""
        batch = torch.from_numpy(x.transpose(2, 0, 1)[np.newaxis].copy())
        bf16 = self._precision == "bf16"
        with (
            self._lock,
            out_of_memory_named(),
            torch.autocast(self._device.type, torch.bfloat16, enabled=bf16),
        ):
            yield batch.to(self._device, memory_format=torch.channels_last)


def _coarse_output(network: "Gladsr", x: torch.Tensor) -> torch.Tensor:
    """Return y_c without computing y (Eq. 3)."""
    x_up = network.alpha * network.upscale_bicubic(x)
    assert network.re_c is not None  # noqa: S101 - tells the type checker what every card has
    f_c = network.ndg_c(network.fenet(x))
    residual: torch.Tensor = network.re_c(network.upsampler(f_c))
    return x_up + network.beta * residual


def load(
    card: "Card", *, device: str | None, precision: Precision, threads: int | None
) -> TorchEngine:
    """Load a model of the zoo."""
    device = device or "cpu"
    if precision == "int8":
        logger.warning("the torch engine does not compute in int8; fp32 is used instead")
        precision = "fp32"
    if precision == "bf16" and device.startswith("cpu"):
        from gladsr.engines.openvino import capabilities  # noqa: PLC0415 - slow to import

        if "BF16" not in capabilities("CPU"):
            logger.warning("this processor does not compute in bf16; fp32 is used instead")
            precision = "fp32"
    network = load_network(card.name, card.scale)
    return TorchEngine(network, device=device, precision=precision, threads=threads)
