"""Table V: running time on Set5 ×4 of all networks in one run, in PyTorch, on the same threads.

Only ratios can be compared with the paper, which measured on a graphics card that it does not name.
Time does not depend on the weights, so the rivals need none.
"""

import time
from statistics import fmean, median

import torch

from gladsr.errors import ExhibitError
from gladsr.network import Gladsr, GladsrConfig
from gladsr.paper.exhibit import Findings, Request, ours
from gladsr.paper.sheet import Sheet, comparison
from gladsr.paper.table2 import counted
from gladsr.pictures import mod_crop, read, resize
from gladsr.rivals.load import RIVALS
from gladsr.rivals.published import TABLE_5
from gladsr.scoring import evaluate, images_in
from gladsr.scoring.networks import in_torch, upscale_with

SCALE = 4
ROUNDS = 3
REFERENCE = "CARN"


def measure(request: Request) -> Findings:
    """Time every network on every image, in rounds; an image's time is the median of its rounds."""
    folder = request.test_set("Set5")
    if folder is None:
        raise ExhibitError("table5 needs Set5; name the folder of the test sets with --data")
    if request.threads:
        torch.set_num_threads(request.threads)
    networks = {name: _network(name) for name in TABLE_5}
    methods = {
        name: upscale_with(in_torch(network, name, SCALE)) for name, network in networks.items()
    }
    images = [
        resize(mod_crop(read(path).pixels, SCALE), scale=1 / SCALE) for path in images_in(folder)
    ]
    seconds = {name: [list[float]() for _ in images] for name in methods}
    for turn in range(ROUNDS + 1):
        for name, upscale in methods.items():
            request.progress(f"timing {name}, round {turn} of {ROUNDS}")
            for image, times in zip(images, seconds[name], strict=True):
                began = time.perf_counter()
                upscale(image)
                if turn:  # the first round warms up
                    times.append(time.perf_counter() - began)
    scored = ours(("gladsr", "gladsr-l"), SCALE, request)
    scored |= {found.name: found.upscale for found in request.networks_at(SCALE)}
    return {
        "engine": f"PyTorch {torch.__version__}",
        "threads": torch.get_num_threads(),
        "seconds": {name: fmean(map(median, times)) for name, times in seconds.items()},
        "parameters": {name: counted(name.lower(), network) for name, network in networks.items()},
        "psnr": {name: evaluate(upscale, folder, SCALE).psnr for name, upscale in scored.items()},
    }


def _network(name: str) -> torch.nn.Module:
    key = name.lower()
    return RIVALS[key](SCALE) if key in RIVALS else Gladsr(GladsrConfig.named(key, SCALE))


def sheets(findings: Findings) -> list[Sheet]:
    """Return the table."""
    seconds, against = findings["seconds"], f"÷ {REFERENCE}"
    *_, printed = TABLE_5[REFERENCE]
    rows = [
        (
            name,
            {
                "K params.": count / 1e3,
                "PSNR": psnr,
                "seconds": published,
                against: published / printed,
            },
            {
                "K params.": findings["parameters"][name] / 1e3,
                "PSNR": findings["psnr"].get(name.lower()),
                "seconds": seconds[name],
                against: seconds[name] / seconds[REFERENCE],
            },
        )
        for name, (count, psnr, published) in TABLE_5.items()
    ]
    return [
        comparison(
            "Table V, Set5 ×4",
            "method",
            {"K params.": ".0f%", "PSNR": ".2f", "seconds": ".2f", against: ".2f"},
            rows,
            (
                (
                    f"{findings['engine']}, {findings['threads']} thread(s), one run; the mean "
                    f"over the images of the median of {ROUNDS} rounds."
                ),
            ),
        )
    ]
