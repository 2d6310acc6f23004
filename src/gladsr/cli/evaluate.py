"""`gladsr evaluate`: the scores of models on folders of high-resolution images."""

import json
import math
import time
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gladsr.cli import options
from gladsr.cli.console import progress_bar, say
from gladsr.engines import PrecisionChoice
from gladsr.errors import EngineError, PictureError
from gladsr.pictures import resize
from gladsr.rivals.published import SCORES
from gladsr.scoring import FolderScores, Upscale, images_in, score
from gladsr.scoring.networks import FileNetwork, read_networks
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


@dataclass(frozen=True)
class _Result:
    """The scores of a method on a folder, and its seconds for each image."""

    method: _Method
    scores: FolderScores
    seconds: list[float]


def evaluate(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER", help="Folders of high-resolution images.")
    ],
    *,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A model; `gladsr models` lists them. May be repeated. [default: gladsr]"
        ),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Another network: FILE.onnx, a training run or its .safetensors, or "
            "rlfn=FILE.pth with the weights of a rival (srcnn, fsrcnn, vdsr, memnet, idn, carn, "
            "rlfn). May be repeated.",
        ),
    ] = None,
    scale: Annotated[
        list[int] | None,
        typer.Option(
            help="2, 3 or 4, or what a --network has. May be repeated. [default: 2, or what "
            "every --network has]"
        ),
    ] = None,
    ensemble: Annotated[
        bool,
        typer.Option(
            "--ensemble", help="Average models over 8 flips and rotations: the paper's “+”."
        ),
    ] = False,
    precision: options.ComputePrecision = "fp32",
    per_image: Annotated[
        bool, typer.Option("--per-image", help="Also show the scores of every image.")
    ] = False,
    timings: Annotated[
        bool,
        typer.Option("--timings", help="Show the median time to upscale an image, in seconds."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as one JSON document.")
    ] = False,
) -> None:
    """Score models on folders of high-resolution images, with bicubic for comparison.

    PSNR in dB and SSIM as this field reports them. Each image is downscaled by MATLAB's bicubic and
    upscaled by the model, and the two are compared on luminance (Y of BT.601) in 8 bits, ignoring
    as many pixels at each border as the scale; the scores are averaged over the images. For a
    folder named Set5, Set14, B100 or Urban100, the paper's published scores are shown too.

    An ONNX network takes RGB in [0, 1], 1×3×h×w. The upscaled picture is its output named output
    or y, otherwise its last one. Its scale is detected by running it.

    gladsr evaluate Set5 Set14 --model gladsr --model gladsr-l --scale 4
    """
    files = {folder: images_in(folder) for folder in folders}
    models = list(dict.fromkeys(model or ([] if network else ["gladsr"])))
    networks = read_networks(network or [], beside=("bicubic", *models))
    scales = list(dict.fromkeys(scale or [s for found in networks for s in found] or [2]))
    _check_scales(networks, scales)
    if ensemble and networks:
        say("--ensemble applies to models of the zoo only; each --network runs without it")
    methods = _methods(models, networks, scales, precision=precision, ensemble=ensemble)
    results, failed = _score(methods, files)
    if as_json:
        plain = [_plain(result, timings=timings) for result in results]
        typer.echo(json.dumps(plain, indent=2))
    else:
        _show(results, per_image=per_image, timings=timings)
    if failed:
        raise typer.Exit(1)


def _check_scales(networks: tuple[dict[int, FileNetwork], ...], scales: list[int]) -> None:
    known = {2, 3, 4}.union(*networks)
    for scale in scales:
        if scale not in known:
            has = ", ".join(map(str, sorted(known)))
            raise typer.BadParameter(f"no network has the scale {scale}; choose from --scale {has}")
    for found in networks:
        if not set(scales) & set(found):
            name = next(iter(found.values())).name
            has = ", ".join(f"×{scale}" for scale in found)
            raise typer.BadParameter(f"{name} upscales by {has} only; choose that with --scale")


def _methods(
    models: list[str],
    networks: tuple[dict[int, FileNetwork], ...],
    scales: list[int],
    *,
    precision: PrecisionChoice,
    ensemble: bool,
) -> list[_Method]:
    methods = []
    for scale in scales:
        bicubic = _Method("bicubic", scale, ensemble=False, upscale=partial(resize, scale=scale))
        methods += [bicubic]
        methods += [
            _Method(
                model,
                scale,
                ensemble,
                Upscaler(model, scale=scale, precision=precision, ensemble=ensemble),
            )
            for model in models
        ]
        methods += [
            _Method(found[scale].name, scale, ensemble=False, upscale=found[scale].upscale)
            for found in networks
            if scale in found
        ]
    return methods


def _score(methods: list[_Method], files: dict[Path, list[Path]]) -> tuple[list[_Result], bool]:
    """Score every method on every folder; report a folder that fails, and continue."""
    results = list[_Result]()
    failed = False
    with progress_bar() as bar:
        task = bar.add_task("", total=len(methods) * sum(map(len, files.values())))
        for (folder, paths), method in product(files.items(), methods):
            bar.update(task, description=f"{folder.name} ×{method.scale} {method}")
            upscale = _Timed(method.upscale)
            try:
                scores = []
                for path in paths:
                    scores.append(score(upscale, path, method.scale))
                    bar.advance(task)
            except (PictureError, EngineError) as error:
                say(f"{folder} cannot be scored at ×{method.scale}. {error}")
                failed = True
            else:
                scored = FolderScores(folder, method.scale, tuple(scores))
                results.append(_Result(method, scored, upscale.seconds))
    return results, failed


class _Timed:
    """An upscaler that records the seconds of each picture."""

    def __init__(self, upscale: Upscale) -> None:
        self._upscale = upscale
        self.seconds = list[float]()

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[Any]:
        began = time.perf_counter()
        upscaled = self._upscale(picture)
        self.seconds.append(time.perf_counter() - began)
        return upscaled


def _plain(result: _Result, *, timings: bool) -> dict[str, Any]:
    """Return the result for JSON; the infinite PSNR of two equal images is null."""
    method, scores = result.method, result.scores
    images = [asdict(image) for image in scores.images]
    for image in images:
        image["psnr"] = _finite(image["psnr"])
    plain = {
        "folder": str(scores.folder),
        "scale": method.scale,
        "model": method.model,
        "ensemble": method.ensemble,
        "psnr": _finite(scores.psnr),
        "ssim": scores.ssim,
        "images": images,
    }
    if timings:
        plain["seconds"] = median(result.seconds)
        for image, seconds in zip(images, result.seconds, strict=True):
            image["seconds"] = seconds
    return plain


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _show(results: list[_Result], *, per_image: bool, timings: bool) -> None:
    table = Table("folder", "scale", "model")
    for column in ("PSNR", "SSIM", "paper", *(["seconds"] if timings else [])):
        table.add_column(column, justify="right")
    for result in results:
        method, scores = result.method, result.scores
        label = (f"×{method.scale}", str(method))
        if per_image:
            for image, seconds in zip(scores.images, result.seconds, strict=True):
                name = Text(f"{scores.folder.name}/{image.name}")
                took = ["", f"{seconds:.3f}"] if timings else []
                cells = (f"{image.psnr:.2f}", f"{image.ssim:.4f}", *took)
                table.add_row(name, *label, *cells, style="dim")
        table.add_row(
            Text(scores.folder.name),
            *label,
            f"{scores.psnr:.2f}",
            f"{scores.ssim:.4f}",
            _published(method, scores.folder),
            *([f"{median(result.seconds):.3f}"] if timings else []),
        )
    Console().print(table)


def _published(method: _Method, folder: Path) -> str:
    scores = SCORES.get((str(method), method.scale), {}).get(folder.name)
    return f"{scores[0]:.2f} / {scores[1]:.4f}" if scores else ""
