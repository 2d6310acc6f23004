"""PSNR and SSIM of an upscaler on a folder of high-resolution images, as this field reports them.

Every image is cropped to a multiple of the scale and downscaled in RGB by MATLAB's bicubic. The
upscaler's result is compared with the image on the luminance, without as many pixels at each border
as the scale, and the scores are averaged over the images.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gladsr import pictures
from gladsr.errors import PictureError
from gladsr.pictures import SUFFIXES
from gladsr.pictures.depth import levels, to_depth
from gladsr.pictures.resize import mod_crop, resize
from gladsr.scoring.psnr import psnr
from gladsr.scoring.ssim import WINDOW, ssim

Upscale = Callable[[NDArray[np.uint8]], NDArray[Any]]
"""From h×w×3 RGB of uint8 to s·h×s·w×3, of uint8 or of floats in [0, 1]."""


@dataclass(frozen=True, slots=True)
class ImageScores:
    """The scores of one image.

    Attributes:
        name: The file's name.
        psnr: On Y, in dB.
        ssim: On Y.
        sha256: The digest of the file, which differs between editions of a test set.
    """

    name: str
    psnr: float
    ssim: float
    sha256: str


@dataclass(frozen=True, slots=True)
class FolderScores:
    """The scores of a folder of images, such as a test set.

    Attributes:
        folder: The folder.
        scale: The factor from low to high resolution.
        images: The scores of its images, by file name.
    """

    folder: Path
    scale: int
    images: tuple[ImageScores, ...]

    @property
    def psnr(self) -> float:
        """The mean over the images, in dB."""
        return fmean(image.psnr for image in self.images)

    @property
    def ssim(self) -> float:
        """The mean over the images."""
        return fmean(image.ssim for image in self.images)


def evaluate(upscale: Upscale, folder: str | os.PathLike[str], scale: int) -> FolderScores:
    """Score an upscaler on all images of a folder.

    Args:
        upscale: The upscaler, for instance `functools.partial(resize, scale=2)` for bicubic.
        folder: High-resolution images; other files and folders in it are ignored.
        scale: The factor by which `upscale` upscales.

    Raises:
        PictureError: The folder is missing or has no images, or an image cannot be scored.
    """
    images = tuple(score(upscale, path, scale) for path in images_in(folder))
    return FolderScores(Path(folder), scale, images)


def images_in(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the picture files of a folder, without the hidden ones, sorted by name.

    Raises:
        PictureError: There are none, or there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise PictureError(folder, "it is not a folder", "Name a folder of high-resolution images.")
    files = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")
    ]
    if not files:
        raise PictureError(folder, f"it has no pictures ({', '.join(SUFFIXES)})")
    return sorted(files)


def score(upscale: Upscale, path: Path, scale: int) -> ImageScores:
    """Score an upscaler on one image.

    A grey image is upscaled as RGB of three equal channels, and the mean of the resulting channels
    is compared with the grey as a luminance.

    Raises:
        PictureError: The image cannot be read, has transparent parts or is too small.
    """
    reference = _reference(path, scale)
    lr = resize(reference, scale=1 / scale)
    grey = reference.ndim == 2
    output = to_depth(upscale(np.stack([lr] * 3, axis=2) if grey else lr), np.uint8)
    if grey:
        output = np.rint(output.mean(axis=2)).astype(np.uint8)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return ImageScores(
        path.name, psnr(output, reference, scale), ssim(output, reference, scale), sha256
    )


def _reference(path: Path, scale: int) -> NDArray[np.uint8]:
    """Return the image in 8 bits, H×W or H×W×3, cropped to a multiple of the scale."""
    pixels = pictures.read(path).pixels
    if pixels.ndim == 3 and pixels.shape[2] in {2, 4}:
        if (pixels[..., -1] != levels(pixels.dtype)).any():
            raise PictureError(
                path, "it has transparent parts", "Scores are defined for opaque images only."
            )
        pixels = pixels[..., 0] if pixels.shape[2] == 2 else pixels[..., :3]
    pixels = mod_crop(to_depth(pixels, np.uint8), scale)
    smallest = WINDOW + 2 * scale
    if min(pixels.shape[:2]) < smallest:
        raise PictureError(path, f"it is too small: ×{scale} needs {smallest} pixels a side")
    return pixels
