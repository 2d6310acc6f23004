"""Table VI: networks trained on small sets, GLADSR on SR291 alone."""

from gladsr.paper.exhibit import Findings, Request, absent_note, ours, psnr_only
from gladsr.paper.sheet import Sheet, comparison
from gladsr.rivals.published import SETS, TABLE_6

SCALES = (2, 3, 4)
MODEL = "gladsr-sr291"


def measure(request: Request) -> Findings:
    """Score the zoo's GLADSR (SR291) at the scales that it has."""
    return {
        "scores": {
            str(scale): request.scores(name, upscale, scale)
            for scale in SCALES
            for name, upscale in ours((MODEL,), scale, request).items()
        },
        "absent": request.absent(),
    }


def sheets(findings: Findings) -> list[Sheet]:
    """Return a table for each scale."""
    return [_sheet(number, scale, findings) for number, scale in enumerate(SCALES)]


def _sheet(number: int, scale: int, findings: Findings) -> Sheet:
    scores = psnr_only(findings["scores"].get(str(scale), {}))
    rows = [
        (
            method,
            {name: psnr[number] for name, psnr in zip(SETS, printed, strict=True)},
            scores if method.lower() == MODEL else {},
        )
        for method, printed in TABLE_6.items()
    ]
    notes = [
        (
            "Ours has 290 of the 291 images: T91, and BSD200 without 302003, which shows the "
            "photograph that Set5 calls woman. Images smaller than a crop at ×3 or ×4 are left out."
        )
    ]
    if not scores:
        notes.append(
            f"The zoo has no {MODEL} at ×{scale}. To train it: "
            f"gladsr train configs/paper/gladsr-sr291.toml network.scale={scale} -o RUN, then "
            "gladsr export RUN --zoo DATA"
        )
    notes += absent_note(findings["absent"])
    formats = dict.fromkeys(SETS, ".2f")
    return comparison(f"Table VI, ×{scale}", "method", formats, rows, notes)
