"""A picture as it will be, computed part by part: passes of the network, then the exact size."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gladsr.engines import Engine
from gladsr.pictures.resize import resize_part
from gladsr.upscaling.pixels import check_shape, from_unit, to_unit
from gladsr.upscaling.tiling import WHOLE, Enlarged, Region, Source, tiles, whole

_CORE = 256  # LR pixels; with its overlap, a tile of GLADSR takes 0.25 GB at ×2 and 0.5 GB at ×4
_KEPT = 2048 * 2048  # pixels up to which the picture between two passes is kept, about 50 MB
_RESIZE_MARGIN = 6  # LR pixels that a part may need beyond its own, once its size is exact


class Pixels(Protocol):
    """What `Upscaled` reads: an array, or something that gives parts of one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """H×W or H×W×C, C of 2, 3 or 4."""
        ...

    def __getitem__(self, part: tuple[slice, slice]) -> NDArray[Any]:
        """Return some rows and columns."""
        ...


class Upscaled:
    """A picture made larger, computed where and when it is read.

    Args:
        pixels: The picture; uint8, uint16 or float in [0, 1].
        size: The height and width that it shall have.
        engines: The scale and the engine of each pass, one or two. Together they reach the size or
            go beyond it; then the rest is an antialiased bicubic downscale.
        core: The side of a tile's core in LR pixels. If None, it is small enough for bounded
            memory, and pictures of up to `WHOLE` pixels are one tile.
        draft: Use the networks' coarse outputs.
    """

    def __init__(
        self,
        pixels: Pixels,
        size: tuple[int, int],
        engines: Sequence[tuple[int, Engine]],
        *,
        core: int | None,
        draft: bool,
    ) -> None:
        check_shape(pixels.shape)
        self.shape = (*size, *pixels.shape[2:])
        self._pixels = pixels
        self._alpha: Source | None = None
        self._colour: Source
        last_scale = engines[-1][0]
        ratio = math.prod(scale for scale, _ in engines) // last_scale
        last_input = (ratio * pixels.shape[0], ratio * pixels.shape[1])
        if core is None:
            core = max(last_input) if math.prod(last_input) <= WHOLE else _CORE

        def enlarged(source: Source, *, bounded: bool = False) -> Source:
            for number, (scale, engine) in enumerate(engines):
                if number and math.prod(source.size) <= _KEPT:
                    source = _Kept(source)
                source = Enlarged(source, engine, scale, core=core, draft=draft, bounded=bounded)
            return source if source.size == size else _Reduced(source, size)

        if len(pixels.shape) == 3 and pixels.shape[2] in (2, 4):
            self._alpha = enlarged(_Alpha(pixels), bounded=True)
        self._colour = enlarged(_Colour(pixels))

        exact = last_input[0] * last_scale == size[0] and last_input[1] * last_scale == size[1]
        margin = 0 if exact or core >= max(last_input) else _RESIZE_MARGIN
        self._part = tuple(
            max(1, (core - margin) * side // before)
            for side, before in zip(size, last_input, strict=True)
        )

    def parts(self) -> Iterator[Region]:
        """Give the parts to read one after the other, row by row, a tile of the network each."""
        yield from tiles(whole((self.shape[0], self.shape[1])), *self._part)

    def read(self, part: Region) -> NDArray[Any]:
        """Return some pixels, of the kind and channels of those that came in."""
        like = self._pixels[0:1, 0:1]
        y = self._colour.read(part)
        if self._alpha is None:
            return from_unit(y, like=like)
        alpha = np.clip(self._alpha.read(part), 0, 1)
        y = np.divide(y, alpha, out=np.zeros_like(y), where=alpha > 0)
        return from_unit(np.concatenate([y, alpha], axis=2), like=like)


class _Alpha:
    """The alpha of a picture, as grey."""

    def __init__(self, pixels: Pixels) -> None:
        self.size = (pixels.shape[0], pixels.shape[1])
        self._pixels = pixels

    def read(self, region: Region) -> NDArray[np.float32]:
        return self._unit(region)[..., -1:]

    def _unit(self, region: Region) -> NDArray[np.float32]:
        rows, columns = slice(region.top, region.bottom), slice(region.left, region.right)
        return to_unit(self._pixels[rows, columns])


class _Colour(_Alpha):
    """The colours of a picture.

    Alpha is multiplied in, so that the colour of what cannot be seen does not bleed into the edges.
    """

    def read(self, region: Region) -> NDArray[np.float32]:
        x = self._unit(region)
        return x if x.shape[2] in (1, 3) else x[..., :-1] * x[..., -1:]


class _Kept:
    """A picture that is computed as a whole when it is first read, and then kept."""

    def __init__(self, source: Source) -> None:
        self.size = source.size
        self._source = source
        self._pixels: NDArray[np.float32] | None = None

    def read(self, region: Region) -> NDArray[np.float32]:
        if self._pixels is None:
            self._pixels = self._source.read(whole(self.size))
        return region.cut(self._pixels, out_of=whole(self.size))


class _Reduced:
    """A picture made smaller."""

    def __init__(self, source: Source, size: tuple[int, int]) -> None:
        self.size = size
        self._source = source

    def read(self, region: Region) -> NDArray[np.float32]:
        def read(rows: slice, columns: slice) -> NDArray[np.float32]:
            return self._source.read(Region(rows.start, rows.stop, columns.start, columns.stop))

        return resize_part(
            read,
            self._source.size,
            size=self.size,
            rows=slice(region.top, region.bottom),
            columns=slice(region.left, region.right),
        )
