"""Table VII: what GLAM and SPU add to the base network, beside a deeper one."""

from gladsr.paper import ablations, orderings
from gladsr.paper.exhibit import Findings, Request, psnr_only
from gladsr.paper.sheet import Sheet, comparison
from gladsr.rivals.published import SETS, TABLE_7

OTHER_READING = "plain"
"""Table I's first row: the paper prints its PSNR, and nearly its parameters, for the base too."""

CLAIMS = orderings.rising(TABLE_7)


def measure(request: Request) -> Findings:
    """Train the four networks, and the other reading of the first."""
    return ablations.measure((*TABLE_7, OTHER_READING), CLAIMS, request)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the table and which of its orderings hold."""
    _, count, psnr = TABLE_7["base"]
    table = TABLE_7 | {OTHER_READING: ("base read as Table I's first row", count, psnr)}
    networks = findings["networks"]
    rows = [
        (
            label,
            {"K params.": count} | psnr,
            {"K params.": networks[name]["parameters"] / 1e3} | psnr_only(networks[name]["scores"]),
        )
        for name, (label, count, psnr) in table.items()
    ]
    return [
        comparison(
            "Table VII, ×2",
            "network",
            {"K params.": ".0f%"} | dict.fromkeys(SETS, ".2f"),
            rows,
            (
                (
                    "No one reading of the paper's text meets both 726K and 1028K. The paper's "
                    "first row has the PSNR of Table I's first row, a network with neither nested "
                    "dense connections nor a deconvolution; the table has both readings."
                ),
            ),
        ),
        orderings.sheet(CLAIMS, findings),
    ]
