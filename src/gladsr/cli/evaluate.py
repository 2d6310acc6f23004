"""`gladsr evaluate`: the scores of models on folders of high-resolution images."""

import json
import math
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gladsr.cli.console import progress_bar, say
from gladsr.pictures import PictureError, resize
from gladsr.scoring import FolderScores, Upscale, images_in, score
from gladsr.scoring.published import PAPER
from gladsr.upscaling import Upscaler


@dataclass(frozen=True)
class _Method:
    """One way to upscale; the ensemble is the paper's "+"."""

    model: str
    scale: int
    ensemble: bool
    upscale: Upscale

    def __str__(self) -> str:
        return f"{self.model}{'+' if self.ensemble else ''}"


_Results = list[tuple[_Method, FolderScores]]


def evaluate(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER", help="Folders of high-resolution images.")
    ],
    *,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A model; `gladsr models` lists them. Can be given again. [default: gladsr]"
        ),
    ] = None,
    scale: Annotated[
        list[int] | None, typer.Option(help="2, 3 or 4. Can be given again. [default: 2]")
    ] = None,
    ensemble: Annotated[
        bool,
        typer.Option("--ensemble", help="Average over 8 flips and turns: the paper's “+”."),
    ] = False,
    per_image: Annotated[
        bool, typer.Option("--per-image", help="Show the scores of every image too.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as one JSON document.")
    ] = False,
) -> None:
    """Score models on folders of high-resolution images, beside bicubic.

    PSNR in dB and SSIM as this field reports them. Each image is made smaller by MATLAB's bicubic
    and larger again by the model, and the two are compared on luminance (Y of BT.601) in 8 bits,
    without as many pixels at each border as the scale; the scores are averaged over the images.
    A folder named Set5, Set14 or B100 has the paper's figures (Table II) beside ours.

    gladsr evaluate Set5 Set14 --model gladsr --model gladsr-l --scale 4
    """
    files = {folder: images_in(folder) for folder in folders}
    methods = _methods(model or ["gladsr"], scale or [2], ensemble=ensemble)
    results, failed = _score(methods, files)
    if as_json:
        typer.echo(json.dumps([_plain(*result) for result in results], indent=2))
    else:
        _show(results, per_image=per_image)
    if failed:
        raise typer.Exit(1)


def _methods(models: list[str], scales: list[int], *, ensemble: bool) -> list[_Method]:
    methods = []
    for scale in dict.fromkeys(scales):
        upscalers = [
            _Method(model, scale, ensemble, Upscaler(model, scale=scale, ensemble=ensemble))
            for model in dict.fromkeys(models)
        ]
        bicubic = _Method("bicubic", scale, ensemble=False, upscale=partial(resize, scale=scale))
        methods += [bicubic, *upscalers]
    return methods


def _score(methods: list[_Method], files: dict[Path, list[Path]]) -> tuple[_Results, bool]:
    """Score every folder with every method; tell of a folder that cannot be, and go on."""
    results: _Results = []
    failed = False
    with progress_bar() as bar:
        task = bar.add_task("", total=len(methods) * sum(map(len, files.values())))
        for (folder, paths), method in product(files.items(), methods):
            bar.update(task, description=f"{folder.name} ×{method.scale} {method}")
            try:
                scores = []
                for path in paths:
                    scores.append(score(method.upscale, path, method.scale))
                    bar.advance(task)
            except PictureError as error:
                say(f"{folder} is not scored at ×{method.scale}. {error}")
                failed = True
            else:
                results.append((method, FolderScores(folder, method.scale, tuple(scores))))
    return results, failed


def _plain(method: _Method, scores: FolderScores) -> dict[str, Any]:
    """The result as JSON has it; the PSNR of two equal images, which is infinite, as null."""
    images = [asdict(image) for image in scores.images]
    for image in images:
        image["psnr"] = _finite(image["psnr"])
    return {
        "folder": str(scores.folder),
        "scale": method.scale,
        "model": method.model,
        "ensemble": method.ensemble,
        "psnr": _finite(scores.psnr),
        "ssim": scores.ssim,
        "images": images,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _show(results: _Results, *, per_image: bool) -> None:
    table = Table("folder", "scale", "model")
    for column in ("PSNR", "SSIM", "paper"):
        table.add_column(column, justify="right")
    for method, scores in results:
        label = (f"×{method.scale}", str(method))
        if per_image:
            for image in scores.images:
                name = Text(f"{scores.folder.name}/{image.name}")
                table.add_row(name, *label, f"{image.psnr:.2f}", f"{image.ssim:.4f}", style="dim")
        table.add_row(
            Text(scores.folder.name),
            *label,
            f"{scores.psnr:.2f}",
            f"{scores.ssim:.4f}",
            _published(method, scores.folder),
        )
    Console().print(table)


def _published(method: _Method, folder: Path) -> str:
    figures = PAPER.get((method.model, method.scale), {}).get(folder.name)
    return f"{figures[0]:.2f} / {figures[1]:.4f}" if figures and not method.ensemble else ""
