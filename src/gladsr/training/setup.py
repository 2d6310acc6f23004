"""What the training loop is set up with: processes, data, network, optimizer and their state."""

import contextlib
import logging
import math
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.optim import Adam, Optimizer
from torch.optim.swa_utils import AveragedModel

from gladsr.errors import DataError, SettingsError
from gladsr.network import Gladsr
from gladsr.network.weights import configuration, read_checkpoint
from gladsr.training.checkpoint import start_from, write_checkpoint, write_weights
from gladsr.training.data import Crops, PairedImages, load_pairs, load_taught
from gladsr.training.degradation import degrade
from gladsr.training.muon import Muon
from gladsr.training.resident import ResidentCrops
from gladsr.training.schedule import learning_rate
from gladsr.training.settings import TrainingSettings, check_same, expand
from gladsr.training.step import Batch

logger = logging.getLogger(__name__)


@dataclass
class State:
    """Everything that changes during training.

    Attributes:
        network: The network that is trained.
        averaged: The running average of its weights.
        optimizer: The optimizer.
        step: Number of steps done.
        seconds: Training time so far, over all sessions.
        setting_up: Time that setting up took in these sessions, in seconds.
        history: The validations so far, as `Report.plain` returns them.
    """

    network: Gladsr
    averaged: AveragedModel
    optimizer: Optimizer
    step: int = 0
    seconds: float = 0.0
    setting_up: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)

    def save(self, path: Path, settings: TrainingSettings) -> None:
        """Write a checkpoint."""
        write_checkpoint(
            {
                "settings": settings.model_dump(mode="json"),
                "network": self.network.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
                "setting_up": self.setting_up,
                "history": self.history,
            },
            path,
        )

    def save_weights(self, path: Path) -> None:
        """Write the averaged weights in half precision."""
        write_weights(self.averaged.module.state_dict(), configuration(self.network), path)

    def load(self, saved: dict[str, Any]) -> None:
        """Restore the state in a checkpoint."""
        for part in ("network", "averaged", "optimizer"):
            getattr(self, part).load_state_dict(saved[part])
        self.step, self.seconds = saved["step"], saved["seconds"]
        self.setting_up = saved.get("setting_up", 0.0)  # older checkpoints have neither
        self.history = saved.get("history", [])


def time_limit(state: State, settings: TrainingSettings) -> float:
    """Return the training time after which the run ends, in seconds; infinite without a limit."""
    minutes = settings.schedule.minutes
    return math.inf if minutes is None else 60 * minutes - state.setting_up


def elapsed(state: State, settings: TrainingSettings) -> float:
    """Return the share of the time limit that has passed; 0 without a limit."""
    limit = time_limit(state, settings)
    return state.seconds / limit if limit > 0 else 1.0


def progress(state: State, settings: TrainingSettings) -> float:
    """Return the share of the run that is done, by steps or by time; 1 at its end."""
    return max(state.step / settings.schedule.steps, elapsed(state, settings))


def set_learning_rate(state: State, settings: TrainingSettings) -> None:
    """Set the optimizer's learning rate for the next step."""
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate_of(state, settings)


def learning_rate_of(state: State, settings: TrainingSettings) -> float:
    """Return the learning rate of the next step."""
    peak = settings.optimizer.learning_rate
    return learning_rate(state.step, elapsed(state, settings), peak, settings.schedule)


def saved_state(
    checkpoint: Path, settings: TrainingSettings, *, resume: bool
) -> dict[str, Any] | None:
    """Return the contents of the checkpoint to resume from, or None where a run begins.

    Raises:
        SettingsError: There is a checkpoint and ``resume`` is not set, or the other way round, or
            it was made with other settings.
        DataError: The checkpoint is damaged.
    """
    run = checkpoint.parent
    if checkpoint.exists() != resume:
        found = "already holds a checkpoint: add --resume or take another folder"
        raise SettingsError(f"{run} {'holds no checkpoint to resume' if resume else found}")
    if not resume:
        return None
    saved = read_checkpoint(checkpoint)
    check_same(settings, saved["settings"], run)
    return saved


def use_device(device: str) -> None:
    """Prepare PyTorch for a device.

    Raises:
        SettingsError: PyTorch does not know the device, was not built for it or does not find it.
    """
    try:
        torch.zeros(1, device=device).item()
    except (AssertionError, ImportError, RuntimeError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise SettingsError(
            f"device is {device!r}, which PyTorch cannot use here ({reason}); take another, such "
            "as device=cpu"
        ) from error
    if device.startswith("cuda"):
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")


@contextlib.contextmanager
def processes(settings: TrainingSettings) -> Iterator[tuple[int, int]]:
    """Yield this process's rank and the number of processes, 0 and 1 without ``torchrun``.

    Raises:
        SettingsError: The processes cannot share a batch evenly, or the run has a time limit,
            which each of them would reach at another step.
    """
    if "WORLD_SIZE" not in os.environ:
        yield 0, 1
        return
    world, batch = int(os.environ["WORLD_SIZE"]), settings.data.batch
    if batch % world:
        raise SettingsError(
            f"data.batch is {batch}, which {world} processes cannot share evenly; "
            f"take a multiple of {world}"
        )
    if world > 1 and settings.schedule.minutes is not None:
        raise SettingsError("schedule.minutes can only be set where a single process trains")
    dist.init_process_group()
    try:
        yield dist.get_rank(), dist.get_world_size()
    finally:
        dist.destroy_process_group()


@contextlib.contextmanager
def until_stopped() -> Iterator[list[int]]:
    """Yield a list that is empty until SIGTERM or SIGINT comes, then holds its number."""
    received: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def any_stopped(stopped: list[int], world: int) -> bool:
    """Return whether any process received a signal; all processes ask before the same step."""
    if world == 1:
        return bool(stopped)
    signals = torch.tensor(len(stopped))
    dist.all_reduce(signals)
    return bool(signals)


@dataclass(frozen=True)
class Batches:
    """The batches of a run.

    Attributes:
        load: Returns this process's share of a step's batch, on the CPU.
        crops: Turns it, moved to the device, into LR and the targets, in [0, 1].
    """

    load: Callable[[int], Batch]
    crops: Callable[[Batch], Batch]


def batches(settings: TrainingSettings, rank: int, world: int) -> Batches:
    """Return the batches for process ``rank`` of ``world``.

    Raises:
        SettingsError: Images are to be kept on a device that several processes share.
        DataError: No image is large enough, or the teacher cannot be used.
        PictureError: A folder has no images, or one cannot be read.
    """
    share = settings.data.batch // world
    if settings.resident:
        if world > 1:
            raise SettingsError("data.resident must be false where several processes train")
        resident = _resident_crops(settings)
        _warn_of_small_images(resident.left_out, settings)
        return Batches(
            lambda step: (resident.plan(step, share),), lambda batch: resident.cut(*batch)
        )
    crops = training_crops(settings)
    if rank == 0:
        _warn_of_small_images(crops.left_out, settings)
    return Batches(
        lambda step: crops.batch(step * settings.data.batch + rank * share, share),
        lambda batch: batch,
    )


def _warn_of_small_images(left_out: int, settings: TrainingSettings) -> None:
    if left_out:
        logger.warning(
            "training images smaller than data.patch, %d LR pixels a side, are left out: %d",
            settings.data.patch,
            left_out,
        )


def training_crops(settings: TrainingSettings) -> Crops:
    """Return the crops that these settings train on."""
    data = settings.data
    pairs, taught = _training_pairs(settings)
    return Crops(
        pairs,
        data.patch,
        settings.seed,
        taught=taught,
        area_power=data.area_power,
        shuffle_colours=data.shuffle_colours,
        degradation=settings.degradation,
        patterns=data.patterns,
        sharpen=data.sharpen,
    )


def _resident_crops(settings: TrainingSettings) -> ResidentCrops:
    data = settings.data
    pairs, taught = _training_pairs(settings)
    return ResidentCrops(
        pairs,
        data.patch,
        settings.seed,
        settings.device,
        taught=taught,
        area_power=data.area_power,
        shuffle_colours=data.shuffle_colours,
        patterns=data.patterns,
    )


def _training_pairs(settings: TrainingSettings) -> tuple[PairedImages, list[Any] | None]:
    """Return the training images and, with a teacher, its outputs."""
    data = settings.data
    folders = [expand(folder) for folder in data.train]
    pairs = load_pairs(folders, settings.network.scale, expand(data.cache), exclude=data.exclude)
    if not data.teacher:
        return pairs, None
    return pairs, load_taught(pairs, expand(data.teacher), settings.device)


def validation_sets(settings: TrainingSettings) -> dict[str, PairedImages]:
    """Return the images of each validation folder, by its name; LR is degraded reproducibly.

    Raises:
        DataError: There are none, or one has no pixels within the border that is not scored.
        PictureError: An image cannot be read.
    """
    folders = [expand(folder) for folder in settings.data.validation]
    return {folder.name: _validation_pairs(folder, settings) for folder in folders}


def validation_pairs(settings: TrainingSettings) -> PairedImages:
    """Return the images of the first validation folder, as ``validation_sets`` does."""
    return _validation_pairs(expand(settings.data.validation[0]), settings)


def _validation_pairs(folder: Path, settings: TrainingSettings) -> PairedImages:
    data, few, scale = settings.data, slice(settings.data.validation_images), settings.network.scale
    pairs = load_pairs([folder], scale, expand(data.cache))
    for name, lr in zip(pairs.names[few], pairs.lr[few], strict=True):
        if min(lr.shape[:2]) < 3:
            raise DataError(
                f"{folder / name} is too small: a score at ×{scale} needs {3 * scale} pixels a side"
            )
    degraded = [
        degrade(lr, settings.degradation, np.random.default_rng(number))
        for number, lr in enumerate(pairs.lr[few])
    ]
    return PairedImages(pairs.names[few], pairs.hr[few], degraded, pairs.folder)


def initial_state(settings: TrainingSettings, saved: dict[str, Any] | None) -> State:
    """Return the state before the first step of a session, restored from ``saved`` if given.

    Raises:
        DataError: The initial weights cannot be read or do not fit the network.
    """
    torch.manual_seed(settings.seed)
    network = Gladsr(settings.network)
    if settings.start and not start_from(network, expand(settings.start))[0]:
        raise DataError(f"{settings.start} has no weights that fit this network")
    network.to(settings.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload] # missing in the stub of `to`
    rate, betas = settings.optimizer.learning_rate, settings.optimizer.betas
    optimizer = (
        Muon(network, rate, betas, settings.optimizer.weight_decay)
        if settings.optimizer.kind == "muon"
        else Adam(network.parameters(), rate, betas)
    )
    state = State(network, AveragedModel(network), optimizer)
    if saved:
        state.load(saved)
    return state


@torch.no_grad()
def update_average(state: State, decay: float) -> None:
    """Update the average, which forgets the first weights faster than ``decay`` alone would."""
    averaged: list[Tensor] = list(state.averaged.module.parameters())
    current: list[Tensor] = list(state.network.parameters())
    updates = int(state.averaged.n_averaged)  # on the CPU, so that no step waits for a GPU
    weight = 1 - min(decay, (1 + updates) / (10 + updates)) if updates else 1.0
    torch._foreach_lerp_(averaged, current, weight)
    state.averaged.n_averaged += 1
