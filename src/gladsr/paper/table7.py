"""Table VII: what GLAM and SPU bring to the base network, beside a deeper one."""

from gladsr.paper import ablations
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.sheet import Sheet, triple
from gladsr.rivals.published import SETS, TABLE_7

OTHER_READING = "plain"
"""Table I's first row: the paper prints its PSNR, and nearly its parameters, for the base too."""

CLAIMS = ablations.rising(TABLE_7)


def measure(request: Request) -> Findings:
    """Train the four networks, and the other reading of the first."""
    return ablations.measure((*TABLE_7, OTHER_READING), CLAIMS, request)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the table and what becomes of its orderings."""
    _, count, printed = TABLE_7["base"]
    table = TABLE_7 | {OTHER_READING: ("base read as Table I's first row", count, printed)}
    rows = []
    for name, (label, count, printed) in table.items():
        network = findings["networks"][name]
        rows += triple(
            label,
            [(count,), *ablations.printed_cells(printed)],
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
        ablations.orderings(CLAIMS, findings),
    ]
