"""The training loop: plain PyTorch, resumable bit for bit on a CPU."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch.nn.parallel import DistributedDataParallel

from gladsr.errors import Error, SettingsError
from gladsr.network.weights import CHECKPOINT
from gladsr.training.report import Report, Session, log, write_report
from gladsr.training.schedule import is_squared, target_weights
from gladsr.training.settings import TrainingSettings
from gladsr.training.setup import (
    any_stopped,
    batches,
    initial_state,
    processes,
    progress,
    saved_state,
    set_learning_rate,
    until_stopped,
    update_average,
    use_device,
    validation_sets,
)
from gladsr.training.step import Gradients, modes
from gladsr.training.validate import validate_all

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


class TrainingStoppedError(Error):
    """A run was stopped by a signal before its last step; its checkpoint has been written."""


def train(settings: TrainingSettings, run: Path, *, resume: bool = False) -> Iterator[Report]:
    """Train, and yield a report at every validation.

    ``run`` receives a checkpoint, the averaged weights in half precision, ``report.json`` and, if
    TensorBoard is installed, its files. Under ``torchrun`` every process takes its share of each
    batch (DistributedDataParallel); only the first one reports and writes. SIGTERM or SIGINT to any
    process ends the run after the current step, with a checkpoint.

    Args:
        settings: The settings of the run.
        run: The folder for its files.
        resume: Whether to resume from the checkpoint in ``run``.

    Raises:
        SettingsError: ``run`` holds a checkpoint and ``resume`` is not set, or the other way round;
            the checkpoint was made with other settings; PyTorch cannot use the device; the settings
            do not suit several processes; or setting up takes longer than the whole run may.
        DataError: No image is large enough to train on, the checkpoint is damaged, or the initial
            weights or the teacher cannot be used.
        PictureError: A folder has no images, or one cannot be read.
        TrainingStoppedError: A signal stopped the run.
    """
    began = time.monotonic()
    saved = saved_state(run / CHECKPOINT, settings, resume=resume)
    use_device(settings.device)
    with processes(settings) as (rank, world):
        yield from _train(settings, run, saved, rank, world, began)


def _train(
    settings: TrainingSettings,
    run: Path,
    saved: dict[str, Any] | None,
    rank: int,
    world: int,
    began: float,
) -> Iterator[Report]:
    """Train as process ``rank`` of ``world``; ``began`` is when setting up began."""
    crops, watched = batches(settings, rank, world), validation_sets(settings)
    state = initial_state(settings, saved)
    network = DistributedDataParallel(state.network) if world > 1 else state.network
    gradients = Gradients(network, settings, crops.crops, modes(settings, world))
    run.mkdir(parents=True, exist_ok=True)

    def save() -> None:
        state.save(run / CHECKPOINT, settings)
        state.save_weights(run / f"{settings.model}.safetensors")
        write_report(run, settings, state, str(gradients.mode))

    with (
        _tensorboard(run, rank) as writer,
        until_stopped() as stopped,
        ThreadPoolExecutor(1) as loader,
    ):
        upcoming = loader.submit(crops.load, state.step)
        gradients.prepare(upcoming.result())
        state.setting_up += time.monotonic() - began
        if state.step == 0 and progress(state, settings) >= 1:
            raise SettingsError("setting up has taken longer than schedule.minutes")
        session = Session(state, settings)

        while progress(state, settings) < 1 and not any_stopped(stopped, world):
            batch = session.wait(upcoming)
            upcoming = loader.submit(crops.load, state.step + 1)

            done = progress(state, settings)
            weights = target_weights(done, settings.loss) if settings.data.teacher else (1.0,)
            loss = gradients(batch, weights, squared=is_squared(done, settings.loss))
            set_learning_rate(state, settings)
            state.optimizer.step()
            update_average(state, settings.average.decay)
            session.count(loss)

            last = progress(state, settings) >= 1
            if rank == 0 and (last or session.is_save_due()):
                save()
            if rank == 0 and (last or state.step % settings.validate_every == 0):
                scores = validate_all(state.averaged, watched, settings)
                report = session.report(scores)
                state.history.append(report.plain())
                if last:
                    save()
                log(writer, report)
                yield report
    if progress(state, settings) < 1:
        if rank == 0:
            save()
        raise TrainingStoppedError(f"stopped at step {state.step} of {settings.schedule.steps}")


def _tensorboard(run: Path, rank: int) -> "AbstractContextManager[SummaryWriter | None]":
    """Return a writer of TensorBoard's files; None but in the first process, if it is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - need not be installed
    except ModuleNotFoundError:
        return contextlib.nullcontext()
    return SummaryWriter(run) if rank == 0 else contextlib.nullcontext()
