"""Figs. 1, 10, 11 and 12: crops of pictures by bicubic, rivals, ours and the ground truth.

The crops are not chosen by hand: each is the part of its picture in which the methods differ most.
"""

import re
from pathlib import Path

import numpy as np
from matplotlib.patches import Rectangle

from gladsr.errors import ExhibitError
from gladsr.paper.exhibit import Findings, Request, bicubic, ours
from gladsr.paper.figures import picture_grid, save
from gladsr.paper.sheet import Sheet
from gladsr.pictures import Picture, mod_crop, read, resize, to_depth, to_rgb, write
from gladsr.scoring import Upscale, images_in, psnr
from gladsr.scoring.comparison import most_different

SIDE = 64
"""The side of a crop in HR pixels."""

OURS = ("gladsr-l", "gladsr")

Pictures = tuple[tuple[str, str], ...]
"""Test set and picture, by the beginning of its name."""

FIGURES: dict[str, tuple[int, Pictures]] = {
    "fig1": (4, (("Urban100", "img_092"), ("Set14", "barbara"))),  # the paper names no picture
    "fig10": (2, (("B100", "223061"), ("Urban100", "img_027"), ("Set14", "barbara"))),
    "fig11": (3, (("Urban100", "img_062"), ("Set14", "ppt3"), ("Set14", "zebra"))),
    "fig12": (
        4,
        (
            ("Urban100", "img_076"),
            ("Urban100", "img_059"),
            ("B100", "148026"),
            ("Set14", "monarch"),
        ),
    ),
}
"""Scale and pictures by the figure's name."""


def measure(name: str, request: Request) -> Findings:
    """Upscale the pictures of one of ``FIGURES`` and crop them."""
    scale, pictures = FIGURES[name]
    return compare(name, pictures, scale, methods(scale, request), request)


def methods(scale: int, request: Request, names: tuple[str, ...] = OURS) -> dict[str, Upscale]:
    """Return the methods to compare: bicubic, networks from files, and models by their names."""
    return (
        {"bicubic": bicubic(scale)}
        | {network.name: network.upscale for network in request.networks_at(scale)}
        | ours(names, scale, request)
    )


def compare(
    name: str, pictures: Pictures, scale: int, compared: dict[str, Upscale], request: Request
) -> Findings:
    """Upscale pictures by several methods, and write the crops to files.

    Args:
        name: The figure's; the files go into the folder of this name.
        pictures: The pictures; findings name those that are absent or smaller than a crop.
        scale: The factor.
        compared: The methods by name.
        request: Where the test sets are.

    Raises:
        ExhibitError: None of the pictures is available.
    """
    found, absent = [], []
    for test_set, picture in pictures:
        folder = request.test_set(test_set)
        file = folder and find(folder, picture)
        if file:
            request.progress(f"{name}: {test_set} {picture} ×{scale}")
        cropped = file and _crop(file, scale, compared, request.folder / name)
        if cropped:
            found.append({"set": test_set, "picture": picture, "scale": scale} | cropped)
        else:
            absent.append(f"{test_set} {picture}")
    if not found:
        raise ExhibitError(
            f"{name} needs one of {', '.join(absent)}; name the folder of the test sets with --data"
        )
    return {"pictures": found, "absent": absent}


def find(folder: Path, picture: str) -> Path | None:
    """Return the HR file of a picture, or None.

    The file of ``img_076`` may be called img_076.png, img076.png or img_076_SRF_2_HR.png.
    """
    pattern = re.compile(picture.replace("_", "_?") + r"(?!\d)")
    for file in images_in(folder):
        if pattern.match(file.stem) and "LR" not in file.stem:
            return file
    return None


def _crop(file: Path, scale: int, compared: dict[str, Upscale], folder: Path) -> Findings | None:
    """Upscale a picture by every method, and write the picture and all crops into ``folder``.

    Returns:
        Where the crop is and its PSNR by method; None if the picture is smaller than a crop.
    """
    reference = to_rgb(mod_crop(read(file).pixels, scale), alpha="over white")
    if min(reference.shape[:2]) < SIDE:
        return None
    lr = resize(reference, scale=1 / scale)
    upscaled = {name: to_depth(upscale(lr), np.uint8) for name, upscale in compared.items()}
    (box,) = most_different(list(upscaled.values()), SIDE)
    folder.mkdir(parents=True, exist_ok=True)
    write(Picture(reference), folder / f"{file.stem}-whole.png")
    write(Picture(box.of(reference)), folder / f"{file.stem}-original.png")
    for name, pixels in upscaled.items():
        write(Picture(box.of(pixels)), folder / f"{file.stem}-{name}.png")
    scores = {name: psnr(box.of(pixels), box.of(reference)) for name, pixels in upscaled.items()}
    return {"file": file.stem, "top": box.y, "left": box.x, "psnr": scores}


def sheets(name: str, findings: Findings, notes: tuple[str, ...] = ()) -> list[Sheet]:
    """Return a table of the PSNR of each crop."""
    compared = tuple(findings["pictures"][0]["psnr"])
    rows = tuple(
        (_label(found), *(f"{found['psnr'][method]:.2f}" for method in compared))
        for found in findings["pictures"]
    )
    if findings["absent"]:
        notes += (f"Not drawn, since the pictures are absent: {', '.join(findings['absent'])}.",)
    title = f"Fig. {name.removeprefix('fig')}"
    where = f"PSNR of the crop of {SIDE}×{SIDE} pixels in which the methods differ most."
    return [Sheet(title, ("picture", *compared), rows, (where, *notes))]


def draw(name: str, findings: Findings, folder: Path) -> None:
    """Draw each picture with its crops in a row."""
    pictures = findings["pictures"]
    rows = []
    for found in pictures:
        files = {
            _label(found): "whole",
            "original": "original",
            **{f"{method}\n{psnr:.2f} dB": method for method, psnr in found["psnr"].items()},
        }
        rows.append(
            {title: folder / name / f"{found['file']}-{end}.png" for title, end in files.items()}
        )
    figure = picture_grid(rows, (2.2, 2.5))
    for found, axes in zip(pictures, figure.axes[:: len(rows[0])], strict=True):
        corner = (found["left"], found["top"])
        axes.add_patch(Rectangle(corner, SIDE, SIDE, fill=False, edgecolor="red"))
    save(figure, folder / f"{name}.png")


def _label(found: Findings) -> str:
    return f"{found['set']} {found['picture']} ×{found['scale']}"
