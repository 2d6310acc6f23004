"""Which picture becomes which file, decided before anything is done."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gladsr.pictures import SUFFIXES


class PlanError(ValueError):
    """The inputs and the output do not fit together; the message says which and why."""


@dataclass(frozen=True)
class Job:
    """One picture to upscale.

    Attributes:
        source: The file to read.
        destination: The file to write.
    """

    source: Path
    destination: Path


def plan(inputs: list[Path], output: Path, *, recursive: bool = False) -> list[Job]:
    """Pair every input picture with its output file.

    Args:
        inputs: Picture files and folders. Of a folder, the files with a picture's suffix are
            taken, hidden ones left out; a file named here is taken whatever its name.
        output: The file to write if there is one input file, unless it is a folder already;
            otherwise the folder to write into. Below it, pictures keep their names, and those
            of a folder their place in it.
        recursive: Take folders with their subfolders.

    Raises:
        PlanError: A folder has no pictures, the output file's name has no picture's suffix, a file
            stands where the output folder should, an output lies over an input, or two inputs have
            one output.
    """
    if len(inputs) == 1 and not inputs[0].is_dir() and not output.is_dir():
        if output.suffix.lower() not in SUFFIXES:
            raise PlanError(
                f"{output} is neither a folder nor a picture's name; "
                f"pictures end in one of {', '.join(SUFFIXES)}"
            )
        jobs = [Job(inputs[0], output)]
    else:
        if output.exists() and not output.is_dir():
            raise PlanError(f"{output} is a file; for several pictures, name a folder")
        jobs = [
            job
            for path in dict.fromkeys(inputs)
            for job in _jobs(path, output, recursive=recursive)
        ]
    _refuse_collisions(jobs)
    return jobs


def _jobs(path: Path, output: Path, *, recursive: bool) -> Iterator[Job]:
    if not path.is_dir():
        yield Job(path, output / path.name)
        return
    inside = path.resolve() in output.resolve().parents
    files = [
        file
        for file in sorted(path.rglob("*") if recursive else path.iterdir())
        if file.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and not (inside and file.resolve().is_relative_to(output.resolve()))  # of an earlier run
        and file.is_file()
    ]
    if not files:
        hint = "" if recursive else "; --recursive looks into its folders too"
        raise PlanError(f"there are no pictures in the folder {path}{hint}")
    for file in files:
        yield Job(file, output / file.relative_to(path))


def _refuse_collisions(jobs: list[Job]) -> None:
    sources = {os.path.realpath(job.source): job.source for job in jobs}
    seen: dict[str, Path] = {}
    for job in jobs:
        real = os.path.realpath(job.destination)
        if real in sources:
            raise PlanError(f"{job.destination} would be written over the input {sources[real]}")
        if real in seen:
            raise PlanError(
                f"{seen[real]} and {job.source} would both become {job.destination}; "
                "upscale them into different folders"
            )
        seen[real] = job.source
