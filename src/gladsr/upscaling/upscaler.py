"""The upscaler: a model, its settings, and pictures of any kind in and out."""

import math
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from functools import partial
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gladsr import engines, pictures, zoo
from gladsr.engines import Engine, EngineName, Precision
from gladsr.upscaling import sizes
from gladsr.upscaling.batch import Progress, progress_of_page
from gladsr.upscaling.ensemble import SelfEnsemble
from gladsr.upscaling.pixels import check_shape
from gladsr.upscaling.tiling import MIN_CORE
from gladsr.upscaling.upscaled import Upscaled


def _silent(_share: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Upscaler:
    """Upscales pictures with one model.

    It is its settings and the loaded model, nothing that changes. It can be pickled: the copy loads
    the model again.

    Attributes:
        model: The model's name; `gladsr models` lists them.
        scale: How many times larger, above 1 and at most 8, whole or not; 2 if neither it nor a
            size is given. Networks are trained for 2, 3 and 4: the next larger one is run, two in
            a row above 4, and the rest is an antialiased bicubic downscale.
        size: Instead of a scale, the width and height to fit into, the aspect kept; one of them
            may be None.
        max_pixels: The most pixels that a picture may become; it is scaled less if need be.
        engine: "openvino", "onnxruntime", "torch", or "auto" for the first of them installed.
        precision: "fp32", or "bf16": faster where the processor computes in it, and less exact.
        tile: The side of a tile's core in LR pixels, 16 or more. "auto" is 256, and pictures of up
            to 384×384 pixels whole. It changes the memory and the time that are needed, not the
            picture.
        ensemble: Average over the 8 flips and quarter turns of the picture (the paper's "+"): a
            little sharper, 8 times slower.
        draft: Return the coarse output (the paper's y_c), in about half the time.
        device: The device by the engine's own name for it; the CPU if None.
        threads: The number of CPU threads; the engine's own choice if None.

    Raises:
        gladsr.zoo.UnknownModelError: There is no such model.
        gladsr.engines.EngineError: The engine, precision, device or number of threads cannot be
            had, or the engine's library is not installed.
        gladsr.upscaling.SizeError: The scale is out of its range.
        ValueError: The tile or the size is too small, or both a scale and a size are given.

    Example:
        >>> import numpy as np
        >>> upscaler = Upscaler("gladsr-l", scale=3)
        >>> upscaler(np.zeros((5, 7), np.uint16)).shape
        (15, 21)
    """

    model: str = "gladsr"
    _: KW_ONLY
    scale: float | None = None
    size: tuple[int | None, int | None] | None = None
    max_pixels: int | None = None
    engine: EngineName = "auto"
    precision: Precision = "fp32"
    tile: int | Literal["auto"] = "auto"
    ensemble: bool = False
    draft: bool = False
    device: str | None = None
    threads: int | None = None
    _engines: "_Engines" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the settings and load the networks of the scale."""
        if self.tile != "auto" and self.tile < MIN_CORE:
            raise ValueError(f"tile is {self.tile}, but must be {MIN_CORE} or more")
        if self.max_pixels is not None and self.max_pixels < 1:
            raise ValueError(f"max_pixels is {self.max_pixels}, but must be 1 or more")
        if self.size is None:
            object.__setattr__(self, "scale", 2 if self.scale is None else self.scale)
            sizes.check_scale(self.scale or 0)
        elif self.scale is not None:
            raise ValueError("give a scale or a size, not both")
        elif min([side for side in self.size if side is not None], default=0) < 1:
            raise ValueError("the size must be a width, a height or both, of 1 or more")
        object.__setattr__(self, "_engines", _Engines(self))
        # A size needs others, picture by picture; of one, what cannot be had is refused now.
        self._engines.for_scale(self.scale or 2)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the settings alone; an engine's compiled model cannot be pickled."""
        settings = {item.name: getattr(self, item.name) for item in fields(self) if item.init}
        return partial(Upscaler, **settings), ()

    @overload
    def __call__(self, picture: Image.Image) -> Image.Image: ...
    @overload
    def __call__(self, picture: NDArray[Any] | str | PathLike[str]) -> NDArray[Any]: ...

    def __call__(
        self, picture: Image.Image | NDArray[Any] | str | PathLike[str]
    ) -> Image.Image | NDArray[Any]:
        """Upscale a picture.

        Args:
            picture: A PIL image (modes L, LA, RGB, RGBA, I;16, F, P and 1), an array (H×W, H×W×2
                with alpha, H×W×3 or H×W×4; uint8, uint16 or float in [0, 1]) or a picture file's
                path.

        Returns:
            What came in, s times larger: an image for an image, else an array, with the same kind,
            depth and channels. Images with a palette or one bit come back in RGB, RGBA or L.

        Raises:
            gladsr.pictures.PictureError: The file cannot be read.
            TypeError: The pixels are of another type.
            ValueError: The array has another shape or range, or the image another mode.
        """
        if isinstance(picture, Image.Image):
            return self._upscale_image(picture)
        if isinstance(picture, np.ndarray):
            return self._upscale_array(picture)
        return self._upscale_array(pictures.read(picture).pixels)

    def save(
        self,
        source: str | PathLike[str],
        destination: str | PathLike[str],
        *,
        overwrite: bool = False,
        quality: int = 95,
        strip_metadata: bool = False,
        progress: Progress = _silent,
    ) -> None:
        """Upscale a picture file into another, with every page or frame, keeping its metadata.

        Args:
            source: The picture to read.
            destination: The picture to write, in the format that its suffix names.
            overwrite: Replace a file that is there already.
            quality: Of JPEG, WebP and AVIF, from 1 to 100; WebP is lossless at 100.
            strip_metadata: Write nothing but the pixels and their colour profile.
            progress: Is told the share done, in (0, 1], as the work goes on.

        Raises:
            FileExistsError: The destination is there already.
            gladsr.pictures.PictureError: A file cannot be read or written.
        """
        if not overwrite and Path(destination).exists():
            raise FileExistsError(f"{destination} exists already")
        pages = pictures.read_pages(source)

        def upscaled() -> Iterator[pictures.Picture]:
            for done, picture in enumerate(pages.pictures):
                kept = picture.without_metadata() if strip_metadata else picture
                yield self.upscale(kept, progress_of_page(progress, done, pages.count))

        pictures.write_pages(replace(pages, pictures=upscaled()), destination, quality=quality)

    def upscale(self, picture: pictures.Picture, progress: Progress = _silent) -> pictures.Picture:
        """Upscale a picture with what belongs to it.

        The resolution in dots per inch grows with the picture, so that it prints at the same size.

        Args:
            picture: The picture.
            progress: Is told the share done, in (0, 1], as the work goes on.
        """
        pixels = self._upscale_array(picture.pixels, progress)
        down, across = (pixels.shape[axis] / picture.pixels.shape[axis] for axis in (0, 1))
        dpi = picture.dpi and (picture.dpi[0] * across, picture.dpi[1] * down)
        return replace(picture, pixels=pixels, dpi=dpi)

    def _upscale_image(self, image: Image.Image) -> Image.Image:
        if image.mode == "P":
            image = image.convert("RGBA" if "transparency" in image.info else "RGB")
        elif image.mode == "1":
            image = image.convert("L")
        elif image.mode not in ("L", "LA", "RGB", "RGBA", "I;16", "F"):
            raise ValueError(f"images of mode {image.mode} are not supported; convert it to RGB")
        upscaled = Image.fromarray(self._upscale_array(np.asarray(image)))
        upscaled.info = {key: value for key, value in image.info.items() if key != "transparency"}
        return upscaled

    def _upscale_array(self, pixels: NDArray[Any], progress: Progress = _silent) -> NDArray[Any]:
        check_shape(pixels.shape)
        before = (pixels.shape[0], pixels.shape[1])
        after = self._size_of(before)
        upscaled = Upscaled(
            pixels,
            after,
            self._engines.for_scale(max(after[0] / before[0], after[1] / before[1])),
            core=None if self.tile == "auto" else self.tile,
            draft=self.draft,
        )
        y = np.empty(upscaled.shape, pixels.dtype)
        done = 0
        for part in upscaled.parts():
            y[part.top : part.bottom, part.left : part.right] = upscaled.read(part)
            done += math.prod(part.size)
            progress(done / math.prod(after))
        return y

    def _size_of(self, before: tuple[int, int]) -> tuple[int, int]:
        """Return the height and width that a picture of some height and width becomes."""
        if self.size is not None:
            after = sizes.fitted(before, *self.size)
        else:
            assert self.scale is not None  # noqa: S101 - tells the type checker: one of them is
            after = sizes.scaled(before, self.scale)
        return after if self.max_pixels is None else sizes.limited(before, after, self.max_pixels)


class _Engines:
    """The engines of an upscaler's model, each loaded when it is first needed."""

    def __init__(self, upscaler: Upscaler) -> None:
        self._model = upscaler.model
        self._ensemble = upscaler.ensemble
        self._load = partial(
            engines.load,
            engine=upscaler.engine,
            device=upscaler.device,
            precision=upscaler.precision,
            threads=upscaler.threads,
        )
        self._loaded: dict[int, Engine] = {}
        self._lock = Lock()

    def for_scale(self, scale: float) -> list[tuple[int, Engine]]:
        """Return the scale and the engine of each pass that together reach a scale."""
        trained = zoo.MODELS.get(self._model, (2,))  # an unknown model is refused by its card
        return [(each, self._engine(each)) for each in sizes.passes(scale, trained)]

    def _engine(self, scale: int) -> Engine:
        with self._lock:
            if scale not in self._loaded:
                engine = self._load(zoo.card(self._model, scale))
                self._loaded[scale] = SelfEnsemble(engine) if self._ensemble else engine
            return self._loaded[scale]
