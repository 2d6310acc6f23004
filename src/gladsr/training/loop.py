"""The training loop: plain PyTorch, resumable bit for bit."""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    SequentialLR,
    StepLR,
)
from torch.optim.swa_utils import AveragedModel
from torch.utils.tensorboard import SummaryWriter

from gladsr.errors import DataError, SettingsError
from gladsr.network import Gladsr
from gladsr.network.weights import CHECKPOINT, read_checkpoint
from gladsr.training.checkpoint import save_atomically, start_from
from gladsr.training.data import Crops, PairedImages, load_pairs, load_taught
from gladsr.training.degradation import degrade
from gladsr.training.loss import stagewise_l1
from gladsr.training.muon import Muon
from gladsr.training.settings import ScheduleSettings, TrainingSettings, check_same, expand
from gladsr.training.validate import Validation, validate

Tensors = list[Tensor] | tuple[Tensor, ...]

logger = logging.getLogger(__name__)


@dataclass
class State:
    """All that changes while training: what a checkpoint holds."""

    network: Gladsr
    averaged: AveragedModel
    optimizer: Optimizer
    scheduler: LRScheduler
    step: int = 0
    seconds: float = 0.0

    def save(self, path: Path, settings: TrainingSettings) -> None:
        """Write a checkpoint."""
        save_atomically(
            {
                "settings": settings.model_dump(mode="json"),
                "network": self.network.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scheduler": self.scheduler.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
            },
            path,
        )

    def load(self, saved: dict[str, Any]) -> None:
        """Take over what a checkpoint holds."""
        for part in ("network", "averaged", "optimizer", "scheduler"):
            getattr(self, part).load_state_dict(saved[part])
        self.step, self.seconds = saved["step"], saved["seconds"]


class StoppedError(RuntimeError):
    """A run was told to stop before its last step; its checkpoint is written."""


@dataclass(frozen=True)
class Report:
    """What a validation found.

    Attributes:
        step: steps done, of ``steps``.
        loss: mean training loss since the last report.
        learning_rate: the present one.
        validation: of the averaged weights.
        seconds: training time so far, all sessions together.
        seconds_left: an estimate, from the speed of this session.
        waiting: share of the time since the last report that the loop waited for data.
    """

    step: int
    steps: int
    loss: float
    learning_rate: float
    validation: Validation
    seconds: float
    seconds_left: float
    waiting: float


def train(settings: TrainingSettings, run: Path, *, resume: bool = False) -> Iterator[Report]:
    """Train, reporting at every validation; leave a checkpoint and TensorBoard files in ``run``.

    Under ``torchrun`` every process takes its share of each batch (DistributedDataParallel); the
    first alone reports and writes. SIGTERM and SIGINT to any process end the run after the present
    step, with a checkpoint.

    Args:
        settings: of the run.
        run: a folder for what the run leaves.
        resume: go on from the checkpoint in ``run``.

    Raises:
        SettingsError: ``run`` holds a checkpoint and ``resume`` is not set, or the other way round;
            the checkpoint is of other settings; PyTorch cannot use the device; or the processes
            cannot share a batch evenly.
        DataError: no image is large enough to train on, the checkpoint is damaged, or the weights
            to start from are of no such network.
        PictureError: a folder has no images, or one cannot be read.
        StoppedError: the run was told to stop.
    """
    saved = _saved(run / CHECKPOINT, settings, resume=resume)
    _check_device(settings.device)
    with _processes(settings.data.batch) as (rank, world):
        yield from _trained(settings, run, saved, rank, world)


def _trained(
    settings: TrainingSettings, run: Path, saved: dict[str, Any] | None, rank: int, world: int
) -> Iterator[Report]:
    """Train as process ``rank`` of ``world``, from what is saved if there is anything."""
    checkpoint = run / CHECKPOINT
    crops, watched = training_crops(settings), validation_pairs(settings)
    if crops.left_out and rank == 0:
        logger.warning(
            "training images smaller than data.patch, %d LR pixels a side, are left out: %d",
            crops.patch,
            crops.left_out,
        )
    state = _start(settings)
    if saved:
        state.load(saved)
    network: nn.Module = DistributedDataParallel(state.network) if world > 1 else state.network
    if settings.compile:
        network.compile()
    run.mkdir(parents=True, exist_ok=True)
    share, steps = settings.data.batch // world, settings.schedule.steps
    session = _Session(state, settings)

    with (
        SummaryWriter(run) if rank == 0 else contextlib.nullcontext() as writer,
        _until_stopped() as stopped,
        ThreadPoolExecutor(1) as loader,
    ):

        def fetch(step: int) -> Future[tuple[Tensor, ...]]:
            return loader.submit(crops.batch, step * settings.data.batch + rank * share, share)

        upcoming = fetch(state.step)
        while state.step < steps and not _any_stopped(stopped, world):
            batch = session.wait(upcoming)
            upcoming = fetch(state.step + 1)
            session.count(_step(network, state, batch, settings))

            last = state.step == steps
            if rank == 0 and (last or state.step % settings.checkpoint_every == 0):
                state.save(checkpoint, settings)
            if writer and (last or state.step % settings.validate_every == 0):
                report = session.report(watched)
                _log(writer, report)
                yield report
                session.begin_interval()
    if state.step < steps:
        if rank == 0:
            state.save(checkpoint, settings)
        raise StoppedError(f"stopped at step {state.step} of {steps}")


class _Session:
    """What one process's reports are made of: its clocks, and the losses since the last report."""

    def __init__(self, state: State, settings: TrainingSettings) -> None:
        self._state, self._settings = state, settings
        self._step_before, self._seconds_before = state.step, state.seconds
        self._began = time.monotonic()
        self.begin_interval()

    def begin_interval(self) -> None:
        """Forget what the last report told."""
        self._interval_began, self._waited, self._losses = time.monotonic(), 0.0, list[Tensor]()

    def wait(self, upcoming: Future[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """Return a batch as soon as it is there."""
        asked = time.monotonic()
        batch = upcoming.result()
        self._waited += time.monotonic() - asked
        return batch

    def count(self, loss: Tensor) -> None:
        """Note a step's loss, and the time when it was done."""
        self._losses.append(loss)
        self._state.seconds = self._seconds_before + time.monotonic() - self._began

    def report(self, watched: PairedImages) -> Report:
        """Validate, and return what there is to tell."""
        state, steps = self._state, self._settings.schedule.steps
        waiting = self._waited / (time.monotonic() - self._interval_began)
        validation = _validate(state, watched, self._settings)
        seconds_a_step = (time.monotonic() - self._began) / (state.step - self._step_before)
        return Report(
            state.step,
            steps,
            float(torch.stack(self._losses).mean()),
            float(state.scheduler.get_last_lr()[0]),
            validation,
            state.seconds,
            seconds_a_step * (steps - state.step),
            waiting,
        )


def _saved(checkpoint: Path, settings: TrainingSettings, *, resume: bool) -> dict[str, Any] | None:
    """Return what the checkpoint to go on from holds, or None where the run begins."""
    run = checkpoint.parent
    if checkpoint.exists() != resume:
        found = "already holds a checkpoint: add --resume or take another folder"
        raise SettingsError(f"{run} {'holds no checkpoint to resume' if resume else found}")
    if not resume:
        return None
    saved = read_checkpoint(checkpoint)
    check_same(settings, saved["settings"], run)
    return saved


def _check_device(device: str) -> None:
    """Refuse a device that PyTorch does not know, was not built for or does not find here."""
    try:
        torch.zeros(1, device=device).item()
    except (AssertionError, ImportError, RuntimeError) as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise SettingsError(
            f"device is {device!r}, which PyTorch cannot use here ({reason}); take another, such "
            "as device=cpu"
        ) from error


@contextlib.contextmanager
def _processes(batch: int) -> Iterator[tuple[int, int]]:
    """Give this process's rank and the number of processes, 0 and 1 without ``torchrun``."""
    if "WORLD_SIZE" not in os.environ:
        yield 0, 1
        return
    world = int(os.environ["WORLD_SIZE"])
    if batch % world:
        raise SettingsError(
            f"data.batch is {batch}, which {world} processes cannot share evenly; "
            f"take a multiple of {world}"
        )
    dist.init_process_group()
    try:
        yield dist.get_rank(), dist.get_world_size()
    finally:
        dist.destroy_process_group()


def training_crops(settings: TrainingSettings) -> Crops:
    """Return the crops that these settings train on."""
    data = settings.data
    folders = [expand(folder) for folder in data.train]
    pairs = load_pairs(folders, settings.network.scale, expand(data.cache), exclude=data.exclude)
    return Crops(
        pairs,
        data.patch,
        settings.seed,
        taught=load_taught(pairs, expand(data.teacher)) if data.teacher else None,
        area_power=data.area_power,
        shuffle_colours=data.shuffle_colours,
        degradation=settings.degradation,
        patterns=data.patterns,
        sharpen=data.sharpen,
    )


def validation_pairs(settings: TrainingSettings) -> PairedImages:
    """Return the images that these settings validate on, degraded always alike.

    Raises:
        DataError: there are none, or one has nothing within the border that is not scored.
        PictureError: an image cannot be read.
    """
    data, few, scale = settings.data, slice(settings.data.validation_images), settings.network.scale
    folder = expand(data.validation)
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


def _start(settings: TrainingSettings) -> State:
    """Return the state of step 0: the network with its first weights, and what goes with it."""
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
    averaged = AveragedModel(network, multi_avg_fn=_running_average(settings.average.decay))
    return State(network, averaged, optimizer, _scheduler(optimizer, settings.schedule))


def _running_average(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """Return an exponential average that forgets the first weights faster than ``decay`` would."""

    @torch.no_grad()
    def update(averaged: Tensors, current: Tensors, updates: Tensor | int) -> None:
        early = (1 + int(updates)) / (10 + int(updates))
        torch._foreach_lerp_(averaged, current, 1 - min(decay, early))

    return update


def _scheduler(optimizer: Optimizer, schedule: ScheduleSettings) -> LRScheduler:
    after = max(1, schedule.steps - schedule.warmup)
    main: LRScheduler = (
        CosineAnnealingLR(optimizer, after)
        if schedule.kind == "cosine"
        else StepLR(optimizer, schedule.halve_every, 0.5)
    )
    if not schedule.warmup:
        return main
    rise = LinearLR(optimizer, 1 / schedule.warmup, total_iters=schedule.warmup)
    return SequentialLR(optimizer, [rise, main], [schedule.warmup])


def _step(
    network: nn.Module, state: State, batch: tuple[Tensor, ...], settings: TrainingSettings
) -> Tensor:
    """Take one step of the optimizer; return the loss."""
    lr, *targets = (images.to(settings.device) for images in batch)
    weights = (1 - settings.loss.teacher, settings.loss.teacher) if targets[1:] else (1.0,)
    with _precision(settings):
        y_c, y = network(lr)
        loss = torch.stack(
            [
                weight * stagewise_l1(y_c, y, target, settings.loss.gamma, settings.loss.bound)
                for weight, target in zip(weights, targets, strict=True)
            ]
        ).sum()
    state.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    if settings.optimizer.clip_norm:
        nn.utils.clip_grad_norm_(state.network.parameters(), settings.optimizer.clip_norm)
    state.optimizer.step()
    state.scheduler.step()
    state.averaged.update_parameters(state.network)
    state.step += 1
    return loss.detach()


def _precision(settings: TrainingSettings) -> contextlib.AbstractContextManager[Any]:
    enabled = settings.precision == "bf16"
    return torch.autocast(torch.device(settings.device).type, torch.bfloat16, enabled=enabled)


def _validate(state: State, pairs: PairedImages, settings: TrainingSettings) -> Validation:
    with _precision(settings):
        return validate(state.averaged, pairs, settings.network.scale, settings.device)


def _log(writer: SummaryWriter, report: Report) -> None:
    scalars = {
        "train/loss": report.loss,
        "train/learning_rate": report.learning_rate,
        "train/waiting": report.waiting,
        "validation/psnr": report.validation.psnr,
        "validation/psnr_coarse": report.validation.psnr_coarse,
    }
    for name, value in scalars.items():
        writer.add_scalar(name, value, report.step)
    for number, sample in enumerate(report.validation.samples):
        writer.add_image(f"validation/{number}", sample, report.step, dataformats="HWC")
    writer.flush()


@contextlib.contextmanager
def _until_stopped() -> Iterator[list[int]]:
    """Give a list that is empty until SIGTERM or SIGINT comes, then holds its number."""
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


def _any_stopped(stopped: list[int], world: int) -> bool:
    """Return whether a signal came to any process; all of them ask before the same step."""
    if world == 1:
        return bool(stopped)
    signals = torch.tensor(len(stopped))
    dist.all_reduce(signals)
    return bool(signals)
