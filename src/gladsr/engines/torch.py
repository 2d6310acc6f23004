"""PyTorch, for its devices (CUDA, MPS) and for networks that have no ONNX file."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray

from gladsr.engines.engine import ChannelWeights, Precision, run_errors_translated
from gladsr.errors import DeviceError, EngineError
from gladsr.network import Gladsr
from gladsr.network.gates import read_channel_weights, read_masks, set_channel_weights

if TYPE_CHECKING:
    from torch import nn

    from gladsr.engines.networks import Network

logger = logging.getLogger(__name__)


class TorchEngine:
    """A network in PyTorch.

    Args:
        network: A `Gladsr`, or another network from (N, 3, h, w) to (N, 3, s·h, s·w).
        origin: What messages call the network.
        device: PyTorch's name for the device.
        precision: "fp32", or "bf16" for autocast.
        threads: The number of CPU threads; PyTorch's own choice if None.

    Raises:
        DeviceError: PyTorch cannot use the device.
    """

    def __init__(
        self,
        network: "nn.Module",
        *,
        origin: str,
        device: str = "cpu",
        precision: Precision = "fp32",
        threads: int | None = None,
    ) -> None:
        try:
            self._network = network.to(torch.device(device)).eval()
        except (RuntimeError, AssertionError) as error:  # AssertionError: built without CUDA
            raise DeviceError(f"PyTorch cannot use the device {device!r}: {error}") from error
        # Without it, a CPU takes 1.5 times as long. PyTorch's stubs lack this signature.
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.device = device
        self.precision = precision
        self._origin = origin
        if threads is not None:
            torch.set_num_threads(threads)  # PyTorch has one number for the whole process
        self._lock = Lock()  # the channel weights are set in the network, which threads share

    def __str__(self) -> str:
        """Return the library, its version, the device and the precision."""
        return f"PyTorch {torch.__version__} on {self.device} in {self.precision}"

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
            r_c = torch.from_numpy(np.empty((0, 0)) if channel_weights is None else channel_weights)
            with set_channel_weights(self._network, list(r_c.to(self.device)[..., None, None])):
                y = self._output(batch, draft=draft)
            return y[0].permute(1, 2, 0).float().cpu().contiguous().numpy()

    def _output(self, batch: torch.Tensor, *, draft: bool) -> torch.Tensor:
        if isinstance(self._network, Gladsr):
            if draft and self._network.config.coarse_output:
                return self._network.coarse(batch)
            _, y = self._network(batch)
        else:
            y = self._network(batch)
        if draft:
            raise EngineError(f"{self._origin} has no coarse output")
        return cast("torch.Tensor", y)

    @torch.inference_mode()
    def channel_weights(self, x: NDArray[np.float32], *, draft: bool = False) -> ChannelWeights:
        """Compute the channel weights; see `Engine`."""
        with self._ready(x) as batch, read_channel_weights(self._network) as r_c:
            if isinstance(self._network, Gladsr):
                f_c = self._network.ndg_c(self._network.fenet(batch))
                if not draft:
                    self._network.ndg_f(f_c)
            if not r_c:
                return np.empty((0, 0), np.float32)
            return torch.stack([weights[0, :, 0, 0] for weights in r_c]).float().cpu().numpy()

    @torch.inference_mode()
    def masks(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the guided masks; see `LoadedEngine`."""
        with self._ready(x) as batch, read_masks(self._network) as r_s:
            self._network(batch)
            if not r_s:
                raise EngineError(f"{self._origin} has no guided masks")
            return torch.cat([mask[0] for mask in r_s]).float().cpu().numpy()

    @contextmanager
    def _ready(self, x: NDArray[np.float32]) -> Iterator[torch.Tensor]:
        """Hold the network, in its precision, and yield the picture as a batch on its device."""
        batch = torch.from_numpy(x.transpose(2, 0, 1)[np.newaxis].copy())
        bf16 = self.precision == "bf16"
        with (
            self._lock,
            run_errors_translated(self._origin, x),
            torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=bf16),
        ):
            yield batch.to(self.device, memory_format=torch.channels_last)


def load(
    network: "Network", *, device: str | None, precision: Precision, threads: int | None
) -> TorchEngine:
    """Build a network in PyTorch."""
    device = device or "cpu"
    if precision == "bf16" and device.startswith("cpu"):
        from gladsr.engines.openvino import capabilities  # noqa: PLC0415 - slow to import

        if "BF16" not in capabilities("CPU"):
            logger.warning("this processor does not compute in bf16; fp32 is used")
            precision = "fp32"
    assert network.module is not None  # noqa: S101 - the registry offers no other
    return TorchEngine(
        network.module(),
        origin=network.origin,
        device=device,
        precision=precision,
        threads=threads,
    )


def operation(
    kind: str, x: NDArray[np.float32], w: NDArray[np.float32], precision: Precision, threads: int
) -> Callable[[], object]:
    """Return a function that computes a matrix product or a 3×3 convolution; see `Ceiling`."""
    torch.set_num_threads(threads)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = torch.from_numpy(x).to(dtype), torch.from_numpy(w).to(dtype)
    if kind == "convolution":
        left, right = (value.to(memory_format=torch.channels_last) for value in (left, right))

    @torch.inference_mode()
    def compute() -> object:
        if kind == "matrix product":
            return torch.mm(left, right)
        return torch.conv2d(left, right, padding=1)

    return compute
