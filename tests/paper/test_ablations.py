"""The queue of the ablations, with toy networks."""

import json
import os
import shutil
import signal
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image

from gladsr import cli
from gladsr.errors import ExhibitError, SettingsError
from gladsr.network import GladsrConfig
from gladsr.paper import ablations, fig7, runs
from gladsr.paper.exhibit import Request
from gladsr.paper.exhibits import EXHIBITS
from gladsr.paper.orderings import Claim
from gladsr.paper.results import reproduce
from gladsr.paper.runs import CURVES, VARIANTS, Run
from tests.paper.conftest import ToyRequest
from tests.paper.made import CLAIM, cells, findings_on

TRAINED = ("table1", "table4", "table7", "fig7", "fig9")
"""The exhibits that train networks; fig8 shows two of these."""


@pytest.fixture(scope="module")
def fig7_trained(toy_request: ToyRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which both networks of Fig. 7 are complete."""
    folder = tmp_path_factory.mktemp("fig7")
    runs.complete_all([(name, 0) for name in CURVES], toy_request(folder), print)
    return folder


@pytest.fixture
def folder(fig7_trained: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder."""
    return shutil.copytree(fig7_trained, tmp_path / "copy")


def _result(folder: Path, name: str, seed: int = 0) -> dict[str, Any]:
    text = (folder / f"ablations/{name}-seed{seed}/result.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _measure_fig7(request: Request, close: float = 0) -> dict[str, Any]:
    return ablations.measure(CURVES, fig7.CLAIMS, request, close=close)


def test_every_network_is_a_change_of_gladsr(tmp_path: Path) -> None:
    gladsr = asdict(GladsrConfig(ndg_residual=True))
    for name, changes in VARIANTS.items():
        network = Run(name, 1, Request(tmp_path)).settings().network
        assert asdict(network) == gladsr | changes


def test_the_ablations_of_all_exhibits_share_one_training_of_each_network(
    toy_request: ToyRequest, tmp_path: Path
) -> None:
    request = toy_request(tmp_path)
    runs.complete_all([(name, 0) for name in VARIANTS], request, print)
    for number, name in enumerate(VARIANTS):  # none lies close to another
        file = Run(name, 0, request).result_file
        file.write_text(json.dumps(_result(tmp_path, name) | {"validation": number}), "utf-8")
    shown = set()
    for exhibit in (*TRAINED, "fig8"):
        result = reproduce(EXHIBITS[exhibit], toy_request(tmp_path))
        text = (tmp_path / f"{exhibit}.md").read_text("utf-8")
        assert "4 steps of 1 crops of 8 LR pixels" in text
        assert (tmp_path / f"{exhibit}.png").is_file() == exhibit.startswith("fig")
        if exhibit in TRAINED:
            assert "The paper's orderings" in text
            shown |= set(result.findings["networks"])
    assert shown == set(VARIANTS)
    assert {run.name for run in (tmp_path / "ablations").iterdir()} == {
        f"{name}-seed0" for name in VARIANTS
    }
    curve = _result(tmp_path, "gladsr")["curve"]
    assert [point["step"] for point in curve] == [2, 4]
    assert set(curve[0]) == {"step", "Set5", "Set14"}


def test_networks_that_lie_close_are_trained_with_a_second_seed_at_the_lowest_priority(
    toy_request: ToyRequest, folder: Path
) -> None:
    before, lines = os.nice(0), list[str]()
    request = replace(toy_request(folder), progress=lines.append)
    found = _measure_fig7(request, close=100)["networks"]["gladsr"]
    assert os.nice(0) == before
    assert any(line.startswith("gladsr: step 4 of 4, PSNR ") for line in lines)
    assert {used.name for used in request.used} == {"Set5", "Set14", "B100"}
    seeds = [_result(folder, "gladsr", seed) for seed in (0, 1)]
    assert seeds[0]["validation"] != seeds[1]["validation"]
    mean = (seeds[0]["validation"] + seeds[1]["validation"]) / 2
    assert found["validation"] == pytest.approx(mean)
    assert len(found["by_seed"]) == 2
    assert len(_measure_fig7(request)["networks"]["gladsr"]["by_seed"]) == 2  # although not close


def _results(**validation: tuple[float, ...]) -> ablations.Results:
    return {
        name: [{"validation": psnr, "scores": {}} for psnr in seeds]
        for name, seeds in validation.items()
    }


def test_networks_of_a_claim_that_lie_close_get_two_seeds_each() -> None:
    claims = [Claim("a", "b", {}), Claim("a", "c", {})]
    far = _results(a=(30.0,), b=(29.0,), c=(29.96,))
    assert ablations.lying_close(claims, far, 0.03) == []
    done = _results(a=(30.0,), b=(29.98,), c=(29.9,))
    assert ablations.lying_close(claims, done, 0.03) == ["a", "b"]
    done["a"] += _results(a=(29.0,))["a"]
    assert ablations.lying_close(claims, done, 0.03) == ["b"]
    done["b"] += _results(b=(29.0,))["b"]
    assert ablations.lying_close(claims, done, 0.03) == []  # a and c are compared by one seed
    done["c"][0]["validation"] = 29.99
    assert ablations.lying_close(claims, done, 0.03) == ["c"]


def test_a_stopped_run_continues_and_ends_as_if_it_had_never_stopped(
    toy_request: ToyRequest, folder: Path
) -> None:
    uninterrupted = _result(folder, "gladsr-nr")
    shutil.rmtree(folder / "ablations/gladsr-nr-seed0")

    def stop(line: str) -> None:
        if line.startswith("gladsr-nr: step 2 of 4"):
            os.kill(os.getpid(), signal.SIGTERM)

    request = toy_request(folder)
    with pytest.raises(ExhibitError, match="stopped at step 2 of 4; the same command continues"):
        Run("gladsr-nr", 0, replace(request, progress=stop)).complete()
    with pytest.raises(ExhibitError, match="gladsr-nr of fig7 is trained to step 2 of 4"):
        EXHIBITS["fig8"].measure(request)
    Run("gladsr-nr", 0, request).complete()
    continued = _result(folder, "gladsr-nr")
    del continued["origin"], uninterrupted["origin"]  # when, and in how many seconds
    assert continued == uninterrupted
    reproduce(EXHIBITS["fig8"], request)
    with Image.open(folder / "fig8.png") as drawn:
        assert min(drawn.size) > 200


def test_ctrl_c_stops_the_training_which_can_be_continued(
    toy_request: ToyRequest, folder: Path
) -> None:
    shutil.rmtree(folder / "ablations/gladsr-nr-seed0")
    lines: list[str] = []

    def press_ctrl_c(line: str) -> None:
        lines.append(line)
        if line.startswith("training gladsr-nr"):
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            _measure_fig7(replace(toy_request(folder), progress=press_ctrl_c))
    finally:
        signal.signal(signal.SIGINT, before)
    assert lines[-1] == "stopped; the same command continues from the last checkpoint"
    assert not (folder / "ablations/gladsr-nr-seed0/result.json").exists()
    Run("gladsr-nr", 0, toy_request(folder)).complete()
    assert set(_measure_fig7(toy_request(folder))["networks"]) == set(CURVES)


def test_fig_8_needs_the_weights_of_the_present_settings(
    toy_request: ToyRequest, folder: Path
) -> None:
    fig8 = EXHIBITS["fig8"]
    with pytest.raises(SettingsError, match="was trained with other settings"):
        fig8.measure(toy_request(folder, "schedule.steps=3"))
    run = folder / "ablations/gladsr-seed0"
    (run / "checkpoint.pt").unlink()  # as in docs/paper
    with pytest.raises(ExhibitError) as raised:
        fig8.measure(toy_request(folder))
    assert f"{run} holds a result without its checkpoint; remove that folder" in str(raised.value)
    assert "gladsr reproduce fig7 fig8 --again" in str(raised.value)
    shutil.rmtree(run)
    with pytest.raises(ExhibitError, match="gladsr of fig7 is not trained yet"):
        fig8.measure(toy_request(folder))


def test_results_of_different_settings_are_not_mixed(toy_request: ToyRequest, folder: Path) -> None:
    with pytest.raises(SettingsError, match="was trained with other settings"):
        _measure_fig7(toy_request(folder, "schedule.steps=6"))


def test_results_of_different_precisions_are_compared(
    toy_request: ToyRequest, folder: Path
) -> None:
    file = folder / "ablations/gladsr-seed0/result.json"
    file.write_text(file.read_text("utf-8").replace('"fp32"', '"bf16"'), "utf-8")
    networks = _measure_fig7(toy_request(folder))["networks"]
    assert networks["gladsr"]["precisions"] == ["bf16"]
    assert networks["gladsr-nr"]["precisions"] == ["fp32"]


def test_a_curve_begins_with_the_first_checkpoint(toy_request: ToyRequest, tmp_path: Path) -> None:
    request = toy_request(tmp_path, "checkpoint_every=4")
    runs.complete_all([("gladsr", 0)], request, print)
    assert [point["step"] for point in _result(tmp_path, "gladsr")["curve"]] == [4]


def test_missing_training_images_are_named(
    toy_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--setting", f'data.train=["{tmp_path}/none"]', "--setting", "compile=false"]
    data = ["--data", str(toy_data / "test"), "-o", str(tmp_path)]
    assert cli.main(["reproduce", "table1", *data, *words]) == 1
    assert f"gladsr: table1: {tmp_path}/none" in capsys.readouterr().err


def test_a_test_set_that_is_added_later_is_scored_then(
    toy_data: Path, toy_request: ToyRequest, tmp_path: Path
) -> None:
    less = tmp_path / "less"
    shutil.copytree(toy_data / "test/Set5", less / "Set5")
    (less / "B100").mkdir()  # empty
    run = Run("gladsr", 0, toy_request(tmp_path, test_sets=less))
    run.complete()
    assert run.is_complete()
    before = _result(tmp_path, "gladsr")
    assert set(before["scores"]) == {"Set5"}
    assert set(before["origin"]) == {"gladsr", "commit", "machine", "date", "seconds"}
    assert len(before["data"]) == len(before["settings"]["data"]["train"]) + 1
    run = Run("gladsr", 0, toy_request(tmp_path))
    assert not run.is_complete()
    run.complete()
    assert run.is_complete()
    after = _result(tmp_path, "gladsr")
    assert set(after["scores"]) == {"Set5", "Set14", "B100"}
    assert after["scores"]["Set5"] == before["scores"]["Set5"]
    assert after["origin"] == before["origin"]


def test_stored_results_with_other_test_sets_are_compared_on_common_ones(
    toy_data: Path, toy_request: ToyRequest, folder: Path, tmp_path: Path
) -> None:
    (folder / "ablations/gladsr-seed0/checkpoint.pt").unlink()  # only its result is kept
    other = tmp_path / "other"
    shutil.copytree(toy_data / "test/Set5", other / "Set5")
    shutil.copytree(toy_data / "test/B100", other / "Urban100")
    (tmp_path / "none").mkdir()
    for test_sets, curves, compared, notes in (
        (
            other,
            ["Set5 gladsr", "Set5 gladsr-nr"],
            [True, False, False, False],
            ["Not every network has been scored on Set14, B100, Urban100."],
        ),
        (
            tmp_path / "none",
            [],
            [False] * 4,
            [
                "The networks were not scored on the same images at the same steps.",
                "Not measured, since the images are absent: Urban100.",
                "Not every network has been scored on Set5, Set14, B100.",
            ],
        ),
    ):
        request = toy_request(folder, test_sets=test_sets)
        shutil.rmtree(folder / "ablations/gladsr-nr-seed0")
        Run("gladsr-nr", 0, request).complete()
        exhibit = replace(EXHIBITS["fig7"], measure=_measure_fig7)
        reproduce(exhibit, request, again=True)
        text = (folder / "fig7.md").read_text("utf-8")
        rows = cells(text)
        assert rows[0] == ["steps", *curves]
        (claim,) = (row for row in rows if ">" in row[0])
        assert [bool(cell) for cell in claim[1:5]] == compared
        assert all(note in text for note in notes)


def test_the_curves_of_fig_7_are_joined_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = findings_on({}, [CLAIM])
    curves = {
        "gladsr": [{"step": step, "Set5": 30 + step / 100} for step in (2, 4, 6)],
        "gladsr-nr": [{"step": step, "Set5": 20 + step / 100, "Set14": 1.0} for step in (3, 6, 9)],
    }
    for name, curve in curves.items():
        findings["networks"][name]["curve"] = curve
    table, _ = fig7.sheets(findings)
    assert table.columns == ("steps", "Set5 gladsr", "Set5 gladsr-nr")
    assert table.rows == (("6", "30.06", "20.06"),)
    drawn: list[Any] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    fig7.draw(findings, tmp_path)
    (axes,) = drawn[0].axes
    assert [list(line.get_xdata()) for line in axes.lines] == [[2, 4, 6], [3, 6, 9]]
    findings["networks"]["gladsr"]["curve"] = []  # killed before its first point
    table, _ = fig7.sheets(findings)
    assert (table.columns, table.rows) == (("steps",), ())
    fig7.draw(findings, tmp_path)
