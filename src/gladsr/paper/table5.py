"""Table V: running time on Set5 ×4, all networks in one run, in PyTorch, on the same threads.

Only the ratios can be compared: the paper measured on a graphics card that it does not name. Time
does not depend on the weights, so the rivals need none.
"""

import time
from statistics import fmean, median

import torch

from gladsr.network import Gladsr, GladsrConfig
from gladsr.paper.exhibit import Findings, MissingError, Request, ours
from gladsr.paper.sheet import Sheet, triple
from gladsr.paper.table2 import counted
from gladsr.pictures import mod_crop, read, resize
from gladsr.rivals.load import RIVALS
from gladsr.rivals.published import TABLE_5
from gladsr.scoring import evaluate, images_in
from gladsr.upscaling.pixels import to_unit

SCALE = 4
ROUNDS = 3
REFERENCE = "CARN"


def measure(request: Request) -> Findings:
    """Time every network on every image, in rounds, and take each image's median."""
    folder = request.test_set("Set5")
    if folder is None:
        raise MissingError("table5 is measured on Set5; say where it is with --data FOLDER")
    if request.threads:
        torch.set_num_threads(request.threads)
    networks = {name: _network(name).eval() for name in TABLE_5}
    images = [
        resize(mod_crop(read(path).pixels, SCALE), scale=1 / SCALE) for path in images_in(folder)
    ]
    batches = [torch.from_numpy(to_unit(lr).transpose(2, 0, 1)[None].copy()) for lr in images]
    seconds = {name: [list[float]() for _ in batches] for name in networks}
    for turn in range(ROUNDS + 1):
        for name, network in networks.items():
            request.tell(f"timing {name}, round {turn} of {ROUNDS}")
            for batch, times in zip(batches, seconds[name], strict=True):
                took = _seconds(network, batch)
                if turn:  # the first round warms up
                    times.append(took)
    scores = {
        name: evaluate(upscale, folder, SCALE).psnr
        for name, upscale in ours(("gladsr", "gladsr-l"), SCALE, request).items()
    }
    scores |= {
        found.name: evaluate(found.upscale, folder, SCALE).psnr
        for found in request.networks_at(SCALE)
    }
    return {
        "engine": f"PyTorch {torch.__version__}",
        "threads": torch.get_num_threads(),
        "seconds": {name: fmean(map(median, times)) for name, times in seconds.items()},
        "parameters": {name: counted(name.lower(), network) for name, network in networks.items()},
        "psnr": scores,
    }


def _network(name: str) -> torch.nn.Module:
    key = name.lower()
    return RIVALS[key](SCALE) if key in RIVALS else Gladsr(GladsrConfig.named(key, SCALE))


@torch.inference_mode()
def _seconds(network: torch.nn.Module, batch: torch.Tensor) -> float:
    began = time.perf_counter()
    network(batch)
    return time.perf_counter() - began


def sheets(findings: Findings) -> list[Sheet]:
    """Return the table."""
    seconds, printed = findings["seconds"], {name: row[2] for name, row in TABLE_5.items()}
    rows = []
    for name, (count, psnr, published) in TABLE_5.items():
        found = findings["psnr"].get(name.lower())
        rows += triple(
            name,
            [(count / 1e3,), (psnr,), (published,), (published / printed[REFERENCE],)],
            [
                (findings["parameters"][name] / 1e3,),
                (found,) if found else None,
                (seconds[name],),
                (seconds[name] / seconds[REFERENCE],),
            ],
            [(".0f%",), (".2f",), (".2f",), (".2f",)],
        )
    return [
        Sheet(
            "Table V, Set5 ×4",
            ("method", "", "K params.", "PSNR", "seconds", f"÷ {REFERENCE}"),
            tuple(rows),
            (
                (
                    f"{findings['engine']}, {findings['threads']} thread(s), one run; the "
                    f"mean over the images of each one's median of {ROUNDS}."
                ),
            ),
        )
    ]
