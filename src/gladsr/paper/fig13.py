"""Fig. 13: real photographs at ×4, which have no ground truth, with their NIQE.

NIQE is lower for what looks more natural, which is not what looks sharper.
"""

from pathlib import Path
from statistics import fmean

import numpy as np
from matplotlib.figure import Figure

from gladsr.paper import crops
from gladsr.paper.exhibit import Findings, MissingError, Request
from gladsr.paper.figures import save
from gladsr.paper.sheet import Sheet
from gladsr.pictures import Picture, read, to_depth, write
from gladsr.scoring import images_in, niqe
from gladsr.scoring.comparison import rgb

SCALE = 4
NO_PHOTOGRAPHS = ("comic", "painting", "pattern", "ppt3")
"""Beginnings of the names in RealWorld that are drawings, paintings and a slide."""

DRAWN = 4
"""How many pictures the figure shows: those that bicubic leaves least natural."""

CROP = 240


def measure(request: Request) -> Findings:
    """Take the NIQE of every photograph by every method."""
    folder = request.test_set("RealWorld")
    if folder is None:
        raise MissingError("fig13 shows the folder RealWorld; say where it is with --data FOLDER")
    compared = crops.methods(SCALE, request, (*crops.OURS, "gladsr-photo"))
    left = request.folder / "fig13"
    left.mkdir(parents=True, exist_ok=True)
    scores: dict[str, dict[str, float]] = {}
    for file in images_in(folder):
        if file.stem.startswith(NO_PHOTOGRAPHS):
            continue
        pixels = rgb(read(file).pixels)
        found = {}
        try:
            for method, upscale in compared.items():
                request.tell(f"fig13: {file.name}, {method}")
                upscaled = to_depth(upscale(pixels), np.uint8)
                found[method] = niqe(upscaled)
                write(Picture(_centre(upscaled)), left / f"{file.stem}-{method}.png")
        except ValueError as error:  # too small or too flat for NIQE
            request.tell(f"fig13: {file} is left out. {error}")
        else:
            scores[file.stem] = found
    if not scores:
        raise MissingError(f"fig13 finds no photograph in {folder}")
    return {"niqe": scores}


def _centre(pixels: np.ndarray) -> np.ndarray:
    top, left = (max(0, (length - CROP) // 2) for length in pixels.shape[:2])
    return pixels[top : top + CROP, left : left + CROP]


def sheets(findings: Findings) -> list[Sheet]:
    """Return NIQE of every photograph, the mean, and how often each method is the best."""
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
            ("The paper prints the values of its own pictures in the figure only.",),
        )
    ]


def draw(findings: Findings, folder: Path) -> None:
    """Draw the middles of the pictures that bicubic leaves least natural."""
    scores = findings["niqe"]
    worst = sorted(scores, key=lambda name: -scores[name]["bicubic"])[:DRAWN]
    compared = list(next(iter(scores.values())))
    figure = Figure(figsize=(2.6 * len(compared), 2.9 * len(worst)), layout="constrained")
    for row, name in enumerate(worst):
        for column, method in enumerate(compared, start=1):
            axes = figure.add_subplot(len(worst), len(compared), row * len(compared) + column)
            pixels = read(folder / "fig13" / f"{name}-{method}.png").pixels
            axes.imshow(pixels, interpolation="nearest")
            axes.set_title(f"{name}, {method}\nNIQE {scores[name][method]:.2f}", fontsize=8)
            axes.set_axis_off()
    save(figure, folder / "fig13.png")
