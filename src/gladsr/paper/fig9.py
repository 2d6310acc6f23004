"""Fig. 9: parameters against PSNR, for G = 2, 4, 6 at B = 4 and for B = 2, 4, 6 at G = 4."""

from itertools import pairwise
from pathlib import Path

from matplotlib.figure import Figure

from gladsr.paper import ablations, orderings
from gladsr.paper.exhibit import Findings, Request, psnr_only
from gladsr.paper.figures import save
from gladsr.paper.sheet import Sheet
from gladsr.rivals.published import SETS

SWEEPS = {"G, B = 4": ("g2b4", "gladsr", "g6b4"), "B, G = 4": ("g4b2", "gladsr", "g4b6")}
"""The two lines of the figure, by parameters; the paper prints no values."""

CLAIMS = [
    orderings.Claim(larger, smaller, {})
    for sweep in SWEEPS.values()
    for smaller, larger in pairwise(sweep)
]


def measure(request: Request) -> Findings:
    """Train the five networks."""
    names = tuple(dict.fromkeys(name for sweep in SWEEPS.values() for name in sweep))
    return ablations.measure(names, CLAIMS, request)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the points of the figure and whether larger networks are better."""
    rows = []
    for name, network in findings["networks"].items():
        psnr = psnr_only(network["scores"])
        rows.append(
            (
                name,
                f"{network['parameters'] / 1e3:.0f}",
                *(f"{psnr[one]:.2f}" if one in psnr else "" for one in SETS),
                f"{network['validation']:.3f}",
            )
        )
    return [
        Sheet("Fig. 9, ×2", ("network", "K params.", *SETS, "validation"), tuple(rows)),
        orderings.sheet(CLAIMS, findings),
    ]


def draw(findings: Findings, folder: Path) -> None:
    """Draw both lines for Urban100, as the paper does, or B100 without it."""
    networks = findings["networks"]
    scored = orderings.common_sets(networks.values())
    chosen = next((name for name in ("Urban100", "B100", *SETS) if name in scored), None)
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.add_subplot()
    for (label, sweep), style in zip(SWEEPS.items(), ("o-", "s--"), strict=True):
        axes.plot(
            [networks[name]["parameters"] / 1e3 for name in sweep],
            [
                networks[name]["scores"][chosen][0] if chosen else networks[name]["validation"]
                for name in sweep
            ],
            style,
            label=label,
        )
    axes.set(
        xlabel="parameters in K",
        ylabel="PSNR in dB",
        title=f"{chosen or 'validation images'} ×2",
    )
    axes.legend()
    save(figure, folder / "fig9.png")
