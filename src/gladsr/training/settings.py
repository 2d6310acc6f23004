"""The settings of a training run: typed, read from TOML, unknown keys refused."""

import json
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from gladsr.errors import SettingsError
from gladsr.network import GladsrConfig


def expand(path: Path) -> Path:
    """Return ``path`` with environment variables such as ``$GLADSR_DATA`` put in.

    Settings keep paths as they were written, so that a checkpoint and a card name no machine's
    folders.

    Raises:
        SettingsError: a variable is not set.
    """
    expanded = os.path.expandvars(path)
    if "$" in expanded:
        raise SettingsError(f"{path}: the environment variable in this path is not set")
    return Path(expanded)


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSettings(_Settings):
    """Which pictures, and how crops are taken from them."""

    train: list[Path] = Field(min_length=1, description="Folders of HR training images.")
    exclude: list[str] = Field([], description="File names in those folders to leave out.")
    teacher: Path | None = Field(
        None,
        description="An ONNX network for this scale or a larger one, whose pictures are learned "
        "from too; `gladsr export` makes one of a model's weights, or of a rival's.",
    )
    validation: Path = Field(description="Folder of HR images that PSNR is watched on.")
    validation_images: int = Field(100, ge=1, description="At most so many of them.")
    patch: int = Field(48, ge=8, description="Side of a crop in LR pixels (48 in Section IV-B).")
    batch: int = Field(16, ge=1, description="Crops a step (16 in Section IV-B).")
    area_power: float = Field(
        1.0, ge=0, le=1, description="Draw an image in proportion to its area to this power."
    )
    shuffle_colours: bool = Field(
        False, description="Put R, G and B of every crop in random order, too."
    )
    patterns: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of crops in whose place there is noise, checks, stripes or the crop "
        "dithered, to be enlarged as bicubic does.",
    )
    sharpen: float = Field(
        0.0,
        ge=0,
        description="Strength of an unsharp mask of one pixel that HR is learned from through.",
    )
    cache: Path = Field(
        Path("runs/cache"), description="Where decoded images are kept, memory-mapped."
    )


class DegradationSettings(_Settings):
    """How LR is made worse, by random amounts up to these limits: not at all unless told."""

    clean: float = Field(0.0, ge=0, le=1, description="Share of the crops that stay as they are.")
    blur: float = Field(0.0, ge=0, description="Gaussian blur's deviation in LR pixels.")
    noise: float = Field(0.0, ge=0, description="Noise's deviation in levels of 255.")
    jpeg: tuple[int, int] | None = Field(
        None, description="Lowest and highest quality of JPEG, each from 1 to 100."
    )

    @property
    def nothing(self) -> bool:
        """Whether LR stays as it is."""
        return self.blur == 0 and self.noise == 0 and self.jpeg is None

    @field_validator("jpeg")
    @classmethod
    def _check_jpeg(cls, jpeg: tuple[int, int] | None) -> tuple[int, int] | None:
        if jpeg is not None and not 1 <= jpeg[0] <= jpeg[1] <= 100:
            raise ValueError("must be two qualities from 1 to 100, the lower one first")
        return jpeg


class LossSettings(_Settings):
    """Eq. 5."""

    gamma: float = Field(
        0.5, ge=0, le=1, description="γ, the weight of the coarse output; the final's is 1 - γ."
    )
    teacher: float = Field(
        0.8, ge=0, le=1, description="Weight of the teacher's pictures, if any; HR's is the rest."
    )
    bound: float | None = Field(
        None, gt=0, description="A crop's error beyond this counts by its logarithm."
    )


Beta = Annotated[float, Field(ge=0, lt=1)]


class OptimizerSettings(_Settings):
    """The optimizer and its learning rate."""

    kind: Literal["adam", "muon"] = Field(
        "adam", description="Muon takes the hidden convolutions as matrices; Adam does the rest."
    )
    learning_rate: float = Field(1e-4, gt=0, description="The highest learning rate.")
    betas: tuple[Beta, Beta] = Field((0.9, 0.999), description="Adam's β1 and β2.")
    weight_decay: float = Field(
        0.0,
        ge=0,
        description="What Muon's convolutions lose in a step, in parts of the learning rate.",
    )
    clip_norm: float | None = Field(None, gt=0, description="Clip the gradient's norm to this.")

    @model_validator(mode="after")
    def _check_weight_decay(self) -> Self:
        if self.weight_decay and self.kind != "muon":
            raise ValueError("weight_decay is Muon's; with adam it must be 0")
        return self


class ScheduleSettings(_Settings):
    """How long, and how the learning rate goes."""

    steps: int = Field(ge=1, description="Steps in all.")
    kind: Literal["step", "cosine"] = Field(
        "step", description="Halved at intervals (the paper's), or a cosine down to zero."
    )
    halve_every: int = Field(200_000, ge=1, description="Steps between halvings, for `step`.")
    warmup: int = Field(0, ge=0, description="Steps over which the learning rate rises from zero.")


class AverageSettings(_Settings):
    """The running average of the weights, which is what is validated and exported."""

    decay: float = Field(0.0, ge=0, lt=1, description="Of the exponential average; 0 is none.")


class TrainingSettings(_Settings):
    """Everything that a training run depends on."""

    model: str = Field("gladsr", description="The name that the trained weights will have.")
    seed: int = Field(0, ge=0, lt=2**64, description="Of the first weights and of every crop.")
    start: Path | None = Field(
        None, description="A .safetensors file to start from; what fits by name and shape is taken."
    )
    device: str = Field("cpu", description="Any of PyTorch's devices: cpu, cuda, mps.")
    precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="bf16 is PyTorch's autocast; where the processor has no bf16, it is far slower "
        "than fp32.",
    )
    compile: bool = Field(
        False, description="Let torch.compile fuse the step: a minute's wait, then a fifth faster."
    )
    validate_every: int = Field(500, ge=1, description="Steps between validations.")
    checkpoint_every: int = Field(250, ge=1, description="Steps between checkpoints.")
    network: GladsrConfig = GladsrConfig()
    data: DataSettings
    degradation: DegradationSettings = DegradationSettings()
    loss: LossSettings = LossSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: ScheduleSettings
    average: AverageSettings = AverageSettings()


PLACES: dict[str, Any] = {"data": {"cache"}}
"""The settings that say where something is kept, which change no result."""

MEANS: dict[str, Any] = PLACES | dict.fromkeys(
    ("device", "precision", "compile", "validate_every", "checkpoint_every"), True
)
"""These, and those that say how a machine trains and watches, not what: a run goes on, and results
are compared, where no others differ."""


def read_settings(path: Path, overrides: tuple[str, ...] = ()) -> TrainingSettings:
    """Read a TOML file and apply ``key=value`` overrides, such as ``schedule.steps=2000``.

    A file may begin with ``extends = "other.toml"``: the other file, beside it, is read first.

    Raises:
        SettingsError: the file cannot be read, or a key or value is wrong.
    """
    values = _read(path)
    for override in overrides:
        _set(values, override)
    return checked(values, path)


def checked(values: dict[str, Any], source: Path) -> TrainingSettings:
    """Return plain values, such as a checkpoint of ``source`` holds, as settings.

    Raises:
        SettingsError: a key or value is wrong.
    """
    try:
        return TrainingSettings.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors()
        )
        raise SettingsError(f"{source}: {problems}") from None


def check_same(settings: TrainingSettings, before: dict[str, Any], run: Path) -> None:
    """Refuse to mix settings in one run; those of ``MEANS`` may change.

    Args:
        settings: the present ones.
        before: those that the run was trained with, as plain values. A key that there was not yet
            had what is its default now.
        run: its folder.

    Raises:
        SettingsError: they differ; the message names the first that do.
    """
    then, now = (
        _flat(each.model_dump(mode="json", exclude=MEANS))
        for each in (checked(before, run), settings)
    )
    differing = [
        f"{key} was {json.dumps(then[key])} and is now {json.dumps(now[key])}"
        for key in now
        if now[key] != then[key]
    ]
    if differing:
        more = f", and {len(differing) - 3} more" if len(differing) > 3 else ""
        raise SettingsError(
            f"{run} was trained with other settings: {', '.join(differing[:3])}{more}; "
            "take the run's own settings, or another --output"
        )


def _flat(values: dict[str, Any], table: str = "") -> dict[str, Any]:
    """Return nested tables as one, with keys such as ``schedule.steps``."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{table}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat


def _read(path: Path, extending: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return a file's values over those of the file that it extends; ``extending`` led to it."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error
    file = path.resolve()
    if file in extending:
        raise SettingsError(f"{path} extends itself, or a file that leads back to it")
    if "extends" not in values:
        return values
    extended = values.pop("extends")
    if not isinstance(extended, str):
        raise SettingsError(f"{path}: extends is {extended!r}, but must be a file's name")
    return _merged(_read(path.parent / extended, (*extending, file)), values)


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return ``values`` with ``changes``, table by table."""
    return values | {
        key: _merged(values[key], change)
        if isinstance(change, dict) and isinstance(values.get(key), dict)
        else change
        for key, change in changes.items()
    }


def _set(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise SettingsError(f"{override!r} is not of the form key=value")
    *tables, last = key.split(".")
    for table in tables:
        values = values.setdefault(table, {})
        if not isinstance(values, dict):
            raise SettingsError(f"{override!r}: {table} is not a table")
    try:
        values[last] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        values[last] = text
