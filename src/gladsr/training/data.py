"""Training data: images decoded once and memory-mapped, and crops of them.

Which crop is the n-th of a run depends on the seed and n alone.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

from gladsr import pictures
from gladsr.atomic import atomic_write
from gladsr.errors import DataError, PictureError
from gladsr.scoring import images_in
from gladsr.training.degradation import degrade
from gladsr.training.patterns import pattern
from gladsr.training.settings import DegradationSettings
from gladsr.training.teachers import load_teacher

Pixels = NDArray[np.uint8]
_FORMAT = 1  # of the cache; to be raised when its contents change
_DECODED = 64  # images that are in memory at a time


@dataclass(frozen=True)
class PairedImages:
    """HR images and their exact bicubic LR, as views of two memory-mapped files.

    Attributes:
        names: File names.
        hr: Images, (s·h, s·w, 3), uint8.
        lr: The same images at the low resolution, (h, w, 3), uint8.
        folder: The folder of these files.
    """

    names: list[str]
    hr: list[Pixels]
    lr: list[Pixels]
    folder: Path

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.names)


def load_pairs(
    folders: list[Path], scale: int, cache: Path, *, exclude: Sequence[str] = ()
) -> PairedImages:
    """Return all images of ``folders`` with their LR, from ``cache`` if they are cached.

    HR images are cropped to a multiple of ``scale``; LR is MATLAB's bicubic.

    Args:
        folders: Folders of images.
        scale: The factor from LR to HR.
        cache: The folder for decoded images.
        exclude: Names of files to leave out, or patterns of them such as ``old_*``.

    Raises:
        DataError: ``exclude`` matches every image, or one is smaller than the scale.
        PictureError: A folder is missing or has no image, or one cannot be read.
    """
    files = [
        file
        for folder in folders
        for file in images_in(folder)
        if not any(fnmatchcase(file.name, names) for names in exclude)
    ]
    if not files:
        raise DataError(f"data.exclude matches every image of {', '.join(map(str, folders))}")
    stamps = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    key = hashlib.sha256(json.dumps([_FORMAT, scale, stamps]).encode()).hexdigest()[:16]
    packed = cache / f"x{scale}-{key}"
    if not packed.exists():
        _pack(files, scale, packed)
    return _open(packed, scale)


def load_taught(pairs: PairedImages, teacher: Path, device: str = "cpu") -> list[Pixels]:
    """Return a teacher's outputs for all LR images, computed once and cached beside the images.

    Args:
        pairs: Images from ``load_pairs``.
        teacher: A network that ``load_teacher`` reads, for the same scale or a larger one; outputs
            that are too large are then reduced by MATLAB's bicubic.
        device: The PyTorch device that it runs on, if it runs in PyTorch.

    Raises:
        DataError: The network cannot be read, or its scale is smaller.
    """
    try:
        digest = hashlib.sha256(teacher.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise DataError(f"{teacher} cannot be read: {error.strerror}") from error
    stored = pairs.folder / f"taught-{digest}"
    if not stored.exists():
        with atomic_write(stored) as file:
            for taught in _teach(teacher, pairs, device):
                file.write(taught.data)
    return _views(stored, [hr.shape[:2] for hr in pairs.hr])


def _teach(teacher: Path, pairs: PairedImages, device: str) -> Iterator[Pixels]:
    engine = load_teacher(teacher, device)
    for lr, hr in zip(pairs.lr, pairs.hr, strict=True):
        taught = pictures.to_depth(engine.run(np.divide(lr, 255, dtype=np.float32)), np.uint8)
        if not _is_upscaled(taught, lr) or len(taught) < len(hr):
            raise DataError(f"{teacher} makes {taught.shape} of {lr.shape}, not {hr.shape}")
        yield pictures.resize(taught, size=hr.shape[:2])


def _is_upscaled(image: Pixels, lr: Pixels) -> bool:
    """Return whether the sides of an image are a whole multiple of those of ``lr``."""
    scale = len(image) // len(lr)
    return image.shape == (scale * lr.shape[0], scale * lr.shape[1], lr.shape[2])


def _pack(files: list[Path], scale: int, packed: Path) -> None:
    packed.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{packed.name}.", dir=packed.parent))
    try:
        index = []
        with (unfinished / "hr").open("wb") as hr_file, (unfinished / "lr").open("wb") as lr_file:
            for file, (hr, lr) in zip(files, _pairs(files, scale), strict=True):
                hr_file.write(hr.data)
                lr_file.write(lr.data)
                index.append((file.name, lr.shape[0], lr.shape[1]))
        (unfinished / "index.json").write_text(json.dumps(index), encoding="utf-8")
        unfinished.rename(packed)
    except OSError:
        if not packed.exists():  # else another run has just packed the same images
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _pairs(files: list[Path], scale: int) -> Iterator[tuple[Pixels, Pixels]]:
    """Decode images, several at a time; yield HR and LR of each, in order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(0, len(files), _DECODED):
            yield from pool.map(partial(_pair, scale=scale), files[first : first + _DECODED])


def _pair(file: Path, scale: int) -> tuple[Pixels, Pixels]:
    hr = np.ascontiguousarray(pictures.mod_crop(decode(file), scale))
    if not hr.size:
        raise DataError(f"{file} is too small: ×{scale} needs {scale} pixels a side")
    return hr, np.ascontiguousarray(pictures.resize(hr, scale=1 / scale))


def decode(file: Path) -> Pixels:
    """Return an image as 8-bit RGB, without its alpha channel if it has one.

    libvips decodes it or, where pyvips is not installed, Pillow.

    Raises:
        PictureError: The file cannot be read.
    """
    try:
        pixels = pictures.read(file).pixels
    except ModuleNotFoundError:
        return _decode_with_pillow(file)
    return pictures.to_rgb(pixels, alpha="dropped")


def _decode_with_pillow(file: Path) -> Pixels:
    try:
        with Image.open(file) as image:
            return np.asarray(image.convert("RGB"))
    except OSError as error:
        raise PictureError(file, f"Pillow cannot read it ({error})") from error


def _open(packed: Path, scale: int) -> PairedImages:
    index = json.loads((packed / "index.json").read_text(encoding="utf-8"))
    names = [name for name, _, _ in index]
    sizes = [(h, w) for _, h, w in index]
    return PairedImages(
        names,
        _views(packed / "hr", [(scale * h, scale * w) for h, w in sizes]),
        _views(packed / "lr", sizes),
        packed,
    )


def _views(file: Path, sizes: list[tuple[int, int]]) -> list[Pixels]:
    stored = np.memmap(file, np.uint8, "r")
    ends = np.cumsum([3 * h * w for h, w in sizes])
    parts = np.split(stored, ends[:-1])
    return [part.reshape(h, w, 3) for part, (h, w) in zip(parts, sizes, strict=True)]


class Crops:
    """An endless sequence of training samples; the n-th depends on (seed, n) alone.

    Images are drawn in proportion to their area to some power, the offset of the crop and one of
    the 8 flips and quarter turns uniformly.

    Args:
        pairs: The images. Those smaller than a crop are left out.
        patch: Side of a crop in LR pixels.
        seed: The seed of the sequence.
        taught: A teacher's outputs for them, from ``load_taught``, which are targets too.
        area_power: With 1, every pixel is equally likely to be drawn, with 0 every image.
        shuffle_colours: Whether to put the colour channels in random order.
        degradation: How LR is degraded.
        patterns: The share of crops that are replaced by a pattern, with its bicubic upscale as the
            target.
        sharpen: The strength of the unsharp mask on HR; 0 is none.

    Raises:
        DataError: No image is as large as a crop.
    """

    def __init__(
        self,
        pairs: PairedImages,
        patch: int,
        seed: int,
        *,
        taught: list[Pixels] | None = None,
        area_power: float = 1.0,
        shuffle_colours: bool = False,
        degradation: DegradationSettings | None = None,
        patterns: float = 0.0,
        sharpen: float = 0.0,
    ) -> None:
        self.patch = patch
        self.seed = seed
        self.shuffle_colours = shuffle_colours
        self.degradation = degradation or DegradationSettings()
        self.patterns = patterns
        self.sharpen = sharpen
        large = [i for i, lr in enumerate(pairs.lr) if min(lr.shape[:2]) >= patch]
        if not large:
            raise DataError(f"no training image is as large as a crop of {patch} LR pixels")
        self.lr = [pairs.lr[i] for i in large]
        self.targets = [
            [images[i] for i in large] for images in (pairs.hr, taught) if images is not None
        ]
        self.scale = self.targets[0][0].shape[0] // self.lr[0].shape[0]
        self.left_out = len(pairs) - len(large)
        weights = np.array([lr.shape[0] * lr.shape[1] for lr in self.lr]) ** area_power
        self._chances = np.cumsum(weights / weights.sum())

    def sample(self, n: int) -> tuple[Pixels, ...]:
        """Return the n-th crop: LR, (p, p, 3), HR, and the teacher's output, (s·p, s·p, 3)."""
        random = np.random.default_rng((self.seed, n))
        chosen = int(np.searchsorted(self._chances, random.random(), "right"))
        chosen = min(chosen, len(self.lr) - 1)
        lr, p, s = self.lr[chosen], self.patch, self.scale
        top = int(random.integers(lr.shape[0] - p + 1))
        left = int(random.integers(lr.shape[1] - p + 1))
        turns, flip = divmod(int(random.integers(8)), 2)
        colours = random.permutation(3) if self.shuffle_colours else np.arange(3)

        def augment(crop: Pixels) -> Pixels:
            return np.rot90(crop[:, ::-1] if flip else crop, turns)[..., colours]

        if random.random() < self.patterns:
            made = pattern(lr[top : top + p, left : left + p], random)
            return made, *[pictures.resize(made, scale=s)] * len(self.targets)
        hr, *taught = (
            augment(images[chosen][s * top : s * (top + p), s * left : s * (left + p)])
            for images in self.targets
        )
        return (
            degrade(augment(lr[top : top + p, left : left + p]), self.degradation, random),
            sharpened(hr, self.sharpen),
            *taught,
        )

    def batch(self, first: int, size: int) -> tuple[Tensor, ...]:
        """Return samples ``first`` to ``first + size - 1`` as float RGB in [0, 1].

        Returns:
            LR, (size, 3, p, p), HR and, with a teacher, its outputs, (size, 3, s·p, s·p), in the
            channels_last memory format.
        """
        samples = [self.sample(n) for n in range(first, first + size)]
        return tuple(to_tensor(np.stack(images)) for images in zip(*samples, strict=True))


def sharpened(pixels: Pixels, strength: float) -> Pixels:
    """Return an image, H×W×3, plus ``strength`` times its difference from its blurred self."""
    if strength == 0:
        return pixels
    mask = ImageFilter.UnsharpMask(radius=1, percent=round(100 * strength), threshold=0)
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).filter(mask))


def to_tensor(images: Pixels) -> Tensor:
    """Return (N, h, w, 3) of uint8 as (N, 3, h, w) of float32 in [0, 1], channels_last."""
    return torch.from_numpy(images.copy()).permute(0, 3, 1, 2).float().div_(255)
