"""Table IV: four upsamplers."""

from itertools import pairwise

from gladsr.paper import ablations
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.published import SETS, TABLE_4
from gladsr.paper.sheet import Sheet, triple


def _claims() -> list[ablations.Claim]:
    """Each row of the table is better than the one above it."""
    return [
        ablations.Claim(
            better,
            worse,
            {name: scores[name] - above[name] for name in scores},
        )
        for (worse, (*_, above)), (better, (*_, scores)) in pairwise(TABLE_4.items())
    ]


def measure(request: Request) -> Findings:
    """Train the four networks."""
    return ablations.measure(tuple(TABLE_4), _claims(), request)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the table and what becomes of its orderings."""
    rows = []
    for name, (label, weights, giga, printed) in TABLE_4.items():
        network = findings["networks"][name]
        rows += triple(
            f"{label} ({weights:.1f}K, {giga:.1f}G)",
            [None, None, *((printed[one],) if one in printed else None for one in SETS)],
            [
                (network["parameters"] / 1e3,),
                (network["mult_adds"] / 1e9,),
                *ablations.psnr_cells(network["scores"]),
            ],
            [(".0f",), (".1f",), *[(".2f",)] * len(SETS)],
        )
    return [
        Sheet(
            "Table IV, ×2",
            ("upsampler (its own costs)", "", "K params.", "G Mult-Adds", *SETS),
            tuple(rows),
            ("Parameters and Mult-Adds are the whole network's.",),
        ),
        ablations.orderings(_claims(), findings),
    ]
