"""The machinery of every table and figure, at toy size."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from skimage.data import camera

from gladsr import cli, zoo
from gladsr.cli import reproduce as command
from gladsr.cli.console import say
from gladsr.paper import ablations, fig7, fig9, table1, table2, table4
from gladsr.paper.crops import _find
from gladsr.paper.exhibit import MissingError, Request
from gladsr.paper.exhibits import EXHIBITS, TRAINED, in_order, module
from gladsr.paper.kept import write_json
from gladsr.rivals import published
from gladsr.rivals.load import RIVALS

NAMES = [f"table{n}" for n in range(1, 8)] + [f"fig{n}" for n in (1, *range(6, 14))]


def _run(names: list[str], data: Path, output: Path, *words: str) -> int:
    return cli.main(["reproduce", *names, "--data", str(data / "test"), "-o", str(output), *words])


def _findings(
    scored_on: dict[str, tuple[str, ...]], claims: list[ablations.Claim]
) -> dict[str, Any]:
    """Findings of the networks in the claims, scored on these sets, the rest of them on B100."""
    names = sorted({name for claim in claims for name in (claim.better, claim.worse)})
    runs = {
        name: {
            "validation": 30 + number / 10,
            "scores": dict.fromkeys(scored_on.get(name, ("B100",)), (30 + number, 0.9)),
        }
        for number, name in enumerate(names)
    }
    return {
        "budget": {"steps": 4, "patch": 8, "batch": 1, "learning_rate": 1e-3},
        "networks": {
            name: {
                "parameters": 1000 * names.index(name),
                "mult_adds": 10**9,
                "curve": [],
                "precisions": ["fp32"],
                "origins": [None],
                "by_seed": [run],
                **run,
            }
            for name, run in runs.items()
        },
        "absent": [],
    }


def _sheet(output: Path, name: str) -> list[list[str]]:
    """The cells of what was printed."""
    lines = (output / f"{name}.md").read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line]


def test_the_list_has_every_table_and_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reproduce", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == NAMES
    for one in listed:
        assert one["title"]
        assert one["needs"]
        assert one["takes"]
    for name in EXHIBITS:
        assert callable(module(name).measure)
        assert callable(module(name).sheets)
        assert hasattr(module(name), "draw") == (name.startswith("fig") and name != "fig6")
    assert cli.main(["reproduce", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in NAMES)


def test_what_does_not_exist_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reproduce", "table2", "table8", "-o", str(tmp_path)]) == 2
    assert "there is no table8; there are table1, table2" in capsys.readouterr().err
    assert cli.main(["reproduce"]) == 2
    assert "name what to reproduce" in capsys.readouterr().err
    assert cli.main(["reproduce", "table2", "--data", str(tmp_path / "none")]) == 2
    assert "none is no folder" in capsys.readouterr().err


def test_table_2_prints_the_papers_figure_ours_and_the_difference_and_names_what_is_absent(
    toy_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["table2"], toy_data, tmp_path) == 0
    out = capsys.readouterr().out
    assert "Not measured, since the images are not there: Urban100." in out
    rows = _sheet(tmp_path, "table2")
    at = next(n for n, row in enumerate(rows) if row[0] == "GLADSR")
    paper, ours, difference = rows[at : at + 3]
    assert paper[2:5] == ["812", "187.2", "37.99 / 0.9608"]
    assert ours[2:4] == ["802", "185.0"]
    assert difference[2:4] == ["-1.3%", "-1.2%"]
    printed, found, apart = (float(row[4].split(" / ")[0]) for row in (paper, ours, difference))
    assert apart == pytest.approx(found - printed, abs=0.011)
    assert ours[-1] == difference[-1] == ""  # Urban100
    kept = json.loads((tmp_path / "table2.json").read_text(encoding="utf-8"))
    assert {"commit", "machine", "date", "gladsr", "seconds"} <= set(kept)
    assert set(kept["data"]) == {"Set5", "Set14", "B100"}
    assert len(set(kept["data"].values())) == 3


def test_what_a_run_has_left_is_shown_again_and_measured_only_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GLADSR_DATA", raising=False)
    words = ["reproduce", "table3", "-o", str(tmp_path)]
    assert cli.main(words) == 0
    first = capsys.readouterr().out
    assert "5.3" in first
    assert "The zoo has no trained GLADSR-large" in first or "gladsr-large" in zoo.MODELS
    asked: list[Any] = []

    def refuse(request: Any) -> Any:
        asked.append(request)
        raise MissingError("measured again")

    monkeypatch.setattr(module("table3"), "measure", refuse)
    assert cli.main(words) == 0
    again = capsys.readouterr()
    assert again.out == first
    assert "table3 is shown as it was measured; --again measures it anew" in again.err
    assert not asked
    assert cli.main([*words, "--again"]) == 1
    assert "table3: measured again" in capsys.readouterr().err
    assert cli.main([*words, "--json"]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    assert document["name"] == "table3"


def test_json_leaves_the_same_files_as_tables_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fig9, "measure", lambda _: _findings({"gladsr": ("Set5",)}, fig9.CLAIMS))
    words = ["reproduce", "fig9", "-o", str(tmp_path)]
    assert cli.main([*words, "--json"]) == 0
    left = (tmp_path / "fig9.md").read_text("utf-8")
    assert {file.name for file in tmp_path.iterdir()} == {"fig9.json", "fig9.md", "fig9.png"}
    assert cli.main(words) == 0
    assert (tmp_path / "fig9.md").read_text("utf-8") == left


def test_a_figure_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fig9, "measure", lambda _: _findings({"gladsr": ("Set5",)}, fig9.CLAIMS))
    words = ["reproduce", "fig9", "-o", str(tmp_path), "--again"]
    assert cli.main(words) == 0
    before = (tmp_path / "fig9.png").read_bytes()

    def fill_the_disk(_figure: Figure, file: BinaryIO, **_: Any) -> None:
        file.write(before[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fill_the_disk)
    assert cli.main(words) == 2
    assert (tmp_path / "fig9.png").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("fails", ["sheets", "draw"])
def test_what_cannot_be_shown_or_drawn_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fig9, "measure", lambda _: _findings({"gladsr": ("Set5",)}, fig9.CLAIMS))
    with monkeypatch.context() as broken:
        broken.setattr(fig9, fails, fail)
        assert cli.main(["reproduce", "fig9", "-o", str(tmp_path)]) == 2
    assert not (tmp_path / "fig9.json").exists()
    assert cli.main(["reproduce", "fig9", "-o", str(tmp_path)]) == 0
    for ending in ("json", "md", "png"):
        assert (tmp_path / f"fig9.{ending}").is_file()


def test_a_file_of_json_is_whole_and_the_only_one_that_is_written(tmp_path: Path) -> None:
    (tmp_path / "table2.tmp").write_text("mine", "utf-8")
    write_json(tmp_path / "table2.json", {"scale": "×2"})
    with pytest.raises(TypeError):
        write_json(tmp_path / "table2.json", {"scale": object()})
    assert json.loads((tmp_path / "table2.json").read_text("utf-8")) == {"scale": "×2"}
    assert (tmp_path / "table2.tmp").read_text("utf-8") == "mine"
    assert len(list(tmp_path.iterdir())) == 2


def test_table_5_times_all_networks_in_one_run(toy_data: Path, tmp_path: Path) -> None:
    assert _run(["table5"], toy_data, tmp_path, "--threads", "1") == 0
    rows = _sheet(tmp_path, "table5")
    found = {rows[n - 1][0]: row for n, row in enumerate(rows) if row[1] == "ours"}
    assert list(found) == list(published.TABLE_5)
    assert found["CARN"][-1] == "1.00"
    assert float(found["MemNet"][-1]) > float(found["CARN"][-1])
    kept = json.loads((tmp_path / "table5.json").read_text(encoding="utf-8"))
    assert kept["findings"]["threads"] == 1


def test_table_6_says_how_to_train_what_is_not_there(
    toy_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["table6"], toy_data, tmp_path) == 0
    out = capsys.readouterr().out
    assert "37.87" in out
    for scale in {2, 3, 4} - {*zoo.MODELS.get("gladsr-sr291", ())}:
        assert f"The zoo has no gladsr-sr291 at ×{scale}." in out
        assert f"gladsr train configs/paper/gladsr-sr291.toml network.scale={scale}" in out


@pytest.mark.parametrize("name", ["fig1", "fig10", "fig11", "fig12", "fig13"])
def test_a_figure_of_crops_is_drawn_and_names_what_is_absent(
    toy_data: Path, tmp_path: Path, name: str
) -> None:
    assert _run([name], toy_data, tmp_path) == 0
    with Image.open(tmp_path / f"{name}.png") as drawn:
        assert min(drawn.size) > 200
    text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
    assert "bicubic" in text
    if name != "fig13":
        assert "Not drawn, since the pictures are not there: Urban100" in text
    if name == "fig13":
        assert "comic1" not in text
        assert "dog" in text


def test_a_picture_smaller_than_a_crop_counts_as_absent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data/test/Set14"
    folder.mkdir(parents=True)
    Image.new("RGB", (100, 67)).save(folder / "barbara.png")  # 64 rows of it are left at ×4
    assert _run(["fig1"], tmp_path / "data", tmp_path) == 0
    Image.new("RGB", (100, 63)).save(folder / "barbara.png")
    assert _run(["fig1"], tmp_path / "data", tmp_path, "--again") == 1
    assert "fig1 shows Urban100 img_092, Set14 barbara" in capsys.readouterr().err


def test_a_rival_may_have_a_file_of_weights_for_each_scale(toy_data: Path, tmp_path: Path) -> None:
    networks = []
    for scale in (2, 4):
        file = tmp_path / f"rlfn_x{scale}.pth"
        torch.save(RIVALS["rlfn"](scale).state_dict(), file)
        networks += ["--network", f"rlfn={file}"]
    assert _run(["fig10", "fig1"], toy_data, tmp_path, *networks) == 0
    for name in ("fig10", "fig1"):
        kept = json.loads((tmp_path / f"{name}.json").read_text("utf-8"))
        for found in kept["findings"]["pictures"]:
            assert list(found["psnr"]) == ["bicubic", "rlfn", "gladsr-l", "gladsr"]


def test_fig_13_leaves_out_what_has_no_niqe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photographs = tmp_path / "data/test/RealWorld"
    photographs.mkdir(parents=True)
    Image.new("RGB", (60, 60)).save(photographs / "flat.png")
    assert _run(["fig13"], tmp_path / "data", tmp_path) == 1
    assert "fig13 finds no photograph in" in capsys.readouterr().err
    Image.fromarray(camera()[:100, :100]).convert("LA").save(photographs / "grey.png")
    Image.fromarray(camera()[:20, :20]).save(photographs / "small.png")
    assert _run(["fig13"], tmp_path / "data", tmp_path) == 0
    printed = capsys.readouterr()
    assert all(f"{name}.png is left out. NIQE" in printed.err for name in ("flat", "small"))
    assert [row[0] for row in _sheet(tmp_path, "fig13")[2:]] == ["grey", "mean", "lowest"]


def test_what_a_table_keeps_names_only_the_sets_that_it_was_measured_on(
    toy_data: Path, tmp_path: Path
) -> None:
    assert _run(["fig13", "table3"], toy_data, tmp_path) == 0
    sets = {
        name: set(json.loads((tmp_path / f"{name}.json").read_text("utf-8"))["data"])
        for name in ("fig13", "table3")
    }
    assert sets == {"fig13": {"RealWorld"}, "table3": set()}  # which has no weights to score


@pytest.mark.parametrize("left", ["{", "[]", '{"name": "table3"}'])
def test_what_is_kept_and_damaged_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], left: str
) -> None:
    (tmp_path / "table3.json").write_text(left, "utf-8")
    assert cli.main(["reproduce", "table3", "-o", str(tmp_path)]) == 1
    assert "table3.json is damaged; measure again with --again" in capsys.readouterr().err


def test_a_figure_without_its_pictures_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GLADSR_DATA", raising=False)
    names = ["fig1", "fig6", "fig8", "fig13", "table5"]
    assert cli.main(["reproduce", *names, "-o", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    for name in names:
        assert f"gladsr: {name}: " in err
    assert "gladsr reproduce fig7 fig8" in err
    assert list(tmp_path.glob("*.json")) == []


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("img_027.png", True),
        ("img027.png", True),
        ("img_027_SRF_2_HR.png", True),
        ("img_027_SRF_2_LR.png", False),
        ("img_0271.png", False),
    ],
)
def test_pictures_of_urban100_are_found_by_their_usual_names(
    tmp_path: Path, file: str, found: bool
) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / file)
    assert (_find(tmp_path, "img_027") == tmp_path / file) is found


def test_the_ablations_of_all_tables_are_trained_once_and_their_orderings_reported(
    toy_data: Path, tmp_path: Path, toy_settings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablations, "CLOSE", 0)
    assert _run([*TRAINED], toy_data, tmp_path, *toy_settings) == 0
    runs = {run.name for run in (tmp_path / "ablations").iterdir()}
    assert runs == {f"{name}-seed0" for name in ablations.VARIANTS}
    for name in TRAINED:
        text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
        if name != "fig8":
            assert "The paper's orderings" in text
        assert "4 steps of 1 crops of 8 LR pixels" in text
        assert (tmp_path / f"{name}.png").is_file() == name.startswith("fig")
    rows = _sheet(tmp_path, "table1")
    claims = [row for row in rows if ">" in row[0]]
    assert len(claims) == 12  # each of three parts, with and without, in four settings
    networks = json.loads((tmp_path / "table1.json").read_text(encoding="utf-8"))["findings"][
        "networks"
    ]
    for claim in claims:
        better, worse = (networks[name] for name in claim[0].split(" > "))
        delta = better["validation"] - worse["validation"]
        assert claim[-3:-1] == [f"{delta:+.3f}", "yes" if delta > 0 else "no"]
    curve = json.loads((tmp_path / "ablations/gladsr-seed0/curve.json").read_text("utf-8"))
    assert [point["step"] for point in curve] == [2, 4]
    assert set(curve[0]) == {"step", "Set5", "Set14"}


def test_what_trains_is_measured_after_all_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []
    for name in EXHIBITS:

        def note(_: Request, name: str = name) -> dict[str, Any]:
            measured.append(name)
            raise MissingError("noted")

        monkeypatch.setattr(module(name), "measure", note)
    names = ["fig7", "fig8", "table1", "table5", "fig7", "fig13"]
    assert cli.main(["reproduce", *names, "-o", str(tmp_path)]) == 1
    assert measured == ["table5", "fig13", "fig7", "fig8", "table1"]
    assert {*TRAINED} == {name for name in EXHIBITS if hasattr(module(name), "ablations")}
    assert in_order(EXHIBITS)[-len(TRAINED) :] == [*TRAINED]


@pytest.mark.parametrize("name", ["table1", "table4", "table7", "fig9"])
def test_networks_are_compared_on_the_test_sets_that_both_have(tmp_path: Path, name: str) -> None:
    exhibit: Any = module(name)
    other = ablations.Claim("plain", "gladsr", {})  # Table VII shows it too
    findings = _findings({"gladsr": ("Set5", "B100")}, [*exhibit.CLAIMS, other])
    table, orderings = exhibit.sheets(findings)
    for sheet in (table, orderings):
        assert all(len(row) == len(sheet.columns) for row in sheet.rows)
    at = table.columns.index("Set5")
    assert {row[at] for row in table.rows if row[at].endswith(".00")}  # GLADSR's own
    for row in orderings.rows:
        cells = dict(zip(orderings.columns, row, strict=True))
        better, worse = (findings["networks"][one]["scores"] for one in row[0].split(" > "))
        assert cells["B100"] == f"{better['B100'][0] - worse['B100'][0]:+.3f}"
        assert cells["Set5"] == cells["Set14"] == cells["Urban100"] == ""
    assert "Not every network has been scored on Set5, Set14, Urban100." in orderings.notes
    if name == "fig9":
        exhibit.draw(findings, tmp_path)


def test_the_mean_over_seeds_is_of_the_test_sets_that_all_have() -> None:
    first = {"validation": 30.0, "scores": {"Set5": (30.0, 0.8), "Set14": (29.0, 0.7)}}
    second = {"validation": 31.0, "scores": {"Set5": (31.0, 0.9)}}
    for seeds in ([first, second], [second, first]):
        found = ablations.mean(seeds)
        assert found["validation"] == 30.5
        assert found["scores"] == {"Set5": (30.5, pytest.approx(0.85))}


def _results(**validation: tuple[float, ...]) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [{"validation": psnr, "scores": {}} for psnr in seeds]
        for name, seeds in validation.items()
    }


def test_a_pair_that_a_second_seed_brings_close_has_two_of_both() -> None:
    claims = [ablations.Claim("a", "b", {}), ablations.Claim("a", "c", {})]
    assert ablations._lying_close(claims, _results(a=(30.0,), b=(29.0,), c=(29.96,))) is None
    done = _results(a=(30.0,), b=(29.98,), c=(29.9,))
    assert ablations._lying_close(claims, done) == "a"
    done["a"] += _results(a=(29.0,))["a"]
    assert ablations._lying_close(claims, done) == "b"
    done["b"] += _results(b=(29.0,))["b"]
    assert ablations._lying_close(claims, done) is None  # a and c are compared by one seed
    done["c"][0]["validation"] = 29.99
    assert ablations._lying_close(claims, done) == "c"


def test_networks_are_compared_by_the_seeds_that_both_have() -> None:
    claims = [ablations.Claim("gladsr", "gladsr-nr", {})]
    findings = _findings({}, claims)
    networks = findings["networks"]
    networks["gladsr"]["by_seed"] = [
        {"validation": psnr, "scores": {"B100": (psnr, 0.9)}} for psnr in (30.0, 40.0)
    ]
    networks["gladsr-nr"]["by_seed"] = [{"validation": 31.0, "scores": {"B100": (31.0, 0.9)}}]
    (row,) = ablations.orderings(claims, findings).rows
    assert row[-3:] == ("-1.000", "no", "1")
    networks["gladsr-nr"]["by_seed"] *= 2
    (row,) = ablations.orderings(claims, findings).rows
    assert row[-3:] == ("+4.000", "yes", "2")


def test_where_networks_were_trained_is_told() -> None:
    claims = [ablations.Claim("gladsr", "gladsr-nr", {})]
    findings = _findings({}, claims)
    findings["networks"]["gladsr"]["origins"] = [
        {"machine": {"processor": "Z80"}, "date": f"2026-01-0{day}T00:00", "commit": "abc"}
        for day in (1, 2)
    ]
    notes = ablations.orderings(claims, findings).notes
    assert (
        "Trained on Z80, 2026-01-01 to 2026-01-02, commit abc: gladsr (seed 0), gladsr (seed 1)."
        in notes
    )
    assert "When and where is not recorded of: gladsr-nr (seed 0)." in notes


def test_the_upsamplers_of_table_4_cost_what_the_paper_prints() -> None:
    for name, (_, kilo, giga, _) in published.TABLE_4.items():
        weights, mult_adds = table4._costs(name)
        assert weights / 1e3 == pytest.approx(kilo, abs=0.05)
        if name != "separable":  # of whose two convolutions the paper counts one
            assert mult_adds / 1e9 == pytest.approx(giga, abs=0.05)


def test_a_test_set_that_comes_later_is_scored_then(
    toy_data: Path, tmp_path: Path, toy_settings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablations, "CLOSE", 0)
    less = tmp_path / "less"
    shutil.copytree(toy_data / "test/Set5", less / "test/Set5")
    (less / "test/B100").mkdir()  # empty
    assert _run(["fig7"], less, tmp_path, *toy_settings) == 0
    result = tmp_path / "ablations/gladsr-seed0/result.json"
    before = json.loads(result.read_text("utf-8"))
    assert set(before["scores"]) == {"Set5"}
    assert set(before["origin"]) == {"gladsr", "commit", "machine", "date", "seconds"}
    assert len(before["data"]) == len(before["settings"]["data"]["train"]) + 1
    assert _run(["fig7"], toy_data, tmp_path, *toy_settings, "--again") == 0
    after = json.loads(result.read_text("utf-8"))
    assert set(after["scores"]) == {"Set5", "Set14", "B100"}
    assert after["scores"]["Set5"] == before["scores"]["Set5"]
    assert after["origin"] == before["origin"]


def test_kept_results_with_other_test_sets_than_todays_are_taken(
    toy_data: Path,
    tmp_path: Path,
    toy_settings: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ablations, "CLOSE", 0)
    assert _run(["fig7"], toy_data, tmp_path, *toy_settings) == 0
    (tmp_path / "ablations/gladsr-seed0/checkpoint.pt").unlink()  # only its result is kept
    other = tmp_path / "other"
    shutil.copytree(toy_data / "test/Set5", other / "test/Set5")
    shutil.copytree(toy_data / "test/B100", other / "test/Urban100")
    (tmp_path / "none/test").mkdir(parents=True)
    for data, curves, compared, notes in (
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
                "Not measured, since the images are not there: Urban100.",
                "Not every network has been scored on Set5, Set14, B100.",
            ],
        ),
    ):
        shutil.rmtree(tmp_path / "ablations/gladsr-nr-seed0")
        assert _run(["fig7"], data, tmp_path, *toy_settings, "--again") == 0
        rows = _sheet(tmp_path, "fig7")
        assert rows[0] == ["steps", *curves]
        (claim,) = (row for row in rows if ">" in row[0])
        assert [bool(cell) for cell in claim[1:5]] == compared
        text = (tmp_path / "fig7.md").read_text("utf-8")
        assert all(note in text for note in notes)


def test_the_curves_of_fig_7_are_joined_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = _findings({}, fig7.CLAIMS)
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


def test_two_networks_that_lie_close_have_a_second_seed(
    toy_data: Path, tmp_path: Path, toy_settings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablations, "CLOSE", 100)
    assert _run(["fig7"], toy_data, tmp_path, *toy_settings) == 0
    seeds = [
        json.loads((tmp_path / f"ablations/gladsr-seed{seed}/result.json").read_text("utf-8"))
        for seed in (0, 1)
    ]
    assert seeds[0]["validation"] != seeds[1]["validation"]
    found = json.loads((tmp_path / "fig7.json").read_text("utf-8"))["findings"]["networks"]
    mean = (seeds[0]["validation"] + seeds[1]["validation"]) / 2
    assert found["gladsr"]["validation"] == pytest.approx(mean)
    assert len(found["gladsr"]["by_seed"]) == 2


def test_the_claims_of_table_1_are_the_papers() -> None:
    for claim in table1.CLAIMS:
        assert min(claim.paper.values()) > 0


def test_a_stopped_queue_goes_on_and_ends_as_if_it_had_never_stopped(
    toy_data: Path,
    tmp_path: Path,
    toy_settings: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    monkeypatch.setattr(ablations, "CLOSE", 0)  # one seed

    def stop_at_the_first_report(line: str) -> None:
        say(line)
        if "step 2 of 4" in line:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(command, "say", stop_at_the_first_report)
    assert _run(["fig7"], toy_data, stopped, *toy_settings) == 130
    assert "the same command goes on from there" in capsys.readouterr().err
    assert not (stopped / "fig7.json").exists()
    monkeypatch.setattr(command, "say", say)
    assert _run(["fig7"], toy_data, stopped, *toy_settings) == 0
    assert _run(["fig7"], toy_data, whole, *toy_settings) == 0
    for name in ablations.CURVES:
        results = [
            json.loads((folder / f"ablations/{name}-seed0/result.json").read_text("utf-8"))
            for folder in (stopped, whole)
        ]
        for result in results:
            del result["origin"]  # when, and in how many seconds
        assert results[0] == results[1]


def test_fig_8_shows_only_networks_that_are_trained_to_their_end(
    toy_data: Path,
    tmp_path: Path,
    toy_settings: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ablations, "CLOSE", 0)

    def stop(line: str) -> None:
        say(line)
        if line.startswith("gladsr-nr: step 2 of 4"):
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as stopping:
        stopping.setattr(command, "say", stop)
        assert _run(["fig7"], toy_data, tmp_path, *toy_settings) == 130
    assert _run(["fig8"], toy_data, tmp_path, *toy_settings) == 1
    assert "gladsr-nr of fig7 is trained to step 2 of 4" in capsys.readouterr().err
    assert not (tmp_path / "fig8.json").exists()
    both, again = ["fig7", "fig8"], [*toy_settings, "--again"]  # as it says
    assert _run(both, toy_data, tmp_path, *again) == 0
    other = [word.replace("schedule.steps=4", "schedule.steps=3") for word in toy_settings]
    capsys.readouterr()
    assert _run(["fig8"], toy_data, tmp_path, *other, "--again") == 1
    assert "was trained with other settings" in capsys.readouterr().err
    run = tmp_path / "ablations/gladsr-seed0"
    (run / "checkpoint.pt").unlink()  # as in docs/paper
    assert _run(both, toy_data, tmp_path, *again) == 1
    err = capsys.readouterr().err
    assert f"{run} keeps a result without its checkpoint; remove that folder" in err
    assert "gladsr reproduce fig7 fig8 --again" in err
    shutil.rmtree(run)
    assert _run(both, toy_data, tmp_path, *again) == 0


def test_results_of_other_settings_are_not_mixed(
    toy_data: Path, tmp_path: Path, toy_settings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["fig7"], toy_data, tmp_path, *toy_settings) == 0
    other = [word.replace("schedule.steps=4", "schedule.steps=6") for word in toy_settings]
    assert _run(["fig7"], toy_data, tmp_path, *other, "--again") == 1
    assert "was trained with other settings" in capsys.readouterr().err


def test_results_of_another_precision_are_compared_and_told(
    toy_data: Path,
    tmp_path: Path,
    toy_settings: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(ablations, "CLOSE", 0)
    assert _run(["fig7"], toy_data, tmp_path, *toy_settings) == 0
    assert "Trained on machines that differ" not in capsys.readouterr().out
    file = tmp_path / "ablations/gladsr-seed0/result.json"
    file.write_text(file.read_text("utf-8").replace('"fp32"', '"bf16"'), "utf-8")
    assert _run(["fig7"], toy_data, tmp_path, *toy_settings, "--again") == 0
    told = "Trained on machines that differ: in bf16 gladsr; in fp32 gladsr-nr."
    assert told in capsys.readouterr().out


def test_a_curve_begins_with_the_first_checkpoint(
    toy_data: Path, tmp_path: Path, toy_settings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablations, "CLOSE", 0)
    later = [*toy_settings, "--setting", "checkpoint_every=4"]
    assert _run(["fig7"], toy_data, tmp_path, *later) == 0
    curve = json.loads((tmp_path / "ablations/gladsr-seed0/curve.json").read_text("utf-8"))
    assert [point["step"] for point in curve] == [4]


def test_missing_training_images_are_named(
    toy_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--setting", f'data.train=["{tmp_path}/none"]', "--setting", "compile=false"]
    assert _run(["table1"], toy_data, tmp_path, *words) == 1
    assert "none is no folder" in capsys.readouterr().err


def test_published_tables_are_consistent() -> None:
    """Figures that the paper prints twice are the same here."""
    for row in published.TABLE_2:
        if row.method in published.TABLE_6:
            for name, printed in zip(published.SETS, published.TABLE_6[row.method], strict=True):
                assert row.scores[name][0] == printed[row.scale - 2]
        if row.method in published.TABLE_5 and row.scale == 4:
            count, psnr, _ = published.TABLE_5[row.method]
            assert (row.parameters, row.scores["Set5"][0]) == (count, psnr)
    assert len(published.TABLE_2) == 33
    assert table2.SCALES == (2, 3, 4)
