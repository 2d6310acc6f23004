"""Crops of a picture beside each other: bicubic, rivals, ours and the ground truth.

Nobody chooses the crops: each is the place of its picture where the methods differ most.
"""

import re
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gladsr.paper.exhibit import Findings, MissingError, Request, bicubic, ours
from gladsr.paper.figures import save
from gladsr.paper.sheet import Sheet
from gladsr.pictures import Picture, mod_crop, read, resize, to_depth, write
from gladsr.scoring import Upscale, images_in, psnr
from gladsr.scoring.comparison import most_different, rgb

SIDE = 64
"""The side of a crop, in pixels of the high resolution."""

OURS = ("gladsr-l", "gladsr")

Pictures = tuple[tuple[str, str], ...]


def methods(scale: int, request: Request, names: tuple[str, ...] = OURS) -> dict[str, Upscale]:
    """Return what there is to compare: bicubic, the networks from elsewhere, and ours by name."""
    return (
        {"bicubic": bicubic(scale)}
        | {network.name: network.upscale for network in request.networks_at(scale)}
        | ours(names, scale, request)
    )


def measure(
    name: str, pictures: Pictures, scale: int, compared: dict[str, Upscale], request: Request
) -> Findings:
    """Upscale pictures, and leave their crops as files.

    Args:
        name: The figure's; its pictures go into the folder of this name.
        pictures: Test set and picture, by the name's beginning; those that are absent, or smaller
            than a crop, are named.
        scale: The factor.
        compared: What upscales, by name.
        request: Where the test sets are.

    Raises:
        MissingError: None of the pictures is there.
    """
    found, absent = [], []
    for test_set, picture in pictures:
        folder = request.test_set(test_set)
        file = folder and _find(folder, picture)
        if file:
            request.tell(f"{name}: {test_set} {picture} ×{scale}")
        cropped = file and _crop(file, scale, compared, request.folder / name)
        if cropped:
            found.append({"set": test_set, "picture": picture, "scale": scale} | cropped)
        else:
            absent.append(f"{test_set} {picture}")
    if not found:
        raise MissingError(
            f"{name} shows {', '.join(absent)}; say where the test sets are with --data FOLDER"
        )
    return {"pictures": found, "absent": absent}


def _find(folder: Path, picture: str) -> Path | None:
    """Return the file of a picture: ``img_076`` may be called img076.png or img_076_SRF_2_HR.png.

    An LR picture of the same name is none.
    """
    wanted = re.compile(picture.replace("_", "_?") + r"(?!\d)")
    for file in images_in(folder):
        if wanted.match(file.stem) and "LR" not in file.stem:
            return file
    return None


def _crop(file: Path, scale: int, compared: dict[str, Upscale], folder: Path) -> Findings | None:
    """Upscale one picture by every method, and leave the crops of all of them in ``folder``.

    Of a picture that is smaller than a crop there are none.
    """
    reference = rgb(mod_crop(read(file).pixels, scale))
    if min(reference.shape[:2]) < SIDE:
        return None
    lr = resize(reference, scale=1 / scale)
    upscaled = {name: to_depth(upscale(lr), np.uint8) for name, upscale in compared.items()}
    (place,) = most_different(list(upscaled.values()), SIDE)
    folder.mkdir(parents=True, exist_ok=True)
    write(Picture(reference), folder / f"{file.stem}-whole.png")
    write(Picture(place.of(reference)), folder / f"{file.stem}-original.png")
    for name, pixels in upscaled.items():
        write(Picture(place.of(pixels)), folder / f"{file.stem}-{name}.png")
    scores = {
        name: psnr(place.of(pixels), place.of(reference)) for name, pixels in upscaled.items()
    }
    return {"file": file.stem, "top": place.y, "left": place.x, "psnr": scores}


def sheets(title: str, findings: Findings, notes: tuple[str, ...] = ()) -> list[Sheet]:
    """Return the PSNR of every crop."""
    compared = tuple(findings["pictures"][0]["psnr"])
    rows = tuple(
        (
            f"{found['set']} {found['picture']} ×{found['scale']}",
            *(f"{found['psnr'][method]:.2f}" for method in compared),
        )
        for found in findings["pictures"]
    )
    if findings["absent"]:
        notes += (f"Not drawn, since the pictures are not there: {', '.join(findings['absent'])}.",)
    where = f"PSNR of the crop of {SIDE}×{SIDE} pixels in which the methods differ most."
    return [Sheet(title, ("picture", *compared), rows, (where, *notes))]


def draw(name: str, findings: Findings, folder: Path) -> None:
    """Draw each picture with its crops in a row."""
    pictures = findings["pictures"]
    columns = len(pictures[0]["psnr"]) + 2
    figure = Figure(figsize=(2.2 * columns, 2.5 * len(pictures)), layout="constrained")
    for row, found in enumerate(pictures):
        stem = folder / name / found["file"]
        panels = {
            f"{found['set']} {found['picture']} ×{found['scale']}": f"{stem}-whole.png",
            "original": f"{stem}-original.png",
        }
        panels |= {
            f"{method}\n{score:.2f} dB": f"{stem}-{method}.png"
            for method, score in found["psnr"].items()
        }
        for column, (title, file) in enumerate(panels.items(), start=1):
            axes = figure.add_subplot(len(pictures), columns, row * columns + column)
            axes.imshow(read(file).pixels, interpolation="nearest")
            axes.set_title(title, fontsize=8)
            axes.set_axis_off()
            if column == 1:
                corner = (found["left"], found["top"])
                axes.add_patch(Rectangle(corner, SIDE, SIDE, fill=False, edgecolor="red"))
    save(figure, folder / f"{name}.png")
