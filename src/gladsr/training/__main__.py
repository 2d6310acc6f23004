"""``python -m gladsr.training``: pack a queue of runs and train it, here or elsewhere; credits.

This needs none of the packages that the command ``gladsr`` is built on.
"""

import argparse
import logging
import sys
import time
from pathlib import Path

from gladsr.errors import Error
from gladsr.network.weights import CHECKPOINT, read_checkpoint
from gladsr.training.bundle import pack
from gladsr.training.check import check
from gladsr.training.credits import credits_of
from gladsr.training.loop import train
from gladsr.training.queue import Outcome, Queue, read_queue, run_queue
from gladsr.training.report import Report
from gladsr.training.settings import TrainingSettings, read_settings


def main() -> None:
    """Parse the command line and run a command."""
    parser = argparse.ArgumentParser(prog="python -m gladsr.training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="put all that a queue needs into a folder")
    packing.add_argument("queue", type=Path, help="a queue file, .toml")
    packing.add_argument("-o", "--output", type=Path, required=True, help="the folder to make")
    packing.add_argument("--megabytes", type=float, default=1024, help="the most that it may have")
    packing.add_argument("--wheel", type=Path, action="append", default=[], help="also pack this")
    checking = commands.add_parser("check", help="time ten steps of the first run in each mode")
    checking.add_argument("queue", type=Path)
    running = commands.add_parser("run", help="train the runs of a queue")
    running.add_argument("queue", type=Path, help="a queue file, .toml or .json")
    running.add_argument("-o", "--output", type=Path, required=True, help="folder for the runs")
    running.add_argument("--minutes", type=float, help="instead of those in the queue file")
    crediting = commands.add_parser("credits", help="print the credits of training images")
    crediting.add_argument("settings", type=Path, help="a settings file, .toml")
    crediting.add_argument("data", type=Path, help="the folder with the tables of their origins")
    training = commands.add_parser("train", help="train one run; used by `run`")
    training.add_argument("settings", type=Path, help="its settings, .json")
    training.add_argument("-o", "--output", type=Path, required=True)
    training.add_argument("--until", type=float, required=True, help="end, as time.monotonic()")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(message)s")
    try:
        _run(arguments)
    except (Error, OSError) as error:
        sys.exit(str(error))


def _run(arguments: argparse.Namespace) -> None:
    match arguments.command:
        case "pack":
            queue = read_queue(arguments.queue)
            for packed in pack(queue, arguments.output, arguments.megabytes, arguments.wheel):
                size = packed.bytes / 2**20
                _print(f"{packed.folder}: {packed.images} of {packed.of} images, {size:.1f} MB")
        case "check":
            for line in check(_queue(arguments.queue).runs[0].settings):
                _print(line)
        case "run":
            queue = _queue(arguments.queue)
            for outcome in run_queue(queue, arguments.output, arguments.minutes or queue.minutes):
                _print(_summary(outcome))
        case "credits":
            _print(credits_of(read_settings(arguments.settings), arguments.data))
        case "train":
            _train(arguments.settings, arguments.output, arguments.until)


def _queue(path: Path) -> Queue:
    if path.suffix == ".json":
        return Queue.model_validate_json(path.read_text(encoding="utf-8"))
    return read_queue(path)


def _train(file: Path, output: Path, until: float) -> None:
    settings = TrainingSettings.model_validate_json(file.read_text(encoding="utf-8"))
    checkpoint, left = output / CHECKPOINT, until - time.monotonic()
    if checkpoint.exists():
        saved = read_checkpoint(checkpoint)
        left += saved["seconds"] + saved["setting_up"]
    schedule = settings.schedule.model_copy(update={"minutes": left / 60})
    settings = settings.model_copy(update={"schedule": schedule})
    for report in train(settings, output, resume=checkpoint.exists()):
        _print(_line(report))


def _line(report: Report) -> str:
    scores = ", ".join(
        f"{name} {found.psnr:.3f} ({found.psnr_coarse:.3f})"
        for name, found in report.validations.items()
    )
    return (
        f"step {report.step}, {report.seconds:.0f} s, {report.crops_per_second:.0f} crops/s, "
        f"loss {report.loss:.5f}, PSNR {scores}"
    )


def _summary(outcome: Outcome) -> str:
    report = outcome.report
    if not report:
        return f"{outcome.name}: {outcome.ending}, nothing saved"
    validations = report["validations"]
    scores = f", PSNR {validations[-1]['psnr']}" if validations else ""
    return (
        f"{outcome.name}: {outcome.ending} at step {report['step']} after {report['seconds']} s "
        f"({report['seconds_setting_up']} s of setting up), {report['mode']}{scores}"
    )


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what the command is for


if __name__ == "__main__":
    main()
