"""The upscaler: a model, its settings, and pictures of any kind in and out."""

import math
import os
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from functools import partial
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from gladsr import engines, pictures, zoo
from gladsr.engines import Engine, EngineName, LoadedEngine, PrecisionChoice, memory_retained
from gladsr.errors import EngineError, StorageError
from gladsr.films.encoders import Encoding
from gladsr.pictures import Picture, ReadOptions, WriteOptions
from gladsr.pictures.compression import Compression, stated_compression
from gladsr.pictures.mapped import forget
from gladsr.upscaling import images, sizes
from gladsr.upscaling.auto import AUTO, CLEAN, choose, choose_for_file
from gladsr.upscaling.ensemble import SelfEnsemble
from gladsr.upscaling.files import FilePair
from gladsr.upscaling.pipeline import OnProgress, Room, UpscalePicture, upscale_files
from gladsr.upscaling.pixels import check_shape, plain, to_unit
from gladsr.upscaling.tiling import MIN_CORE
from gladsr.upscaling.upscaled import Upscaled


def _ignore(_share: float) -> None:
    """Ignore progress."""


class _Networks:
    """Networks, each loaded when it is first needed."""

    _process: ClassVar[int | None] = None
    """The process that first loaded one: an engine's threads do not survive a fork."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[Any, ...], LoadedEngine] = {}
        self._lock = Lock()

    def of(self, upscaler: "Upscaler", model: str, scale: int) -> LoadedEngine:
        """Return the network of a model for one of its scales, in an upscaler's engine."""
        if _Networks._process not in (None, os.getpid()):
            raise EngineError(
                "this process was forked from one that has loaded a network; start it with "
                'multiprocessing.get_context("spawn")'
            )
        machine = (upscaler.engine, upscaler.device, upscaler.precision, upscaler.threads)
        key = (model, scale, *machine)
        with self._lock:
            if key not in self._loaded:
                _Networks._process = os.getpid()
                self._loaded[key] = engines.load(
                    zoo.card(model, scale),
                    upscaler.engine,
                    device=upscaler.device,
                    precision=upscaler.precision,
                    threads=upscaler.threads,
                )
            return self._loaded[key]


@dataclass(frozen=True)
class Upscaler:
    """Upscales pictures with one model.

    It is immutable: its settings and the loaded model. `dataclasses.replace` returns one with other
    settings, which shares what is loaded. It can be pickled; the copy loads the model again. It
    cannot be used in a process that was forked after a model was loaded.

    Attributes:
        model: The model's name; `gladsr.models` lists them. "auto" chooses for each picture
            between "gladsr" for clean ones and "gladsr-photo" for those with JPEG artefacts, noise
            or blur (docs/auto.md), and loads a model when it is first chosen.
        scale: The scale, above 1 and at most 8, an integer or not; 2 if neither it nor a size is
            given. Networks are trained for 2, 3 and 4, or some of these: the next larger one is
            run, or two or three in a row beyond the largest, and the rest is an antialiased bicubic
            downscale.
        size: Instead of a scale, the width and height to fit into; the aspect ratio is kept. One of
            them may be None.
        max_output_pixels: The maximum number of pixels of an output, which is scaled less if
            necessary.
        engine: "openvino", "onnxruntime", "torch", or "auto" for the first that is installed.
        precision: "fp32", which gives the same pixels on every machine; "bf16", about twice as fast
            on processors with bf16 instructions, at a loss of less than 0.005 dB; "int8", faster
            and less exact, with weights that `gladsr export --calibrate` makes; or "auto", which
            is bf16 in OpenVINO on such processors, and else fp32.
        tile: The side of a tile's core in LR pixels, 16 or more. "auto" is 272, and no tiles for
            pictures of up to 384×384 pixels, at ×4 of up to 304×304. It changes the memory and the
            time needed, not the picture.
        ensemble: Average over the 8 flips and rotations of the picture (the paper's "+"): a little
            sharper, 8 times slower.
        draft: Return the coarse output (the paper's y_c), in about half the time.
        device: The engine's own name for the device; the CPU if None.
        threads: The number of CPU threads; the engine's default if None.

    Raises:
        gladsr.UnknownModelError: There is no such model.
        gladsr.EngineError: The engine, precision, device or number of threads is not available, or
            the engine's library is not installed.
        gladsr.SizeError: The scale is out of range.
        ValueError: The tile or the size is too small, or both a scale and a size are given.

    Example:
        >>> import numpy as np
        >>> upscaler = Upscaler("gladsr-l", scale=3)
        >>> upscaler(np.zeros((5, 7), np.uint16)).shape
        (15, 21)
    """

    model: str = AUTO
    _: KW_ONLY
    scale: float | None = None
    size: tuple[int | None, int | None] | None = None
    max_output_pixels: int | None = None
    engine: EngineName = "auto"
    precision: PrecisionChoice = "auto"
    tile: int | Literal["auto"] = "auto"
    ensemble: bool = False
    draft: bool = False
    device: str | None = None
    threads: int | None = None
    _networks: _Networks = field(default_factory=_Networks, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the settings and load the networks."""
        if self.tile != "auto" and self.tile < MIN_CORE:
            raise ValueError(f"tile is {self.tile}, but must be {MIN_CORE} or more")
        if self.max_output_pixels is not None and self.max_output_pixels < 1:
            raise ValueError(f"max_output_pixels is {self.max_output_pixels}, but must be positive")
        if self.scale is not None and self.size is not None:
            raise ValueError("give a scale or a size, not both")
        if self.size is None:
            object.__setattr__(self, "scale", 2 if self.scale is None else self.scale)
            sizes.check_scale(self.scale or 0)
        elif min([side for side in self.size if side is not None], default=0) < 1:
            raise ValueError("the size must be a width, a height or both, of 1 or more")
        if self.model != AUTO:
            # With a size, the networks depend on the picture; those of ×2 stand for them here.
            self._passes(self.model, self.scale or 2)
        elif self.engine != "auto" or self.device or self.threads or self.precision == "int8":
            self._passes(CLEAN, self.scale or 2)  # raises now what would be raised later

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the settings alone; an engine's compiled model cannot be pickled."""
        settings = {item.name: getattr(self, item.name) for item in fields(self) if item.compare}
        return partial(Upscaler, **settings), ()

    @overload
    def __call__(self, picture: Image.Image) -> Image.Image: ...
    @overload
    def __call__(self, picture: ArrayLike | PathLike[str]) -> NDArray[Any]: ...

    def __call__(
        self, picture: Image.Image | ArrayLike | PathLike[str]
    ) -> Image.Image | NDArray[Any]:
        """Upscale a picture.

        Args:
            picture: A PIL image of any mode, an array (H×W, H×W×1, H×W×2 with alpha, H×W×3 or
                H×W×4; uint8, uint16 or float in [0, 1]) or the path of a picture file.

        Returns:
            An image for an image, otherwise an array, of the same type and with the same channels.
            Images of modes 1 and P, in a colour space other than RGB, or with premultiplied alpha
            become L, LA, RGB or RGBA.

        Raises:
            gladsr.PictureError: The file cannot be read.
            gladsr.SizeError: With ``size`` or ``max_output_pixels``: the picture is too large
                already, or would become more than 8 times as large.
            gladsr.EngineError: Memory runs out, or, with ``size``, the network of another scale is
                not available.
            TypeError: The pixels are of another type.
            ValueError: The array has another shape or range.
        """
        if isinstance(picture, Image.Image):
            stated = images.stated_compression(picture)
            y = self._upscale_array(images.to_array(picture), stated=stated)
            return images.from_array(y, like=picture)
        if isinstance(picture, str | PathLike):
            stated = stated_compression(picture)
            return self._upscale_array(pictures.read(picture).pixels, stated=stated)
        return self._upscale_array(picture)

    def save(
        self,
        source: str | PathLike[str],
        destination: str | PathLike[str],
        *,
        overwrite: bool = False,
        read: ReadOptions = ReadOptions(),
        write: WriteOptions = WriteOptions(),
        encoding: Encoding = Encoding(),
        progress: Callable[[float], None] = _ignore,
    ) -> None:
        """Upscale a picture file or a film into another, with every page or frame and its metadata.

        Args:
            source: The picture or film to read.
            destination: The picture or film to write, in the format of its suffix.
            overwrite: Replace a file that exists.
            read: Options for reading.
            write: Options for writing.
            encoding: How films are encoded.
            progress: Called with the share that is done, in (0, 1], from another thread. An
                exception that it raises ends the work.

        Raises:
            gladsr.OutputExistsError: The destination exists.
            gladsr.PictureError: A file cannot be read or written.
            gladsr.SizeError: As when called.
            gladsr.EngineError: As when called.
        """
        pair = FilePair(Path(source), Path(destination))
        if not pair.destination.parent.is_dir():
            raise StorageError(pair.destination, f"there is no folder {pair.destination.parent}")
        (outcome,) = upscale_files(
            [pair],
            self.upscale,
            choose=self._choose if self.model == AUTO else None,
            existing="overwrite" if overwrite else "reject",
            read=read,
            write=write,
            encoding=encoding,
            progress=lambda state: progress(state.share),
        )
        if outcome.error is not None:
            raise outcome.error

    def upscale(
        self, picture: Picture, progress: OnProgress = _ignore, room: Room | None = None
    ) -> Picture:
        """Upscale a picture and keep its metadata.

        The resolution in dots per inch grows with the picture, so that it prints at the same size.

        Args:
            picture: The picture.
            progress: Called with the share that is done, in (0, 1].
            room: Called before anything is computed, with the new height and width; returns the
                array to fill. If None, it is in memory.

        Raises:
            gladsr.SizeError: As when called.
            gladsr.EngineError: As when called.
        """
        pixels = self._upscale_array(
            picture.pixels, progress, room, on_its_side=picture.on_its_side
        )
        down, across = (pixels.shape[axis] / picture.pixels.shape[axis] for axis in (0, 1))
        dpi = picture.dpi and (picture.dpi[0] * across, picture.dpi[1] * down)
        extra = picture.extra
        if extra is not None:  # each channel for itself
            planes = [self._upscale_array(extra[..., each]) for each in range(extra.shape[2])]
            extra = np.stack(planes, axis=-1)
        return replace(picture, pixels=pixels, extra=extra, dpi=dpi)

    def masks(self, pixels: ArrayLike) -> NDArray[np.float32]:
        """Return the guided masks of a picture (the paper's Fig. 6).

        Where several networks run in a row, they are those of the first.

        Args:
            pixels: H×W, H×W×1, H×W×2 with alpha, H×W×3 or H×W×4; uint8, uint16 or float in [0, 1].
                It is computed without tiles, so a large picture needs much memory.

        Returns:
            The guided mask R_s (Eq. 9) of each GLAM, G×H×W in (0, 1), the basic net's first.

        Example:
            >>> Upscaler("gladsr-l").masks(np.zeros((5, 7), np.uint8)).shape
            (4, 5, 7)
        """
        x = to_unit(plain(pixels))
        model = self._model_for(x)
        colour = x if x.shape[2] in (1, 3) else x[..., :-1] * x[..., -1:]
        after = self._size_of((x.shape[0], x.shape[1]))
        scale = max(after[0] / x.shape[0], after[1] / x.shape[1])
        first, *_ = sizes.passes(scale, zoo.scales_of(model))
        return self._networks.of(self, model, first).masks(
            np.broadcast_to(colour, (*x.shape[:2], 3))
        )

    def _upscale_array(
        self,
        picture: ArrayLike,
        progress: OnProgress = _ignore,
        room: Room | None = None,
        *,
        on_its_side: bool = False,
        stated: Compression | None = None,
    ) -> NDArray[Any]:
        pixels = plain(picture)
        check_shape(pixels.shape)
        before = (pixels.shape[0], pixels.shape[1])
        after = self._size_of(before[::-1])[::-1] if on_its_side else self._size_of(before)
        y = np.empty((*after, *pixels.shape[2:]), pixels.dtype) if room is None else room(after)
        upscaled = Upscaled(
            pixels,
            after,
            self._passes(
                self._model_for(pixels, stated), max(after[0] / before[0], after[1] / before[1])
            ),
            core=None if self.tile == "auto" else self.tile,
            draft=self.draft,
        )
        done = 0
        with memory_retained():
            for part in upscaled.parts():
                y[part.top : part.bottom, part.left : part.right] = upscaled.read(part)
                forget(y)
                done += math.prod(part.size)
                progress(done / math.prod(after))
        return y.astype(np.asarray(picture).dtype, copy=False)

    def _size_of(self, before: tuple[int, int]) -> tuple[int, int]:
        """Return the height and width of the output for those of a picture."""
        after = sizes.output_size(before, self.scale, self.size)
        if self.max_output_pixels is None:
            return after
        return sizes.limited(before, after, self.max_output_pixels)

    def _choose(self, pair: FilePair, first: Picture) -> UpscalePicture:
        """Return how to upscale a file with the model that is best for it."""
        return replace(self, model=choose_for_file(pair, first).model).upscale

    def _model_for(self, pixels: NDArray[Any], stated: Compression | None = None) -> str:
        """Return the name of the model for a picture, given the compression its file states."""
        return choose(pixels, stated).model if self.model == AUTO else self.model

    def _passes(self, model: str, scale: float) -> list[tuple[int, Engine]]:
        """Return the scale and the engine of each pass that together reach a scale."""
        chosen = sizes.passes(scale, zoo.scales_of(model))
        networks = [(each, self._networks.of(self, model, each)) for each in chosen]
        if self.ensemble:
            return [(each, SelfEnsemble(network)) for each, network in networks]
        return [*networks]
