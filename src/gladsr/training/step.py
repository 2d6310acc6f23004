"""A step's gradients: computed eagerly, compiled, or replayed from a CUDA graph."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gladsr.training.loss import stagewise_loss
from gladsr.training.settings import TrainingSettings

Batch = tuple[Tensor, ...]
_WARM_UP = 3  # steps before a capture, in which libraries choose their algorithms

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mode:
    """How a step is run.

    Attributes:
        compiled: The network is compiled by torch.compile.
        captured: The step is replayed from a CUDA graph.
    """

    compiled: bool = False
    captured: bool = False

    def __str__(self) -> str:
        """Return the mode in words."""
        parts = ("compiled" if self.compiled else "", "CUDA graph" if self.captured else "")
        return " + ".join(filter(None, parts)) or "eager"


def modes(settings: TrainingSettings, world: int) -> list[Mode]:
    """Return the modes to try with these settings, in order; the last is eager."""
    graphs = settings.capture and settings.device.startswith("cuda") and world == 1
    wanted = (Mode(settings.compile, graphs), Mode(captured=graphs), Mode())
    return list(dict.fromkeys(wanted))


def autocast(settings: TrainingSettings) -> AbstractContextManager[Any]:
    """Return the context in which the network is run, for training and for validation."""
    device = torch.device(settings.device).type
    enabled = settings.precision == "bf16"
    # A CUDA graph must not refer to copies of weights that were made before it was captured.
    return torch.autocast(device, torch.bfloat16, enabled=enabled, cache_enabled=device != "cuda")


@dataclass
class _Graph:
    """A captured step: its inputs, to be filled before it is replayed, and its outputs."""

    graph: torch.cuda.CUDAGraph
    batch: Batch
    weights: Tensor
    loss: Tensor
    gradients: list[Tensor | None]


class Gradients:
    """Computes the loss of a batch, and leaves the gradients in the network's parameters.

    Args:
        network: The network, on its device.
        settings: The settings of the run.
        crops: Turns a batch, moved to the device, into LR and the targets.
        candidates: The modes to try, in order. A mode that fails is logged.

    Attributes:
        mode: The mode that is used.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: TrainingSettings,
        crops: Callable[[Batch], Batch],
        candidates: Sequence[Mode],
    ) -> None:
        self._network = network
        self._forward: Callable[..., Any] = network
        self._settings, self._crops, self._candidates = settings, crops, candidates
        self._parameters = list(network.parameters())
        self._graphs: dict[bool, _Graph] = {}
        self.mode = Mode()

    def prepare(self, batch: Batch) -> None:
        """Compile and capture with an example of a batch, in the first mode that works.

        Raises:
            RuntimeError: Not even the last mode works.
        """
        for mode in self._candidates:
            self.mode = mode
            try:
                self._prepare(batch)
            except Exception as error:
                if mode == self._candidates[-1]:
                    raise
                reason = str(error).strip().partition("\n")[0]
                logger.warning("training in mode %s failed: %s", mode, reason)
            else:
                return

    def __call__(self, batch: Batch, weights: tuple[float, ...], *, squared: bool) -> Tensor:
        """Compute the loss and the gradients of a batch.

        Args:
            batch: As returned by the source of crops, on any device.
            weights: Weights of the targets, which are HR and, with a teacher, its outputs.
            squared: Whether errors are squared.

        Returns:
            The loss, (), on the device.
        """
        if self.mode.captured:
            return self._replay(self._graphs[squared], batch, weights)
        device = self._settings.device
        self._network.zero_grad()
        batch = tuple(part.to(device) for part in batch)
        return self._compute(batch, torch.tensor(weights, device=device), squared)

    def _prepare(self, batch: Batch) -> None:
        self._forward = self._network
        self._graphs.clear()
        if self.mode.compiled:
            self._forward = torch.compile(self._network)
        if self.mode.captured:
            for squared in {False, self._settings.loss.squared > 0}:
                self._graphs[squared] = self._capture(batch, squared)
        elif self.mode.compiled:
            self(batch, self._equal_weights(batch), squared=False)

    def _capture(self, batch: Batch, squared: bool) -> _Graph:
        """Capture a step, after warming up on another stream as CUDA graphs require."""
        batch = tuple(part.to(self._settings.device) for part in batch)
        weights = torch.tensor(self._equal_weights(batch), device=self._settings.device)
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP):
                self._network.zero_grad()
                self._compute(batch, weights, squared)
        torch.cuda.current_stream().wait_stream(side)
        self._network.zero_grad()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = self._compute(batch, weights, squared)
        gradients = [parameter.grad for parameter in self._parameters]
        return _Graph(graph, batch, weights, loss, gradients)

    def _replay(self, captured: _Graph, batch: Batch, weights: tuple[float, ...]) -> Tensor:
        for ours, theirs in zip(captured.batch, batch, strict=True):
            ours.copy_(theirs, non_blocking=True)
        captured.weights.copy_(torch.tensor(weights), non_blocking=True)
        captured.graph.replay()
        for parameter, gradient in zip(self._parameters, captured.gradients, strict=True):
            parameter.grad = gradient  # an optimizer may have removed it
        return captured.loss.clone()

    def _compute(self, batch: Batch, weights: Tensor, squared: bool) -> Tensor:
        lr, *targets = self._crops(batch)
        how, clip = self._settings.loss, self._settings.optimizer.clip_norm
        with autocast(self._settings):
            y_c, y = self._forward(lr)
            losses = [
                stagewise_loss(
                    y_c, y, target, how.gamma, how.bound, squared=squared, spectrum=how.spectrum
                )
                for target in targets
            ]
            loss = (weights * torch.stack(losses)).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        if clip:
            nn.utils.clip_grad_norm_(self._parameters, clip)
        return loss.detach()

    def _equal_weights(self, batch: Batch) -> tuple[float, ...]:
        targets = len(self._crops(batch)) - 1
        return (1 / targets,) * targets
