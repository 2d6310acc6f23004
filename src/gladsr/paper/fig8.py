"""Fig. 8: the coarse output y_c, the final output y, and GLADSR-nr, which has no refinement.

All are networks of the ablations with one training budget, so that only the structure differs.
"""

from pathlib import Path

from gladsr.paper import crops, orderings, runs
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.sheet import Sheet

PICTURES = (("Urban100", "img_076"), ("Set14", "barbara"), ("Set14", "zebra"))


def measure(request: Request) -> Findings:
    """Upscale the pictures with both networks of Fig. 7 and crop them."""
    networks = {name: runs.Run(name, 0, request).network() for name in runs.CURVES}
    methods = {
        "GLADSR-nr": runs.fine(networks["gladsr-nr"]),
        "GLADSR-c": runs.coarse(networks["gladsr"]),
        "GLADSR": runs.fine(networks["gladsr"]),
    }
    return crops.compare("fig8", PICTURES, 2, methods, request) | {"budget": runs.budget(request)}


def sheets(findings: Findings) -> list[Sheet]:
    """Return a table of the PSNR of each crop."""
    return crops.sheets("fig8", findings, (orderings.budget_note(findings["budget"]),))


def draw(findings: Findings, folder: Path) -> None:
    """Draw each picture with its crops in a row."""
    crops.draw("fig8", findings, folder)
