"""Table II: what the lightweight networks cost and how they score at ×2, ×3 and ×4."""

from torch import nn

from gladsr.network import Gladsr, GladsrConfig, kernel_weights, mult_adds, parameters
from gladsr.paper.exhibit import Findings, Request, absent_note, bicubic, ours
from gladsr.paper.sheet import Sheet, Values, comparison
from gladsr.rivals.load import RIVALS
from gladsr.rivals.published import SETS, TABLE_2

SCALES = (2, 3, 4)
OURS = ("gladsr", "gladsr-l")
KERNELS_ALONE = ("srcnn", "fsrcnn", "vdsr", "memnet")
"""For these the paper counts the weights of convolutions alone, for the others biases too."""


def measure(request: Request) -> Findings:
    """Count the costs of the networks that we have, and score those with weights."""
    costs: Findings = {}
    scores: Findings = {}
    for scale in SCALES:
        networks = {name: make(scale) for name, make in RIVALS.items()} | {
            name: Gladsr(GladsrConfig.named(name, scale)) for name in OURS
        }
        costs[str(scale)] = {
            name: (counted(name, network), mult_adds(network, scale))
            for name, network in networks.items()
        }
        methods = {"bicubic": bicubic(scale)} | ours(OURS, scale, request)
        methods |= {found.name: found.upscale for found in request.networks_at(scale)}
        scores[str(scale)] = {
            name: request.scores(name, upscale, scale) for name, upscale in methods.items()
        }
    return {"costs": costs, "scores": scores, "absent": request.absent()}


def counted(name: str, network: nn.Module) -> int:
    """Return the number of a network's parameters, counted as the paper does."""
    return kernel_weights(network) if name in KERNELS_ALONE else parameters(network)


def sheets(findings: Findings) -> list[Sheet]:
    """Return a table for each scale."""
    return [_sheet(scale, findings) for scale in SCALES]


def _sheet(scale: int, findings: Findings) -> Sheet:
    costs, scores = findings["costs"][str(scale)], findings["scores"][str(scale)]
    paper = {
        row.method: _values((row.parameters, row.mult_adds), row.scores)
        for row in TABLE_2
        if row.scale == scale and row.mult_adds
    }
    printed = {method.lower() for method in paper}
    methods = [*paper, *(name for name in scores | costs if name not in printed)]
    return comparison(
        f"Table II, ×{scale}",
        "method",
        {"K params.": ".0f%", "G Mult-Adds": ".1f%"} | dict.fromkeys(SETS, ".2f / .4f"),
        [
            (
                method,
                paper.get(method, {}),
                _values(costs.get(method.lower()), scores.get(method.lower(), {})),
            )
            for method in methods
        ],
        (
            "Bicubic and RLFN are not in the paper's table.",
            (
                "The paper counts SRCNN, FSRCNN, VDSR and MemNet without biases, PReLUs and batch "
                "normalisations, and so does this table."
            ),
            *absent_note(findings["absent"]),
        ),
    )


def _values(costs: tuple[float, float] | None, scores: dict[str, tuple[float, float]]) -> Values:
    if costs is None:
        return scores
    count, multiplications = costs
    return {"K params.": count / 1e3, "G Mult-Adds": multiplications / 1e9} | scores
