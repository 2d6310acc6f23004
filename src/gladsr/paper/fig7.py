"""Fig. 7: the refinement on (GLADSR) and off (GLADSR-nr), PSNR over the training steps."""

from pathlib import Path

from matplotlib.figure import Figure

from gladsr.paper import ablations
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.sheet import Sheet

CLAIMS = [ablations.Claim("gladsr", "gladsr-nr", {})]
"""The paper draws the curves and prints no figures."""


def measure(request: Request) -> Findings:
    """Train both networks, scoring them on the way."""
    return ablations.measure(ablations.CURVES, CLAIMS, request)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the curves' figures and whether the paper's ordering holds."""
    curves = {name: findings["networks"][name]["curve"] for name in ablations.CURVES}
    sets = [name for name in ablations.CURVE_SETS if curves["gladsr"][0].get(name)]
    points = zip(*curves.values(), strict=True)
    rows = tuple(
        (str(ours["step"]), *(f"{point[name]:.2f}" for name in sets for point in (ours, without)))
        for ours, without in points
    )
    columns = tuple(f"{name} {network}" for name in sets for network in ablations.CURVES)
    return [
        Sheet("Fig. 7, ×2", ("steps", *columns), rows),
        ablations.orderings(CLAIMS, findings),
    ]


def draw(findings: Findings, folder: Path) -> None:
    """Draw PSNR over the steps, a panel for each test set."""
    sets = [name for name in ablations.CURVE_SETS if name not in findings["absent"]]
    figure = Figure(figsize=(5 * max(1, len(sets)), 4), layout="constrained")
    for panel, name in enumerate(sets, start=1):
        axes = figure.add_subplot(1, len(sets), panel)
        for network, style in zip(ablations.CURVES, ("-", "--"), strict=True):
            curve = findings["networks"][network]["curve"]
            axes.plot(
                [point["step"] for point in curve],
                [point[name] for point in curve],
                style,
                label=network,
            )
        axes.set(xlabel="steps", ylabel="PSNR in dB", title=f"{name} ×2")
        axes.legend()
    figure.savefig(folder / "fig7.png", dpi=150)
