"""Table I: local selective blocks, global guided blocks, nested dense connections on and off."""

from itertools import permutations

from gladsr.paper import ablations
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.sheet import Sheet, triple
from gladsr.rivals.published import SETS, TABLE_1

CLAIMS = [
    ablations.Claim(
        better,
        worse,
        {name: scores[name] - TABLE_1[worse][1][name] for name in scores},
    )
    for (better, (parts, scores)), (worse, (fewer, _)) in permutations(TABLE_1.items(), 2)
    if set(fewer) < set(parts) and len(parts) == len(fewer) + 1
]
"""Every pair of rows that differ in one of the three: with it is better than without."""


def measure(request: Request) -> Findings:
    """Train the eight networks."""
    return ablations.measure(tuple(TABLE_1), CLAIMS, request)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the table and what becomes of its orderings."""
    rows = []
    for name, (parts, printed) in TABLE_1.items():
        rows += triple(
            " + ".join(parts) or "none",
            ablations.printed_cells(printed),
            ablations.psnr_cells(findings["networks"][name]["scores"]),
            [(".2f",)] * len(SETS),
        )
    return [
        Sheet("Table I, ×2", ("parts", "", *SETS), tuple(rows)),
        ablations.orderings(CLAIMS, findings),
    ]
