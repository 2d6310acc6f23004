"""An upscaled picture, computed part by part: passes of the network, then the exact size."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gladsr.engines import Engine
from gladsr.pictures.mapped import bands, forget
from gladsr.pictures.resize import resize_part
from gladsr.upscaling.pixels import check_shape, from_unit, range_of_neighbours, to_unit
from gladsr.upscaling.tiling import WHOLE, NetworkOutput, Region, Source, tiles, whole

_CORE = 272  # LR pixels
_LARGEST = 1216 * 1216  # output pixels of one tile; 1216 = 4 * (_CORE + 2 * OVERLAP)
_KEPT = 2048 * 2048  # pixels up to which an intermediate picture is kept: about 50 MB
_RESIZE_MARGIN = 6  # LR pixels around a part that the final resize may read


class Upscaled:
    """An upscaled picture, of which each part is computed when it is read.

    Args:
        pixels: The picture; uint8, uint16 or float in [0, 1].
        size: The height and width of the output.
        engines: The scale and the engine of each pass, one or more. If they go beyond the size, the
            rest is an antialiased bicubic downscale.
        core: The side of a tile's core in LR pixels. If None, it is chosen for bounded memory, and
            pictures of up to `WHOLE` pixels are one tile unless that would be too large.
        draft: Use the networks' coarse outputs.
    """

    def __init__(
        self,
        pixels: NDArray[Any],
        size: tuple[int, int],
        engines: Sequence[tuple[int, Engine]],
        *,
        core: int | None,
        draft: bool,
    ) -> None:
        check_shape(pixels.shape)
        self.shape = (*size, *pixels.shape[2:])
        self._pixels = pixels
        last_scale = engines[-1][0]
        ratio = math.prod(scale for scale, _ in engines) // last_scale
        last_input = (ratio * pixels.shape[0], ratio * pixels.shape[1])
        if core is None:
            one_tile = math.prod(last_input) <= min(WHOLE, _LARGEST // last_scale**2)
            core = max(last_input) if one_tile else _CORE

        def upscaled(source: Source, *, bounded: bool = False) -> Source:
            for number, (scale, engine) in enumerate(engines):
                if number and math.prod(source.size) <= _KEPT:
                    source = _Cached(source)
                source = NetworkOutput(
                    source, engine, scale, core=core, draft=draft, bounded=bounded
                )
            return source if source.size == size else _Downscaled(source, size)

        self._flat_alpha = _flat_alpha(pixels)
        self._alpha: Source | None = None
        if pixels.ndim == 3 and pixels.shape[2] in (2, 4) and self._flat_alpha is None:
            self._alpha = upscaled(_Alpha(pixels), bounded=True)
        self._colour: Source = upscaled(
            _Colour(pixels) if self._alpha is None else _Premultiplied(pixels)
        )

        exact = last_input[0] * last_scale == size[0] and last_input[1] * last_scale == size[1]
        margin = 0 if exact or core >= max(last_input) else _RESIZE_MARGIN
        self._part = tuple(
            max(1, (core - margin) * side // before)
            for side, before in zip(size, last_input, strict=True)
        )

    def parts(self) -> Iterator[Region]:
        """Yield the parts to read, row by row; each takes one tile of the network."""
        yield from tiles(whole((self.shape[0], self.shape[1])), *self._part)

    def read(self, part: Region) -> NDArray[Any]:
        """Return a part's pixels, of the type and with the channels of the input."""
        like = self._pixels[0:1, 0:1]
        y = self._colour.read(part)
        if self._alpha:
            alpha = np.clip(self._alpha.read(part), 0, 1)
            y = np.divide(y, alpha, out=np.zeros_like(y), where=alpha > 0)
            y = np.concatenate([np.clip(y, *self._colours_around(part)), alpha], axis=2)
        elif self._flat_alpha is not None:
            y = np.pad(y, ((0, 0), (0, 0), (0, 1)), constant_values=self._flat_alpha)
        return from_unit(y, like=like)

    def _colours_around(self, part: Region) -> list[NDArray[np.float32]]:
        """Return the lowest and the highest colour that is visible around each pixel of a part.

        They are those of 3×3 pixels of the input. Where all of these are opaque, or none is
        visible, colours are not limited: fringes arise where colours are divided by an upscaled
        alpha that does not quite match.
        """
        height, width = self._pixels.shape[:2]
        rows = (2 * np.arange(part.top, part.bottom) + 1) * height // (2 * self.shape[0])
        columns = (2 * np.arange(part.left, part.right) + 1) * width // (2 * self.shape[1])
        under = Region(rows[0], rows[-1] + 1, columns[0], columns[-1] + 1)
        seen = under.grown(1, (height, width))
        x = to_unit(self._pixels[seen.top : seen.bottom, seen.left : seen.right])
        forget(self._pixels)
        colour, alpha = x[..., :-1], x[..., -1:]
        lowest, _ = range_of_neighbours(alpha)
        low, _ = range_of_neighbours(np.where(alpha > 0, colour, 1))
        _, high = range_of_neighbours(np.where(alpha > 0, colour, 0))
        limited = (lowest < 1) & (low <= high)
        bounds = np.where(limited, low, 0), np.where(limited, high, 1)
        return [
            under.cut(bound, out_of=seen)[np.ix_(rows - under.top, columns - under.left)]
            for bound in bounds
        ]


def _flat_alpha(pixels: NDArray[Any]) -> float | None:
    """Return the alpha that all pixels share; None if they differ or have none."""
    if pixels.ndim == 2 or pixels.shape[2] in (1, 3):
        return None
    if any((band[..., -1] != pixels[0, 0, -1]).any() for band in bands(pixels)):
        return None
    return float(to_unit(pixels[:1, :1])[0, 0, -1])


class _Unit:
    """The pixels of a picture as floats in [0, 1]."""

    def __init__(self, pixels: NDArray[Any]) -> None:
        self.size = (pixels.shape[0], pixels.shape[1])
        self._pixels = pixels

    def _read(self, region: Region) -> NDArray[np.float32]:
        rows, columns = slice(region.top, region.bottom), slice(region.left, region.right)
        pixels = self._pixels[rows, columns]
        unit = to_unit(pixels)
        forget(pixels)
        return unit


class _Alpha(_Unit):
    """The alpha of a picture, as grey."""

    def read(self, region: Region) -> NDArray[np.float32]:
        return self._read(region)[..., -1:]


class _Colour(_Unit):
    """The colours of a picture."""

    def read(self, region: Region) -> NDArray[np.float32]:
        x = self._read(region)
        return x if x.shape[2] in (1, 3) else x[..., :-1]


class _Premultiplied(_Unit):
    """The colours of a picture, premultiplied by alpha.

    This keeps the colours of invisible pixels from bleeding into the edges.
    """

    def read(self, region: Region) -> NDArray[np.float32]:
        x = self._read(region)
        return x[..., :-1] * x[..., -1:]


class _Cached:
    """A picture that is computed completely when it is first read, and then kept."""

    def __init__(self, source: Source) -> None:
        self.size = source.size
        self._source = source
        self._pixels: NDArray[np.float32] | None = None

    def read(self, region: Region) -> NDArray[np.float32]:
        if self._pixels is None:
            self._pixels = self._source.read(whole(self.size))
        return region.cut(self._pixels, out_of=whole(self.size))


class _Downscaled:
    """A downscaled picture."""

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
