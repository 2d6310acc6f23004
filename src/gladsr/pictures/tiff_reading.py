"""TIFF: its pages, each presented to libvips as a file of its own, and what libvips cannot decode.

libvips decodes a tile that is damaged, or whose compression it lacks, as black; a strip of the same
kind is an error. A tile is coded as a strip of its size is, so tiles are decoded as the strips of a
picture as wide as one tile, and put in their places afterwards. Samples of unusual sizes are
decoded as plain bytes in the same way.
"""

import contextlib
import io
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
from numpy.typing import NDArray

from gladsr.errors import PictureError
from gladsr.pictures.decoding import decode, depth_of, samples
from gladsr.pictures.directories import (
    LONG,
    LONG8,
    Directory,
    Layout,
    moved,
    read_directory,
    read_header,
    read_offset,
    read_values,
    write_directory,
    write_values,
)
from gladsr.pictures.formats import DEVELOP
from gladsr.pictures.mapped import empty, forget
from gladsr.pictures.source import InputFile

_SUBFILE, _OLD_SUBFILE = 254, 255
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_LENGTHS = 273, 277, 278, 279
_PLANAR, _PREDICTOR, _ORIENTATION = 284, 317, 274
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_LENGTHS = 322, 323, 324, 325
_TILES = {_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_LENGTHS}
_SUB_DIRECTORIES, _EXTRA_SAMPLES, _SAMPLE_FORMAT, _DNG_VERSION = 330, 338, 339, 50706
_REDUCED, _MASK = 1, 4  # flags of a subfile's type
_WHITE_IS_ZERO, _GREY, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB, _ICC_LAB = 0, 1, 2, 3, 5, 6, 8, 9
_COLOUR_CHANNELS = {_WHITE_IS_ZERO: 1, _GREY: 1, _RGB: 3, _CMYK: 4, _LAB: 3, _ICC_LAB: 3}
_RAW_PHOTOMETRICS = {32803, 34892}
_RAW_COMPRESSIONS = {32767, 34713, 65000, 65535}
_JPEG_COMPRESSIONS = {6, 7, 34892, 33007}
_LOSSLESS_OF_BYTES = {1, 5, 8, 32773, 32946}  # compressions that do not depend on the samples
_UNSPECIFIED, _SEPARATE = 0, 2
_UNSIGNED, _SIGNED, _FLOAT, _UNDEFINED = 1, 2, 3, 4
_MAX_SUB_DIRECTORIES = 64
_MAX_CHANNELS = 16
_ROWS = 256  # decoded at a time


@dataclass(frozen=True)
class Page:
    """A page of a TIFF file.

    Attributes:
        file: The file.
        number: Its number in the file, counted from 1.
        entries: The entries of its directory.
        layout: The layout of the file.
    """

    file: BinaryIO
    number: int
    entries: Directory
    layout: Layout

    def values(self, tag: int) -> NDArray[Any]:
        """Return the values of a tag as an array.

        Raises:
            ValueError: They are damaged.
        """
        return read_values(self.file, self.entries[tag], self.layout)

    def numbers(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """Return the values of a tag.

        Raises:
            ValueError: They are damaged.
        """
        if tag not in self.entries:
            return default
        return tuple(map(int, self.values(tag)))

    def number_of(self, tag: int, default: int) -> int:
        """Return the first value of a tag.

        Raises:
            ValueError: It is damaged.
        """
        return self.numbers(tag, (default,))[0]

    @cached_property
    def size(self) -> tuple[int, int]:
        """The width and height, as they are stored."""
        width, height = self.number_of(_WIDTH, 0), self.number_of(_HEIGHT, 0)
        if not width or not height:
            raise ValueError("no size is declared")
        return width, height

    @cached_property
    def upright_size(self) -> tuple[int, int]:
        """The height and width, upright."""
        width, height = self.size
        return (width, height) if self.number_of(_ORIENTATION, 1) >= 5 else (height, width)

    @cached_property
    def bits(self) -> int:
        """Bits per sample."""
        return self.number_of(_BITS, 1)

    @cached_property
    def samples(self) -> int:
        """Samples per pixel."""
        return self.number_of(_SAMPLES, 1)

    @cached_property
    def sample_format(self) -> int:
        """What a sample is: unsigned, signed or floating point."""
        return self.number_of(_SAMPLE_FORMAT, _UNSIGNED)

    @cached_property
    def photometric(self) -> int:
        """The colour space."""
        return self.number_of(_PHOTOMETRIC, _GREY)

    @cached_property
    def kind(self) -> tuple[int, ...]:
        """What pages must have in common to be alike."""
        return (*self.size, self.bits, self.samples, self.sample_format, self.photometric)

    @property
    def is_reduced(self) -> bool:
        """Whether it is a smaller copy or a mask of another page."""
        flags = self.number_of(_SUBFILE, 0) & (_REDUCED | _MASK)
        return bool(flags) or self.number_of(_OLD_SUBFILE, 1) == 2

    @property
    def extra_channels(self) -> tuple[int, ...]:
        """The meanings of the samples beyond the colours: 1 and 2 are alpha, 0 is unspecified."""
        colours = _COLOUR_CHANNELS.get(self.photometric)
        if colours is None or self.samples <= colours:
            return ()
        count = self.samples - colours
        declared = self.numbers(_EXTRA_SAMPLES)[-count:]
        # Without the tag, one sample is taken for alpha, as most programs do.
        return declared if len(declared) == count else (2, *[_UNSPECIFIED] * (count - 1))

    @property
    def is_tiled(self) -> bool:
        """Whether it is stored in tiles."""
        return _TILE_OFFSETS in self.entries

    @property
    def is_separate(self) -> bool:
        """Whether its channels are stored one after another."""
        return self.number_of(_PLANAR, 1) == _SEPARATE

    @property
    def is_packed(self) -> bool:
        """Whether its samples have a size that libvips does not decode."""
        sizes = {_UNSIGNED: {1, 2, 4, 8, 16, 32}, _SIGNED: {8, 16, 32}, _FLOAT: {32}}
        few = self.bits < 8 and self.samples > 1
        return few or self.bits not in sizes.get(self.sample_format, {self.bits})

    @property
    def is_lab(self) -> bool:
        """Whether its colours are CIELAB."""
        return self.photometric in {_LAB, _ICC_LAB}


def read_pages(file: BinaryIO, max_pages: int) -> list[Page]:
    """Return the pages of a file; one more than ``max_pages`` if it has more.

    Raises:
        ValueError: The directories are damaged.
    """
    layout, link = read_header(file)
    found: list[Page] = []
    seen = set()
    while (at := read_offset(file, link, layout)) and len(found) <= max_pages:
        if at in seen:
            raise ValueError("a directory follows itself")
        seen.add(at)
        entries, link = read_directory(file, at, layout)
        found.append(Page(file, len(found) + 1, entries, layout))
    if not found:
        raise ValueError("it has no page")
    return found


def full_pages(pages: list[Page]) -> list[Page]:
    """Return the pages that are not smaller copies or masks of others, if there are any."""
    return [page for page in pages if not page.is_reduced] or pages


def is_raw(pages: list[Page]) -> bool:
    """Return whether a file is a camera raw, whose pages are previews.

    Raises:
        ValueError: A directory is damaged.
    """
    if _DNG_VERSION in pages[0].entries:
        return True
    nested = [page for each in pages[:_MAX_SUB_DIRECTORIES] for page in _sub_directories(each)]
    return any(
        page.photometric in _RAW_PHOTOMETRICS
        or page.number_of(_COMPRESSION, 1) in _RAW_COMPRESSIONS
        for page in [*pages, *nested]
    )


def check(path: Path, page: Page) -> None:
    """Reject a page that cannot be read, for the reason that applies.

    Raises:
        PictureError: It cannot be read.
        ValueError: Its directory is damaged.
    """
    is_jpeg = page.number_of(_COMPRESSION, 1) in _JPEG_COMPRESSIONS
    if page.photometric == _YCBCR and not is_jpeg:
        reason = "its pixels are in YCbCr without JPEG compression"
    else:
        reason = _unsupported_colours(page) or (
            _unsupported_packing(page) if page.is_packed else ""
        )
    if reason:
        raise PictureError(path, reason, "Convert it to grey or RGB of 8 or 16 bits.")


def _unsupported_colours(page: Page) -> str:
    """Return why the colours of a page cannot be read; nothing if they can."""
    if page.photometric not in {*_COLOUR_CHANNELS, _PALETTE, _YCBCR}:
        return f"its colour space ({page.photometric}) is not supported"
    if page.sample_format not in {_UNSIGNED, _SIGNED, _FLOAT, _UNDEFINED}:
        return "its samples are complex numbers"
    if page.samples > _MAX_CHANNELS or (page.is_lab and page.samples != 3):
        return f"it has {page.samples} channels"
    if page.is_lab and page.bits not in {8, 16}:
        return f"it is CIELAB of {page.bits} bits"
    if page.is_tiled and page.is_separate and page.photometric in {_CMYK, _LAB, _ICC_LAB}:
        return "its planes of CMYK or CIELAB are stored as separate tiles"
    return ""


def _unsupported_packing(page: Page) -> str:
    """Return why samples of an unusual size cannot be read; nothing if they can."""
    sizes = {_UNSIGNED: {*range(1, 17), 64}, _SIGNED: {64}, _FLOAT: {16, 64}}
    if page.bits not in sizes.get(page.sample_format, set()) or page.photometric == _PALETTE:
        return f"its samples have {page.bits} bits"
    compression, predictor = page.number_of(_COMPRESSION, 1), page.number_of(_PREDICTOR, 1)
    if compression not in _LOSSLESS_OF_BYTES or predictor != 1:
        return f"its samples have {page.bits} bits, compressed in a way that is not supported"
    rows = min(page.number_of(_ROWS_PER_STRIP, page.size[1]), page.size[1])
    if page.is_separate and not page.is_tiled and page.size[1] % max(1, rows):
        return f"its samples have {page.bits} bits in separate planes"
    return ""


def raw_error(path: Path) -> PictureError:
    """Return the error for a camera raw."""
    return PictureError(path, "it is a camera raw file, which is not supported", DEVELOP)


def missing(page: Page, end: int) -> bool:
    """Return whether strips or tiles of a page are missing; libvips leaves a gap black.

    Args:
        page: The page.
        end: The length of its file.
    """
    for offsets, lengths in (
        (_STRIP_OFFSETS, _STRIP_LENGTHS),
        (_TILE_OFFSETS, _TILE_LENGTHS),
    ):
        if offsets in page.entries and lengths in page.entries:
            begin, size = (page.values(tag).astype(np.uint64) for tag in (offsets, lengths))
            return not bool(len(begin) == len(size) and size.all() and (begin + size <= end).all())
    return False


def load(input_: InputFile, page: Page) -> pyvips.Image:
    """Return the image of a page: its tiles below one another, and samples of odd sizes as bytes.

    Raises:
        pyvips.Error: The page is damaged; libvips rejects it.
        ValueError: The page is damaged; its offsets or sizes are impossible.
    """
    changes: dict[int, Any] = {}
    width = page.size[0]
    separate = page.is_separate
    if page.is_tiled:
        blocks = Blocks.of(page)
        width = blocks.width
        changes[_HEIGHT], changes[_ROWS_PER_STRIP] = blocks.height * blocks.count, blocks.height
        changes[_STRIP_OFFSETS] = page.values(_TILE_OFFSETS)
        changes[_STRIP_LENGTHS] = page.values(_TILE_LENGTHS)
    elif page.is_packed and separate:
        changes[_HEIGHT] = page.size[1] * page.samples
    if page.is_packed:
        width = math.ceil(width * (1 if separate else page.samples) * page.bits / 8)
        changes |= {_BITS: 8, _SAMPLE_FORMAT: _UNSIGNED}
    if page.is_packed or (page.is_tiled and separate):
        changes |= {_SAMPLES: 1, _PHOTOMETRIC: _GREY, _PLANAR: 1}
        changes |= {_BITS: changes.get(_BITS, page.bits)}
        changes |= {_SAMPLE_FORMAT: changes.get(_SAMPLE_FORMAT, page.sample_format)}
    elif page.is_lab:
        changes[_PHOTOMETRIC] = _RGB
    changes[_WIDTH] = width
    arrays = {tag: np.atleast_1d(values) for tag, values in changes.items()}
    head, tail = _alone(page, arrays, input_.size)
    return input_.load(head=head, tail=tail)


@dataclass(frozen=True)
class Blocks:
    """The tiles of a page, which `load` returns below one another, plane after plane.

    Attributes:
        width: The width of a tile.
        height: Its height.
        across: The number of tiles in a row.
        down: The number of rows.
        planes: The number of planes; 1 if the samples of a pixel are stored together.
    """

    width: int
    height: int
    across: int
    down: int
    planes: int

    @classmethod
    def of(cls, page: Page) -> "Blocks":
        """Read them from a page's directory.

        Raises:
            ValueError: The directory is damaged.
        """
        width, height = page.number_of(_TILE_WIDTH, 0), page.number_of(_TILE_HEIGHT, 0)
        if not width or not height:
            raise ValueError("its tiles have no size")
        across, down = (math.ceil(n / m) for n, m in zip(page.size, (width, height), strict=True))
        blocks = cls(width, height, across, down, page.samples if page.is_separate else 1)
        if len(page.values(_TILE_OFFSETS)) != blocks.count:
            raise ValueError("the number of its tiles does not fit its size")
        return blocks

    @property
    def count(self) -> int:
        """The number of tiles."""
        return self.across * self.down * self.planes

    def places(self) -> Iterator[tuple[int, int, int]]:
        """Yield the row, column and plane of each tile's first pixel."""
        for plane in range(self.planes):
            for row in range(self.down):
                for column in range(self.across):
                    yield row * self.height, column * self.width, plane


def decoded(image: pyvips.Image, page: Page, folder: Path | None) -> NDArray[Any]:
    """Decode the image of a page.

    Args:
        image: What `load` returned, or what pixel-wise operations made of it.
        page: The page.
        folder: Where large arrays go, in temporary files.

    Returns:
        H×W or H×W×C; uint8, uint16, or float32 with the values of the file.
    """
    if not page.is_tiled and not page.is_packed:
        return decode(image, folder)
    width, height = page.size
    blocks = Blocks.of(page) if page.is_tiled else _strips(page)
    channels = page.samples if page.is_packed else image.bands * blocks.planes
    dtype = _depth(page) if page.is_packed else depth_of(image)
    pixels = empty((height, width, channels), dtype, folder)
    region = pyvips.Region.new(image)
    for number, (top, left, plane) in enumerate(blocks.places()):
        part = pixels[top : top + blocks.height, left : left + blocks.width]
        start = number * blocks.height if page.is_tiled else plane * height + top
        data = region.fetch(0, start, image.width, len(part))
        if page.is_packed:
            rows = np.frombuffer(data, np.uint8).reshape(len(part), image.width)
            block = _unpacked(rows, blocks.width, channels // blocks.planes, page)
        else:
            block = samples(data, image).reshape(len(part), blocks.width, image.bands)
        planes = slice(plane, plane + 1) if blocks.planes > 1 else slice(None)
        part[..., planes] = block[:, : part.shape[1]]
        forget(pixels)
    return pixels[..., 0] if channels == 1 else pixels


def has_wide_integers(page: Page) -> bool:
    """Return whether its samples are integers that are signed or have more than 16 bits."""
    is_unsigned = page.sample_format in {_UNSIGNED, _UNDEFINED}
    return page.sample_format == _SIGNED or (is_unsigned and page.bits > 16)


def lab_to_srgb(image: pyvips.Image, page: Page) -> pyvips.Image:
    """Return an image in sRGB from one that holds the numbers of CIELAB (TIFF 6.0, section 23)."""
    deep = page.bits == 16
    white, unit = (65535, 256) if deep else (255, 1)
    lightness, *chroma = (image[band] for band in range(3))
    if page.photometric == _ICC_LAB:
        white = 65280 if deep else 255
        chroma = [each / unit - 128 for each in chroma]
    else:
        chroma = [
            each.cast("short" if deep else "char", shift=False) for each in map(_wrapped, chroma)
        ]
        chroma = [each / unit for each in chroma]
    lab = (lightness * (100 / white)).bandjoin(chroma).copy(interpretation="lab")
    return lab.colourspace("rgb16" if deep else "srgb")


def _wrapped(band: pyvips.Image) -> pyvips.Image:
    """Return unsigned numbers as the signed ones of the same bits."""
    half = 32768 if band.format == "ushort" else 128
    return (band >= half).ifthenelse(band - 2.0 * half, band)


def _alone(page: Page, changes: dict[int, NDArray[Any]], size: int) -> tuple[bytes, bytes]:
    """Return the head and tail that turn the file of a page into one with this page alone.

    Args:
        page: The page.
        changes: Tags to set in its directory.
        size: The length of the file.
    """
    layout = page.layout
    tail = io.BytesIO(b"\0" * (size % 2))  # directories begin at even offsets
    left_out = {_SUB_DIRECTORIES, *_TILES}
    directory = {tag: entry for tag, entry in page.entries.items() if tag not in left_out}
    for tag, values in changes.items():
        kind = LONG8 if layout.big else LONG
        directory[tag] = moved(write_values(tail, kind, values, layout), size, layout)
    place = size + write_directory(tail, directory, layout)
    file = page.file
    file.seek(0)
    head = file.read(8 if layout.big else 4) + struct.pack(layout.offset, place)
    return head, tail.getvalue()


def _strips(page: Page) -> Blocks:
    """Return blocks in which to decode a page without tiles; the last of a plane may be shorter."""
    width, height = page.size
    down = math.ceil(height / _ROWS)
    return Blocks(width, _ROWS, 1, down, page.samples if page.is_separate else 1)


def _sub_directories(page: Page) -> Iterator[Page]:
    for offset in page.numbers(_SUB_DIRECTORIES)[:_MAX_SUB_DIRECTORIES]:
        with contextlib.suppress(ValueError):
            entries, _ = read_directory(page.file, offset, page.layout)
            yield Page(page.file, page.number, entries, page.layout)


def _depth(page: Page) -> type[np.generic]:
    """Return the data type of the pixels of samples of unusual sizes."""
    if page.sample_format != _UNSIGNED or page.bits > 16:
        return np.float32
    return np.uint8 if page.bits <= 8 else np.uint16


def _unpacked(data: NDArray[np.uint8], width: int, channels: int, page: Page) -> NDArray[Any]:
    """Return samples of unusual sizes.

    Args:
        data: Rows of bytes.
        width: Pixels in a row.
        channels: Samples of a pixel in a row.
        page: The page.

    Returns:
        Rows × width × channels. Unsigned samples of up to 16 bits are scaled to the full range of
        uint8 or uint16.
    """
    bits, count = page.bits, width * channels
    if bits % 8 == 0:
        code = {_UNSIGNED: "u", _SIGNED: "i", _FLOAT: "f"}[page.sample_format]
        values = np.ascontiguousarray(data).view(f"{page.layout.order}{code}{bits // 8}")
        return values.reshape(-1, width, channels)
    single = np.unpackbits(data, axis=1)[:, : count * bits].reshape(len(data), count, bits)
    numbers: NDArray[Any] = single @ (2.0 ** np.arange(bits - 1, -1, -1))
    if page.photometric == _WHITE_IS_ZERO:
        numbers = 2**bits - 1 - numbers
    white = 255 if bits <= 8 else 65535
    scaled: NDArray[Any] = np.floor(numbers * (white / (2**bits - 1)) + 0.5)
    return scaled.reshape(-1, width, channels)
