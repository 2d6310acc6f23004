"""The upscaler: a model, its settings, and pictures of any kind in and out."""

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gladsr import engines, pictures, zoo
from gladsr.engines import EngineName, Precision
from gladsr.upscaling.batch import Progress, progress_of_page
from gladsr.upscaling.ensemble import self_ensemble
from gladsr.upscaling.pixels import from_unit, limit_to_neighbours, to_unit
from gladsr.upscaling.tiling import upscale_tiled

_WHOLE = 512 * 512  # LR pixels up to which a picture is one tile; at ×4 that takes about 2 GB
_CORE = 256


def _silent(_share: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Upscaler:
    """Upscales pictures with one model.

    It is its settings and the loaded model, nothing that changes. It can be pickled: the copy loads
    the model again.

    Attributes:
        model: The model's name; `gladsr models` lists them.
        scale: 2, 3 or 4.
        engine: "openvino", "onnxruntime", "torch", or "auto" for the first of them installed.
        precision: "fp32", or "bf16": faster where the processor computes in it, and less exact.
        tile: The side of a tile's core in LR pixels, 16 or more. "auto" upscales pictures of up
            to 512×512 pixels whole and larger ones in tiles of 256.
        ensemble: Average over the 8 flips and quarter turns of the picture (the paper's "+"): a
            little sharper, 8 times slower.
        draft: Return the coarse output (the paper's y_c), in about half the time.
        device: The device by the engine's own name for it; the CPU if None.
        threads: The number of CPU threads; the engine's own choice if None.

    Raises:
        gladsr.zoo.UnknownModelError: There is no such model, or not at that scale.
        gladsr.engines.EngineError: The engine, precision, device or number of threads cannot be
            had, or the engine's library is not installed.
        ValueError: The tile is too small.

    Example:
        >>> import numpy as np
        >>> upscaler = Upscaler("gladsr-l", scale=3)
        >>> upscaler(np.zeros((5, 7), np.uint16)).shape
        (15, 21)
    """

    model: str = "gladsr"
    _: KW_ONLY
    scale: int = 2
    engine: EngineName = "auto"
    precision: Precision = "fp32"
    tile: int | Literal["auto"] = "auto"
    ensemble: bool = False
    draft: bool = False
    device: str | None = None
    threads: int | None = None
    _run: Callable[[NDArray[np.float32]], NDArray[np.float32]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Load the model."""
        if self.tile != "auto" and self.tile < 16:
            raise ValueError(f"tile is {self.tile}, but must be 16 or more")
        loaded = engines.load(
            zoo.card(self.model, self.scale),
            self.engine,
            device=self.device,
            precision=self.precision,
            threads=self.threads,
        )
        run = partial(loaded.run, draft=self.draft)
        object.__setattr__(self, "_run", partial(self_ensemble, run) if self.ensemble else run)

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
        dpi = picture.dpi and (picture.dpi[0] * self.scale, picture.dpi[1] * self.scale)
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
        x = to_unit(pixels)
        if x.shape[2] in (1, 3):
            return from_unit(self._upscale_colours(x, progress), like=pixels)
        colour, alpha = x[..., :-1], x[..., -1:]
        # Premultiplied, so that the colour of what cannot be seen does not bleed into the edges.
        y_alpha = limit_to_neighbours(
            self._upscale_colours(alpha, lambda share: progress(share / 2))[..., 0],
            alpha[..., 0],
            self.scale,
        )[..., np.newaxis]
        premultiplied = self._upscale_colours(
            colour * alpha, lambda share: progress(0.5 + share / 2)
        )
        y = np.divide(premultiplied, y_alpha, out=np.zeros_like(premultiplied), where=y_alpha > 0)
        return from_unit(np.concatenate([y, y_alpha], axis=2), like=pixels)

    def _upscale_colours(self, x: NDArray[np.float32], progress: Progress) -> NDArray[np.float32]:
        """Upscale h×w×3, or h×w×1 as three equal channels and the mean of what they become."""
        height, width, channels = x.shape
        if isinstance(self.tile, int):
            core = self.tile
        else:
            core = max(height, width) if height * width <= _WHOLE else _CORE
        y = upscale_tiled(
            self._run,
            np.broadcast_to(x, (height, width, 3)),
            scale=self.scale,
            core=core,
            progress=progress,
        )
        return y.mean(axis=2, keepdims=True) if channels == 1 else y
