"""The settings of a training run: typed and read from TOML; unknown keys are rejected."""

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
    """Return ``path`` with environment variables such as ``$GLADSR_DATA`` expanded.

    Settings keep paths as they were written, so that checkpoints and cards do not depend on one
    machine's folders.

    Raises:
        SettingsError: A variable is not set.
    """
    expanded = os.path.expandvars(path)
    if "$" in expanded:
        raise SettingsError(f"{path}: the environment variable in this path is not set")
    return Path(expanded)


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSettings(_Settings):
    """The images, and how crops are taken from them."""

    train: list[Path] = Field(min_length=1, description="Folders of HR training images.")
    exclude: list[str] = Field(
        [],
        description="Names of files in those folders to leave out; patterns such as `old_*` match "
        "several.",
    )
    teacher: Path | None = Field(
        None,
        description="Another network for this scale or a larger one whose outputs are targets too: "
        "ONNX, as `gladsr export` writes it, or the weights of RLFN or DAT-light as .pth.",
    )
    validation: list[Path] = Field(
        min_length=1,
        description="Folder of HR images to measure PSNR on, or a list of them; the first one "
        "counts where a single figure is needed.",
    )
    validation_images: int = Field(
        100, ge=1, description="The largest number of images taken from each of these folders."
    )
    patch: int = Field(48, ge=8, description="Side of a crop in LR pixels (48 in Section IV-B).")
    batch: int = Field(16, ge=1, description="Crops per step (16 in Section IV-B).")
    area_power: float = Field(
        1.0, ge=0, le=1, description="Images are drawn in proportion to their area to this power."
    )
    shuffle_colours: bool = Field(
        False, description="Put the R, G and B channels of every crop in random order."
    )
    patterns: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of crops that are replaced by noise, checks, stripes or a dithered "
        "version of themselves, with their bicubic upscale as the target.",
    )
    sharpen: float = Field(
        0.0, ge=0, description="Strength of an unsharp mask of one pixel, applied to HR crops."
    )
    resident: bool | None = Field(
        None,
        description="Keep all images in the device's memory and cut crops there. By default, on a "
        "GPU, unless LR is degraded or HR sharpened, which only the CPU does.",
    )
    cache: Path = Field(
        Path("runs/cache"), description="Folder for decoded images, which are memory-mapped."
    )

    @field_validator("validation", mode="before")
    @classmethod
    def _as_list(cls, validation: Any) -> Any:
        return [validation] if isinstance(validation, str | Path) else validation

    @field_validator("validation")
    @classmethod
    def _check_names(cls, validation: list[Path]) -> list[Path]:
        if len({folder.name for folder in validation}) < len(validation):
            raise ValueError("must be folders of different names, since scores are named by them")
        return validation


class DegradationSettings(_Settings):
    """How LR is degraded, by random amounts up to these limits; not at all by default."""

    clean: float = Field(0.0, ge=0, le=1, description="Share of crops that are not degraded.")
    blur: float = Field(
        0.0, ge=0, description="Standard deviation of a Gaussian blur, in LR pixels."
    )
    noise: float = Field(0.0, ge=0, description="Standard deviation of noise, in levels of 255.")
    jpeg: tuple[int, int] | None = Field(
        None, description="Lowest and highest quality of JPEG, each from 1 to 100."
    )

    @property
    def nothing(self) -> bool:
        """Whether LR stays unchanged."""
        return self.blur == 0 and self.noise == 0 and self.jpeg is None

    @field_validator("jpeg")
    @classmethod
    def _check_jpeg(cls, jpeg: tuple[int, int] | None) -> tuple[int, int] | None:
        if jpeg is not None and not 1 <= jpeg[0] <= jpeg[1] <= 100:
            raise ValueError("must be two qualities from 1 to 100, the lower one first")
        return jpeg


class LossSettings(_Settings):
    """Eq. 5 and additions to it."""

    gamma: float = Field(
        0.5, ge=0, le=1, description="γ, the weight of the coarse output; the final's is 1 - γ."
    )
    teacher: float = Field(
        0.8,
        ge=0,
        le=1,
        description="Weight of the teacher's outputs as targets, if there is a teacher; HR has the "
        "rest.",
    )
    teacher_until: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Share of the run over which that weight falls linearly to zero; constant by "
        "default.",
    )
    bound: float | None = Field(
        None, gt=0, description="Beyond this, a crop's error counts by its logarithm."
    )
    squared: float = Field(
        0.0, ge=0, le=1, description="Share at the end of the run in which errors are squared."
    )
    spectrum: float = Field(
        0.0,
        ge=0,
        description="Weight of the mean absolute error of the amplitude spectrum (not normalised), "
        "which is added until errors are squared.",
    )


Beta = Annotated[float, Field(ge=0, lt=1)]


class OptimizerSettings(_Settings):
    """The optimizer and its learning rate."""

    kind: Literal["adam", "muon"] = Field(
        "adam",
        description="Muon trains the hidden convolutions, as matrices, and Adam everything else.",
    )
    learning_rate: float = Field(1e-4, gt=0, description="The highest learning rate.")
    betas: tuple[Beta, Beta] = Field((0.9, 0.999), description="Adam's β1 and β2.")
    weight_decay: float = Field(
        0.0,
        ge=0,
        description="Weight decay per step of Muon's convolutions, relative to the learning rate.",
    )
    clip_norm: float | None = Field(
        None, gt=0, description="Clip the norm of the gradient to this."
    )

    @model_validator(mode="after")
    def _check_weight_decay(self) -> Self:
        if self.weight_decay and self.kind != "muon":
            raise ValueError("weight_decay is Muon's; with adam it must be 0")
        return self


class ScheduleSettings(_Settings):
    """The length of the run, and the course of the learning rate."""

    steps: int = Field(ge=1, description="Number of steps.")
    minutes: float | None = Field(
        None,
        gt=0,
        description="The run also ends after this time, setting up included; the learning rate "
        "then follows whichever of steps and time has progressed further.",
    )
    kind: Literal["step", "cosine"] = Field(
        "step", description="Halved at intervals (as in the paper), or a cosine down to zero."
    )
    halve_every: int = Field(200_000, ge=1, description="Steps between halvings, for `step`.")
    warmup: int = Field(0, ge=0, description="Steps over which the learning rate rises from zero.")


class AverageSettings(_Settings):
    """The running average of the weights, which is validated and exported."""

    decay: float = Field(
        0.0, ge=0, lt=1, description="Decay of the exponential average; 0 averages nothing."
    )


class TrainingSettings(_Settings):
    """Everything that a training run depends on."""

    model: str = Field("gladsr", description="The name of the trained model.")
    seed: int = Field(
        0, ge=0, lt=2**64, description="Seed of the initial weights and of the crops."
    )
    start: Path | None = Field(
        None,
        description="A .safetensors file with initial weights; those whose name and shape fit are "
        "used.",
    )
    device: str = Field("cpu", description="Any of PyTorch's devices: cpu, cuda, mps.")
    precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="bf16 uses PyTorch's autocast; on processors without bf16 it is far slower "
        "than fp32.",
    )
    compile: bool = Field(
        False,
        description="Compile the network with torch.compile: a minute's wait, then a fifth faster.",
    )
    capture: bool = Field(
        True, description="On an NVIDIA GPU, capture each step's operations in a CUDA graph."
    )
    validate_every: int = Field(500, ge=1, description="Steps between validations.")
    checkpoint_every: int = Field(
        250, ge=1, description="Steps between checkpoints; one is also written every minute."
    )
    network: GladsrConfig = GladsrConfig()
    data: DataSettings
    degradation: DegradationSettings = DegradationSettings()
    loss: LossSettings = LossSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    schedule: ScheduleSettings
    average: AverageSettings = AverageSettings()

    @property
    def resident(self) -> bool:
        """Whether images are kept in the device's memory, where crops are cut."""
        if self.data.resident is None:
            return self.device.startswith("cuda") and not self._crops_need_cpu
        return self.data.resident

    @property
    def _crops_need_cpu(self) -> bool:
        return self.data.sharpen > 0 or not self.degradation.nothing

    @model_validator(mode="after")
    def _check_resident(self) -> Self:
        if self.data.resident and self._crops_need_cpu:
            raise ValueError("data.resident must be false where LR is degraded or HR sharpened")
        return self


PLACES: dict[str, Any] = {"data": {"cache"}}
"""Settings that name a place in which something is kept; they change no result."""

MEANS: dict[str, Any] = (
    PLACES
    | {"schedule": {"minutes"}}
    | dict.fromkeys(
        ("device", "precision", "compile", "capture", "validate_every", "checkpoint_every"), True
    )
)
"""These, and settings of how a machine trains, not of what: they may change when a run resumes."""


def read_settings(path: Path, overrides: tuple[str, ...] = ()) -> TrainingSettings:
    """Read a TOML file and apply ``key=value`` overrides, such as ``schedule.steps=2000``.

    A file may begin with ``extends = "other.toml"``: the other file, beside it, is read first.

    Raises:
        SettingsError: The file cannot be read, or a key or value is wrong.
    """
    values = _read(path)
    for override in overrides:
        _set(values, override)
    return checked(values, path)


def checked(values: dict[str, Any], source: Path) -> TrainingSettings:
    """Return plain values, such as those in a checkpoint of ``source``, as settings.

    Raises:
        SettingsError: A key or value is wrong.
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
    """Reject settings that differ from those a run began with; those in ``MEANS`` may change.

    Args:
        settings: The present settings.
        before: The settings that the run began with, as plain values. Keys that did not exist then
            had what is their default now.
        run: The run's folder.

    Raises:
        SettingsError: Settings differ; the message names the first of them.
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
    """Return nested tables as a single one, with keys such as ``schedule.steps``."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{table}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat


def _read(path: Path, extending: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return a file's values merged over those of the file it extends.

    Args:
        path: The file.
        extending: The files that led to it, to detect circles.
    """
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
