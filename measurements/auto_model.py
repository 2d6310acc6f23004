"""Which of gladsr and gladsr-photo is better on which pictures, and how well `auto` chooses.

    python measurements/auto_model.py score [IMAGES]
    python measurements/auto_model.py choose

`score` degrades LR images of the validation sets in GLADSR_DATA, runs both models, and appends
their scores to auto_model.csv beside this file; rows that are there already are kept.
`choose` compares the choices of `auto` with those scores; docs/auto.md quotes what it prints.
"""

import csv
import io
import os
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from gladsr import Upscaler
from gladsr.pictures import mod_crop, read, resize
from gladsr.scoring import psnr, ssim
from gladsr.scoring.niqe import niqe

SCORES = Path(__file__).with_suffix(".csv")
MODELS = ("gladsr", "gladsr-photo")

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Degradation:
    """Blur, then noise, then compression.

    Attributes:
        blur: Standard deviation of a Gaussian, in LR pixels.
        noise: Standard deviation in 8-bit levels.
        codec: "jpeg", "webp", or "" for none.
        quality: The codec's.
    """

    blur: float = 0
    noise: float = 0
    codec: str = ""
    quality: int = 0

    def __str__(self) -> str:
        """Return the name that the table of scores uses."""
        parts = [f"blur {self.blur:g}"] * (self.blur > 0)
        parts += [f"noise {self.noise:g}"] * (self.noise > 0)
        parts += [f"{self.codec} {self.quality}"] * (self.codec != "")
        return ", ".join(parts) or "clean"

    def apply(self, lr: Pixels, seed: str) -> tuple[Pixels, bytes]:
        """Return the degraded picture and its file, which is empty without a codec."""
        random = np.random.default_rng(zlib.crc32(f"{seed} {self}".encode()))
        image = Image.fromarray(lr).filter(ImageFilter.GaussianBlur(self.blur))
        pixels = np.asarray(image)
        if self.noise:
            coloured = random.random()  # the share that differs between channels
            noise = np.sqrt(1 - coloured) * random.standard_normal((*pixels.shape[:2], 1))
            noise = noise + np.sqrt(coloured) * random.standard_normal(pixels.shape)
            pixels = np.clip(pixels + self.noise * noise + 0.5, 0, 255).astype(np.uint8)
        if not self.codec:
            return pixels, b""
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, self.codec, quality=self.quality)
        return np.asarray(Image.open(file).convert("RGB")), file.getvalue()


DEGRADATIONS = [
    Degradation(),
    *(
        Degradation(codec="jpeg", quality=q)
        for q in (10, 30, 50, 65, 75, 80, 85, 88, 90, 92, 95, 98)
    ),
    *(Degradation(noise=deviation) for deviation in (1, 2, 3, 4, 5, 7, 10, 15, 20)),
    *(Degradation(blur=deviation) for deviation in (0.4, 0.6, 0.8, 1.0, 1.5, 2.0)),
    *(Degradation(codec="webp", quality=q) for q in (50, 75, 85, 92)),
    *(Degradation(noise=3, codec="jpeg", quality=q) for q in (92, 97)),
    Degradation(blur=0.8, codec="jpeg", quality=92),
]
AT_SCALE_3 = {
    "clean", "jpeg 50", "jpeg 75", "jpeg 85", "jpeg 92", "noise 2", "noise 4", "noise 10", "blur 0.8"
}  # fmt: skip


def images(count: int) -> list[Path]:
    """Return validation images: every fifth from the small set, photographs else."""
    root = Path(os.environ["GLADSR_DATA"]) / "val"
    photographs = sorted((root / "DIV2K_valid_crops256").glob("*.png"))
    structure = sorted(path for path in (root / "structure").iterdir() if path.suffix)
    few = count // 5
    chosen = photographs[:: len(photographs) // (count - few)][: count - few]
    drawn = structure[:: len(structure) // few][:few]
    return [drawn.pop(0) if drawn and number % 5 == 4 else chosen.pop(0) for number in range(count)]


def cases(path: Path) -> Iterator[tuple[int, Pixels, Degradation, Pixels, bytes]]:
    """Yield scale, HR, degradation, degraded LR and its file for every condition of an image."""
    pixels = read(path).pixels
    top, left = ((side - 256) // 2 for side in pixels.shape[:2])
    pixels = pixels[top : top + 256, left : left + 256, :3]
    for scale in (2, 4, 3):
        hr = mod_crop(pixels, scale)
        lr = resize(hr, scale=1 / scale)
        for degradation in DEGRADATIONS:
            if scale != 3 or str(degradation) in AT_SCALE_3:
                yield scale, hr, degradation, *degradation.apply(lr, path.stem)


def score(count: str = "30") -> None:
    """Append the scores of both models to the table."""
    done = set()
    if SCORES.exists():
        with SCORES.open(newline="") as file:
            done = {
                (row["image"], row["scale"], row["degradation"]) for row in csv.DictReader(file)
            }
    upscalers = {
        (model, scale): Upscaler(model, scale=scale, precision="bf16")
        for model in MODELS
        for scale in (2, 3, 4)
    }
    with SCORES.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            measures = [
                f"{measure} {model}" for model in MODELS for measure in ("psnr", "ssim", "niqe")
            ]
            writer.writerow(["image", "scale", "degradation", *measures])
        for path in images(int(count)):
            for scale, hr, degradation, lr, _ in cases(path):
                if (path.stem, str(scale), str(degradation)) in done:
                    continue
                row = [path.stem, scale, degradation]
                for model in MODELS:
                    y = upscalers[model, scale](lr)
                    try:
                        natural = f"{niqe(y):.2f}"
                    except ValueError:  # too flat
                        natural = ""
                    row += [f"{psnr(y, hr, scale):.3f}", f"{ssim(y, hr, scale):.4f}", natural]
                writer.writerow(row)
            file.flush()


if __name__ == "__main__":
    {"score": score}[sys.argv[1]](*sys.argv[2:])
