"""Table VI: networks that were trained on small sets, GLADSR on SR291 alone."""

from gladsr.paper.exhibit import Findings, Request, absent_note, ours
from gladsr.paper.sheet import Sheet, triple
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
    return [_sheet(number, findings) for number in range(len(SCALES))]


def _sheet(number: int, findings: Findings) -> Sheet:
    scale = SCALES[number]
    scores = findings["scores"].get(str(scale), {})
    rows = []
    for method, printed in TABLE_6.items():
        found = scores if method.lower() == MODEL else {}
        rows += triple(
            method,
            [(figures[number],) for figures in printed],
            [(found[name][0],) if name in found else None for name in SETS],
            [(".2f",)] * len(SETS),
        )
    notes = [
        (
            "Ours has 290 of the 291 images: T91 and BSD200 without 302003, which shows what Set5 "
            "calls woman, and at ×3 and ×4 without those that are smaller than a crop."
        )
    ]
    if not scores:
        notes.append(
            f"The zoo has no {MODEL} at ×{scale}. To train it: "
            f"gladsr train configs/paper/gladsr-sr291.toml network.scale={scale} -o RUN, then "
            "gladsr export RUN --zoo DATA"
        )
    notes += absent_note(findings["absent"])
    return Sheet(f"Table VI, ×{scale}", ("method", "", *SETS), tuple(rows), tuple(notes))
