"""Fig. 13: NIQE of real photographs at ×4, for which there is no ground truth.

A lower NIQE means a more natural picture, not a sharper one.
"""

from pathlib import Path
from statistics import fmean

import numpy as np

from gladsr.errors import ExhibitError
from gladsr.paper import crops
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.figures import picture_grid, save
from gladsr.paper.sheet import Sheet
from gladsr.pictures import Picture, read, to_depth, to_rgb, write
from gladsr.scoring import images_in, niqe

SCALE = 4
NO_PHOTOGRAPHS = ("comic", "painting", "pattern", "ppt3")
"""Prefixes of the files in RealWorld that are drawings, paintings or slides."""

DRAWN = 4
"""The number of pictures in the figure: those with the highest NIQE for bicubic."""

CROP = 240
"""The side of the central crop in the figure, in HR pixels."""


def measure(request: Request) -> Findings:
    """Compute NIQE of every photograph for every method."""
    folder = request.test_set("RealWorld")
    if folder is None:
        raise ExhibitError("fig13 needs RealWorld; name the folder of the test sets with --data")
    compared = crops.methods(SCALE, request, (*crops.OURS, "gladsr-photo"))
    crops_folder = request.folder / "fig13"
    crops_folder.mkdir(exist_ok=True)
    scores: dict[str, dict[str, float]] = {}
    for file in images_in(folder):
        if file.stem.startswith(NO_PHOTOGRAPHS):
            continue
        pixels = to_rgb(read(file).pixels, alpha="over white")
        found = {}
        try:
            for method, upscale in compared.items():
                request.progress(f"fig13: {file.name}, {method}")
                upscaled = to_depth(upscale(pixels), np.uint8)
                found[method] = niqe(upscaled)
                write(Picture(_centre(upscaled)), crops_folder / f"{file.stem}-{method}.png")
        except ValueError as error:  # too small or too flat for NIQE
            request.progress(f"fig13: {file} is skipped. {error}")
        else:
            scores[file.stem] = found
    if not scores:
        raise ExhibitError(f"fig13 finds no photograph in {folder}")
    return {"niqe": scores}


def _centre(pixels: np.ndarray) -> np.ndarray:
    top, left = (max(0, (length - CROP) // 2) for length in pixels.shape[:2])
    return pixels[top : top + CROP, left : left + CROP]


def sheets(findings: Findings) -> list[Sheet]:
    """Return NIQE of every photograph, the mean, and how often each method has the lowest."""
    scores = findings["niqe"]
    compared = tuple(next(iter(scores.values())))
    rows = [
        (name, *(f"{found[method]:.2f}" for method in compared)) for name, found in scores.items()
    ]
    means = (f"{fmean(found[method] for found in scores.values()):.2f}" for method in compared)
    best = [min(found, key=found.__getitem__) for found in scores.values()]
    rows += [
        ("mean", *means),
        ("lowest", *(f"{best.count(method)} of {len(scores)}" for method in compared)),
    ]
    return [
        Sheet(
            "Fig. 13, RealWorld ×4: NIQE, lower is more natural",
            ("photograph", *compared),
            tuple(rows),
            ("The paper prints values for its own pictures only, in the figure.",),
        )
    ]


def draw(findings: Findings, folder: Path) -> None:
    """Draw the centres of the pictures with the highest NIQE for bicubic."""
    scores = findings["niqe"]
    worst = sorted(scores, key=lambda name: -scores[name]["bicubic"])[:DRAWN]
    rows = [
        {
            f"{name}, {method}\nNIQE {niqe:.2f}": folder / "fig13" / f"{name}-{method}.png"
            for method, niqe in scores[name].items()
        }
        for name in worst
    ]
    save(picture_grid(rows, (2.6, 2.9)), folder / "fig13.png")
