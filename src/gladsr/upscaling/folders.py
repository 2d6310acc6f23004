"""Which picture becomes which file, decided before anything is done."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from gladsr import pictures
from gladsr.errors import PlanError
from gladsr.films import formats as film_formats
from gladsr.films.formats import is_film, is_typescript

SUFFIXES = pictures.SUFFIXES + film_formats.SUFFIXES
"""The endings, in lower case, of what can be written."""


@dataclass(frozen=True)
class Job:
    """One picture or film to upscale.

    Attributes:
        source: The file to read.
        destination: The file to write.
    """

    source: Path
    destination: Path


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        jobs: The pictures and films.
        others: How many files of the folders are none, or not asked for, and left alone.
        films: How many of these are films, for which PyAV is missing.
    """

    jobs: list[Job]
    others: int
    films: int = 0


def plan(
    inputs: list[Path],
    output: Path,
    *,
    recursive: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    suffix: str | None = None,
) -> Plan:
    """Pair every input picture and film with its output file.

    Args:
        inputs: Picture files, films and folders. Of a folder, the files with a picture's or a
            film's suffix are taken, hidden ones left out, and films only where PyAV is installed; a
            file named here is taken whatever its name.
        output: The file to write if there is one input file, unless it is a folder already;
            otherwise the folder to write into. Below it, pictures and films keep their names, and
            those of a folder their place in it. Films of a kind that is not written end in .mkv.
        recursive: Take folders with their subfolders, also those to which links lead.
        include: Patterns such as "*.jpg". Of a folder, only files of which the name, or the path
            in the folder, matches one of them in any case are taken.
        exclude: Patterns of what is not taken.
        suffix: What the names in an output folder end in: those of pictures, or those of films if
            it is a film's; each one's own if None.

    Raises:
        PlanError: A folder has nothing to upscale, the output file's name has no suffix of what can
            be written, or a film's for a picture or the other way round, a file stands where the
            output folder should, an output lies over an input, or two inputs have one output.
    """
    if len(inputs) == 1 and not inputs[0].is_dir() and not output.is_dir():
        if output.suffix.lower() not in SUFFIXES:
            raise PlanError(
                f"{output} is neither a folder nor the name of what can be written; "
                f"pictures and films end in one of {', '.join(SUFFIXES)}"
            )
        _refuse_other_kind(inputs[0], output)
        whole = Plan([Job(inputs[0], output)], 0)
    elif output.exists() and not output.is_dir():
        raise PlanError(f"{output} is a file; for several pictures, name a folder")
    else:
        parts = [
            _of_folder(path, output, recursive=recursive, include=include, exclude=exclude)
            if path.is_dir()
            else Plan([Job(path, output / path.name)], 0)
            for path in dict.fromkeys(inputs)
        ]
        jobs = [job for part in parts for job in part.jobs]
        whole = Plan(
            [Job(job.source, _renamed(job.destination, suffix)) for job in jobs],
            sum(part.others for part in parts),
            sum(part.films for part in parts),
        )
    _refuse_collisions(whole.jobs)
    return whole


def _of_folder(
    folder: Path, output: Path, *, recursive: bool, include: Sequence[str], exclude: Sequence[str]
) -> Plan:
    """Return what is to be done with a folder, each output under its input's name."""
    files = _files(folder, output.resolve(), recursive=recursive)
    wanted = [
        file
        for file in files
        if (file.suffix.lower() in pictures.SUFFIXES or is_film(file))
        and not is_typescript(folder / file)
        and (not include or _matches(file, include))
        and not _matches(file, exclude)
    ]
    takes_films = film_formats.is_installed()
    taken = [file for file in wanted if takes_films or not is_film(file)]
    if not taken:
        hint = "" if recursive else "; --recursive looks into its folders too"
        if wanted:
            hint = '; for its films: pip install "gladsr[video]"'
        elif include or exclude:
            hint = " that --include and --exclude leave" + hint
        raise PlanError(f"there are no pictures in the folder {folder}{hint}")
    jobs = [Job(folder / file, output / file) for file in taken]
    return Plan(jobs, others=len(files) - len(taken), films=len(wanted) - len(taken))


def _refuse_other_kind(source: Path, output: Path) -> None:
    if is_film(source) and not is_film(output):
        raise PlanError(f"{output} is a picture's name, but {source} is a film")
    if source.suffix.lower() in pictures.SUFFIXES and is_film(output):
        raise PlanError(f"{output} is a film's name, but {source} is a picture")


def _renamed(path: Path, suffix: str | None) -> Path:
    """Return the name in an output folder of what had a name in an input folder."""
    if suffix and is_film(path) == (suffix in film_formats.SUFFIXES):
        return path.with_suffix(suffix)
    return path.with_suffix(".mkv") if path.suffix.lower() in film_formats.READ_ONLY else path


def _files(folder: Path, output: Path, *, recursive: bool) -> list[Path]:
    """Return the files in a folder that are not hidden, by name and without the folder's own."""

    def walk(within: Path, above: frozenset[str]) -> Iterator[Path]:
        real = os.path.realpath(folder / within)
        if real in above:  # a link has led back
            return
        for path in (folder / within).iterdir():
            if path.name.startswith("."):
                continue
            if path.is_file():
                yield within / path.name
            elif recursive and path.is_dir() and path.resolve() != output:
                # The output folder is left out: what is in it is of an earlier run.
                yield from walk(within / path.name, above | {real})

    return sorted(walk(Path(), frozenset()))


def _matches(path: Path, patterns: Sequence[str]) -> bool:
    names = (path.name.casefold(), path.as_posix().casefold())
    return any(fnmatchcase(name, pattern.casefold()) for pattern in patterns for name in names)


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
