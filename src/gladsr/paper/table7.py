"""Table VII: what GLAM and SPU bring to the base network, beside a deeper one."""

from itertools import pairwise

from gladsr.paper import ablations
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.published import SETS, TABLE_7
from gladsr.paper.sheet import Sheet, triple

OTHER_READING = "ndc"
"""The base network with the SPU, which the paper's 726K may mean: no CSU, no SGU."""


def _claims() -> list[ablations.Claim]:
    """Each row of the table is better than the one above it."""
    return [
        ablations.Claim(better, worse, {name: scores[name] - above[name] for name in scores})
        for (worse, (*_, above)), (better, (*_, scores)) in pairwise(TABLE_7.items())
    ]


def measure(request: Request) -> Findings:
    """Train the four networks, and the other readings of the first."""
    names = (*TABLE_7, "plain", OTHER_READING)
    return ablations.measure(names, _claims(), request)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the table and what becomes of its orderings."""
    labels = {name: (label, count, scores) for name, (label, count, scores) in TABLE_7.items()}
    rows = []
    for name, network in findings["networks"].items():
        label, count, printed = labels.get(name, (f"base read as Table I's {name}", None, {}))
        rows += triple(
            label,
            [
                (count,) if count else None,
                *((printed[one],) if one in printed else None for one in SETS),
            ],
            [(network["parameters"] / 1e3,), *ablations.psnr_cells(network["scores"])],
            [(".0f%",), *[(".2f",)] * len(SETS)],
        )
    return [
        Sheet(
            "Table VII, ×2",
            ("network", "", "K params.", *SETS),
            tuple(rows),
            (
                (
                    "No one reading meets both 726K and 1028K. The paper's first row has the PSNR "
                    "of Table I's first row, which has neither nested dense connections nor a "
                    "deconvolution; both readings stand below."
                ),
            ),
        ),
        ablations.orderings(_claims(), findings),
    ]
