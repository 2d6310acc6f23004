"""What the service passes to `gladsr.Upscaler`, with the types that it has there."""

from dataclasses import dataclass, replace

from gladsr.engines import EngineName, PrecisionChoice
from gladsr.upscaling import Upscaler
from gladsr.upscaling.auto import AUTO
from gladsr.upscaling.sizes import output_size, parse_size


@dataclass(frozen=True)
class TargetSize:
    """The width and the height to fit into; one of them may be None.

    Example:
        >>> str(TargetSize.parse("1920×1080")), TargetSize.parse("x2160").box
        ('1920x1080', (None, 2160))
    """

    width: int | None
    height: int | None

    @classmethod
    def parse(cls, text: str) -> "TargetSize":
        """Return the size that a text stands for.

        Raises:
            SizeError: It stands for none.
        """
        return cls(*parse_size(text))

    def __str__(self) -> str:
        return f"{self.width or ''}x{self.height or ''}"

    @property
    def box(self) -> tuple[int | None, int | None]:
        """The size as `gladsr.Upscaler` takes it."""
        return self.width, self.height


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """What runs the network; see `gladsr.Upscaler`."""

    engine: EngineName = "auto"
    precision: PrecisionChoice = "auto"
    device: str | None = None
    threads: int | None = None

    def load(self, model: str) -> Upscaler:
        """Return an upscaler with a model."""
        return Upscaler(
            model,
            engine=self.engine,
            precision=self.precision,
            device=self.device,
            threads=self.threads,
        )


@dataclass(frozen=True, kw_only=True)
class UpscaleSettings:
    """The options of one job; see `gladsr.Upscaler`. Either a scale or a size is given."""

    model: str = AUTO
    scale: float | None = None
    size: TargetSize | None = None
    ensemble: bool = False
    draft: bool = False

    def output_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the output's height and width for an input's height and width.

        Raises:
            SizeError: The input cannot have the requested size.
        """
        return output_size(size, self.scale, self._box)

    def applied_to(self, upscaler: Upscaler) -> Upscaler:
        """Return an upscaler of the same model with these settings."""
        return replace(
            upscaler,
            scale=self.scale,
            size=self._box,
            ensemble=self.ensemble,
            draft=self.draft,
        )

    @property
    def _box(self) -> tuple[int | None, int | None] | None:
        return None if self.size is None else self.size.box
