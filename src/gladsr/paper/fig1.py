"""Fig. 1: crops of one picture (the paper's is from Urban100 and not named)."""

from pathlib import Path

from gladsr.paper import crops
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.sheet import Sheet

SCALE = 4
PICTURES = (("Urban100", "img_092"), ("Set14", "barbara"))


def measure(request: Request) -> Findings:
    """Upscale the pictures and cut out where the methods differ most."""
    return crops.measure("fig1", PICTURES, SCALE, crops.methods(SCALE, request), request)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the PSNR of every crop."""
    return crops.sheets("Fig. 1", findings)


def draw(findings: Findings, folder: Path) -> None:
    """Draw the crops side by side."""
    crops.draw("fig1", findings, folder)
