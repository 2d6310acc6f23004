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
from gladsr.engines import Engine, EngineName, LoadedEngine, Precision, give_back, memory_kept
from gladsr.errors import PictureError
from gladsr.films.encoders import Encoding
from gladsr.films.reading import Frame
from gladsr.pictures.mapped import Mapped, forget
from gladsr.upscaling import files, sizes
from gladsr.upscaling.batch import Progress, progress_of_page
from gladsr.upscaling.ensemble import SelfEnsemble
from gladsr.upscaling.pixels import check_shape, to_unit
from gladsr.upscaling.tiling import MIN_CORE
from gladsr.upscaling.upscaled import Upscaled


def _silent(_share: float) -> None:
    """Tell nobody."""


class _Networks:
    """Networks, each loaded when it is first needed."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[Any, ...], LoadedEngine] = {}
        self._lock = Lock()

    def of(self, upscaler: "Upscaler", scale: int) -> LoadedEngine:
        """Return the network of an upscaler's model for one of its scales."""
        machine = (upscaler.engine, upscaler.device, upscaler.precision, upscaler.threads)
        key = (upscaler.model, scale, *machine)
        with self._lock:
            if key not in self._loaded:
                self._loaded[key] = engines.load(
                    zoo.card(upscaler.model, scale),
                    upscaler.engine,
                    device=upscaler.device,
                    precision=upscaler.precision,
                    threads=upscaler.threads,
                )
            return self._loaded[key]


@dataclass(frozen=True)
class Upscaler:
    """Upscales pictures with one model.

    It is its settings and the loaded model, nothing that changes. `dataclasses.replace` gives one
    with other settings, which shares what is loaded. It can be pickled: the copy loads the model
    again.

    Attributes:
        model: The model's name; `gladsr models` lists them.
        scale: How many times larger, above 1 and at most 8, whole or not; 2 if neither it nor a
            size is given. Networks are trained for 2, 3 and 4, or some of these: the next larger
            one is run, or two or three in a row beyond the largest, and the rest is an antialiased
            bicubic downscale.
        size: Instead of a scale, the width and height to fit into, the aspect kept; one of them
            may be None.
        max_pixels: The most pixels that a picture may become; it is scaled less if need be.
        engine: "openvino", "onnxruntime", "torch", or "auto" for the first of them installed.
        precision: "fp32"; "bf16", faster where the processor computes in it, and less exact; or
            "int8", likewise, with weights that `gladsr export --calibrate` has made.
        tile: The side of a tile's core in LR pixels, 16 or more. "auto" is 272, and pictures of up
            to 384×384 pixels whole, at ×4 of up to 304×304. It changes the memory and the time that
            are needed, not the picture.
        ensemble: Average over the 8 flips and quarter turns of the picture (the paper's "+"): a
            little sharper, 8 times slower.
        draft: Return the coarse output (the paper's y_c), in about half the time.
        device: The device by the engine's own name for it; the CPU if None.
        threads: The number of CPU threads; the engine's own choice if None.

    Raises:
        gladsr.UnknownModelError: There is no such model.
        gladsr.EngineError: The engine, precision, device or number of threads cannot be
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
    _networks: _Networks = field(default_factory=_Networks, repr=False, compare=False)

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
        # A size needs others, picture by picture; of one, what cannot be had is refused now.
        self._passes(self.scale or 2)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the settings alone; an engine's compiled model cannot be pickled."""
        settings = {item.name: getattr(self, item.name) for item in fields(self) if item.compare}
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
            depth and channels. Images with a palette or one bit come back in RGB or L, and those
            of which info["transparency"] names a colour in RGBA or LA.

        Raises:
            gladsr.PictureError: The file cannot be read.
            gladsr.upscaling.SizeError: With ``size`` or ``max_pixels``: the picture cannot become
                so large.
            gladsr.EngineError: Memory runs out, or with ``size`` the network of another
                scale cannot be had.
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
        encoding: Encoding = files.USUAL,
        strip_metadata: bool = False,
        progress: Progress = _silent,
    ) -> None:
        """Upscale a picture file or a film into another, with every page or frame and its metadata.

        Args:
            source: The picture or film to read.
            destination: The picture or film to write, in the format that its suffix names.
            overwrite: Replace a file that is there already.
            quality: Of JPEG, WebP and AVIF, from 1 to 100; WebP is lossless at 100.
            encoding: Of films: `gladsr.films.encoders.Encoding`.
            strip_metadata: Write nothing but the pixels and their colour profile; of films, also
                sound, subtitles and the times of chapters.
            progress: Is told the share done, in (0, 1], as the work goes on.

        Raises:
            FileExistsError: The destination is there already.
            gladsr.PictureError: A file cannot be read or written.
            gladsr.upscaling.SizeError: As when it is called.
            gladsr.EngineError: Likewise.
        """
        if not overwrite and Path(destination).exists():
            raise FileExistsError(f"{destination} exists already")
        destination = Path(destination)
        if not destination.parent.is_dir():
            raise PictureError(
                f"{destination} cannot be written: there is no folder {destination.parent}."
            )
        pages = files.read(Path(source), destination)

        def upscaled() -> Iterator[pictures.Picture]:
            for done, picture in enumerate(pages.pictures):
                told = progress_of_page(progress, done, pages.count)
                yield self.upscale(picture, told, destination)

        larger = replace(pages, pictures=upscaled())
        with memory_kept():
            files.write(
                larger,
                destination,
                options=pictures.WriteOptions(quality, strip_metadata),
                encoding=encoding,
            )

    def upscale(
        self,
        picture: pictures.Picture,
        progress: Progress = _silent,
        destination: Path | None = None,
    ) -> pictures.Picture:
        """Upscale a picture with what belongs to it.

        The resolution in dots per inch grows with the picture, so that it prints at the same size.

        Args:
            picture: The picture.
            progress: Is told the share done, in (0, 1], as the work goes on.
            destination: The picture file that it is for. Whether that can be written is asked
                before anything is computed, and what is large is kept on its disk rather than in
                memory (`pictures.room_for`).

        Raises:
            gladsr.PictureError: The destination cannot be written.
            gladsr.upscaling.SizeError: As when it is called.
            gladsr.EngineError: Likewise.
        """
        on_its_side = False
        if isinstance(picture, Frame):  # which is encoded at once, and not turned upright
            destination, on_its_side = None, picture.on_its_side
        pixels = self._upscale_array(picture.pixels, progress, destination, on_its_side=on_its_side)
        down, across = (pixels.shape[axis] / picture.pixels.shape[axis] for axis in (0, 1))
        dpi = picture.dpi and (picture.dpi[0] * across, picture.dpi[1] * down)
        extra = picture.extra
        if extra is not None:  # each channel for itself
            planes = [self._upscale_array(extra[..., each]) for each in range(extra.shape[2])]
            extra = np.stack(planes, axis=-1)
        return replace(picture, pixels=pixels, extra=extra, dpi=dpi)

    def masks(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Return what the network attends to in a picture (the paper's Fig. 6).

        Where several networks run in a row, it is the first.

        Args:
            pixels: H×W, H×W×2 with alpha, H×W×3 or H×W×4; uint8, uint16 or float in [0, 1]. It is
                computed as a whole, so a large picture takes much memory.

        Returns:
            The guided mask R_s (Eq. 9) of each GLAM, G×H×W in (0, 1), the basic net's first.

        Example:
            >>> Upscaler("gladsr-l").masks(np.zeros((5, 7), np.uint8)).shape
            (4, 5, 7)
        """
        x = to_unit(pixels)
        colour = x if x.shape[2] in (1, 3) else x[..., :-1] * x[..., -1:]
        after = self._size_of((x.shape[0], x.shape[1]))
        scale = max(after[0] / x.shape[0], after[1] / x.shape[1])
        network = self._networks.of(self, sizes.passes(scale, zoo.MODELS[self.model])[0])
        return network.masks(np.broadcast_to(colour, (*x.shape[:2], 3)))

    def _upscale_image(self, image: Image.Image) -> Image.Image:
        if image.mode in ("P", "RGB"):
            image = image.convert("RGBA" if "transparency" in image.info else "RGB")
        elif image.mode in ("1", "L"):
            image = image.convert("LA" if "transparency" in image.info else "L")
        elif image.mode not in ("LA", "RGBA", "I;16", "F"):
            raise ValueError(f"images of mode {image.mode} are not supported; convert it to RGB")
        upscaled = Image.fromarray(self._upscale_array(np.asarray(image)))
        upscaled.info = {key: value for key, value in image.info.items() if key != "transparency"}
        if "dpi" in image.info:
            sides = zip(image.info["dpi"], upscaled.size, image.size, strict=True)
            upscaled.info["dpi"] = tuple(dpi * after / before for dpi, after, before in sides)
        return upscaled

    def _upscale_array(
        self,
        pixels: NDArray[Any],
        progress: Progress = _silent,
        destination: Path | None = None,
        *,
        on_its_side: bool = False,
    ) -> NDArray[Any]:
        check_shape(pixels.shape)
        before = (pixels.shape[0], pixels.shape[1])
        after = self._size_of(before[::-1])[::-1] if on_its_side else self._size_of(before)
        if destination is None:
            y = np.empty((*after, *pixels.shape[2:]), pixels.dtype)
        else:
            y = pictures.room_for(destination, pixels, after)
        upscaled = Upscaled(
            pixels,
            after,
            self._passes(max(after[0] / before[0], after[1] / before[1])),
            core=None if self.tile == "auto" else self.tile,
            draft=self.draft,
        )
        done = 0
        with memory_kept():
            for part in upscaled.parts():
                y[part.top : part.bottom, part.left : part.right] = upscaled.read(part)
                forget(y)
                done += math.prod(part.size)
                progress(done / math.prod(after))
        if isinstance(y, Mapped):
            give_back()  # to write such a picture takes memory of its own
        return y

    def _size_of(self, before: tuple[int, int]) -> tuple[int, int]:
        """Return the height and width that a picture of some height and width becomes."""
        after = sizes.enlarged(before, self.scale, self.size)
        return after if self.max_pixels is None else sizes.limited(before, after, self.max_pixels)

    def _passes(self, scale: float) -> list[tuple[int, Engine]]:
        """Return the scale and the engine of each pass that together reach a scale."""
        trained = zoo.MODELS.get(self.model, (2,))  # an unknown model is refused by its card
        networks = [(each, self._networks.of(self, each)) for each in sizes.passes(scale, trained)]
        if self.ensemble:
            return [(each, SelfEnsemble(network)) for each, network in networks]
        return [*networks]
