"""`gladsr explain`: masks and channel weights of the network for a picture (the paper's Fig. 6)."""

from pathlib import Path
from typing import Annotated

import typer

from gladsr.cli import options
from gladsr.cli.console import say
from gladsr.cli.outputs import check_folder, check_new
from gladsr.pictures import read, to_rgb
from gladsr.upscaling.pixels import reduced

LARGEST = 1_000_000
"""Pictures with more pixels are downscaled first, because all masks are in memory at once."""


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
    scale: Annotated[int, typer.Option(help="One of the model's scales.")] = 2,
    overwrite: options.Overwrite = False,
) -> None:
    """Draw the masks and channel weights of the network for a picture (the paper's Fig. 6).

    For every GLAM of the basic and the refine net: its guided mask R_s over the picture, warmer
    where it is larger, and the channel weights R_c of each of its LSBs as bars. Written as a PNG
    and as a self-contained HTML page.

    gladsr explain photo.jpg -o explained.png
    """
    png = output or Path(f"{picture.stem}-explained.png")
    if png.suffix.lower() != ".png":
        raise typer.BadParameter(f"{png} does not end in .png")
    check_folder(png)
    page = png.with_suffix(".html")
    for file in (png, page):
        if file.resolve() == picture.resolve():
            raise typer.BadParameter(f"{file} would be written over the input")
        check_new(file, overwrite=overwrite)
    original = to_rgb(read(picture).pixels, alpha="over white")
    pixels = reduced(original, LARGEST)
    if pixels is not original:
        say(f"{picture} is downscaled to {pixels.shape[1]}×{pixels.shape[0]} pixels")

    from gladsr.paper import explain as explaining  # noqa: PLC0415 - needs the extra gladsr[paper]
    from gladsr.zoo import load_network  # noqa: PLC0415 - needs the extra gladsr[torch]

    explanations = explaining.explain(load_network(model, scale), pixels)
    explaining.draw_explanations(explanations, pixels, png)
    explaining.write_page(explanations, pixels, f"{model} ×{scale} on {picture.name}", page)
    say(f"{png} and {page} show {len(explanations)} modules")
