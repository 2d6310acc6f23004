"""The options and answers of the HTTP interface."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from gladsr import zoo
from gladsr.errors import SizeError
from gladsr.upscaling.auto import AUTO
from gladsr.upscaling.sizes import MAX_SCALE, SIZE_PATTERN
from gladsr.web.formats import FORMATS
from gladsr.web.jobs import State
from gladsr.web.messages import Part
from gladsr.web.problems import ProblemDetails
from gladsr.web.settings import TargetSize, UpscaleSettings


def _known_model(name: str) -> str:
    if name != AUTO and name not in zoo.MODELS:
        raise PydanticCustomError("model", "there is no such model; /v1/models lists them")
    return name


def _known_format(name: str) -> str:
    if name not in FORMATS:
        names = ", ".join(FORMATS)
        raise PydanticCustomError("format", "it must be one of {names}", {"names": names})
    return name


def _parsed_size(text: str) -> TargetSize:
    try:
        return TargetSize.parse(text)
    except SizeError:
        raise PydanticCustomError(
            "size", "it must have a form such as 1920x1080, 3840x or x2160"
        ) from None  # its message quotes the request


_Model = Annotated[
    str,
    Field(
        json_schema_extra={"enum": [AUTO, *zoo.MODELS]},
        description="One of /v1/models, or `auto` for a choice between `gladsr` and "
        "`gladsr-photo` for each picture.",
    ),
    AfterValidator(_known_model),
]
_Scale = Annotated[float, Field(gt=1, le=MAX_SCALE)]
_Size = Annotated[
    TargetSize,
    PlainValidator(_parsed_size),
    WithJsonSchema({"type": "string", "pattern": SIZE_PATTERN}),
]
_Format = Annotated[
    str, Field(json_schema_extra={"enum": [*FORMATS]}), AfterValidator(_known_format)
]


class MasksOptions(BaseModel):
    """The network whose masks are returned."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: _Model = AUTO
    scale: Annotated[
        _Scale,
        Field(description="As for upscaling; where two networks run in a row, the first is used."),
    ] = 2

    @property
    def settings(self) -> UpscaleSettings:
        """The settings of the job."""
        return UpscaleSettings(model=self.model, scale=self.scale)


class UpscaleOptions(BaseModel):
    """How to upscale."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: _Model = AUTO
    scale: Annotated[
        _Scale | None,
        Field(description="The scale, an integer or not; 2 if neither it nor a size is given."),
    ] = None
    size: Annotated[
        _Size | None,
        Field(
            description="Instead of a scale: the largest size of the same aspect that fits into "
            "1920x1080, 3840x or x2160."
        ),
    ] = None
    ensemble: Annotated[
        bool,
        Field(description="Average over 8 flips and rotations: slightly sharper, 8 times slower."),
    ] = False
    draft: Annotated[
        bool, Field(description="The network's coarse output, in about half the time.")
    ] = False
    format: Annotated[
        _Format | None, Field(description="The result's format; by default the input's.")
    ] = None
    quality: Annotated[
        int,
        Field(
            ge=1,
            le=100,
            description="The quality of JPEG, WebP and AVIF files; WebP is lossless at 100.",
        ),
    ] = 95

    @model_validator(mode="after")
    def _scale_or_size(self) -> "UpscaleOptions":
        if self.scale is not None and self.size is not None:
            raise PydanticCustomError("both", "give a scale or a size, not both")
        return self

    @property
    def settings(self) -> UpscaleSettings:
        """The settings of the job."""
        return UpscaleSettings(
            model=self.model,
            scale=2 if self.scale is None and self.size is None else self.scale,
            size=self.size,
            ensemble=self.ensemble,
            draft=self.draft,
        )


class JobOptions(UpscaleOptions):
    """How to upscale, and what to show meanwhile."""

    preview: Annotated[
        bool,
        Field(
            description="Also make the parts `bicubic`, `draft` and, for TIFF files and for "
            "several pages or frames, `view`: pictures of the first page for a browser, the first "
            "two before the result."
        ),
    ] = False

    @property
    def parts(self) -> list[Part]:
        """The files to make, in this order."""
        if not self.preview:
            return ["result"]
        draft: list[Part] = [] if self.draft else ["draft"]
        return ["bicubic", *draft, "result", "view"]


class JobSettings(BaseModel):
    """The settings of a job."""

    model: str
    scale: float | None
    size: str | None
    ensemble: bool
    draft: bool


class ChosenModel(BaseModel):
    """The model that `auto` has chosen."""

    model: str
    reason: str = Field(description="Such as “JPEG quality 71”.")


class JobStatus(BaseModel):
    """The state of a job."""

    id: str
    state: State
    progress: float = Field(ge=0, le=1, description="The share of the result that is computed.")
    ahead: int = Field(ge=0, description="The number of jobs ahead of it in the queue.")
    width: int = Field(description="The input's width in pixels.")
    height: int
    new_width: int = Field(description="The result's width in pixels.")
    new_height: int
    pages: int = Field(
        description="The number of pages or frames; the sizes are those of the first."
    )
    settings: JobSettings
    chosen: ChosenModel | None = Field(description="What `auto` has chosen, once it has.")
    parts: dict[Part, str] = Field(description="The addresses of the parts made so far.")
    seconds: float | None = Field(description="The time that it took to compute.")
    expires: datetime | None = Field(description="When the files of a finished job are removed.")
    problem: ProblemDetails | None = Field(description="Why it failed.")


class ModelDescription(BaseModel):
    """A model with its cost and its scores."""

    name: str
    purpose: str = Field(description="The pictures that it is meant for.")
    scale: int
    parameters: int
    mult_adds: int = Field(description="Multiply-adds for an output of 960×960 pixels.")
    scores: dict[str, dict[str, float]] = Field(description="PSNR in dB and SSIM by test set.")
    licence: str = Field(description="The licence of the weights.")


class Health(BaseModel):
    """The service is up."""

    status: Literal["ok"] = "ok"
