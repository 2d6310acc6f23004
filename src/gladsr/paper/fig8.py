"""Fig. 8: the coarse output y_c, the final output y, and GLADSR-nr, which has no refinement.

All from the ablations' equal budget, so that nothing but the structure differs.
"""

from pathlib import Path

from gladsr.paper import ablations, crops
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.sheet import Sheet

PICTURES = (("Urban100", "img_076"), ("Set14", "barbara"), ("Set14", "zebra"))


def measure(request: Request) -> Findings:
    """Upscale with both networks of Fig. 7 and cut out where the methods differ most."""
    networks = {name: ablations.finished(name, request) for name in ablations.CURVES}
    methods = {
        "GLADSR-nr": ablations.fine(networks["gladsr-nr"]),
        "GLADSR-c": ablations.coarse(networks["gladsr"]),
        "GLADSR": ablations.fine(networks["gladsr"]),
    }
    return crops.measure("fig8", PICTURES, 2, methods, request) | {
        "budget": ablations.budget(request)
    }


def sheets(findings: Findings) -> list[Sheet]:
    """Return the PSNR of every crop."""
    return crops.sheets("Fig. 8", findings, (ablations.budget_note(findings["budget"]),))


def draw(findings: Findings, folder: Path) -> None:
    """Draw the crops side by side."""
    crops.draw("fig8", findings, folder)
