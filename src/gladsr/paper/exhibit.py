"""A table or figure of the paper, and what is needed to measure one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from gladsr import zoo
from gladsr.errors import PictureError
from gladsr.paper.sheet import Sheet
from gladsr.pictures import resize
from gladsr.rivals.published import SETS
from gladsr.scoring import Upscale, evaluate, images_in
from gladsr.scoring.networks import FileNetwork
from gladsr.upscaling import Upscaler

Findings = dict[str, Any]
"""Measurements, of types that JSON has."""

Scores = dict[str, tuple[float, float]]
"""PSNR and SSIM by test set."""


def _silent(_line: str) -> None:
    """Report nothing."""


@dataclass
class Request:
    """What an exhibit is measured with. Each exhibit needs a new one, which records ``used``.

    Attributes:
        folder: The folder for the results.
        data: A folder with Set5, Set14, B100, Urban100 and RealWorld, of which any may be absent.
        networks: Networks from files, by scale.
        threads: CPU threads; the engines' own choice if None.
        settings: ``key=value`` changes to the training settings of the ablations.
        progress: Called with a line of text for every step.
        used: The folders of the test sets that have been used.
    """

    folder: Path
    data: Path | None = None
    networks: tuple[dict[int, FileNetwork], ...] = ()
    threads: int | None = None
    settings: tuple[str, ...] = ()
    progress: Callable[[str], None] = field(default=_silent, repr=False)
    used: set[Path] = field(default_factory=set, init=False)

    def test_set(self, name: str) -> Path | None:
        """Return the folder of a test set, or None if it is absent or empty."""
        folder = self._folder(name)
        if folder:
            self.used.add(folder)
        return folder

    def _folder(self, name: str) -> Path | None:
        try:
            return images_in(self.data / name)[0].parent if self.data else None
        except PictureError:
            return None

    def absent(self, names: Iterable[str] = SETS) -> list[str]:
        """Return the names of the test sets that are absent or empty."""
        return [name for name in names if self._folder(name) is None]

    def networks_at(self, scale: int) -> list[FileNetwork]:
        """Return the networks from files that have this scale."""
        return [found[scale] for found in self.networks if scale in found]

    def scores(self, name: str, upscale: Upscale, scale: int, sets: Iterable[str] = SETS) -> Scores:
        """Score an upscaler on those of the paper's test sets that are present."""
        scores = {}
        for folder in filter(None, map(self.test_set, sets)):
            self.progress(f"scoring {name} ×{scale} on {folder.name}")
            found = evaluate(upscale, folder, scale)
            if len(found.images) != SETS[folder.name]:
                self.progress(
                    f"{folder} has {len(found.images)} images, but {folder.name} has "
                    f"{SETS[folder.name]}: its scores cannot be compared with the paper's"
                )
            scores[folder.name] = (found.psnr, found.ssim)
        return scores


@dataclass(frozen=True)
class Exhibit:
    """A table or figure of the paper.

    Attributes:
        name: Its name for the command and for files, such as ``table1``.
        title: What it shows.
        needs: What has to be available.
        takes: Roughly how long it takes to measure on 2 cores.
        measure: Measures; a figure also writes its pictures into the request's folder.
        sheets: Returns the tables to print: the paper's values, ours and the differences.
        draw: Draws a figure into its folder; None where there is nothing to draw from findings.
    """

    name: str
    title: str
    needs: str
    takes: str
    measure: Callable[[Request], Findings]
    sheets: Callable[[Findings], list[Sheet]]
    draw: Callable[[Findings, Path], None] | None = None


def bicubic(scale: int) -> Upscale:
    """Return MATLAB's bicubic at a scale."""
    return partial(resize, scale=scale)


def ours(
    names: tuple[str, ...], scale: int, request: Request, *, ensemble: bool = False
) -> dict[str, Upscale]:
    """Return, by name, those of our models that the zoo has at a scale."""
    return {
        name: Upscaler(
            name, scale=scale, precision="fp32", ensemble=ensemble, threads=request.threads
        )
        for name in names
        if scale in zoo.MODELS.get(name, ())
    }


def psnr_only(scores: Scores) -> dict[str, float]:
    """Return the PSNR by test set."""
    return {name: psnr for name, (psnr, _ssim) in scores.items()}


def absent_note(absent: list[str]) -> tuple[str, ...]:
    """Return the note that names absent test sets; none if all are present."""
    if not absent:
        return ()
    return (f"Not measured, since the images are absent: {', '.join(absent)}.",)
