"""The tables and figures that need no training, at toy size."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage.data import camera

from gladsr import cli, zoo
from gladsr.paper import table2, table4
from gladsr.paper.crops import find
from gladsr.paper.exhibits import EXHIBITS
from gladsr.rivals import published
from gladsr.rivals.load import RIVALS
from tests.paper.made import cells

NAMES = [f"table{n}" for n in range(1, 8)] + [f"fig{n}" for n in (1, *range(6, 14))]


def _run(names: list[str], data: Path, output: Path, *words: str) -> int:
    return cli.main(["reproduce", *names, "--data", str(data / "test"), "-o", str(output), *words])


def _sheet(output: Path, name: str) -> list[list[str]]:
    return cells((output / f"{name}.md").read_text(encoding="utf-8"))


def test_the_list_has_every_table_and_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reproduce", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == NAMES
    for one in listed:
        assert one["title"]
        assert one["needs"]
        assert one["takes"]
    for name, exhibit in EXHIBITS.items():
        assert exhibit.name == name
        assert bool(exhibit.draw) == (name.startswith("fig") and name != "fig6")
    assert cli.main(["reproduce", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in NAMES)


def test_unknown_names_and_folders_are_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["reproduce", "table2", "table8", "-o", str(tmp_path)]) == 2
    assert "there is no table8; choose from table1, table2" in capsys.readouterr().err
    assert cli.main(["reproduce"]) == 2
    assert "name a table or figure" in capsys.readouterr().err
    assert cli.main(["reproduce", "table2", "--data", str(tmp_path / "none")]) == 2
    assert "none is not a folder" in capsys.readouterr().err


def test_table_2_prints_the_papers_figures_ours_and_the_differences(
    toy_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in ("Set5/head.png", "Set14/zebra.png", "B100/223061.png"):
        (tmp_path / "test" / file).parent.mkdir(parents=True)
        shutil.copy(toy_data / "test" / file, tmp_path / "test" / file)
    assert _run(["table2"], tmp_path, tmp_path) == 0
    out = capsys.readouterr().out
    assert "Not measured, since the images are absent: Urban100." in out
    rows = _sheet(tmp_path, "table2")
    at = next(n for n, row in enumerate(rows) if row[0] == "GLADSR")
    paper, ours, difference = rows[at : at + 3]
    assert paper[2:5] == ["812", "187.2", "37.99 / 0.9608"]
    assert ours[2:4] == ["802", "185.0"]
    assert difference[2:4] == ["-1.3%", "-1.2%"]
    printed, found, apart = (float(row[4].split(" / ")[0]) for row in (paper, ours, difference))
    assert apart == pytest.approx(found - printed, abs=0.011)
    assert ours[-1] == difference[-1] == ""  # Urban100
    result = json.loads((tmp_path / "table2.json").read_text(encoding="utf-8"))
    assert {"commit", "machine", "date", "gladsr", "seconds"} <= set(result)
    assert set(result["data"]) == {"Set5", "Set14", "B100"}
    assert len(set(result["data"].values())) == 3


def test_table_3_counts_a_network_without_weights(toy_data: Path, tmp_path: Path) -> None:
    assert _run(["table3"], toy_data, tmp_path) == 0
    ours = next(row for row in _sheet(tmp_path, "table3") if row[1] == "ours")
    assert ours[2] == "5.3"
    text = (tmp_path / "table3.md").read_text("utf-8")
    assert "The zoo has no trained GLADSR-large" in text or "gladsr-large" in zoo.MODELS
    used = json.loads((tmp_path / "table3.json").read_text("utf-8"))["data"]
    assert used == {} or "gladsr-large" in zoo.MODELS


def test_table_5_times_all_networks_in_one_run(toy_data: Path, tmp_path: Path) -> None:
    assert _run(["table5"], toy_data, tmp_path, "--threads", "1") == 0
    rows = _sheet(tmp_path, "table5")
    found = {rows[n - 1][0]: row for n, row in enumerate(rows) if row[1] == "ours"}
    assert list(found) == list(published.TABLE_5)
    assert found["CARN"][-1] == "1.00"
    assert float(found["MemNet"][-1]) > float(found["CARN"][-1])
    result = json.loads((tmp_path / "table5.json").read_text(encoding="utf-8"))
    assert result["findings"]["threads"] == 1


def test_table_6_explains_how_to_train_missing_models(
    toy_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["table6"], toy_data, tmp_path) == 0
    out = capsys.readouterr().out
    assert "37.87" in out
    for scale in {2, 3, 4} - {*zoo.MODELS.get("gladsr-sr291", ())}:
        assert f"The zoo has no gladsr-sr291 at ×{scale}." in out
        assert f"gladsr train configs/paper/gladsr-sr291.toml network.scale={scale}" in out


def test_the_upsamplers_of_table_4_have_the_papers_costs() -> None:
    for name, (_, kilo, giga, _) in published.TABLE_4.items():
        costs = table4.costs(name)
        assert costs["K params."] == pytest.approx(kilo, abs=0.05)
        if name != "separable":  # the paper counts one of its two convolutions
            assert costs["G Mult-Adds"] == pytest.approx(giga, abs=0.05)


def test_crops_are_drawn_by_all_methods_and_absent_pictures_are_named(
    toy_data: Path, tmp_path: Path
) -> None:
    networks = []
    for scale in (2, 4):  # a rival may have a file of weights for each scale
        file = tmp_path / f"rlfn_x{scale}.pth"
        torch.save(RIVALS["rlfn"](scale).state_dict(), file)
        networks += ["--network", f"rlfn={file}"]
    names = ["fig1", "fig10", "fig11", "fig12"]
    assert _run(names, toy_data, tmp_path, *networks) == 0
    for name in names:
        with Image.open(tmp_path / f"{name}.png") as drawn:
            assert min(drawn.size) > 200
        text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
        assert "Not drawn, since the pictures are absent: Urban100" in text
        rival = [] if name == "fig11" else ["rlfn"]  # which has no weights at ×3
        assert cells(text)[0] == ["picture", "bicubic", *rival, "gladsr-l", "gladsr"]


def test_a_picture_smaller_than_a_crop_counts_as_absent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data/test/Set14"
    folder.mkdir(parents=True)
    Image.new("RGB", (100, 67)).save(folder / "barbara.png")  # 64 rows of it are left at ×4
    assert _run(["fig1"], tmp_path / "data", tmp_path) == 0
    Image.new("RGB", (100, 63)).save(folder / "barbara.png")
    assert _run(["fig1"], tmp_path / "data", tmp_path, "--again") == 1
    assert "fig1 needs one of Urban100 img_092, Set14 barbara" in capsys.readouterr().err


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
    assert (find(tmp_path, "img_027") == tmp_path / file) is found


def test_fig_13_shows_photographs_that_have_a_niqe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photographs = tmp_path / "data/test/RealWorld"
    photographs.mkdir(parents=True)
    Image.new("RGB", (60, 60)).save(photographs / "flat.png")
    assert _run(["fig13"], tmp_path / "data", tmp_path) == 1
    assert "fig13 finds no photograph in" in capsys.readouterr().err
    Image.fromarray(camera()[:100, :100]).convert("LA").save(photographs / "grey.png")
    Image.fromarray(camera()[:100, :100]).save(photographs / "comic1.png")
    Image.fromarray(camera()[:20, :20]).save(photographs / "small.png")
    assert _run(["fig13"], tmp_path / "data", tmp_path) == 0
    err = capsys.readouterr().err
    assert all(f"{name}.png is skipped. NIQE" in err for name in ("flat", "small"))
    rows = _sheet(tmp_path, "fig13")
    assert rows[0][1:] == ["bicubic", "gladsr-l", "gladsr", "gladsr-photo"]
    assert [row[0] for row in rows[2:]] == ["grey", "mean", "lowest"]
    with Image.open(tmp_path / "fig13.png") as drawn:
        assert min(drawn.size) > 200
    assert set(json.loads((tmp_path / "fig13.json").read_text("utf-8"))["data"]) == {"RealWorld"}


def test_a_figure_without_its_pictures_is_named_with_the_reason(
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


def test_published_tables_are_consistent() -> None:
    """Figures that the paper prints twice are the same here."""
    for row in published.TABLE_2:
        if row.method in published.TABLE_6:
            for name, printed in zip(published.SETS, published.TABLE_6[row.method], strict=True):
                assert row.scores[name][0] == printed[row.scale - 2]
        if row.method in published.TABLE_5 and row.scale == 4:
            count, psnr, _ = published.TABLE_5[row.method]
            assert (row.parameters, row.scores["Set5"][0]) == (count, psnr)
    assert {row.scale for row in published.TABLE_2} == set(table2.SCALES)


def test_the_list_needs_neither_pytorch_nor_matplotlib() -> None:
    script = (
        "import sys; from gladsr import cli; cli.main(['reproduce', '--list']);"
        "assert not {'torch', 'matplotlib'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", script]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - ours
