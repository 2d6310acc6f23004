"""The credits of training images: author where known, source and licence of each.

They are made from two tables of the data folder: ``open.tsv``, which has a source, a path and a
licence for each file, and ``train/photos.tsv``, which names the collection of each file of
``train/photos``, whose source and licence ``SOURCES.tsv`` has.
"""

import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import unquote

from gladsr.errors import DataError
from gladsr.scoring import images_in
from gladsr.training.settings import TrainingSettings, expand

_AUTHORS = (
    re.compile(r"^(?P<name>.+)-[\w-]{11}-unsplash$", re.IGNORECASE),
    re.compile(r"(?:^|[ _-])by[ _-](?P<name>.+)$", re.IGNORECASE),
)
"""How names of files tell an author."""


@dataclass(frozen=True, order=True)
class Credit:
    """The origin of an image.

    Attributes:
        source: A repository or package.
        licence: As the source states it.
        original: The path of the original there.
        author: Empty where not known.
    """

    source: str
    licence: str
    original: str
    author: str


def credits_of(settings: TrainingSettings, data: Path) -> str:
    """Return the credits of all images that these settings train on, as text.

    Args:
        settings: The settings. Images of a folder ``drawn`` are made by a program of ours.
        data: The folder with the tables.

    Raises:
        DataError: The tables lack an image.
        OSError: A table cannot be read.
    """
    known, files = _tables(data), _files(settings)
    found: dict[tuple[str, str], set[Credit]] = defaultdict(set)
    for file in files:
        credit = known.get(f"{file.parent.name}/{file.name}")
        if credit is None:
            raise DataError(f"{file} has no entry in the tables of {data}")
        found[credit.source, credit.licence].add(credit)
    lines = ["The images that these weights were trained on, with thanks to their authors.", ""]
    for (source, licence), images in sorted(found.items()):
        lines.append(f"{source}: {licence}")
        lines += [f"    {_line(image)}" for image in sorted(images)]
        lines.append("")
    return "\n".join(lines)


def _line(credit: Credit) -> str:
    return f"{credit.original}, by {credit.author}" if credit.author else credit.original


def _files(settings: TrainingSettings) -> list[Path]:
    return [
        file
        for folder in map(expand, settings.data.train)
        if folder.name != "drawn"
        for file in images_in(folder)
        if not any(fnmatchcase(file.name, names) for names in settings.data.exclude)
    ]


def _tables(data: Path) -> dict[str, Credit]:
    """Return the origins of images by the names of their folder and file."""
    known = {}
    for row in _rows(data / "open.tsv"):
        folder, name = row["file"].split("/")[-2:]
        known[f"{folder}/{name}"] = _credit(row["source"], row["licence"], row["path"])
    sources = {row["dataset"]: row for row in _rows(data / "SOURCES.tsv")}
    for row in _rows(data / "train" / "photos.tsv"):
        collection = row["collection"]
        source = sources.get(f"photos_hires/{collection}") or sources[collection]
        known[f"photos/{row['file']}"] = _credit(
            source["repository"], source["licence_as_stated"], row["original"]
        )
    return known


def _credit(source: str, licence: str, original: str) -> Credit:
    stem = unquote(Path(original).stem)
    matches = filter(None, (pattern.search(stem) for pattern in _AUTHORS))
    author = next((match["name"] for match in matches), "")
    return Credit(source, licence, original, re.sub(r"[-_ ]+", " ", author).strip().title())


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
