"""Several training runs one after another, within a given time, each in a process of its own."""

import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gladsr.atomic import atomic_write
from gladsr.errors import SettingsError
from gladsr.training.report import REPORT
from gladsr.training.settings import TrainingSettings, read_settings

RUNS = "GLADSR_RUNS"
"""Environment variable with the folder of the runs, so that one can start from another."""

RESERVE = 20.0
"""Seconds of each run's time that are kept back for its last validation and save."""


class Run(BaseModel):
    """A run of a queue.

    Attributes:
        name: The name of its folder.
        share: Its share of the time, relative to the other runs.
        settings: Its settings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    share: float = Field(1.0, gt=0)
    settings: TrainingSettings


class Queue(BaseModel):
    """Runs in order, and the minutes that they have in all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minutes: float = Field(gt=0)
    runs: list[Run] = Field(min_length=1)


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        name: The name of the run.
        ending: "finished", "killed" at the end of its time, or "failed".
        report: The contents of its ``report.json``; empty if it saved nothing.
    """

    name: str
    ending: str
    report: dict[str, Any]


def read_queue(path: Path) -> Queue:
    """Read a queue file.

    It holds ``minutes``, ``settings``, a list of ``key=value`` for all runs, and tables ``[[run]]``
    with a ``name``, a ``share``, a ``config`` (a settings file, relative to the queue file) and
    further ``settings`` of their own.

    Raises:
        SettingsError: The file or a settings file cannot be read, or a key or value is wrong.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        runs, common = values.pop("run"), values.pop("settings", [])
        for run in runs:
            config, changes = path.parent / run.pop("config"), run.pop("settings", [])
            run["settings"] = read_settings(config, (*common, *changes))
        queue = Queue(**values, runs=runs)
    except (OSError, KeyError, TypeError, AttributeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is not a queue of runs: {error}") from error
    except ValidationError as error:
        raise SettingsError(f"{path}: {error}") from None
    names = [run.name for run in queue.runs]
    if len(set(names)) < len(names):
        raise SettingsError(f"{path}: two runs have the same name")
    return queue


def run_queue(
    queue: Queue, output: Path, minutes: float, *, reserve: float = RESERVE
) -> Iterator[Outcome]:
    """Train all runs, and yield how each of them ended.

    Time that a run does not use goes to those after it. A run that exceeds its time is killed; what
    it last saved can be used. A run that fails on a GPU is resumed once without CUDA graphs and
    compilation.

    Args:
        queue: The runs.
        output: A folder for their folders. A run that is there already is resumed.
        minutes: The time that they have in all.
        reserve: Seconds of each run's time, at most a fifth of it, for its last validation and
            save.
    """
    end = time.monotonic() + 60 * minutes
    for index, run in enumerate(queue.runs):
        now = time.monotonic()
        share = run.share / sum(later.share for later in queue.runs[index:])
        run_end = now + share * (end - now)
        ending = _train(run, output, run_end, reserve)
        if ending == "failed" and run.settings.device.startswith("cuda"):
            plain = run.settings.model_copy(update={"capture": False, "compile": False})
            ending = _train(run.model_copy(update={"settings": plain}), output, run_end, reserve)
        report = output / run.name / REPORT
        yield Outcome(
            run.name, ending, json.loads(report.read_text("utf-8")) if report.exists() else {}
        )


def _train(run: Run, output: Path, end: float, reserve: float) -> str:
    """Train in a process of its own until ``end`` at most; return how it ended."""
    folder = output / run.name
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "settings.json"
    with atomic_write(settings) as file:
        file.write(run.settings.model_dump_json(indent=1).encode())
    seconds = end - time.monotonic()
    reserve = min(reserve, seconds / 5)
    command = [sys.executable, "-m", "gladsr.training", "train", str(settings), "-o", str(folder)]
    command += ["--until", str(end - reserve)]  # on the clock that all processes of a machine share
    with (folder / "log.txt").open("ab") as log:
        try:
            done = subprocess.run(  # noqa: S603 - our own command
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {RUNS: str(output.resolve())},
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "killed"
    return "failed" if done.returncode else "finished"
