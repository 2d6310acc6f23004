"""`gladsr compare`: versions of a picture side by side, as in papers."""

import re
from pathlib import Path
from typing import Annotated

import typer

from gladsr.cli import options
from gladsr.cli.console import say
from gladsr.cli.outputs import check_new
from gladsr.errors import ComparisonError
from gladsr.pictures import SUFFIXES, Picture, read, to_rgb, write
from gladsr.scoring import comparison
from gladsr.scoring.comparison import Box


def compare(
    pictures: Annotated[
        list[Path],
        typer.Argument(
            metavar="PICTURE...",
            help="Versions of one picture. The largest size must be a multiple of the others.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The sheet to write.")],
    *,
    original: Annotated[
        Path | None,
        typer.Option("--hr", help="The original in high resolution, for PSNR and SSIM."),
    ] = None,
    crop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y,W,H",
            help="A rectangle to show, in pixels of the largest picture. May be repeated. "
            "[default: where the pictures differ most]",
        ),
    ] = None,
    places: Annotated[
        int, typer.Option(min=1, max=6, help="The number of rectangles to find without --crop.")
    ] = 1,
    labels: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="Names of the pictures. [default: their file names]"),
    ] = None,
    scale: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Pixels to ignore at each border when scoring. [default: the ratio of the largest "
            "to the smallest picture; 0 if all are equal]",
        ),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Show crops of pictures side by side, as in papers.

    The sheet shows the complete picture with the rectangles framed, and beside it each rectangle in
    every picture; smaller pictures are shown with larger pixels. With --hr, the PSNR in dB and SSIM
    of each complete picture are printed below, computed as in `gladsr evaluate`.

    gladsr compare bicubic.png gladsr.png --hr original.png -o sheet.png
    """
    inputs = [*pictures, *([original] if original else [])]
    _check_output(output, inputs)
    check_new(output, overwrite=overwrite)
    if len(inputs) < 2:
        raise typer.BadParameter("give two pictures or more, or one and --hr")
    wanted = [_box(text) for text in crop or []]
    names = _labels(pictures, labels)
    opened = [read(path) for path in inputs]
    pixels = [to_rgb(picture.pixels, alpha="over white") for picture in opened]
    hr = None
    if original:
        grey = opened[-1].pixels.ndim == 2 or opened[-1].pixels.shape[2] == 2
        hr = pixels[-1][..., 0] if grey else pixels[-1]
    try:
        versions = comparison.versions(dict(zip(names, pixels, strict=False)), hr, scale)
    except ComparisonError as error:
        raise typer.BadParameter(str(error)) from None
    height, width = versions[0].pixels.shape[:2]
    _check_boxes(wanted, height, width)
    boxes = wanted or comparison.most_different(
        [version.pixels for version in versions], _side(height, width), places
    )
    profiles = {picture.icc_profile for picture in opened}
    profile = profiles.pop() if len(profiles) == 1 else None
    write(Picture(comparison.draw(versions, boxes), icc_profile=profile), output)
    shown = " ".join(f"--crop {','.join(map(str, box))}" for box in boxes)
    say(f"{output} shows {shown}")


def _check_output(output: Path, inputs: list[Path]) -> None:
    """Reject an output that is not a picture, or is an input."""
    if output.suffix.lower() not in SUFFIXES:
        raise typer.BadParameter(f"{output} does not end in one of {', '.join(SUFFIXES)}")
    if output.resolve() in [path.resolve() for path in inputs]:
        raise typer.BadParameter(f"{output} would be written over an input")


def _box(text: str) -> Box:
    found = re.fullmatch(r"(\d+),(\d+),([1-9]\d*),([1-9]\d*)", text)
    if not found:
        raise typer.BadParameter(f"--crop is {text!r}, but must be X,Y,W,H such as 120,40,64,64")
    return Box(*map(int, found.groups()))


def _check_boxes(boxes: list[Box], height: int, width: int) -> None:
    """Reject a box that is not inside the picture."""
    for box in boxes:
        if box.x + box.width > width or box.y + box.height > height:
            raise typer.BadParameter(
                f"--crop {','.join(map(str, box))} extends beyond the {width}×{height} pixels"
            )


def _labels(pictures: list[Path], text: str | None) -> list[str]:
    """Return a different name for each picture."""
    names = text.split(",") if text else [path.stem for path in pictures]
    if not text and len(set(names)) < len(names):
        names = [path.as_posix() for path in pictures]
    if len(names) != len(pictures):
        raise typer.BadParameter(f"--labels has {len(names)} names for {len(pictures)} pictures")
    if len(set(names)) < len(names):
        raise typer.BadParameter(
            "two pictures have the same name; give them different ones with --labels"
        )
    return names


def _side(height: int, width: int) -> int:
    """Return the side of the rectangles: an eighth of the picture, 48 to 160 pixels."""
    return min(height, width, max(48, min(160, min(height, width) // 8)))
