"""Fig. 12: crops on Urban100 at ×4."""

from pathlib import Path

from gladsr.paper import crops
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.sheet import Sheet

SCALE = 4
PICTURES = (
    ("Urban100", "img_076"),
    ("Urban100", "img_059"),
    ("B100", "148026"),
    ("Set14", "monarch"),
)


def measure(request: Request) -> Findings:
    """Upscale the pictures and cut out where the methods differ most."""
    return crops.measure("fig12", PICTURES, SCALE, crops.methods(SCALE, request), request)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the PSNR of every crop."""
    return crops.sheets("Fig. 12", findings)


def draw(findings: Findings, folder: Path) -> None:
    """Draw the crops side by side."""
    crops.draw("fig12", findings, folder)
