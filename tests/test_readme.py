"""The README's scores are those of the cards."""

import re
from pathlib import Path

import pytest

from gladsr import zoo
from gladsr.rivals.published import TABLE_2

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SCORE = r" ([\d.]+) \([\d.]+\) \|"  # ours, and the paper's in brackets
ROW = re.compile(rf"^\| ×(\d) \| (gladsr\S*) \|{SCORE * 3}$", re.MULTILINE)
ROWS = [(name, int(scale), scores) for scale, name, *scores in ROW.findall(README)]


def test_every_model_that_the_paper_has_too_has_a_row() -> None:
    assert {(name, scale) for name, scale, _ in ROWS} == {
        (name, scale) for name in ("gladsr", "gladsr-l") for scale in zoo.MODELS[name]
    }


def test_the_readme_says_how_far_below_the_paper_they_are() -> None:
    printed = {(row.method.lower(), row.scale): row.scores for row in TABLE_2}
    gaps = [
        printed[name, scale][dataset][0] - float(score)
        for name, scale, scores in ROWS
        for dataset, score in zip(("Set5", "Set14", "B100"), scores, strict=True)
    ]
    assert f"{min(gaps):.2f} to {max(gaps):.2f} dB below the paper" in README


@pytest.mark.parametrize(("name", "scale", "scores"), ROWS)
def test_the_readme_has_the_scores_of_the_card(name: str, scale: int, scores: list[str]) -> None:
    card = zoo.card(name, scale)
    for dataset, score in zip(("Set5", "Set14", "B100"), scores, strict=True):
        assert float(score) == pytest.approx(card.scores[dataset]["psnr"], abs=0.0051)
