"""Which of gladsr and gladsr-photo is better on which pictures, and how well `auto` chooses.

    python measurements/auto_model.py score [IMAGES]
    python measurements/auto_model.py choose

`score` degrades LR images of the validation sets in GLADSR_DATA, runs both models, and appends
their PSNR and SSIM to auto_model.csv beside this file and the NIQE of groups of images to
auto_model_niqe.csv; images that are there already are skipped.
`choose` compares the choices of `auto` with those scores; docs/auto.md quotes what it prints.
"""

import csv
import io
import os
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from gladsr import Upscaler
from gladsr.pictures import mod_crop, read, resize
from gladsr.pictures.compression import Compression, jpeg_quality, webp_quality
from gladsr.scoring import psnr, ssim
from gladsr.scoring.niqe import BLOCK, niqe
from gladsr.upscaling.auto import MIN_QUALITY, PHOTO, Choice, choose, judge
from gladsr.upscaling.degradation import Degradation as Estimates
from gladsr.upscaling.degradation import estimate

SCORES = Path(__file__).with_suffix(".csv")
NATURALNESS = SCORES.with_stem("auto_model_niqe")
DOCS = SCORES.parents[1] / "docs"
MODELS = ("gladsr", "gladsr-photo")
FORMATS: dict[str, Literal["JPEG", "WebP"]] = {"jpeg": "JPEG", "webp": "WebP"}

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
    *(Degradation(codec="jpeg", quality=q) for q in (10, 30, 50, 75, 80, 85, 90, 95, 98)),
    *(Degradation(codec="webp", quality=q) for q in (50, 75, 90)),
    *(Degradation(noise=deviation) for deviation in (2, 3, 4, 5, 7, 10, 15, 20)),
    *(Degradation(noise=deviation, codec="jpeg", quality=92) for deviation in (3, 7)),
    *(Degradation(blur=deviation) for deviation in (0.4, 0.5, 0.6, 0.8, 1, 2)),
    *(Degradation(blur=0.5, codec="jpeg", quality=q) for q in (50, 75, 85, 92)),
    *(Degradation(blur=0.8, codec="jpeg", quality=q) for q in (50, 75, 92)),
    Degradation(blur=0.6, noise=5),
]
AT_SCALE_3 = {"clean", "jpeg 50", "jpeg 75", "jpeg 85", "noise 4", "noise 10", "blur 0.8"}
GROUP = 5  # images whose outputs NIQE is computed on together: one alone has too few blocks


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
    """Append the scores of both models to the tables."""
    done = {row["image"] for row in read_table(SCORES)}
    upscalers = {
        (model, scale): Upscaler(model, scale=scale, precision="bf16")
        for model in MODELS
        for scale in (2, 3, 4)
    }
    for group in batched([path for path in images(int(count)) if path.stem not in done]):
        rows: list[list[str]] = []
        outputs: dict[tuple[int, str], list[list[Pixels]]] = {}
        for path in group:
            for scale, hr, degradation, lr, _ in cases(path):
                both = [upscalers[model, scale](lr) for model in MODELS]
                measured = [[psnr(y, hr, scale), ssim(y, hr, scale)] for y in both]
                rows.append(
                    [path.stem, str(scale), str(degradation)]
                    + [f"{value:.4f}" for model in measured for value in model]
                )
                outputs.setdefault((scale, str(degradation)), []).append(both)
        append(SCORES, ["image", "scale", "degradation", *columns("psnr", "ssim")], rows)
        rows = [
            [group[0].stem, str(scale), degradation]
            + [f"{niqe(joined([both[number] for both in pairs])):.3f}" for number in range(2)]
            for (scale, degradation), pairs in outputs.items()
        ]
        append(NATURALNESS, ["first image", "scale", "degradation", *columns("niqe")], rows)


def batched(paths: list[Path]) -> list[list[Path]]:
    """Return groups of images."""
    return [paths[start : start + GROUP] for start in range(0, len(paths), GROUP)]


def joined(pictures: list[Pixels]) -> Pixels:
    """Return the middles of some pictures side by side: two blocks of NIQE a side of each."""
    side = 2 * BLOCK
    middles = []
    for picture in pictures:
        top, left = ((length - side) // 2 for length in picture.shape[:2])
        middles.append(picture[top : top + side, left : left + side])
    return np.concatenate(middles, axis=1)


def columns(*measures: str) -> list[str]:
    """Return the names of the columns of scores."""
    return [f"{measure} {model}" for model in MODELS for measure in measures]


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table; none if it does not exist."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def append(path: Path, head: list[str], rows: list[list[str]]) -> None:
    """Append rows to a table, which begins with a head."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows] if new else rows)


@dataclass(frozen=True)
class Case:
    """A degraded image at a scale, its scores and the choices for it.

    Attributes:
        fit: Whether the limits were chosen on the image.
        psnr: Of each model.
        ssim: Of each model.
        found: The estimates from the pixels, given that they were compressed.
        from_file: The choice for the file as it is.
        from_pixels: The choice for the same pixels saved as PNG.
    """

    scale: int
    degradation: Degradation
    fit: bool
    psnr: tuple[float, float]
    ssim: tuple[float, float]
    found: Estimates
    from_file: Choice
    from_pixels: Choice

    @property
    def poor(self) -> bool:
        """Whether it is a file that must have gladsr-photo whatever the scores are."""
        return (
            self.degradation.codec != ""
            and self.degradation.quality < MIN_QUALITY[FORMATS[self.degradation.codec]]
        )

    def loss(self, model: str) -> float:
        """Return what a model loses to the better one, in dB."""
        return max(self.psnr) - self.psnr[MODELS.index(model)]


def scored() -> list[Case]:
    """Return the cases that are in the table of scores."""
    scores = {(row["image"], row["scale"], row["degradation"]): row for row in read_table(SCORES)}
    known = {image for image, _, _ in scores}
    chosen = [path for path in images(30) if path.stem in known]
    found = []
    for number, path in enumerate(chosen):
        for scale, _, degradation, lr, file in cases(path):
            row = scores[path.stem, str(scale), str(degradation)]
            psnr_, ssim_ = (
                (float(row[f"{measure} gladsr"]), float(row[f"{measure} gladsr-photo"]))
                for measure in ("psnr", "ssim")
            )
            stated = None
            if degradation.codec:
                quality_of = jpeg_quality if degradation.codec == "jpeg" else webp_quality
                quality = quality_of(io.BytesIO(file))
                assert quality is not None
                stated = Compression(FORMATS[degradation.codec], quality)
            estimates = estimate(lr, compressed=stated is not None)
            found.append(
                Case(
                    scale,
                    degradation,
                    number % 2 == 0,
                    psnr_,
                    ssim_,
                    estimates,
                    judge(estimates, stated),
                    choose(lr),
                )
            )
    return found


def fit(found: list[Case]) -> None:
    """Print how much limits of noise and sharpness lose on the images of the fit and the others.

    Files that must have gladsr-photo have no part in it, nor has x3, where gladsr-photo is x4.
    """
    free = [case for case in found if not case.poor and case.scale != 3]
    losses = np.array([[case.loss(model) for model in MODELS] for case in free])
    half = np.array([case.fit for case in free])
    noise = np.array([case.found.noise for case in free])
    sharpness = np.array([case.found.sharpness for case in free])
    results = []
    for most, least in product(np.arange(4, 10.5, 0.5), np.arange(-30.0, -18)):
        lost = np.where((noise > most) | (sharpness < least), losses[:, 1], losses[:, 0])
        results.append((lost[half].mean(), lost[~half].mean(), most, least))
    print("limits of noise and sharpness, and dB lost on the images of the fit and on the others")
    for fitted, other, most, least in sorted(results)[:12]:
        print(f"{most:4.1f} {least:6.1f}  {fitted:.3f} {other:.3f}")


def print_map(found: list[Case], *scales: int) -> None:
    """Print the gain of gladsr-photo over gladsr by degradation, and how `auto` chooses."""
    naturalness: dict[tuple[int, str], list[float]] = {}
    for row in read_table(NATURALNESS):
        gain = float(row["niqe gladsr-photo"]) - float(row["niqe gladsr"])
        naturalness.setdefault((int(row["scale"]), row["degradation"]), []).append(gain)
    titles = ("PSNR", "SSIM", "NIQE", "chosen", "lost")
    print("\n| degradation | " + " | ".join(f"{t} ×{s}" for t, s in product(titles, scales)) + " |")
    print("|---|" + "---:|" * len(titles) * len(scales))
    for degradation in DEGRADATIONS:
        columns = []
        for scale in scales:
            some = [
                case for case in found if (case.scale, case.degradation) == (scale, degradation)
            ]
            if some:
                columns.append(
                    (
                        f"{fmean(case.psnr[1] - case.psnr[0] for case in some):+.2f}",
                        f"{fmean(case.ssim[1] - case.ssim[0] for case in some):+.3f}",
                        f"{fmean(naturalness[scale, str(degradation)]):+.1f}",
                        f"{fmean(case.from_file.model == PHOTO for case in some):.0%}",
                        f"{fmean(case.loss(case.from_file.model) for case in some):.2f}",
                    )
                )
        if columns:
            values = " | ".join(value for row in zip(*columns, strict=True) for value in row)
            print(f"| {degradation} | {values} |")


def print_summary(found: list[Case]) -> None:
    """Print how often `auto` is right by PSNR, and what it and either model lose, in dB."""
    print("\n| | cases | right | auto | auto, as PNG | gladsr | gladsr-photo |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for scale, (name, poor, fitted) in product(
        (2, 4),
        (
            ("images of the fit", False, True),
            ("other images", False, False),
            ("low quality, images of the fit", True, True),
            ("low quality, other images", True, False),
        ),
    ):
        some = [
            case for case in found if (case.scale, case.poor, case.fit) == (scale, poor, fitted)
        ]
        right = fmean(case.loss(case.from_file.model) == 0 for case in some)
        lost = [
            fmean(case.loss(case.from_file.model) for case in some),
            fmean(case.loss(case.from_pixels.model) for case in some),
            *(fmean(case.loss(model) for case in some) for model in MODELS),
        ]
        values = " | ".join(f"{value:.2f}" for value in lost)
        print(f"| ×{scale}, {name} | {len(some)} | {right:.0%} | {values} |")
    low = [
        case for case in found if case.degradation.codec == "jpeg" and case.degradation.quality < 85
    ]
    missed = sum(case.from_file.model != PHOTO for case in low)
    as_png = sum(case.from_pixels.model != PHOTO for case in low)
    print(f"\ngladsr for JPEG below 85: {missed} of {len(low)} files, {as_png} saved as PNG")


def evaluate_choice() -> None:
    """Print everything that docs/auto.md says, and draw its figure."""
    found = scored()
    fit(found)
    print_map(found, 2, 4)
    print_map(found, 3)
    print_summary(found)
    draw(found)


def draw(found: list[Case]) -> None:
    """Draw the gain of gladsr-photo over gladsr along each kind of degradation."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    panels = {
        "JPEG quality": [d for d in DEGRADATIONS if d.codec == "jpeg" and not d.noise + d.blur],
        "JPEG quality, after a blur of 0.5": [
            d for d in DEGRADATIONS if d.codec == "jpeg" and d.blur == 0.5
        ],
        "noise, levels": [d for d in DEGRADATIONS if not d.codec and not d.blur],
        "blur, LR pixels": [d for d in DEGRADATIONS if not d.codec and not d.noise],
    }
    axes = figure.subplots(2, 4, sharex="col", sharey="row")
    for column, (title, some) in enumerate(panels.items()):
        by = [d.quality or d.noise or d.blur for d in some]
        for scale, style in ((2, "o-"), (4, "s--")):
            for line, measure in zip(axes[:, column], ("psnr", "ssim"), strict=True):
                gains = [
                    fmean(
                        getattr(case, measure)[1] - getattr(case, measure)[0]
                        for case in found
                        if (case.scale, case.degradation) == (scale, d)
                    )
                    for d in some
                ]
                line.plot(by, gains, style, label=f"×{scale}")
                line.axhline(0, color="black", linewidth=0.5)
        axes[1, column].set_xlabel(title)
    axes[0, 0].set_ylabel("PSNR, dB")
    axes[1, 0].set_ylabel("SSIM")
    axes[0, 0].legend()
    figure.suptitle("gladsr-photo above gladsr")
    figure.savefig(DOCS / "auto.png", dpi=100)


if __name__ == "__main__":
    {"score": score, "choose": evaluate_choice}[sys.argv[1]](*sys.argv[2:])
