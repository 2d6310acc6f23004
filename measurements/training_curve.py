"""What training has given and what more may give: python measurements/training_curve.py.

Reads docs/training-curve.csv, the weights of docs/training-log.md that were in the zoo: the steps
that a model had had in all, as steps of 16 crops of 32×32 LR pixels, and its PSNR on the
validation images. Prints what a doubling of the steps gave each model, and where another one would
lead at that rate; draws docs/training-curve.png.
"""

import csv
from collections import defaultdict
from math import log2
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

DOCS = Path(__file__).parents[1] / "docs"
LATEST = 3
"""The line goes through this many of a model's last weights: the methods before were others."""

TICKS = (1000, 3000, 10000, 30000)

Curve = tuple[list[int], list[float]]


def curves() -> dict[str, Curve]:
    """Return steps and PSNR of each model, first to last."""
    found: dict[str, Curve] = defaultdict(lambda: ([], []))
    with (DOCS / "training-curve.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            steps, psnr = found[f"{row['model']} ×{row['scale']}"]
            steps.append(int(row["steps"]))
            psnr.append(float(row["validation"]))
    return found


def doubling(curve: Curve) -> float:
    """Return the decibels that a doubling of the steps gave, by least squares."""
    steps, psnr = (values[-LATEST:] for values in curve)
    return float(np.polyfit(np.log2(steps), psnr, 1)[0])


def draw(found: dict[str, Curve]) -> None:
    """Draw every curve, a panel a scale, and go on with it in dots for another doubling."""
    figure = Figure(figsize=(10, 3.5), layout="constrained")
    for axes, scale in zip(figure.subplots(1, 3), (2, 3, 4), strict=True):
        for name, style in (("gladsr", "o-"), ("gladsr-l", "s-")):
            steps, psnr = curve = found[f"{name} ×{scale}"]
            (line,) = axes.plot(steps, psnr, style, label=name)
            more = psnr[-1] + doubling(curve)
            axes.plot([steps[-1], 2 * steps[-1]], [psnr[-1], more], ":", color=line.get_color())
        axes.set(xscale="log", title=f"×{scale}", xlabel="steps of 16 crops of 32×32")
        axes.set_xticks(TICKS, [f"{steps}" for steps in TICKS])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.legend()
    figure.axes[0].set_ylabel("PSNR on validation images, dB")
    figure.savefig(DOCS / "training-curve.png", dpi=100)


def main() -> None:
    """Print the table and draw the figure."""
    found = curves()
    for name, curve in found.items():
        steps, psnr = curve
        gain = doubling(curve)
        doublings = log2(steps[-1] / steps[0])
        print(
            f"{name:<11} {steps[-1]:>6} steps, {psnr[-1]:.3f} dB, {psnr[-1] - psnr[0]:.3f} over "
            f"{doublings:.1f} doublings; lately {gain:.3f} a doubling: {psnr[-1] + gain:.2f} "
            f"after {2 * steps[-1]} steps"
        )
    draw(found)


if __name__ == "__main__":
    main()
