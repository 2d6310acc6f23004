"""The upscaler: a model, its settings, and pictures of any kind in and out."""

import math
from collections.abc import Iterator
from dataclasses import replace
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


class Upscaler:
    """Upscales pictures with one model.

    It holds no state but its settings and the loaded networks. It can be pickled: the copy loads
    them again.

    Args:
        model: The model's name; `gladsr models` lists them.
        scale: How many times larger, above 1 and at most 8, whole or not; 2 if neither it nor a
            size is given. Networks are trained for 2, 3 and 4: the next larger one is run, two in
            a row above 4, and the rest is an antialiased bicubic downscale.
        size: Instead of a scale, the width and height to fit into, the aspect kept; one of them
            may be None.
        max_pixels: The most pixels that a picture may become; it is scaled less if need be.
        engine: "openvino", "onnxruntime", "torch", or "auto" for the first of them installed.
        precision: "fp32", or "bf16" where the processor computes in it: faster, and within about
            a level of 8 bits.
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

    def __init__(
        self,
        model: str = "gladsr",
        *,
        scale: float | None = None,
        size: tuple[int | None, int | None] | None = None,
        max_pixels: int | None = None,
        engine: EngineName = "auto",
        precision: Precision = "fp32",
        tile: int | Literal["auto"] = "auto",
        ensemble: bool = False,
        draft: bool = False,
        device: str | None = None,
        threads: int | None = None,
    ) -> None:
        if tile != "auto" and tile < MIN_CORE:
            raise ValueError(f"tile is {tile}, but must be {MIN_CORE} or more")
        if size is not None and scale is not None:
            raise ValueError("give a scale or a size, not both")
        if size is not None and min([side for side in size if side is not None], default=0) < 1:
            raise ValueError("the size must be a width, a height or both, of 1 or more")
        if max_pixels is not None and max_pixels < 1:
            raise ValueError(f"max_pixels is {max_pixels}, but must be 1 or more")
        if size is None:
            scale = 2 if scale is None else scale
            sizes.check_scale(scale)
        self._settings: dict[str, Any] = {
            "model": model,
            "scale": scale,
            "size": size,
            "max_pixels": max_pixels,
            "engine": engine,
            "precision": precision,
            "tile": tile,
            "ensemble": ensemble,
            "draft": draft,
            "device": device,
            "threads": threads,
        }
        self._model = model
        self._scale = scale
        self._size = size
        self._max_pixels = max_pixels
        self._core = None if tile == "auto" else tile
        self._ensemble = ensemble
        self._draft = draft
        self._load = partial(
            engines.load, engine=engine, device=device, precision=precision, threads=threads
        )
        self._engines: dict[int, Engine] = {}
        self._lock = Lock()
        self._trained = zoo.MODELS.get(model, (2,))  # an unknown one is refused by `zoo.card`
        for trained in sizes.passes(scale or 2, self._trained):
            self._engine(trained)

    def __repr__(self) -> str:
        """Return the call that makes an equal upscaler."""
        return f"Upscaler({', '.join(f'{key}={value!r}' for key, value in self._settings.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the settings; an engine's compiled model cannot be pickled."""
        return partial(Upscaler, **self._settings), ()

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
        upscaled = self._upscaled(pixels)
        y = np.empty(upscaled.shape, pixels.dtype)
        done = 0
        for part in upscaled.parts():
            y[part.top : part.bottom, part.left : part.right] = upscaled.read(part)
            done += math.prod(part.size)
            progress(done / math.prod(upscaled.shape[:2]))
        return y

    def _upscaled(self, pixels: NDArray[Any]) -> Upscaled:
        """Return the picture as it will be; nothing is computed yet."""
        check_shape(pixels.shape)
        before = (pixels.shape[0], pixels.shape[1])
        after = self._size_of(before)
        largest = max(new / old for new, old in zip(after, before, strict=True))
        return Upscaled(
            pixels,
            after,
            [(scale, self._engine(scale)) for scale in sizes.passes(largest, self._trained)],
            core=self._core,
            draft=self._draft,
        )

    def _size_of(self, before: tuple[int, int]) -> tuple[int, int]:
        """Return the height and width that a picture of some height and width becomes."""
        if self._size is not None:
            after = sizes.fitted(before, *self._size)
        else:
            assert self._scale is not None  # noqa: S101 - tells the type checker: one of them is
            after = sizes.scaled(before, self._scale)
        return after if self._max_pixels is None else sizes.limited(before, after, self._max_pixels)

    def _engine(self, scale: int) -> Engine:
        """Return the engine with the network of a scale, loaded when it is first asked for."""
        with self._lock:
            if scale not in self._engines:
                loaded = self._load(zoo.card(self._model, scale))
                self._engines[scale] = SelfEnsemble(loaded) if self._ensemble else loaded
            return self._engines[scale]
