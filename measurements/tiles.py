"""Measure how little tiles change the output (docs/tiles.md)."""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import skimage
from numpy.typing import NDArray

from gladsr import Upscaler, engines, zoo
from gladsr.engines import Engine
from gladsr.pictures import to_depth
from gladsr.scoring import Upscale, evaluate

Array = NDArray[np.float32]
HEIGHT, WIDTH = 96, 160


def pictures() -> dict[str, Array]:
    """Return a photograph and patterns that show a network's receptive field most clearly."""
    photo = skimage.data.chelsea()[80 : 80 + HEIGHT, 120 : 120 + WIDTH]
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(0).integers(0, 2, (HEIGHT, WIDTH, 1))
    grey = {
        "noise": noise,
        "checks": (rows + columns)[..., np.newaxis] % 2,
        "stripes": columns[..., np.newaxis] % 2,
        "black": 0 * noise,
        "white": 0 * noise + 1,
    }
    return {
        "photo": to_depth(photo, np.float32),
        **{name: np.repeat(pixels, 3, axis=2).astype(np.float32) for name, pixels in grey.items()},
    }


def joined(left: Array, right: Array, at: int) -> Array:
    """Join the left part of one picture and the right part of another at a column."""
    return np.concatenate([left[:, :at], right[:, at:]], axis=1)


def reach(engine: Engine, scale: int) -> None:
    """Print how much the pixels beyond a column change the output before it."""
    at = WIDTH // 2
    worst = np.zeros(at)
    for weighs in ("photo", "noise", "black"):
        channel_weights = engine.channel_weights(pictures()[weighs])
        for inner in pictures().values():
            before = engine.run(inner, channel_weights=channel_weights)[:, : scale * at]
            for outer in pictures().values():
                y = engine.run(joined(inner, outer, at), channel_weights=channel_weights)[
                    :, : scale * at
                ]
                change = np.abs(y - before).max(axis=(0, 2)).reshape(at, scale).max(axis=1)
                worst = np.maximum(worst, change[::-1])
    print("\nreach: largest change by pixels at this distance or beyond, in 8-bit levels")
    for distance in (0, 4, 8, 12, 16, 20, 24, 32, 48):
        print(f"{distance:4} LR pixels  {255 * worst[distance:].max():.5f}")


def tilings(model: str, scale: int) -> None:
    """Print the largest differences between the output in one and in tiles."""
    print("\ntilings: largest difference from the output without tiles, in 8-bit levels")
    sides = (16, 40, 64)
    print(" " * 24 + "".join(f"  tile {side:3}" for side in sides))
    for left, right in (("photo", "photo"), ("black", "noise"), ("black", "checks"),
                        ("white", "stripes"), ("photo", "noise")):  # fmt: skip
        x = joined(pictures()[left], pictures()[right], WIDTH // 2)
        upscaler = Upscaler(model, scale=scale, precision="fp32")
        y = upscaler(x)
        found = [np.abs(replace(upscaler, tile=side)(x) - y).max() for side in sides]
        print(f"{left + ' | ' + right:24}" + "".join(f"  {255 * most:8.5f}" for most in found))


def plain(engine: Engine, lr: NDArray[np.uint8]) -> Array:
    """Upscale by the network alone, the complete picture at once."""
    return engine.run(to_depth(lr, np.float32)).clip(0, 1)


def scores(model: str, scale: int, engine: Engine, folder: Path) -> None:
    """Print the PSNR of the plain network and of the upscaler, without and with tiles."""
    ways: dict[str, Upscale] = {
        "plain": partial(plain, engine),
        "upscaler": Upscaler(model, scale=scale, precision="fp32"),
        "tile 64": Upscaler(model, scale=scale, precision="fp32", tile=64),
    }
    found = {way: evaluate(upscale, folder, scale) for way, upscale in ways.items()}
    print(f"{folder.name:12}" + "".join(f"  {way} {each.psnr:.4f}" for way, each in found.items()))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a model of the zoo")
    parser.add_argument("scale", type=int)
    parser.add_argument("folders", nargs="*", type=Path, help="score on high-resolution images too")
    options = parser.parse_args()
    model, scale = options.model, options.scale
    engine = engines.load(zoo.card(model, scale))
    print(f"{model} ×{scale}")
    reach(engine, scale)
    tilings(model, scale)
    if options.folders:
        print("\nscores: PSNR on Y in dB")
    for folder in options.folders:
        scores(model, scale, engine, folder)


if __name__ == "__main__":
    main()
