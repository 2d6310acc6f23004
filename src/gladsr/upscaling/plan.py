"""The plan: which input becomes which output, decided before any work is done."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from gladsr import pictures
from gladsr.errors import PlanError
from gladsr.films import formats as film_formats
from gladsr.films.formats import is_film, is_typescript
from gladsr.upscaling.files import FilePair

SUFFIXES = pictures.SUFFIXES + film_formats.SUFFIXES
"""The suffixes, in lower case, of files that can be written."""


@dataclass(frozen=True)
class Plan:
    """What is to be upscaled.

    Attributes:
        pairs: The pictures and films with their outputs.
        others: The number of other files in the folders, which are ignored.
        films: The number of films among these, ignored because PyAV is not installed.
    """

    pairs: list[FilePair]
    others: int = 0
    films: int = 0


def plan(
    inputs: Sequence[Path],
    output: Path | None = None,
    *,
    label: str = "upscaled",
    recursive: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    suffix: str | None = None,
) -> Plan:
    """Pair every input picture and film with its output file.

    Args:
        inputs: Picture files, films and folders. In a folder, files with a picture's or a film's
            suffix are included, except hidden ones, and films only if PyAV is installed; a file
            that is named here is included whatever its suffix.
        output: The file to write if there is one input file, unless it is a folder; otherwise the
            folder to write into. There, pictures and films keep their names, and those of a folder
            their paths in it. If None, each output is written beside its input, with a label.
        label: The label: ``photo.jpg`` becomes ``photo-LABEL.jpg``, and the folder ``holiday``
            becomes ``holiday-LABEL``.
        recursive: Include the subfolders of folders, also those behind links.
        include: Patterns such as "*.jpg". In a folder, only files whose name, or path in the
            folder, matches one of them are included; case does not matter.
        exclude: Patterns of files to leave out.
        suffix: The suffix of pictures, or that of films if it is a film's, unless the output file
            is named; each one's own if None. Films that can only be read become .mkv.

    Raises:
        PlanError: A folder has nothing to upscale, the output's suffix is not supported or does not
            fit the input, the output folder is a file, an output would overwrite an
            input, or two inputs have the same output.
    """
    if output and len(inputs) == 1 and not inputs[0].is_dir() and not output.is_dir():
        _check_suffix(output)
        _check_kind(inputs[0], output)
        whole = Plan([FilePair(inputs[0], output)])
    elif output and output.exists() and not output.is_dir():
        raise PlanError(f"{output} is a file; for several pictures, name a folder")
    else:
        parts = [
            _of_folder(
                path,
                output or _labelled(path, label),
                recursive=recursive,
                include=include,
                exclude=exclude,
            )
            if path.is_dir()
            else Plan([FilePair(path, output / path.name if output else _labelled(path, label))])
            for path in dict.fromkeys(inputs)
        ]
        whole = Plan(
            [
                FilePair(pair.source, _with_suffix(pair.destination, suffix))
                for part in parts
                for pair in part.pairs
            ],
            sum(part.others for part in parts),
            sum(part.films for part in parts),
        )
        if output is None:
            for pair in whole.pairs:
                _check_suffix(pair.destination)
    _check_collisions(whole.pairs)
    return whole


def _labelled(path: Path, label: str) -> Path:
    """Return the name of an output beside its input."""
    if path.is_dir():
        path = path if path.name not in ("", "..") else path.resolve()
        if not path.name:
            raise PlanError(f"name the output for {path} with --output")
        return path.with_name(f"{path.name}-{label}")
    return path.with_name(f"{path.stem}-{label}{path.suffix}")


def _of_folder(
    folder: Path, output: Path, *, recursive: bool, include: Sequence[str], exclude: Sequence[str]
) -> Plan:
    """Return the plan for a folder, with each output under its input's name."""
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
        hint = "" if recursive else "; --recursive includes its subfolders"
        if wanted:
            hint = '; for its films: pip install "gladsr[video]"'
        elif include or exclude:
            hint = " that --include and --exclude select" + hint
        raise PlanError(f"there are no pictures in the folder {folder}{hint}")
    pairs = [FilePair(folder / file, output / file) for file in taken]
    return Plan(pairs, others=len(files) - len(taken), films=len(wanted) - len(taken))


def _check_suffix(output: Path) -> None:
    if output.suffix.lower() not in SUFFIXES:
        raise PlanError(
            f"{output} is neither a folder nor the name of a supported file; pictures and films "
            f"end in one of {', '.join(SUFFIXES)}"
        )


def _check_kind(source: Path, output: Path) -> None:
    if is_film(source) and not is_film(output):
        raise PlanError(f"{output} is a picture's name, but {source} is a film")
    if source.suffix.lower() in pictures.SUFFIXES and is_film(output):
        raise PlanError(f"{output} is a film's name, but {source} is a picture")


def _with_suffix(path: Path, suffix: str | None) -> Path:
    """Return an output's path with a suffix, if it is one for its kind of file."""
    if suffix and is_film(path) == (suffix in film_formats.SUFFIXES):
        return path.with_suffix(suffix)
    return path.with_suffix(".mkv") if path.suffix.lower() in film_formats.READ_ONLY else path


def _files(folder: Path, output: Path, *, recursive: bool) -> list[Path]:
    """Return the sorted paths of the files in a folder, relative to it, without hidden ones."""

    def walk(within: Path, above: frozenset[str]) -> Iterator[Path]:
        real = os.path.realpath(folder / within)
        if real in above:  # a link leads back
            return
        for path in (folder / within).iterdir():
            if path.name.startswith("."):
                continue
            if path.is_file():
                yield within / path.name
            elif recursive and path.is_dir() and path.resolve() != output:
                # The output folder is left out: it holds the outputs of an earlier run.
                yield from walk(within / path.name, above | {real})

    return sorted(walk(Path(), frozenset()))


def _matches(path: Path, patterns: Sequence[str]) -> bool:
    names = (path.name.casefold(), path.as_posix().casefold())
    return any(fnmatchcase(name, pattern.casefold()) for pattern in patterns for name in names)


def _check_collisions(pairs: list[FilePair]) -> None:
    sources = {os.path.realpath(pair.source): pair.source for pair in pairs}
    seen: dict[str, Path] = {}
    for pair in pairs:
        real = os.path.realpath(pair.destination)
        if real in sources:
            raise PlanError(f"{pair.destination} would be written over the input {sources[real]}")
        if real in seen:
            raise PlanError(
                f"{seen[real]} and {pair.source} would both become {pair.destination}; "
                "upscale them into different folders"
            )
        seen[real] = pair.source
