"""Table II: what the lightweight networks cost and how they score at ×2, ×3 and ×4."""

from torch import nn

from gladsr.network import Gladsr, GladsrConfig, kernel_weights, mult_adds, parameters
from gladsr.paper.exhibit import Findings, Request, absent_note, bicubic, ours
from gladsr.paper.sheet import Sheet, triple
from gladsr.rivals.load import RIVALS
from gladsr.rivals.published import SETS, TABLE_2

SCALES = (2, 3, 4)
OURS = ("gladsr", "gladsr-l")
KERNELS_ALONE = ("srcnn", "fsrcnn", "vdsr", "memnet")
"""Of these the paper counts the convolutions' kernels alone, and of the others the biases too."""


def measure(request: Request) -> Findings:
    """Count every network that is here, and score those that have weights."""
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
    forms = [(".0f%",), (".1f%",)] + [(".2f", ".4f")] * len(SETS)
    published = {row.method: row for row in TABLE_2 if row.scale == scale}
    printed = {method.lower() for method in published}
    rows = []
    for method in (*published, *(name for name in {**scores, **costs} if name not in printed)):
        key = method.lower()
        row = published.get(method)
        rows += triple(
            method,
            _figures((row.parameters, row.mult_adds), row.scores) if row else [None] * len(forms),
            _figures(costs.get(key), scores.get(key, {})),
            forms,
        )
    return Sheet(
        f"Table II, ×{scale}",
        ("method", "", "K params.", "G Mult-Adds", *SETS),
        tuple(rows),
        (
            "Bicubic and RLFN are not in the paper's table.",
            (
                "The paper counts SRCNN, FSRCNN, VDSR and MemNet without their biases, PReLUs and "
                "batch normalisations, and so does this table."
            ),
            *absent_note(findings["absent"]),
        ),
    )


def _figures(
    costs: tuple[float, float | None] | None, scores: dict[str, tuple[float, float]]
) -> list[tuple[float, ...] | None]:
    counted: list[tuple[float, ...] | None] = [None, None]
    if costs:
        count, multiplications = costs
        counted = [(count / 1e3,), (multiplications / 1e9,) if multiplications else None]
    return counted + [tuple(scores[name]) if name in scores else None for name in SETS]
