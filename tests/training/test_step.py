"""How a step is run, and what happens where a mode does not work."""

from pathlib import Path

import pytest
import torch

from gladsr.network import Gladsr
from gladsr.training import read_settings
from gladsr.training.step import Gradients, Mode, modes


def _batch() -> tuple[torch.Tensor, ...]:
    return torch.rand(2, 3, 8, 8), torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)


def test_modes_end_with_eager(toy_config: Path) -> None:
    def names(*changes: str, world: int = 1) -> list[str]:
        return [str(mode) for mode in modes(read_settings(toy_config, changes), world)]

    assert names() == ["eager"]
    assert names("compile=true") == ["compiled", "eager"]
    on_gpu = ("device=cuda", "compile=true")
    assert names(*on_gpu) == ["compiled + CUDA graph", "CUDA graph", "eager"]
    assert names("device=cuda:1") == ["CUDA graph", "eager"]
    assert names(*on_gpu, "capture=false") == ["compiled", "eager"]
    assert names(*on_gpu, world=2) == ["compiled", "eager"]


def test_a_mode_that_fails_is_reported_and_the_next_one_is_used(
    toy_config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = read_settings(toy_config)
    network = Gladsr(settings.network)
    without_gpu = [Mode(captured=True), Mode()]  # this build of PyTorch, or machine, has no CUDA
    if torch.cuda.is_available():
        pytest.skip("graphs can be captured here")
    gradients = Gradients(network, settings, lambda batch: batch, without_gpu)
    gradients.prepare(_batch())
    assert gradients.mode == Mode()
    assert "training in mode CUDA graph failed" in caplog.text
    assert gradients(_batch(), (0.5, 0.5), squared=False) > 0
    with pytest.raises((RuntimeError, AssertionError)):
        Gradients(network, settings, lambda batch: batch, without_gpu[:1]).prepare(_batch())


def test_the_loss_is_the_weighted_sum_over_the_targets(toy_config: Path) -> None:
    settings = read_settings(toy_config, ("precision=fp32", "optimizer.clip_norm=1e9"))
    gradients = Gradients(Gladsr(settings.network), settings, lambda batch: batch, [Mode()])
    lr, hr, taught = _batch()
    for squared in (False, True):
        of_hr = gradients((lr, hr), (1.0,), squared=squared)
        of_taught = gradients((lr, taught), (1.0,), squared=squared)
        both = gradients((lr, hr, taught), (0.3, 0.7), squared=squared)
        torch.testing.assert_close(both, 0.3 * of_hr + 0.7 * of_taught)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("squared", [False, True])
def test_a_captured_step_has_the_gradients_of_an_eager_one(toy_config: Path, squared: bool) -> None:
    changes = ("device=cuda", "precision=fp32", "loss.squared=0.5")
    settings = read_settings(toy_config, changes)
    network = Gladsr(settings.network).cuda()
    ways = [
        Gradients(network, settings, lambda batch: batch, [mode])
        for mode in (Mode(), Mode(captured=True))
    ]
    for way in ways:
        way.prepare(_batch())
    for _ in range(3):
        batch, found = _batch(), []
        for way in ways:
            loss = way(batch, (0.4, 0.6), squared=squared)
            found.append(
                [loss, *(p.grad.clone() for p in network.parameters() if p.grad is not None)]
            )
        for eager, captured in zip(*found, strict=True):
            torch.testing.assert_close(captured, eager, rtol=1e-3, atol=1e-5)
