"""`gladsr explain`: masks and channel weights as the network itself computes them."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from torch import Tensor, nn

from gladsr import cli
from gladsr.network import Gladsr, GladsrConfig
from gladsr.network.layers import GlobalGuidedBlock, LocalSelectiveBlock
from gladsr.paper.explain import explain, over_picture

astronaut: Callable[[], NDArray[np.uint8]] = data.astronaut
PICTURE = astronaut()[:24, 180:210]


@pytest.mark.parametrize(("csu", "sgu"), [(True, True), (True, False), (False, True)])
@torch.inference_mode()
def test_masks_and_channel_weights_are_what_the_network_multiplies_by(csu: bool, sgu: bool) -> None:
    network = Gladsr(GladsrConfig(glams=2, lsbs=3, csu=csu, sgu=sgu)).eval()
    products: list[tuple[Tensor, Tensor]] = []

    def record(block: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if sgu and isinstance(block, GlobalGuidedBlock):
            products.append((block.compress(inputs[0]), output))
        if csu and isinstance(block, LocalSelectiveBlock):
            products.append((block.wau(inputs[0]), output))

    for module in network.modules():
        module.register_forward_hook(record)
    found = explain(network, PICTURE)
    assert [one.name for one in found] == [
        f"{net} net, GLAM {glam}" for net in ("basic", "refine") for glam in (1, 2)
    ]
    factors = [
        factor
        for one in found
        for factor in (*(weights[:, None, None] for weights in one.channel_weights), one.mask)
        if factor is not None
    ]
    assert len(factors) == 4 * (3 * csu + sgu)
    for factor, (before, after) in zip(factors, products, strict=True):
        np.testing.assert_allclose((before[0] * torch.from_numpy(factor)), after[0], atol=1e-6)


def test_a_network_with_neither_is_rejected() -> None:
    with pytest.raises(ValueError, match="neither guided masks nor channel weights"):
        explain(Gladsr(GladsrConfig(csu=False, sgu=False, glams=1)), PICTURE)


def test_larger_values_have_warmer_colours() -> None:
    mask = np.tile(np.linspace(0.2, 0.6, 40, dtype=np.float32), (8, 1))
    colours = over_picture(mask, np.full((8, 40, 3), 128, np.uint8)).astype(int)
    assert colours[0, 3, 2] > colours[0, 3, 0]
    assert colours[0, 35, 0] > colours[0, 35, 2]


class _Tags(HTMLParser):
    """Counts the tags, and collects the addresses that they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.count: dict[str, int] = {}
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        self.sources += [value or "" for key, value in attrs if key in {"src", "href"}]


def test_the_command_writes_a_figure_and_a_self_contained_page(tmp_path: Path) -> None:
    Image.fromarray(PICTURE).save(tmp_path / "a <b>.png")
    png = tmp_path / "explained.png"
    assert cli.main(["explain", str(tmp_path / "a <b>.png"), "-o", str(png)]) == 0
    with Image.open(png) as drawn:
        assert min(drawn.size) > 500
    text = png.with_suffix(".html").read_text(encoding="utf-8")
    assert "a &lt;b&gt;.png" in text
    tags = _Tags()
    tags.feed(text)
    assert tags.count["section"] == 8  # four GLAMs in each net
    assert tags.count["img"] == 9
    assert tags.count["rect"] == 8 * 4 * 32  # four LSBs of 32 channels in each GLAM
    assert all(source.startswith("data:image/png;base64,") for source in tags.sources)


def test_the_command_takes_grey_deep_and_transparent_pictures(tmp_path: Path) -> None:
    grey, transparent = PICTURE[..., 0], np.dstack([PICTURE, PICTURE[..., 0]])
    pictures = (grey, grey.astype(np.uint16) * 257, transparent)
    for number, pixels in enumerate(pictures):
        file = tmp_path / f"{number}.png"
        Image.fromarray(np.asarray(pixels)).save(file)
        words = ["explain", str(file), "-o", str(tmp_path / f"o{number}.png")]
        assert cli.main([*words, "--model", "gladsr-l"]) == 0


def test_the_command_rejects_bad_and_existing_outputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    words = ["explain", str(tmp_path / "a.png"), "-o"]
    assert cli.main([*words, str(tmp_path / "a.jpg")]) == 2
    assert "does not end in .png" in capsys.readouterr().err
    assert cli.main([*words, str(tmp_path / "none/a.png")]) == 2
    assert "none is not a folder; create it first" in capsys.readouterr().err.replace("\n", " ")
    (tmp_path / "b.html").write_text("mine", "utf-8")
    assert cli.main([*words, str(tmp_path / "b.png")]) == 2
    assert "b.html exists already" in capsys.readouterr().err
    assert cli.main(["explain", str(tmp_path / "none.png"), "-o", str(tmp_path / "c.png")]) == 2
    assert "none.png" in capsys.readouterr().err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.png", "b.html"]


def test_the_command_never_overwrites_its_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PICTURE).save("a.png")
    before = Path("a.png").read_bytes()
    assert cli.main(["explain", str(tmp_path / "a.png"), "-o", "a.png", "--overwrite"]) == 2
    assert "a.png would be written over the input" in capsys.readouterr().err
    assert Path("a.png").read_bytes() == before
    Path("a.png").rename("a.html")  # the format of a picture is detected from its content
    assert cli.main(["explain", "a.html", "-o", "a.png", "--overwrite"]) == 2
    assert Path("a.html").read_bytes() == before


def test_the_command_writes_two_files_and_touches_no_other(tmp_path: Path) -> None:
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    (tmp_path / "b.tmp").write_text("mine", "utf-8")
    words = ["explain", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png")]
    assert cli.main([*words, "--model", "gladsr-l"]) == 0
    assert (tmp_path / "b.tmp").read_text("utf-8") == "mine"
    left = sorted(file.name for file in tmp_path.iterdir())
    assert left == ["a.png", "b.html", "b.png", "b.tmp"]
