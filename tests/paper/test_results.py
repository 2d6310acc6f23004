"""Stored results: shown again, measured again, and never left incomplete."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from matplotlib.figure import Figure

from gladsr import cli
from gladsr.errors import ExhibitError
from gladsr.paper import fig9
from gladsr.paper.exhibit import Exhibit, Request
from gladsr.paper.exhibits import EXHIBITS
from gladsr.paper.results import reproduce, write_json
from tests.paper.made import findings_on

DOCS = Path(__file__).parents[2] / "docs" / "paper"


def _fig9(_request: Request) -> dict[str, Any]:
    return findings_on({"gladsr": ("Set5",)}, fig9.CLAIMS)


FIG9 = replace(EXHIBITS["fig9"], measure=_fig9)


def _missing(_request: Request) -> dict[str, Any]:
    raise ExhibitError("measured again")


def _full_disk(*_: Any) -> Any:
    raise OSError(28, "No space left on device")


def test_a_stored_result_is_shown_and_measured_only_when_asked(tmp_path: Path) -> None:
    lines: list[str] = []
    request = Request(tmp_path, progress=lines.append)
    first = reproduce(FIG9, request)
    left = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert set(left) == {"fig9.json", "fig9.md", "fig9.png"}
    broken = replace(FIG9, measure=_missing)
    assert reproduce(broken, request) == first
    assert lines == ["fig9 is shown from a stored result; --again measures it again"]
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == left
    with pytest.raises(ExhibitError, match="measured again"):
        reproduce(broken, request, again=True)


def test_the_command_prints_a_stored_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(DOCS / "table3.json", tmp_path)
    words = ["reproduce", "table3", "-o", str(tmp_path)]
    assert cli.main(words) == 0
    printed = capsys.readouterr()
    assert "GLADSR-large has 1196.2G Mult-Adds." in printed.out
    assert "table3 is shown from a stored result" in printed.err
    assert cli.main([*words, "--json"]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    assert document == json.loads((DOCS / "table3.json").read_text("utf-8"))


@pytest.mark.parametrize("exhibit", EXHIBITS.values(), ids=lambda exhibit: exhibit.name)
def test_the_results_in_the_docs_are_read_and_their_pages_are_up_to_date(
    tmp_path: Path, exhibit: Exhibit
) -> None:
    shutil.copy(DOCS / f"{exhibit.name}.json", tmp_path)
    reproduce(replace(exhibit, measure=_missing), Request(tmp_path))
    page = f"{exhibit.name}.md"
    assert (tmp_path / page).read_text("utf-8") == (DOCS / page).read_text("utf-8")


def test_a_figure_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reproduce(FIG9, Request(tmp_path))
    before = (tmp_path / "fig9.png").read_bytes()

    def fill_the_disk(_figure: Figure, file: BinaryIO, **_: Any) -> None:
        file.write(before[:100])
        _full_disk()

    monkeypatch.setattr(Figure, "savefig", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        reproduce(FIG9, Request(tmp_path), again=True)
    assert (tmp_path / "fig9.png").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("broken", [{"sheets": _full_disk}, {"draw": _full_disk}])
def test_findings_that_cannot_be_shown_or_drawn_are_not_stored(
    tmp_path: Path, broken: dict[str, Any]
) -> None:
    with pytest.raises(OSError, match="No space left"):
        reproduce(replace(FIG9, **broken), Request(tmp_path))
    assert not (tmp_path / "fig9.json").exists()
    reproduce(FIG9, Request(tmp_path))
    for ending in ("json", "md", "png"):
        assert (tmp_path / f"fig9.{ending}").is_file()


def test_a_json_file_is_complete_and_the_only_one_written(tmp_path: Path) -> None:
    (tmp_path / "table2.tmp").write_text("mine", "utf-8")
    write_json(tmp_path / "table2.json", {"scale": "×2"})
    with pytest.raises(TypeError):
        write_json(tmp_path / "table2.json", {"scale": object()})
    assert json.loads((tmp_path / "table2.json").read_text("utf-8")) == {"scale": "×2"}
    assert (tmp_path / "table2.tmp").read_text("utf-8") == "mine"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("left", ["{", "[]", '{"name": "table3"}'])
def test_a_damaged_result_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], left: str
) -> None:
    (tmp_path / "table3.json").write_text(left, "utf-8")
    assert cli.main(["reproduce", "table3", "-o", str(tmp_path)]) == 1
    assert "table3.json is damaged; measure again with --again" in capsys.readouterr().err


def test_a_result_names_only_the_test_sets_used(toy_data: Path, tmp_path: Path) -> None:
    def measure(request: Request) -> dict[str, Any]:
        request.test_set("RealWorld")
        request.test_set("Urban100")  # absent
        return _fig9(request)

    request = Request(tmp_path, toy_data / "test")
    assert set(reproduce(replace(FIG9, measure=measure), request).data) == {"RealWorld"}
