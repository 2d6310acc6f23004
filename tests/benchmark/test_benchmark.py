import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import openvino
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper

from gladsr import engines, zoo
from gladsr.benchmark.ceiling import MULT_ADDS, Ceiling
from gladsr.benchmark.contenders import mult_adds_of, networks_at, of_networks, of_zoo
from gladsr.benchmark.machine import cores, machine
from gladsr.benchmark.measure import Best, Result, Spread, measure, steps
from gladsr.benchmark.processes import NotMeasuredError, TimedProcess, Timing, Workload
from gladsr.cli import main
from gladsr.engines import ENGINES
from gladsr.errors import EngineError
from gladsr.network.cost import mult_adds
from gladsr.rivals.carn import Carn
from gladsr.rivals.rlfn import Rlfn

HAS_BF16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")

LEAST = ["--model", "gladsr-l", "--size", "16", "--rounds", "1"]
LEAST += ["--engine", "openvino", "--precision", "fp32"]


@dataclass(frozen=True)
class Allocate:
    """A workload that allocates some memory."""

    megabytes: int

    def load(self) -> Callable[[NDArray[np.float32]], object]:
        return lambda _picture: np.ones((self.megabytes, 1 << 20), np.uint8).sum()


@dataclass(frozen=True)
class Fail:
    """A workload that fails in one way or another."""

    how: str

    def load(self) -> Callable[[NDArray[np.float32]], object]:
        if self.how == "import":
            raise ModuleNotFoundError("No module named 'abacus'", name="abacus")
        if self.how == "load":
            raise RuntimeError("Exception from a.cpp:1:\nthe beads are missing")
        return self._end

    def _end(self, _picture: NDArray[np.float32]) -> object:
        if self.how == "run":
            raise ValueError("too many beads")
        os.kill(os.getpid(), signal.SIGKILL)
        return None


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("import", "abacus is not installed"),
        ("load", "the beads are missing"),
        ("run", "too many beads"),
        pytest.param(
            "kill",
            "its process ended with code -9",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="signals are of Unix"),
        ),
    ],
)
def test_a_failure_is_reported_and_affects_nothing_else(how: str, message: str):
    def measure() -> None:
        process = TimedProcess(Fail(how))
        try:
            process.run(16)
        finally:
            process.close()

    with pytest.raises(NotMeasuredError, match=message):
        measure()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are of Unix")
def test_a_process_that_ended_between_two_runs_is_reported():
    process = TimedProcess(Allocate(1))
    process.run(16)
    process._process.kill()
    process._process.join()
    with pytest.raises(NotMeasuredError, match="its process ended with code -9"):
        process.run(16)


@pytest.mark.skipif(sys.platform != "linux", reason="another system may not tell")
def test_memory_is_that_of_each_process_alone():
    peaks = []
    for megabytes in (10, 300):
        process = TimedProcess(Allocate(megabytes))
        peaks.append(process.run(16).memory)
        process.close()
    small, large = peaks
    assert small is not None
    assert large is not None
    assert 280e6 < large - small < 320e6


def test_everything_takes_its_turn_in_every_round():
    runs = []
    clock = itertools.count(1)

    class Stand:
        def __init__(self, workload: Any) -> None:
            if workload.engine == "torch":
                raise NotMeasuredError("torch is not installed")
            self._workload = workload

        def run(self, size: int) -> Timing:
            runs.append((str(self._workload), size))
            return Timing(next(clock), 1000 * size)

        def close(self) -> None:
            runs.append((str(self._workload), 0))

    contenders = list(of_zoo(["gladsr-l"], [2], [("openvino", "fp32"), ("torch", "fp32")], 1))
    ceiling = Ceiling("openvino", "convolution", "fp32", 1)
    told: list[str] = []
    measured = measure(
        contenders,
        [ceiling],
        sizes=[16, 32],
        rounds=2,
        with_startup=False,
        progress=told.append,
        start=cast("Any", Stand),
    )
    name = "gladsr-l ×2 openvino fp32"
    turn = [(str(ceiling), 16), (name, 16), (name, 32)]
    assert runs == [*turn, *turn, *turn, (str(ceiling), 0), (name, 0)]
    assert measured.skipped == {"gladsr-l ×2 torch fp32": "torch is not installed"}
    # The first turn (1, 2, 3) is to warm up; then come 4, 5, 6 and 7, 8, 9.
    assert [result.seconds.median for result in measured.results] == [6.5, 7.5]
    assert [result.memory for result in measured.results] == [16000, 32000]
    assert measured.best["fp32"].mult_adds_per_second == MULT_ADDS["convolution"] / 5.5
    assert len(told) == steps(contenders, [ceiling], rounds=2, with_startup=False)


def test_rates_are_those_of_the_card():
    card = zoo.card("gladsr", 2)
    (contender,) = of_zoo(["gladsr"], [2], [("openvino", "fp32")], 1)
    result = Result(contender, 480, Spread(2.0, 1.5, 3.0), Best(card.mult_adds, "a test"), None)
    assert result.mult_adds_per_second == pytest.approx(card.mult_adds / 2)
    assert result.share_of_best == pytest.approx(1 / 2)
    assert result.seconds_per_megapixel == pytest.approx(2 / 0.9216)


def test_a_spread_is_between_the_quartiles():
    assert Spread.of([5.0, 1.0, 3.0, 2.0, 4.0]) == Spread(3.0, 2.0, 4.0)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)


@pytest.mark.parametrize("rival", [Rlfn, Carn])
def test_a_rivals_multiply_adds_are_those_of_its_network(rival: type, tmp_path: Path):
    found = list(
        of_networks(
            [engines.untrained(rival.__name__.lower(), 2)],
            [("openvino", "bf16"), ("openvino", "int8"), ("torch", "fp32")],
            1,
            tmp_path,
        )
    )
    assert [(one.engine, one.precision) for one in found] == [
        ("openvino", "bf16"),
        ("torch", "fp32"),
    ]
    expected = mult_adds(rival(2), 2, output_size=96) / 96**2
    for one in found:
        assert one.mult_adds == pytest.approx(expected, rel=1e-9)


def test_a_networks_file_may_have_an_equals_sign_in_its_path(doubling: Path, tmp_path: Path):
    file = doubling.rename(tmp_path / "rate=1e-3.onnx")
    ((network,),) = (found.values() for _, found in networks_at([2], [f"net={file}"]))
    assert (network.name, network.scale, network.onnx) == ("net", 2, file)


@pytest.mark.parametrize(
    ("engine", "kind"), list(itertools.product(("openvino", "onnxruntime", "torch"), MULT_ADDS))
)
def test_a_ceiling_computes_its_operation(engine: Any, kind: Any):
    shapes = ((8, 8), (8, 8)) if kind == "matrix product" else ((1, 4, 8, 8), (4, 4, 3, 3))
    outputs = []
    for precision in ENGINES[engine].precisions:
        ceiling = Ceiling(engine, kind, precision, 1, shapes)
        if precision == "bf16" and not HAS_BF16:
            with pytest.raises(EngineError, match="does not compute in bf16"):
                ceiling.load()
            continue
        y: Any = ceiling.load()(np.zeros((1, 1, 3), np.float32))
        if engine == "torch":
            y = y.float()
        elif engine == "openvino":
            y = y[0]
        outputs.append(np.squeeze(np.asarray(y)))
    assert outputs[0].shape == ((8, 8) if kind == "matrix product" else (4, 8, 8))
    for other in outputs[1:]:
        np.testing.assert_allclose(other, outputs[0], atol=0.05)
        assert (other != outputs[0]).any()  # it is in another precision indeed


@pytest.fixture
def doubling(tmp_path: Path) -> Path:
    """A network from elsewhere, with names of its own: a 1×1 convolution and nearest neighbours."""
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["input", "w"], ["mixed"]),
            helper.make_node(
                "Resize",
                ["mixed", "", "scales"],
                ["output"],
                mode="nearest",
                nearest_mode="floor",
                coordinate_transformation_mode="asymmetric",
            ),
        ],
        "doubling",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 3, "H", "W"])],
        [
            helper.make_tensor("w", TensorProto.FLOAT, [3, 3, 1, 1], np.eye(3).ravel()),
            helper.make_tensor("scales", TensorProto.FLOAT, [4], [1.0, 1.0, 2.0, 2.0]),
        ],
    )
    path = tmp_path / "doubling.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    return path


def test_one_json_document_and_nothing_else(doubling: Path, tmp_path: Path):
    run = _command(
        "--model",
        "gladsr-l",
        "--network",
        str(doubling),
        "--quick",
        "--size",
        "16,24",
        "--engine",
        "openvino",
        "--engine",
        "onnxruntime",
        "--rounds",
        "2",
        "--json",
    )
    assert run.returncode == 0, run.stderr
    document = json.loads(run.stdout)
    assert run.stderr == ""
    measured = {
        (result["model"], result["engine"], result["precision"]) for result in document["results"]
    }
    assert {
        ("gladsr-l", "openvino", "fp32"),
        ("gladsr-l", "onnxruntime", "fp32"),
        ("doubling", "openvino", "fp32"),
        ("doubling", "onnxruntime", "fp32"),
    } <= measured
    for result in document["results"]:
        assert result["size"] == 16
        assert result["scale"] == 2
        assert 0 < result["seconds"]["low"] <= result["seconds"]["median"]
        assert result["seconds"]["median"] <= result["seconds"]["high"]
        assert result["startup"] is None
    assert "fp32" in document["best"]
    assert document["machine"]["cores"] == cores()
    assert mult_adds_of(doubling) == 9 * 48**2
    saved = tmp_path / "saved.json"
    saved.write_text(run.stdout)
    again = _command(*LEAST, "--quick", "--compare", str(saved))
    assert again.returncode == 0, again.stderr
    assert "× saved" in again.stdout
    (row,) = [line for line in again.stdout.splitlines() if line.strip().startswith("gladsr-l ×2")]
    assert re.search(r"\d\.\d\d +\d\.\d\d *$", row)


def test_the_start_of_the_command_is_timed_for_models_of_the_zoo():
    run = _command(*LEAST, "--json")
    assert run.returncode == 0, run.stderr
    (result,) = json.loads(run.stdout)["results"]
    took = result["startup"]
    assert 0 < took["written"] <= took["second"]
    assert took["first"] > 0


def _command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - Python itself, and our own words
        [sys.executable, "-m", "gladsr", "benchmark", "--threads", "1", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "160", "PYTHONPATH": str(Path(zoo.__file__).parents[2])},
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--size", "256,"], "--size is '256,', but must be numbers from 16"),
        (["--engine", "abacus"], "--engine is 'abacus', but must be one of openvino, onnxruntime"),
        (["--precision", "fp8"], "--precision is 'fp8', but must be one of fp32, bf16, int8"),
        (
            ["--engine", "onnxruntime", "--precision", "int8"],
            "none of onnxruntime computes in int8",
        ),
        (["--model", "gladsr-xl"], "there is no model 'gladsr-xl'"),
        (["--scale", "5"], "no model has scale 5"),
        (["--network", "edsr"], "there is no rival 'edsr'; choose from srcnn"),
        (["--network", "gone.onnx"], "gone.onnx does not exist"),
        (["--compare", "saved.json", "--json"], "choose one of --compare and --json"),
        (["--compare", "gone.json"], "gone.json: No such file"),
    ],
)
def test_wrong_arguments_are_rejected_before_anything_is_measured(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["benchmark", *words]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_all_models_with_the_scale_are_measured_unless_some_are_named(scale: int):
    models = [contender.model for contender in of_zoo([], [scale], [("openvino", "fp32")], 1)]
    assert models == [card.name for card in zoo.cards() if card.scale == scale]


def test_weights_of_another_scale_are_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    torch.save(Rlfn(4).state_dict(), tmp_path / "rlfn.pth")
    assert main(["benchmark", "--model", "gladsr", "--network", f"rlfn={tmp_path}/rlfn.pth"]) == 2
    assert "upscales by ×4 only; choose that with --scale" in capsys.readouterr().err


def test_a_file_that_is_not_a_saved_run_is_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    key = {"model": "gladsr", "scale": 2, "engine": "torch", "precision": "fp32", "size": 256}
    for text in (
        "{}",
        "[]",
        "no JSON",
        '{"results": [{}]}',
        json.dumps({"results": [key]}),
        json.dumps({"results": [key | {"seconds": {"median": 1}}]}),
    ):
        (tmp_path / "saved.json").write_text(text)
        assert main(["benchmark", "--compare", str(tmp_path / "saved.json")]) == 2
        assert "is not what gladsr benchmark --json prints" in capsys.readouterr().err


def test_the_machine_is_named():
    found = machine(3)
    assert found["threads"] == 3
    assert found["processor"]
    assert {"gladsr", "openvino", "torch"} <= set(found["versions"])
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        words = cpuinfo.read_text().split()
        assert all(name in words for name in found["instruction_sets"])


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_without_bf16_nothing_is_measured_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: Any
):
    monkeypatch.setattr("gladsr.engines.openvino.capabilities", lambda _: ["FP32"])
    kinds: list[tuple[Any, Any]] = [(engine, "bf16")]
    workloads: list[Workload] = [
        *of_zoo(["gladsr-l"], [2], kinds, 1),
        *of_networks([engines.untrained("fsrcnn", 2)], kinds, 1, tmp_path),
        Ceiling(engine, "matrix product", "bf16", 1),
    ]
    for workload in workloads:
        with pytest.raises(EngineError, match="does not compute in bf16"):
            workload.load()
