"""Where OpenVINO's time goes: python measurements/layer_times.py MODEL SCALE [SIZE].

By kind of layer, in percent of the processor's work, in each precision that there are weights for.
Kinds are OpenVINO's own names; a convolution's is followed by its kernel's size.
"""

import sys
from collections import Counter

import numpy as np
import openvino

from gladsr import zoo
from gladsr.engines.openvino import int8_path

RUNS = 5


def shares(file: str, precision: str, size: int) -> Counter[str]:
    """Return the part of the time that each kind of layer takes."""
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


def main(model: str, scale: int, size: int = 256) -> None:
    """Print a column for each precision."""
    card = zoo.card(model, scale)
    files = {"f32": card.onnx_path, "bf16": card.onnx_path, "int8": int8_path(card)}
    for precision, file in files.items():
        if not file.is_file():
            print(f"{precision}: no weights in {file}")
            continue
        taken = shares(str(file), "f32" if precision == "f32" else "bf16", size)
        print(f"{model} ×{scale} {size}² {precision}: {taken.total():.3f} s")
        for kind, seconds in taken.most_common():
            if seconds > 0.005 * taken.total():
                print(f"    {100 * seconds / taken.total():5.1f} %  {kind}")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
