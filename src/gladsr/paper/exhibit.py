"""What every table and figure has: what it needs, how it is measured, shown and drawn."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from gladsr import zoo
from gladsr.errors import PictureError
from gladsr.paper.sheet import Sheet
from gladsr.pictures import resize
from gladsr.rivals.published import SETS
from gladsr.scoring import Upscale, evaluate, images_in
from gladsr.scoring.networks import FileNetwork
from gladsr.upscaling import Upscaler

Findings = dict[str, Any]
"""What was measured, as JSON has it."""

Scores = dict[str, tuple[float, float]]
"""PSNR and SSIM by test set."""


class MissingError(RuntimeError):
    """A table or figure cannot be made yet; the message says what is missing and what to do."""


class StoppedError(RuntimeError):
    """The process was told to stop; the message says that the same command goes on."""


def _silent(_line: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Request:
    """What somebody wants reproduced with.

    Attributes:
        folder: For what a run leaves.
        data: Where the folders Set5, Set14, B100, Urban100 and RealWorld are, as far as they are.
        networks: Networks from elsewhere, by scale.
        threads: Of the CPU; the engines' own choice if None.
        settings: ``key=value`` changes to the training settings of the ablations.
        tell: Is told, in a line, what goes on.
        used: The folders of the test sets that were asked for and are there.
    """

    folder: Path
    data: Path | None = None
    networks: tuple[dict[int, FileNetwork], ...] = ()
    threads: int | None = None
    settings: tuple[str, ...] = ()
    tell: Callable[[str], None] = field(default=_silent, repr=False)
    used: set[Path] = field(default_factory=set)

    def test_set(self, name: str) -> Path | None:
        """Return the folder of a test set, None where it is absent or empty."""
        folder = self._folder(name)
        if folder:
            self.used.add(folder)
        return folder

    def _folder(self, name: str) -> Path | None:
        try:
            return images_in(self.data / name)[0].parent if self.data else None
        except PictureError:
            return None

    def test_sets(self, names: Iterable[str] = SETS) -> list[Path]:
        """Return the folders of those sets that are there."""
        return [folder for folder in map(self.test_set, names) if folder]

    def absent(self, names: Iterable[str] = SETS) -> list[str]:
        """Return the names of those sets that are not there."""
        return [name for name in names if self._folder(name) is None]

    def networks_at(self, scale: int) -> list[FileNetwork]:
        """Return the networks from elsewhere that have this scale."""
        return [found[scale] for found in self.networks if scale in found]

    def scores(self, name: str, upscale: Upscale, scale: int, sets: Iterable[str] = SETS) -> Scores:
        """Score an upscaler on those of the paper's test sets that are there."""
        scores = {}
        for folder in self.test_sets(sets):
            self.tell(f"scoring {name} ×{scale} on {folder.name}")
            found = evaluate(upscale, folder, scale)
            if len(found.images) != SETS[folder.name]:
                self.tell(
                    f"{folder} has {len(found.images)} pictures, but {folder.name} has "
                    f"{SETS[folder.name]}: its scores do not compare with the paper's"
                )
            scores[folder.name] = (found.psnr, found.ssim)
        return scores


class Module(Protocol):
    """What the file of a table or figure holds."""

    def measure(self, request: Request) -> Findings:
        """Measure; a figure leaves its pictures in the request's folder."""

    def sheets(self, findings: Findings) -> list[Sheet]:
        """Return the tables to print: the paper's figures, ours, and the differences."""

    def draw(self, findings: Findings, folder: Path) -> None:
        """Draw a figure into its folder; a table has no such function."""


def bicubic(scale: int) -> Upscale:
    """Return MATLAB's bicubic at a scale."""
    return partial(resize, scale=scale)


def ours(
    names: tuple[str, ...], scale: int, request: Request, *, ensemble: bool = False
) -> dict[str, Upscale]:
    """Return those of our models by name that the zoo has at a scale."""
    return {
        name: Upscaler(name, scale=scale, ensemble=ensemble, threads=request.threads)
        for name in names
        if scale in zoo.MODELS.get(name, ())
    }


def absent_note(absent: list[str]) -> tuple[str, ...]:
    """Return the sentence that names the test sets that were not there, if there are any."""
    if not absent:
        return ()
    return (f"Not measured, since the images are not there: {', '.join(absent)}.",)
