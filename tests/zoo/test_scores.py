"""The scores on the cards are those that the shipped weights have."""

import os
from pathlib import Path

import pytest

from gladsr import engines, zoo
from gladsr.engines.processor import has_bf16
from gladsr.scoring import evaluate
from gladsr.scoring.networks import upscale_with

SET5 = Path(os.environ.get("GLADSR_DATA", "unset"), "test", "Set5")


@pytest.mark.skipif(not SET5.is_dir(), reason="needs the research images")
@pytest.mark.parametrize("card", zoo.cards(), ids=lambda card: f"{card.name}-x{card.scale}")
def test_a_card_has_the_scores_of_its_weights_on_set5(card: zoo.Card):
    found = evaluate(upscale_with(engines.load(card)), SET5, card.scale)
    assert found.psnr == pytest.approx(card.scores["Set5"]["psnr"], abs=0.005)
    assert found.ssim == pytest.approx(card.scores["Set5"]["ssim"], abs=0.0002)
    if has_bf16():
        fast = evaluate(upscale_with(engines.load(card, precision="auto")), SET5, card.scale)
        photographs = card.name == "gladsr-photo"  # Set5 is not what it is for
        assert fast.psnr > found.psnr - (0.02 if photographs else 0.005)  # dB
