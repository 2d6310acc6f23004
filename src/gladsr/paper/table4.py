"""Table IV: four upsamplers."""

from gladsr.network import GladsrConfig, kernel_weights, mult_adds
from gladsr.network.layers import upsampler
from gladsr.paper import ablations, orderings, runs
from gladsr.paper.exhibit import Findings, Request, psnr_only
from gladsr.paper.sheet import Sheet, comparison
from gladsr.rivals.published import SETS, TABLE_4

SCALE = 2
CLAIMS = orderings.rising(TABLE_4)


def measure(request: Request) -> Findings:
    """Train the four networks."""
    return ablations.measure(tuple(TABLE_4), CLAIMS, request)


def costs(name: str) -> dict[str, float]:
    """Return the weights of a network's upsampler, without biases, and its Mult-Adds."""
    config = GladsrConfig(scale=SCALE, **runs.VARIANTS[name])
    network, _ = upsampler(config)
    return {
        "K params.": kernel_weights(network) / 1e3,
        "G Mult-Adds": mult_adds(network, SCALE, channels=config.features) / 1e9,
    }


def sheets(findings: Findings) -> list[Sheet]:
    """Return the table and which of its orderings hold."""
    rows = [
        (
            label,
            {"K params.": kilo, "G Mult-Adds": giga} | psnr,
            costs(name) | psnr_only(findings["networks"][name]["scores"]),
        )
        for name, (label, kilo, giga, psnr) in TABLE_4.items()
    ]
    return [
        comparison(
            "Table IV, ×2",
            "upsampler",
            {"K params.": ".1f%", "G Mult-Adds": ".1f%"} | dict.fromkeys(SETS, ".2f"),
            rows,
            (
                "Parameters and Mult-Adds are those of the upsampler alone, without biases.",
                "The paper's 3.8G for separable upsampling are those of one of its convolutions.",
            ),
        ),
        orderings.sheet(CLAIMS, findings),
    ]
