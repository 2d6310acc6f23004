"""Training data: images decoded once, memory-mapped, and crops that depend on (seed, n) alone."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

from gladsr import engines, pictures
from gladsr.atomic import atomic_write
from gladsr.errors import DataError, EngineError
from gladsr.scoring import images_in
from gladsr.training.degradation import degrade
from gladsr.training.patterns import pattern
from gladsr.training.settings import DegradationSettings
from gladsr.upscaling.pixels import to_unit

Pixels = NDArray[np.uint8]
_FORMAT = 1  # of the cache; raise it when what is stored changes


@dataclass(frozen=True)
class PairedImages:
    """HR images and their exact bicubic LR, as views of two memory-mapped files.

    Attributes:
        names: file names.
        hr: images, (s·h, s·w, 3), uint8.
        lr: the same at the low resolution, (h, w, 3), uint8.
        folder: where these files are.
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
    """Return all images of ``folders`` with their LR, from ``cache`` if they are there already.

    HR images are cropped to a multiple of ``scale``; LR is MATLAB's bicubic.

    Raises:
        DataError: ``exclude`` names every image, or one is smaller than the scale.
        PictureError: a folder is missing or has no image, or one cannot be read.
    """
    files = [file for folder in folders for file in images_in(folder) if file.name not in exclude]
    if not files:
        raise DataError(f"data.exclude names every image of {', '.join(map(str, folders))}")
    stamps = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    key = hashlib.sha256(json.dumps([_FORMAT, scale, stamps]).encode()).hexdigest()[:16]
    packed = cache / f"x{scale}-{key}"
    if not packed.exists():
        _pack(files, scale, packed)
    return _open(packed, scale)


def load_taught(pairs: PairedImages, teacher: Path) -> list[Pixels]:
    """Return what a teacher makes of every LR image, computed once and kept beside the images.

    Args:
        pairs: images from ``load_pairs``.
        teacher: the file of a network for the same scale or a larger one, whose pictures are then
            reduced by MATLAB's bicubic: whatever `gladsr.engines.find` takes.

    Raises:
        DataError: the network cannot be read, or its scale is smaller.
    """
    try:
        digest = hashlib.sha256(teacher.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise DataError(f"{teacher} cannot be read: {error.strerror}") from error
    stored = pairs.folder / f"taught-{digest}"
    if not stored.exists():
        with atomic_write(stored) as file:
            for taught in _teach(teacher, pairs):
                file.write(taught.data)
    return _views(stored, [hr.shape[:2] for hr in pairs.hr])


def _teach(teacher: Path, pairs: PairedImages) -> Iterator[Pixels]:
    try:
        (network,) = engines.find(str(teacher)).values()
        engine = engines.load(network)
    except EngineError as error:
        raise DataError(f"{teacher} cannot teach: {error}") from error
    for lr, hr in zip(pairs.lr, pairs.hr, strict=True):
        taught = pictures.to_depth(engine.run(to_unit(lr)), np.uint8)
        if not _is_enlarged(taught, lr) or len(taught) < len(hr):
            raise DataError(f"{teacher} makes {taught.shape} of {lr.shape}, not {hr.shape}")
        yield pictures.resize(taught, size=hr.shape[:2])


def _is_enlarged(picture: Pixels, lr: Pixels) -> bool:
    """Return whether a picture is ``lr`` at a whole-number scale."""
    scale = len(picture) // len(lr)
    return picture.shape == (scale * lr.shape[0], scale * lr.shape[1], lr.shape[2])


def _pack(files: list[Path], scale: int, packed: Path) -> None:
    packed.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{packed.name}.", dir=packed.parent))
    try:
        index = []
        with (unfinished / "hr").open("wb") as hr_file, (unfinished / "lr").open("wb") as lr_file:
            for file in files:
                hr = pictures.mod_crop(
                    pictures.to_rgb(pictures.read(file).pixels, alpha="dropped"), scale
                )
                if not hr.size:
                    raise DataError(f"{file} is too small: ×{scale} needs {scale} pixels a side")
                lr = pictures.resize(hr, scale=1 / scale)
                hr_file.write(np.ascontiguousarray(hr).data)
                lr_file.write(np.ascontiguousarray(lr).data)
                index.append((file.name, lr.shape[0], lr.shape[1]))
        (unfinished / "index.json").write_text(json.dumps(index), encoding="utf-8")
        unfinished.rename(packed)
    except OSError:
        if not packed.exists():  # else another run has just packed the same images
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


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
    """An endless sequence of training samples; which crop is the n-th depends on (seed, n) alone.

    An image is drawn in proportion to its area to some power, the place within it and one of the 8
    flips and quarter turns evenly.

    Args:
        pairs: the images. Those smaller than a crop are left out.
        taught: a teacher's pictures of the same, from ``load_taught``, to be learned from as well.
        patch: side of a crop in LR pixels.
        seed: the sequence's.
        area_power: 1 draws every place equally often, 0 every image.
        shuffle_colours: put the colour channels in random order as well.
        degradation: how LR is made worse, if at all.
        patterns: the share of crops in whose place there is a pattern, to be enlarged as bicubic
            does.
        sharpen: the strength of the unsharp mask that HR is learned from through; 0 is none.

    Raises:
        DataError: no image is as large as a crop.
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
        """Return LR, HR and, if there is one, the teacher's picture of the n-th crop.

        They are (p, p, 3) and twice (s·p, s·p, 3).
        """
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
            LR, (size, 3, p, p), HR and, if there is one, the teacher's pictures, (size, 3, s·p,
            s·p), in channels_last memory format.
        """
        samples = [self.sample(n) for n in range(first, first + size)]
        return tuple(to_tensor(np.stack(images)) for images in zip(*samples, strict=True))


def sharpened(pixels: Pixels, strength: float) -> Pixels:
    """Return H×W×3 plus so many times its difference from itself blurred by one pixel."""
    if strength == 0:
        return pixels
    mask = ImageFilter.UnsharpMask(radius=1, percent=round(100 * strength), threshold=0)
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).filter(mask))


def to_tensor(images: Pixels) -> Tensor:
    """Return (N, h, w, 3) of uint8 as (N, 3, h, w) of float32 in [0, 1], channels_last."""
    return torch.from_numpy(images.copy()).permute(0, 3, 1, 2).float().div_(255)
