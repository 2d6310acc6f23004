"""Table III: GLADSR (large) beside the large networks at ×2; + is the self-ensemble."""

from gladsr.network import Gladsr, GladsrConfig, mult_adds, parameters
from gladsr.paper.exhibit import Findings, Request, absent_note, ours
from gladsr.paper.sheet import Sheet, comparison
from gladsr.rivals.published import SETS, TABLE_3

LARGE = "gladsr-large"


def measure(request: Request) -> Findings:
    """Count the costs of GLADSR (large), and score it, plain and as +, if the zoo has it."""
    network = Gladsr(GladsrConfig.named(LARGE))
    scores = {}
    for ensemble in (False, True):
        for name, upscale in ours((LARGE,), 2, request, ensemble=ensemble).items():
            label = f"{name}+" if ensemble else name
            scores[label] = request.scores(label, upscale, 2)
    return {
        "parameters": parameters(network),
        "mult_adds": mult_adds(network, 2),
        "scores": scores,
        "absent": request.absent(),
    }


def sheets(findings: Findings) -> list[Sheet]:
    """Return the table."""
    rows = []
    for row in TABLE_3:
        name = row.method.lower()
        found = findings["scores"].get(name, {})
        if name.startswith(LARGE):
            found = {"M params.": findings["parameters"] / 1e6} | found
        rows.append((row.method, {"M params.": row.parameters / 1e6} | row.scores, found))
    notes = [f"GLADSR-large has {findings['mult_adds'] / 1e9:.1f}G Mult-Adds."]
    if not findings["scores"]:
        notes.append("The zoo has no trained GLADSR-large, so there are no scores of ours.")
    notes += absent_note(findings["absent"])
    formats = {"M params.": ".1f%"} | dict.fromkeys(SETS, ".2f / .4f")
    return [comparison("Table III, ×2", "method", formats, rows, notes)]
