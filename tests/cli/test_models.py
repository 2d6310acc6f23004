import json

import pytest

from gladsr import zoo
from gladsr.cli import main


def test_json_is_a_list_of_the_cards_one_for_each_weight_file(capsys: pytest.CaptureFixture[str]):
    assert main(["models", "--json"]) == 0
    models = json.loads(capsys.readouterr().out)
    weight_files = sorted(card.onnx_path.name for card in zoo.cards())
    assert sorted(f"{model['name']}-x{model['scale']}.onnx" for model in models) == weight_files
    for model in models:
        card = zoo.card(model["name"], model["scale"])
        assert (model["parameters"], model["mult_adds"]) == (card.parameters, card.mult_adds)
        assert model["licence"]


def test_the_table_shows_every_model_with_its_licence(
    capsys: pytest.CaptureFixture[str],
):
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    for card in zoo.cards():
        (row,) = [
            line
            for line in printed.splitlines()
            if f"{card.name} " in line and f"×{card.scale}" in line
        ]
        assert f"{card.parameters / 1e3:.0f}K" in row
        assert card.licence in row
        for scores in card.scores.values():
            assert f"{scores['psnr']:.2f}" in row
        assert f"{card.name} is for {zoo.PURPOSES[card.name]}." in printed
    assert "(37.99)" in printed  # the paper's GLADSR ×2 on Set5
