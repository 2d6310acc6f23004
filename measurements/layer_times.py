"""Measure how OpenVINO's time divides among the kinds of layers (docs/benchmark.md).

Prints the percentage of each kind in every precision that has weights. Kinds have OpenVINO's names;
the kernel's size follows that of a convolution.
"""

import argparse
from collections import Counter

import numpy as np
import openvino

from gladsr import zoo
from gladsr.engines.openvino import int8_path

RUNS = 5


def seconds(file: str, precision: str, size: int) -> Counter[str]:
    """Return the seconds that each kind of layer takes."""
    model = openvino.Core().read_model(file)
    kernels = {
        node.get_friendly_name(): "×".join(map(str, node.input(1).get_partial_shape()[-2:]))
        for node in model.get_ops()
        if "Convolution" in node.get_type_name()
    }
    hint = {"INFERENCE_PRECISION_HINT": precision, "PERF_COUNT": True}
    request = openvino.Core().compile_model(model, "CPU", hint).create_infer_request()
    taken: Counter[str] = Counter()
    for _ in range(RUNS):
        request.infer([np.random.default_rng(0).random((1, 3, size, size), np.float32)])
        taken = Counter()
        for layer in request.profiling_info:
            kernel = kernels.get(layer.node_name, "")
            taken[f"{layer.node_type} {kernel}".strip()] += layer.real_time.total_seconds()
    return taken


def main() -> None:
    """Print a list for each precision."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a model of the zoo")
    parser.add_argument("scale", type=int)
    parser.add_argument("--size", type=int, default=256, help="side of the input (default: 256)")
    options = parser.parse_args()
    card = zoo.card(options.model, options.scale)
    files = {"f32": card.onnx_path, "bf16": card.onnx_path, "int8": int8_path(card)}
    for precision, file in files.items():
        if not file.is_file():
            print(f"{precision}: no weights in {file}")
            continue
        taken = seconds(str(file), "f32" if precision == "f32" else "bf16", options.size)
        print(f"{card.name} ×{card.scale} {options.size}² {precision}: {taken.total():.3f} s")
        for kind, share in taken.most_common():
            if share > 0.005 * taken.total():
                print(f"    {100 * share / taken.total():5.1f} %  {kind}")


if __name__ == "__main__":
    main()
