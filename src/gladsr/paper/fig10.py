"""Fig. 10: crops on BSD100 and Urban100 at ×2."""

from pathlib import Path

from gladsr.paper import crops
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.sheet import Sheet

SCALE = 2
PICTURES = (("B100", "223061"), ("Urban100", "img_027"), ("Set14", "barbara"))


def measure(request: Request) -> Findings:
    """Upscale the pictures and cut out where the methods differ most."""
    return crops.measure("fig10", PICTURES, SCALE, crops.methods(SCALE, request), request)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the PSNR of every crop."""
    return crops.sheets("Fig. 10", findings)


def draw(findings: Findings, folder: Path) -> None:
    """Draw the crops side by side."""
    crops.draw("fig10", findings, folder)
