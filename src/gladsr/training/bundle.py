"""Everything that a queue of runs needs, in one folder, to be copied to another machine.

The folder holds the package's source, the runs' settings, initial weights, teachers and images, and
``run.py``, which trains there. Images keep their names and are re-encoded where that saves room;
those of validation are lossless.
"""

import io
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from PIL import Image, features

import gladsr
from gladsr.atomic import atomic_write
from gladsr.errors import SettingsError
from gladsr.scoring import images_in
from gladsr.training import bootstrap
from gladsr.training.data import decode
from gladsr.training.queue import RUNS, Queue
from gladsr.training.settings import TrainingSettings, expand
from gladsr.training.teachers import without_buffers

AVIF_QUALITY = 88
_RELATIVE = "relative"  # the folder for paths that begin with no environment variable


@dataclass(frozen=True)
class Packed:
    """What was packed of a folder of images: the number of files, of how many, and their bytes."""

    folder: Path
    images: int
    of: int
    bytes: int


def pack(queue: Queue, bundle: Path, megabytes: float, wheels: list[Path]) -> Iterator[Packed]:
    """Pack a queue; yield what was packed of each folder of images.

    Training folders are packed in the order in which the settings name them. Where room ends, the
    images with the most bytes per pixel, which have the most detail, go first.

    Args:
        queue: The queue.
        bundle: The folder to make.
        megabytes: The most that all files may have together, in 2^20 bytes.
        wheels: Packages that the other machine lacks. Weights (.pth) in them are left out.

    Raises:
        SettingsError: The folder exists, a path in the settings is absolute, or there is no room
            for the training images.
        PictureError: An image cannot be read.
        OSError: A file cannot be read or written.
    """
    if bundle.exists():
        raise SettingsError(f"{bundle} exists; take another folder")
    source = Path(gladsr.__file__).parent
    for file in sorted(source.rglob("*.py")):
        _write(bundle / "package" / "gladsr" / file.relative_to(source), file.read_bytes())
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if not name.endswith(".pth")]
            archive.extractall(bundle / "site", names)
    shutil.copy(bootstrap.__file__, bundle / "run.py")
    _write(bundle / "queue.json", queue.model_dump_json(indent=1).encode())
    (bundle / "data" / _RELATIVE).mkdir(parents=True)
    settings = [run.settings for run in queue.runs]
    _pack_weights(settings, bundle)
    for folder, files in _validation_files(settings).items():
        yield _pack_images(folder, files, bundle, None)
    for folder, files in _training_files(settings).items():
        room = int(megabytes * 2**20) - sum(
            file.stat().st_size for file in bundle.rglob("*") if file.is_file()
        )
        yield _pack_images(folder, files, bundle, room)


def _pack_weights(settings: list[TrainingSettings], bundle: Path) -> None:
    for path in {each.start for each in settings if each.start}:
        if path.parts[0] != f"${RUNS}":  # else an earlier run makes it
            _write(_place(path, bundle), expand(path).read_bytes())
    for path in {each.data.teacher for each in settings if each.data.teacher}:
        content = without_buffers(expand(path)) if path.suffix == ".pth" else None
        _write(_place(path, bundle), content or expand(path).read_bytes())


def _validation_files(settings: list[TrainingSettings]) -> dict[Path, list[Path]]:
    """Return the images that are validated on, by the folder as it is written in the settings."""
    most: dict[Path, int] = {}
    for each in settings:
        for folder in each.data.validation:
            most[folder] = max(most.get(folder, 0), each.data.validation_images)
    return {folder: images_in(expand(folder))[:number] for folder, number in most.items()}


def _training_files(settings: list[TrainingSettings]) -> dict[Path, list[Path]]:
    """Return the images that are trained on, by the folder as it is written in the settings."""
    found: dict[Path, dict[Path, None]] = {}
    for each in settings:
        for folder in each.data.train:
            for file in images_in(expand(folder)):
                if not any(fnmatchcase(file.name, names) for names in each.data.exclude):
                    found.setdefault(folder, {})[file] = None
    return {folder: list(files) for folder, files in found.items()}


def _pack_images(folder: Path, files: list[Path], bundle: Path, room: int | None) -> Packed:
    """Pack images of a folder; all of them and lossless if ``room``, in bytes, is None."""
    place = _place(folder, bundle)
    with ThreadPoolExecutor() as pool:
        contents = pool.map(lambda file: _encoded(file, lossless=room is None), files)
        encoded = dict(zip(files, contents, strict=True))
    by_detail = sorted(files, key=lambda file: -len(encoded[file][0]) / encoded[file][1])
    packed = total = 0
    for file in by_detail:
        content = encoded[file][0]
        if room is not None and total + len(content) > room:
            break
        _write(place / file.name, content)
        packed, total = packed + 1, total + len(content)
    if not packed:
        raise SettingsError(f"there is no room for images of {folder}; allow for more megabytes")
    return Packed(folder, packed, len(files), total)


def _encoded(file: Path, *, lossless: bool) -> tuple[bytes, int]:
    """Return a file's content or a smaller one, and its number of pixels."""
    content, pixels = file.read_bytes(), decode(file)
    area = pixels.shape[0] * pixels.shape[1]
    stays = file.suffix.lower() in {".avif", ".webp"}
    is_lossy = file.suffix.lower() in {".jpg", ".jpeg"}
    if stays or (is_lossy and (lossless or not features.check("avif"))):
        return content, area
    smaller = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if is_lossy:
        image.save(smaller, "AVIF", quality=AVIF_QUALITY, subsampling="4:4:4", max_threads=1)
    else:
        image.save(smaller, "WebP", lossless=True, quality=100)
    return min(content, smaller.getvalue(), key=len), area


def _place(path: Path, bundle: Path) -> Path:
    """Return where a path in the settings is in the bundle.

    Raises:
        SettingsError: The path is absolute.
    """
    if path.is_absolute():
        raise SettingsError(
            f"{path}: only paths that are relative or begin with an environment variable can travel"
        )
    first, *rest = path.parts
    if first.startswith("$"):
        return bundle.joinpath("data", first.removeprefix("$"), *rest)
    return bundle.joinpath("data", _RELATIVE, *path.parts)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(file) as opened:
        opened.write(content)
