"""Guided masks R_s and channel weights R_c of every GLAM for a picture (Fig. 6)."""

import base64
import html
import io
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from gladsr.atomic import atomic_write
from gladsr.network import Gladsr
from gladsr.network.gates import read_channel_weights, read_masks
from gladsr.paper.figures import save
from gladsr.upscaling.pixels import stretched, to_unit

COLOURS = "jet"  # as in the paper's heatmaps: warmer is larger


@dataclass(frozen=True)
class Explanation:
    """What one GLAM multiplies features by.

    Attributes:
        net: "basic" or "refine".
        glam: Its number in that net, from 1.
        mask: R_s, h×w in (0, 1), averaged over its channels; None for a network without SGUs.
        channel_weights: R_c of each LSB, K values in (0, 1); empty for a network without CSUs.
    """

    net: str
    glam: int
    mask: NDArray[np.float32] | None
    channel_weights: list[NDArray[np.float32]]

    @property
    def name(self) -> str:
        """The label in the figure."""
        return f"{self.net} net, GLAM {self.glam}"


@torch.inference_mode()
def explain(network: Gladsr, picture: NDArray[Any]) -> list[Explanation]:
    """Run a network on a picture, and return the masks and channel weights of each GLAM.

    Args:
        network: The network, in evaluation mode.
        picture: The network's input, h×w×3; uint8, uint16 or float in [0, 1]. The masks are h×w.

    Raises:
        ValueError: The network has neither guided masks nor channel weights.
    """
    config = network.config
    if not (config.sgu or config.csu):
        raise ValueError("this network has neither guided masks nor channel weights")
    with read_masks(network) as masks, read_channel_weights(network) as weights:
        network(torch.from_numpy(to_unit(picture).transpose(2, 0, 1)[None].copy()))
    r_s, r_c = iter(masks), iter(weights)
    return [
        Explanation(
            net,
            glam,
            next(r_s)[0].mean(0).numpy() if config.sgu else None,
            [one[0, :, 0, 0].numpy() for one in islice(r_c, config.lsbs)],
        )
        for net in ("basic", "refine")
        for glam in range(1, config.glams + 1)
    ]


def over_picture(mask: NDArray[np.float32], picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a mask, `stretched`, as colours over the picture, h×w×3 of uint8."""
    grey = to_unit(picture).mean(axis=2, keepdims=True)
    mixed = 0.35 * grey + 0.65 * colormaps[COLOURS](stretched(mask))[..., :3]
    return np.asarray(np.rint(255 * mixed), np.uint8)


def draw_explanations(explanations: list[Explanation], picture: NDArray[Any], file: Path) -> None:
    """Draw a row of masks for each net, and below it a row of channel weights for each LSB."""
    glams = max(one.glam for one in explanations)
    lsbs = max(len(one.channel_weights) for one in explanations)
    nets = list(dict.fromkeys(one.net for one in explanations))
    rows = len(nets) * (1 + lsbs)
    figure = Figure(figsize=(3 * glams, len(nets) * (3 + 1.2 * lsbs)), layout="constrained")
    grid = figure.add_gridspec(rows, glams, height_ratios=([2.5] + [1.0] * lsbs) * len(nets))
    for one in explanations:
        top, column = nets.index(one.net) * (1 + lsbs), one.glam - 1
        if one.mask is not None:
            axes = figure.add_subplot(grid[top, column])
            axes.imshow(over_picture(one.mask, picture))
            axes.set_title(f"{one.name}\n$R_s$ {_range(one.mask)}", fontsize=8)
            axes.set_axis_off()
        for number, weights in enumerate(one.channel_weights, start=1):
            axes = figure.add_subplot(grid[top + number, column])
            axes.bar(range(len(weights)), weights)
            axes.set_ylim(0, 1)
            axes.set_xticks([])
            axes.tick_params(labelsize=6)
            axes.set_title(f"LSB {number}: $R_c$", fontsize=7)
    save(figure, file, dpi=120)


def write_page(
    explanations: list[Explanation], picture: NDArray[Any], title: str, file: Path
) -> None:
    """Write a self-contained HTML page: masks over the picture, channel weights as bars."""
    sections = []
    for one in explanations:
        mask = ""
        if one.mask is not None:
            mask = (
                f'<img alt="guided mask of the {one.name}" '
                f'src="data:image/png;base64,{_png(over_picture(one.mask, picture))}">'
                f"<p>R<sub>s</sub> {_range(one.mask)}</p>"
            )
        bars = "".join(
            f"<figcaption>LSB {number}: R<sub>c</sub> {_range(weights)}</figcaption>"
            + _bars(weights)
            for number, weights in enumerate(one.channel_weights, start=1)
        )
        sections.append(f"<section><h2>{one.name}</h2>{mask}<figure>{bars}</figure></section>")
    glams = max(one.glam for one in explanations)
    text = _PAGE.format(
        title=html.escape(title),
        picture=_png(np.asarray(np.rint(255 * to_unit(picture)), np.uint8)),
        columns=glams,
        sections="\n".join(sections),
    )
    with atomic_write(file) as opened:
        opened.write(text.encode())


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #222; }}
main {{ display: grid; grid-template-columns: repeat({columns}, minmax(14rem, 1fr)); gap: 1.5rem; }}
main img {{ width: 100%; image-rendering: pixelated; }}
h2 {{ font-size: 1rem; margin: 0 0 .3rem; }}
figure, p {{ margin: .3rem 0; }}
figcaption {{ font-size: .8rem; color: #555; }}
svg {{ width: 100%; height: 3rem; background: #f3f3f3; }}
rect {{ fill: #2a6f97; }}
rect:hover {{ fill: #e07a1f; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>The guided mask R<sub>s</sub> of every GLAM over the picture, warmer where it is larger, each in
its own range; and the channel weights R<sub>c</sub> of every LSB, from 0 to 1. Point at a bar for
its value.</p>
<img alt="the picture" src="data:image/png;base64,{picture}">
<main>
{sections}
</main>
</body>
</html>
"""


def _bars(weights: NDArray[np.float32]) -> str:
    bars = "".join(
        f'<rect x="{channel + 0.1}" y="{1 - weight:.3f}" width="0.8" height="{weight:.3f}">'
        f"<title>channel {channel}: {weight:.3f}</title></rect>"
        for channel, weight in enumerate(weights)
    )
    return f'<svg viewBox="0 0 {len(weights)} 1" preserveAspectRatio="none" role="img">{bars}</svg>'


def _range(values: NDArray[np.float32]) -> str:
    return f"{values.min():.2f} to {values.max():.2f}"


def _png(pixels: NDArray[np.uint8]) -> str:
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG")
    return base64.b64encode(encoded.getvalue()).decode()
