"""What a training run reports: to its caller, as a JSON file and to TensorBoard."""

import json
import time
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gladsr.atomic import atomic_write
from gladsr.training.setup import State, learning_rate_of, time_limit
from gladsr.training.step import Batch
from gladsr.training.validate import Validation

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from gladsr.training.settings import TrainingSettings

REPORT = "report.json"
SAVE_SECONDS = 60.0
"""The longest time between two saves."""


@dataclass(frozen=True)
class Report:
    """A validation, and the course of the run up to it.

    Attributes:
        step: Number of steps done, of ``steps``.
        loss: Mean training loss since the last report.
        learning_rate: The learning rate of the next step.
        validations: Scores of the averaged weights, by the name of the validation folder.
        seconds: Training time so far, over all sessions.
        seconds_left: An estimate, from the speed of this session.
        waiting: Share of the time since the last report in which the loop waited for data.
        crops_per_second: The speed of this session.
    """

    step: int
    steps: int
    loss: float
    learning_rate: float
    validations: dict[str, Validation]
    seconds: float
    seconds_left: float
    waiting: float
    crops_per_second: float

    @property
    def validation(self) -> Validation:
        """The scores on the first validation folder."""
        return next(iter(self.validations.values()))

    def plain(self) -> dict[str, Any]:
        """Return what goes into files, rounded."""
        return {
            "step": self.step,
            "seconds": round(self.seconds, 1),
            "crops_per_second": round(self.crops_per_second, 1),
            "loss": self.loss,
            "psnr": {
                name: {"y": round(found.psnr, 3), "y_c": round(found.psnr_coarse, 3)}
                for name, found in self.validations.items()
            },
        }


class Session:
    """The clocks of one session of a run, and the losses since the last report."""

    def __init__(self, state: State, settings: "TrainingSettings") -> None:
        self._state, self._settings = state, settings
        self._step_before, self._seconds_before = state.step, state.seconds
        self._began = self._saved = self._counted = time.monotonic()
        self._begin_interval()

    def _begin_interval(self) -> None:
        self._interval_began, self._waited, self._losses = time.monotonic(), 0.0, list[Tensor]()

    def wait(self, upcoming: Future[Batch]) -> Batch:
        """Return a batch as soon as it is loaded."""
        asked = time.monotonic()
        batch = upcoming.result()
        self._waited += time.monotonic() - asked
        return batch

    def count(self, loss: Tensor) -> None:
        """Count a step that is done."""
        self._losses.append(loss)
        self._state.step += 1
        self._counted = time.monotonic()
        self._state.seconds = self._seconds_before + self._counted - self._began

    def is_save_due(self) -> bool:
        """Return whether to save now, which counts as saved."""
        now = time.monotonic()
        due = (
            self._state.step % self._settings.checkpoint_every == 0
            or now - self._saved >= SAVE_SECONDS
        )
        if due:
            self._saved = now
        return due

    def report(self, validations: dict[str, Validation]) -> Report:
        """Return a report, and begin the next interval."""
        state, steps = self._state, self._settings.schedule.steps
        seconds_per_step = (self._counted - self._began) / (state.step - self._step_before)
        report = Report(
            step=state.step,
            steps=steps,
            loss=float(torch.stack(self._losses).mean()),
            learning_rate=learning_rate_of(state, self._settings),
            validations=validations,
            seconds=state.seconds,
            seconds_left=min(
                seconds_per_step * (steps - state.step),
                max(0.0, time_limit(state, self._settings) - state.seconds),
            ),
            waiting=self._waited / (self._counted - self._interval_began),
            crops_per_second=self._settings.data.batch / seconds_per_step,
        )
        self._begin_interval()
        return report


def write_report(run: Path, settings: "TrainingSettings", state: State, mode: str) -> None:
    """Write ``report.json``: the machine, how far the run is, and all validations so far."""
    on_gpu = settings.device.startswith("cuda")
    document = {
        "model": settings.model,
        "scale": settings.network.scale,
        "device": torch.cuda.get_device_name(settings.device) if on_gpu else settings.device,
        "torch": torch.__version__,
        "mode": mode,
        "step": state.step,
        "crops": state.step * settings.data.batch,
        "seconds": round(state.seconds, 1),
        "seconds_setting_up": round(state.setting_up, 1),
        "validations": state.history,
    }
    with atomic_write(run / REPORT) as file:
        file.write(json.dumps(document, indent=1).encode())


def log(writer: "SummaryWriter | None", report: Report) -> None:
    """Add a report to TensorBoard's files, if there is a writer."""
    if writer is None:
        return
    scalars = {
        "train/loss": report.loss,
        "train/learning_rate": report.learning_rate,
        "train/waiting": report.waiting,
    }
    for name, found in report.validations.items():
        scalars[f"{name}/psnr"] = found.psnr
        scalars[f"{name}/psnr_coarse"] = found.psnr_coarse
    for name, value in scalars.items():
        writer.add_scalar(name, value, report.step)
    for number, sample in enumerate(report.validation.samples):
        writer.add_image(f"validation/{number}", sample, report.step, dataformats="HWC")
    writer.flush()
