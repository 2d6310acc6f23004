"""`gladsr explain`: what the network attends to in a picture (the paper's Fig. 6)."""

from pathlib import Path
from typing import Annotated

import typer

from gladsr.cli.console import say
from gladsr.pictures import read
from gladsr.scoring.comparison import rgb
from gladsr.upscaling.pixels import reduced

MAX_PIXELS = 1_000_000
"""Larger pictures are made smaller first: the masks of all modules are held at once."""


def explain(
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="The picture.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The PNG to write; the page is written beside it, as .html. "
            "[default: PICTURE's name with -explained.png, here]",
        ),
    ] = None,
    *,
    model: Annotated[str, typer.Option(help="The model; `gladsr models` lists them.")] = "gladsr",
    scale: Annotated[int, typer.Option(help="Which of its scales.")] = 2,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace outputs that exist already.")
    ] = False,
) -> None:
    """Draw what the network attends to in a picture (the paper's Fig. 6).

    For every GLAM of the basic and the refine net: its guided mask R_s over the picture, warmer
    where the network looks more, and the channel weights R_c of each of its LSBs as bars. As a PNG
    and as a page of its own.

    gladsr explain photo.jpg -o explained.png
    """
    png = output or Path(f"{picture.stem}-explained.png")
    if png.suffix.lower() != ".png":
        raise typer.BadParameter(f"{png} does not end in .png")
    if not png.parent.is_dir():
        raise typer.BadParameter(f"{png.parent} is no folder; make it first")
    page = png.with_suffix(".html")
    for file in (png, page):
        if file.resolve() == picture.resolve():
            raise typer.BadParameter(f"{file} would be written over the picture")
        if file.exists() and not overwrite:
            raise typer.BadParameter(f"{file} exists already; --overwrite replaces it")
    whole = rgb(read(picture).pixels)
    pixels = reduced(whole, MAX_PIXELS)
    if pixels is not whole:
        say(f"{picture} is looked at in {pixels.shape[1]}×{pixels.shape[0]} pixels")

    from gladsr.paper import attention  # noqa: PLC0415 - needs the extra gladsr[paper]
    from gladsr.zoo import load_network  # noqa: PLC0415 - needs the extra gladsr[torch]

    found = attention.attend(load_network(model, scale), pixels)
    attention.draw(found, pixels, png)
    attention.page(found, pixels, f"{model} ×{scale} on {picture.name}", page)
    say(f"{png} and {page} show {len(found)} modules")
