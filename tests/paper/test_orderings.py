"""Which of the paper's orderings hold, from findings that are made here."""

from pathlib import Path
from typing import Any

import pytest

from gladsr.paper import fig9, orderings, table1, table4, table7
from tests.paper.made import CLAIM, findings_on


@pytest.mark.parametrize("exhibit", [table1, table4, table7, fig9])
def test_networks_are_compared_on_the_test_sets_that_both_have(
    tmp_path: Path, exhibit: Any
) -> None:
    other = orderings.Claim("plain", "gladsr", {})  # Table VII shows this network too
    findings = findings_on({"gladsr": ("Set5", "B100")}, [*exhibit.CLAIMS, other])
    table, ordered = exhibit.sheets(findings)
    for sheet in (table, ordered):
        assert all(len(row) == len(sheet.columns) for row in sheet.rows)
    at = table.columns.index("Set5")
    assert {row[at] for row in table.rows if row[at].endswith(".00")}  # GLADSR's own
    for row in ordered.rows:
        cells = dict(zip(ordered.columns, row, strict=True))
        better, worse = (findings["networks"][one]["scores"] for one in row[0].split(" > "))
        assert cells["B100"] == f"{better['B100'][0] - worse['B100'][0]:+.3f}"
        assert cells["Set5"] == cells["Set14"] == cells["Urban100"] == ""
    assert "Not every network has been scored on Set5, Set14, Urban100." in ordered.notes
    if exhibit is fig9:
        fig9.draw(findings, tmp_path)


def test_an_ordering_holds_if_the_validation_images_show_it() -> None:
    findings = findings_on({}, table1.CLAIMS)
    rows = orderings.sheet(table1.CLAIMS, findings).rows
    assert len(rows) == 12  # each of three parts, with and without, in four settings
    for row in rows:
        better, worse = (findings["networks"][name] for name in row[0].split(" > "))
        difference = better["validation"] - worse["validation"]
        assert row[-3:-1] == (f"{difference:+.3f}", "yes" if difference > 0 else "no")
    assert {row[-2] for row in rows} == {"yes", "no"}


def test_the_mean_over_seeds_is_of_the_test_sets_that_all_have() -> None:
    first = {"validation": 30.0, "scores": {"Set5": (30.0, 0.8), "Set14": (29.0, 0.7)}}
    second = {"validation": 31.0, "scores": {"Set5": (31.0, 0.9)}}
    for seeds in ([first, second], [second, first]):
        found = orderings.mean(seeds)
        assert found["validation"] == 30.5
        assert found["scores"] == {"Set5": (30.5, pytest.approx(0.85))}


def test_networks_are_compared_by_the_seeds_that_both_have() -> None:
    findings = findings_on({}, [CLAIM])
    networks = findings["networks"]
    networks["gladsr"]["by_seed"] = [
        {"validation": psnr, "scores": {"B100": (psnr, 0.9)}} for psnr in (30.0, 40.0)
    ]
    networks["gladsr-nr"]["by_seed"] = [{"validation": 31.0, "scores": {"B100": (31.0, 0.9)}}]
    (row,) = orderings.sheet([CLAIM], findings).rows
    assert row[-3:] == ("-1.000", "no", "1")
    networks["gladsr-nr"]["by_seed"] *= 2
    (row,) = orderings.sheet([CLAIM], findings).rows
    assert row[-3:] == ("+4.000", "yes", "2")


def test_the_origin_of_networks_is_stated() -> None:
    findings = findings_on({}, [CLAIM])
    findings["networks"]["gladsr"]["origins"] = [
        {"machine": {"processor": "Z80"}, "date": f"2026-01-0{day}T00:00", "commit": "abc"}
        for day in (1, 2)
    ]
    notes = orderings.sheet([CLAIM], findings).notes
    assert (
        "Trained on Z80, 2026-01-01 to 2026-01-02, commit abc: gladsr (seed 0), gladsr (seed 1)."
        in notes
    )
    assert "Trained at an unrecorded time and place: gladsr-nr (seed 0)." in notes


def test_different_precisions_are_stated() -> None:
    findings = findings_on({}, [CLAIM])
    assert "different precisions" not in str(orderings.sheet([CLAIM], findings).notes)
    findings["networks"]["gladsr"]["precisions"] = ["bf16"]
    stated = "Trained in different precisions: gladsr in bf16; gladsr-nr in fp32."
    assert stated in orderings.sheet([CLAIM], findings).notes


def test_the_claims_of_table_1_are_the_papers() -> None:
    for claim in table1.CLAIMS:
        assert min(claim.paper.values()) > 0
