"""Fig. 7: the refinement on (GLADSR) and off (GLADSR-nr), PSNR over the training steps."""

from pathlib import Path

from matplotlib.figure import Figure

from gladsr.paper import ablations, orderings, runs
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.figures import save
from gladsr.paper.sheet import Sheet

CLAIMS = [orderings.Claim("gladsr", "gladsr-nr", {})]
"""The paper draws the curves and prints no values."""


def measure(request: Request) -> Findings:
    """Train both networks, scoring them at every validation."""
    return ablations.measure(runs.CURVES, CLAIMS, request)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the points of the curves and whether the paper's ordering holds."""
    columns = {
        f"{name} {network}": curve
        for name, curves in _panels(findings).items()
        for network, curve in curves.items()
    }
    steps = sorted(set.intersection(*map(set, columns.values()))) if columns else []
    rows = tuple(
        (str(step), *(f"{curve[step]:.2f}" for curve in columns.values())) for step in steps
    )
    notes = () if rows else ("The networks were not scored on the same images at the same steps.",)
    return [
        Sheet("Fig. 7, ×2", ("steps", *columns), rows, notes),
        orderings.sheet(CLAIMS, findings),
    ]


def _panels(findings: Findings) -> dict[str, dict[str, dict[int, float]]]:
    """Return PSNR by test set, network and step, for the sets that both networks have.

    Their steps may differ, since results may have been validated at different intervals.
    """
    panels = {
        name: {
            network: {
                point["step"]: point[name]
                for point in findings["networks"][network]["curve"]
                if name in point
            }
            for network in runs.CURVES
        }
        for name in runs.CURVE_SETS
    }
    return {name: curves for name, curves in panels.items() if all(curves.values())}


def draw(findings: Findings, folder: Path) -> None:
    """Draw PSNR over the steps, a panel for each test set."""
    panels = _panels(findings)
    figure = Figure(figsize=(5 * max(1, len(panels)), 4), layout="constrained")
    for panel, (name, curves) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), panel)
        for (network, curve), style in zip(curves.items(), ("-", "--"), strict=True):
            axes.plot(list(curve), list(curve.values()), style, label=network)
        axes.set(xlabel="steps", ylabel="PSNR in dB", title=f"{name} ×2")
        axes.legend()
    save(figure, folder / "fig7.png")
