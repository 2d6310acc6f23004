"""The messages between the service and its worker processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.settings import UpscaleSettings

JobPart = Literal["result", "view", "draft", "bicubic"]
Part = JobPart | Literal["masks"]


# To a process


@dataclass(frozen=True, kw_only=True)
class UpscaleTask:
    """One picture to upscale.

    Attributes:
        source: The input file.
        outputs: The files to write, in this order: ``result`` is the upscaled picture, ``bicubic``
            the same by interpolation, ``draft`` the coarse output, and ``view`` the result in a
            format that browsers display. All but the result contain only the first page or frame.
            ``masks`` are the network's guided masks, stacked vertically in grey, each normalised.
        settings: How to upscale.
        quality: The quality of JPEG, WebP and AVIF files.
    """

    source: Path
    outputs: Mapping[Part, Path]
    settings: UpscaleSettings
    quality: int


@dataclass(frozen=True)
class Cancel:
    """Stop the current task."""


# From a process, at its start


@dataclass(frozen=True)
class Ready:
    """The process accepts tasks."""


@dataclass(frozen=True)
class Unusable:
    """The process cannot do its work on this machine, and ends."""

    reason: str


# From a process, about a task


class Final:
    """The base of the messages that end a task."""


@dataclass(frozen=True)
class PictureHeader(Final):
    """What a file's header declares.

    Attributes:
        sizes: The height and width of every page or frame, upright.
        has_alpha: Whether the first page has transparency.
    """

    sizes: Sequence[tuple[int, int]]
    has_alpha: bool


@dataclass(frozen=True)
class ModelChosen:
    """The model that "auto" has chosen for the picture, and why."""

    model: str
    reason: str


@dataclass(frozen=True)
class Progress:
    """The share of the result that is computed, in (0, 1]."""

    share: float


@dataclass(frozen=True)
class PartWritten:
    """One of the output files is complete."""

    part: Part


@dataclass(frozen=True)
class Done(Final):
    """All output files are complete, after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Cancelled(Final):
    """The task was stopped by `Cancel`."""


@dataclass(frozen=True)
class Failed(Final):
    """The task failed.

    Attributes:
        kind: The kind of problem.
        detail: The message for the client.
    """

    kind: ProblemKind
    detail: str


HeaderMessage = PictureHeader | Failed
UpscaleMessage = ModelChosen | Progress | PartWritten | Done | Cancelled | Failed
