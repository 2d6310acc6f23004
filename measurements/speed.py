"""Measure how much faster the rearranged graph is, on one thread (docs/speed.md).

Compares the graph that the package ships with the plain network's in OpenVINO, the plain network in
PyTorch, and RLFN in OpenVINO.
"""

import argparse
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gladsr import engines, load_network, zoo
from gladsr.rivals.load import RIVALS

Run = Callable[[NDArray[np.float32]], object]
TURNS = 5


def exported(network: torch.nn.Module, file: Path) -> Path:
    """Write a network as ONNX without rearranging it."""
    sides = {2: torch.export.Dim("height", min=8), 3: torch.export.Dim("width", min=8)}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns about its own internals
        program = torch.onnx.export(
            network.eval(),
            (torch.rand(1, 3, 64, 72),),
            dynamic_shapes=(sides,),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.save(file)
    return file


def eager(network: torch.nn.Module) -> Run:
    """Run a network in PyTorch, in float32."""

    @torch.inference_mode()
    def run(x: NDArray[np.float32]) -> object:
        return network(torch.from_numpy(x.transpose(2, 0, 1)[np.newaxis].copy()))

    return run


def medians(ways: dict[str, Run], x: NDArray[np.float32]) -> dict[str, float]:
    """Return the median CPU seconds of each way, run in turns after a warm-up."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(TURNS + 1):
        for way, run in ways.items():
            start = time.process_time()
            run(x)
            seconds[way].append(time.process_time() - start)
    return {way: float(np.median(taken[1:])) for way, taken in seconds.items()}


def main() -> None:
    """Print a row for each precision."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a model of the zoo")
    parser.add_argument("scale", type=int)
    parser.add_argument("--size", type=int, default=256, help="side of the input (default: 256)")
    options = parser.parse_args()
    model, scale, size = options.model, options.scale, options.size
    torch.set_num_threads(1)
    network: Any = load_network(model, scale=scale).eval()
    x = np.random.default_rng(0).random((size, size, 3), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "plain": exported(network, Path(folder) / "plain.onnx"),
            "shipped": zoo.card(model, scale).onnx_path,
            "RLFN": exported(RIVALS["rlfn"](scale), Path(folder) / "rlfn.onnx"),
        }
        precisions: tuple[engines.Precision, ...] = ("fp32", "bf16")
        for precision in precisions:
            ways: dict[str, Run] = {
                way: engines.load(
                    engines.Network(way, scale, way, onnx=file), precision=precision, threads=1
                ).run
                for way, file in files.items()
            }
            found = medians({**ways, "eager": eager(network)}, x)
            ratios = {
                "plain ÷ shipped": found["plain"] / found["shipped"],
                "eager ÷ shipped": found["eager"] / found["shipped"],
                "shipped ÷ RLFN": found["shipped"] / found["RLFN"],
            }
            print(
                f"{model} ×{scale} {size}² {precision}",
                *(f"{way} {taken:.3f} s" for way, taken in found.items()),
                *(f"{name} {ratio:.2f}" for name, ratio in ratios.items()),
                sep="  ",
            )


if __name__ == "__main__":
    main()
