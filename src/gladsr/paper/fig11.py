"""Fig. 11: crops on Set14 and Urban100 at ×3."""

from pathlib import Path

from gladsr.paper import crops
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.sheet import Sheet

SCALE = 3
PICTURES = (("Urban100", "img_062"), ("Set14", "ppt3"), ("Set14", "zebra"))


def measure(request: Request) -> Findings:
    """Upscale the pictures and cut out where the methods differ most."""
    return crops.measure("fig11", PICTURES, SCALE, crops.methods(SCALE, request), request)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the PSNR of every crop."""
    return crops.sheets("Fig. 11", findings)


def draw(findings: Findings, folder: Path) -> None:
    """Draw the crops side by side."""
    crops.draw("fig11", findings, folder)
