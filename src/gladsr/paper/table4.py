"""Table IV: four upsamplers."""

from gladsr.network import GladsrConfig, kernel_weights, mult_adds
from gladsr.network.layers import upsampler
from gladsr.paper import ablations
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.sheet import Sheet, triple
from gladsr.rivals.published import SETS, TABLE_4

SCALE = 2
CLAIMS = ablations.rising(TABLE_4)


def measure(request: Request) -> Findings:
    """Train the four networks."""
    return ablations.measure(tuple(TABLE_4), CLAIMS, request)


def _costs(name: str) -> tuple[int, int]:
    """Return the weights of a network's upsampler, without biases, and its multiply-adds."""
    config = GladsrConfig(scale=SCALE, **ablations.VARIANTS[name])
    network, _ = upsampler(config)
    return kernel_weights(network), mult_adds(network, SCALE, channels=config.features)


def sheets(findings: Findings) -> list[Sheet]:
    """Return the table and what becomes of its orderings."""
    rows = []
    for name, (label, kilo, giga, printed) in TABLE_4.items():
        weights, multiplications = _costs(name)
        rows += triple(
            label,
            [(kilo,), (giga,), *ablations.printed_cells(printed)],
            [
                (weights / 1e3,),
                (multiplications / 1e9,),
                *ablations.psnr_cells(findings["networks"][name]["scores"]),
            ],
            [(".1f%",), (".1f%",), *[(".2f",)] * len(SETS)],
        )
    return [
        Sheet(
            "Table IV, ×2",
            ("upsampler", "", "K params.", "G Mult-Adds", *SETS),
            tuple(rows),
            (
                "Parameters and Mult-Adds are the upsampler's own, without biases.",
                (
                    "The paper's 3.8G for separable upsampling is what each of its two "
                    "convolutions takes."
                ),
            ),
        ),
        ablations.orderings(CLAIMS, findings),
    ]
