"""Table I: local selective blocks, global guided blocks, nested dense connections on and off."""

from itertools import permutations

from gladsr.paper import ablations, orderings
from gladsr.paper.exhibit import Findings, Request, psnr_only
from gladsr.paper.sheet import Sheet, comparison
from gladsr.rivals.published import SETS, TABLE_1

CLAIMS = [
    orderings.Claim(better, worse, {name: scores[name] - fewer_scores[name] for name in scores})
    for (better, (parts, scores)), (worse, (fewer, fewer_scores)) in permutations(
        TABLE_1.items(), 2
    )
    if set(fewer) < set(parts) and len(parts) == len(fewer) + 1
]
"""All pairs of rows that differ in one of the three parts: with it is better than without."""


def measure(request: Request) -> Findings:
    """Train the eight networks."""
    return ablations.measure(tuple(TABLE_1), CLAIMS, request)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the table and which of its orderings hold."""
    rows = [
        (" + ".join(parts) or "none", psnr, psnr_only(findings["networks"][name]["scores"]))
        for name, (parts, psnr) in TABLE_1.items()
    ]
    return [
        comparison("Table I, ×2", "parts", dict.fromkeys(SETS, ".2f"), rows),
        orderings.sheet(CLAIMS, findings),
    ]
