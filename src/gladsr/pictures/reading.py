"""Picture files in: through libvips, and through Pillow what it does not read."""

import contextlib
import logging
import os
import re
import struct
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
from numpy.typing import NDArray
from PIL import BmpImagePlugin, ImageFile, PpmImagePlugin

from gladsr.errors import PictureError
from gladsr.pictures.containers import (
    iptc_records,
    is_aspect_alone,
    png_colours,
    png_head_chunks,
    png_text,
)
from gladsr.pictures.depth import to_depth
from gladsr.pictures.formats import NAMES, Format, by_content
from gladsr.pictures.mapped import bands, empty, forget
from gladsr.pictures.metadata import exif_of_tiff, upright_xmp
from gladsr.pictures.options import ReadOptions
from gladsr.pictures.picture import MM_PER_INCH, Pages, Picture
from gladsr.pictures.tiff import is_plain_ycbcr, is_whole

_METADATA = {
    "icc_profile": "icc-profile-data",
    "exif": "exif-data",
    "iptc": "iptc-data",
    "xmp": "xmp-data",
}
# What libvips may say of the pixels that are read, and how many channels they then have.
_READABLE = {
    "b-w": (1, 2),
    "grey16": (1, 2),
    "srgb": (3, 4),
    "rgb16": (3, 4),
    "scrgb": (3, 4),
    "cmyk": (4,),
}
_DEPTHS = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}
_Turn: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
# How pixels are turned upright, by the orientation that EXIF states.
_TURNS: dict[int, _Turn] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels[::-1].swapaxes(0, 1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels[:, ::-1].swapaxes(0, 1),
}
_TURNED = 1024  # the side of the squares that are turned at a time
_PNG_WITHOUT_RESOLUTION = 2.834  # pixels per mm as libvips tells; 72 dpi would be 2.835

logger = logging.getLogger(__name__)

logging.getLogger("pyvips").addHandler(logging.NullHandler())  # else it prints every warning
pyvips.block_untrusted_set(True)  # no loader that libvips does not trust with hostile files
pyvips.cache_set_max(0)  # it would hold on to whole pictures


def read(path: str | os.PathLike[str], *, options: ReadOptions = ReadOptions()) -> Picture:
    """Read a picture file with a single picture, as `read_pages` does.

    Raises:
        PictureError: As there, or it has several pages or frames.
    """
    pages = read_pages(path, options=options)
    if pages.count > 1:
        raise PictureError(
            f"{path} has {pages.count} pages or frames. Save them as single pictures."
        )
    return next(iter(pages.pictures))


def read_pages(
    path: str | os.PathLike[str],
    *,
    options: ReadOptions = ReadOptions(),
    folder: Path | None = None,
) -> Pages:
    """Read a PNG, JPEG, TIFF, WebP, AVIF, GIF, BMP or PPM file; its content tells which.

    The pictures are turned upright as their orientation says. Palettes and 1, 2 or 4 bits become
    8 bits, 10 and 12 bits become 16. CMYK becomes sRGB through its profile, or through a usual
    one for print where it has none, and a warning is logged.

    Args:
        path: The file.
        options: Limits, and how floating-point values are read.
        folder: Where the pixels of large pictures go, in temporary files; into memory if None.

    Raises:
        PictureError: The file is missing, may not be read, is damaged, cut short or no such
            picture, has too many pixels, floating-point values outside `options.float_range`
            or pixels that `Picture` does not hold. What is wrong with the pixels comes out only
            when the pages are gone through.
    """
    path = Path(path)
    with _errors_named(path), _opened(path) as (file, format_):
        if format_.loader is None:
            with _pillow_image(file, format_) as image:
                _check_size(path, image.size, image.width * image.height, options.max_input_pixels)
            return Pages(_named(path, _pillow_pictures(path, folder)))
        header = _load(path, format_)
        count = _field(header, "n-pages", 1)
        size = header.width, header.height
        _check_size(path, size, header.width * header.height * count, options.max_input_pixels)
        _check_kind(path, header)
        if format_.name == "PNG" and _is_animated_png(file):
            raise PictureError(f"{path} is an animated PNG. Convert it to WebP or GIF.")
        if format_.name == "AVIF" and _is_animated_avif(file):
            raise PictureError(f"{path} is an animated AVIF. Convert it to WebP or GIF.")
        if format_.name == "GIF" and not _is_whole_gif(file):
            raise _damaged(path, "its end is missing")
        if format_.several == "frames" and count > 1:
            return Pages(
                _named(path, _frames(path, folder)),
                count,
                delays=tuple(max(0, delay) for delay in header.get("delay")),
                plays=_field(header, "loop", 0),
            )
        pages = count if format_.several == "pages" else 1
        pictures = _vips_pictures(path, pages, options, folder)
        alike = pages == 1 or _are_alike(path, format_)
        return Pages(_named(path, pictures), pages, alike=alike)


def measure(path: str | os.PathLike[str], *, max_pages: int) -> list[tuple[int, int]]:
    """Return the height and width of every page or frame of a file, upright, decoding none.

    Args:
        path: The file, of a format that `read_pages` reads.
        max_pages: The most pages that a TIFF file may have: to open each takes time.

    Raises:
        PictureError: The file is missing, may not be read, is damaged, no such picture, or has too
            many pages.
    """
    path = Path(path)
    with _errors_named(path), _opened(path) as (file, format_):
        if format_.loader is None:
            with _pillow_image(file, format_) as image:
                return [(image.height, image.width)]
        first = _load(path, format_)
        count = _field(first, "n-pages", 1) if format_.several else 1
        if format_.several != "pages":
            return [_upright_size(first)] * count
        if count > max_pages:
            raise PictureError(f"{path} has {count} pages, more than the limit of {max_pages}.")
        return [_upright_size(_load(path, format_, page=number)) for number in range(count)]


def _upright_size(image: pyvips.Image) -> tuple[int, int]:
    return (image.width, image.height) if _lies_on_its_side(image) else (image.height, image.width)


@contextlib.contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Turn what the system and the libraries raise into a PictureError that names the file."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # Pillow's
            raise _damaged(path, str(error)) from error
        raise PictureError(f"{path} cannot be read: {error.strerror or error}.") from error
    except pyvips.Error as error:
        raise _damaged(path, error.detail.strip().partition("\n")[0]) from error


def _damaged(path: Path, reason: str) -> PictureError:
    said = f" ({reason})" if reason else ""
    return PictureError(f"{path} cannot be read: it is damaged, cut short or of a rare kind{said}.")


def _named(path: Path, pictures: Iterator[Picture]) -> Iterator[Picture]:
    with _errors_named(path):
        yield from pictures


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, Format]]:
    if path.exists() and not path.is_file():
        raise PictureError(f"{path} is a folder or a device. Give the file of a picture.")
    with path.open("rb") as file:
        start = file.read(64)
        file.seek(0)
        if not start:
            raise PictureError(f"{path} is empty. Copy it again from where it came from.")
        format_ = by_content(start)
        if format_ is None:
            raise PictureError(
                f"{path} is no picture that can be read. Convert it to one of {NAMES}."
            )
        yield file, format_


def _load(path: Path, format_: Format, **options: Any) -> pyvips.Image:
    """Return a picture of which only the header is read yet.

    The file is opened once more for it: two that share a descriptor move each other's place in it.
    """
    with path.open("rb", buffering=0) as file:
        source = pyvips.Source.new_from_descriptor(file.fileno())
    load = getattr(pyvips.Image, f"{format_.loader}load_source")
    return load(source, access="sequential", fail_on="error", **options)


def _are_alike(path: Path, format_: Format) -> bool:
    """Return whether libvips would join all pages into one picture; it reads their headers."""
    try:
        _load(path, format_, n=-1)
    except pyvips.Error:
        return False
    return True


def _check_size(path: Path, size: tuple[int, int], pixels: int, max_pixels: int) -> None:
    """Refuse a file of so many pixels in all, of which one page has the size."""
    if pixels > max_pixels:
        width, height = size
        more = f", {pixels:,} with other pages," if pixels > width * height else ""
        raise PictureError(
            f"{path} has {width} × {height} pixels{more}, more than the limit of "
            f"{max_pixels:,}. Raise it if you trust the file (--max-input-pixels)."
        )


def _check_kind(path: Path, image: pyvips.Image) -> None:
    channels = _READABLE.get(image.interpretation, ())
    if image.bands not in channels or image.format not in {"uchar", "ushort", "float"}:
        raise PictureError(
            f"{path} has {image.bands} channels of the kind {image.format} {image.interpretation}."
            " Convert it to grey or RGB of 8 or 16 bits."
        )


def _is_animated_png(file: BinaryIO) -> bool:
    """Return whether an animation is announced, which stands before the pixels."""
    return any(kind == b"acTL" for kind, _ in png_head_chunks(file))


def _is_animated_avif(file: BinaryIO) -> bool:
    """Return whether it is a sequence by its own account, of which libvips reads one picture."""
    file.seek(8)
    return file.read(4) == b"avis"


def _is_whole_gif(file: BinaryIO) -> bool:
    """Return whether the blocks lead to the end mark; libvips takes the frames before a cut."""
    file.seek(0)
    head = file.read(13)
    file.seek(_gif_colours(head[10:11]), os.SEEK_CUR)
    while (kind := file.read(1)) in {b"!", b","}:
        if kind == b",":
            file.seek(_gif_colours(file.read(9)[8:]) + 1, os.SEEK_CUR)
        else:
            file.seek(1, os.SEEK_CUR)
        while length := file.read(1):
            file.seek(length[0], os.SEEK_CUR)
            if length == b"\0":
                break
    return kind == b";"


def _gif_colours(flags: bytes) -> int:
    """Return the bytes of the table of colours that follows, if one does."""
    return 3 * 2 ** ((flags[0] & 7) + 1) if flags and flags[0] & 128 else 0


def _vips_pictures(
    path: Path, count: int, options: ReadOptions, folder: Path | None
) -> Iterator[Picture]:
    """Yield the pages of a file; each is opened anew, so that only one is in memory."""
    total = 0
    for page in range(count):
        with _opened(path) as (file, format_):
            image = _load(path, format_, **{"page": page} if format_.several else {})
            total += image.width * image.height
            _check_size(path, (image.width, image.height), total, options.max_input_pixels)
            _check_kind(path, image)
            said, turn = _said(image, file, format_)
            if image.interpretation == "cmyk":
                image = cmyk_to_srgb(image)
                said["icc_profile"] = image.get(_METADATA["icc_profile"])
                logger.warning("%s: its CMYK becomes RGB, in the colour space sRGB", path)
            pixels = _decoded(image, turn, folder)
            if format_.name == "GIF" and image.bands == 4 and pixels[..., 3].all():
                pixels = pixels[..., :3]
            if format_.name == "PNG":
                said["text"] = png_text(file)
                said["png_colours"] = png_colours(file)
            if format_.name == "TIFF":
                if not is_whole(file, page):
                    raise _damaged(path, f"page {page + 1} is not whole")
                if is_plain_ycbcr(file, page):
                    raise PictureError(f"{path} has pixels in YCbCr. Convert them to RGB.")
                said["exif"] = exif_of_tiff(file, page)
        if pixels.dtype.kind == "f":
            _to_unit(path, pixels, options.float_range)
            said["float_range"] = options.float_range
        yield Picture(pixels, **said)


def _said(
    image: pyvips.Image, file: BinaryIO, format_: Format
) -> tuple[dict[str, Any], _Turn | None]:
    """Return what a file says beside its pixels, as `Picture` has it, and how they are turned."""
    said = {ours: _field(image, name, None) for ours, name in _METADATA.items()}
    said["dpi"] = _dpi(image, file, format_)
    turn = _TURNS.get(_field(image, "orientation", 1))
    if turn and said["xmp"]:
        said["xmp"] = upright_xmp(said["xmp"])
    said["iptc"] = said["iptc"] and iptc_records(said["iptc"])
    return said, turn


def _decoded(image: pyvips.Image, turn: _Turn | None, folder: Path | None) -> NDArray[Any]:
    """Decode pixels from the top to the bottom, as files hold them, and turn them upright."""
    shape = (image.height, image.width, image.bands)[: 3 if image.bands > 1 else 2]
    pixels = empty(shape, _DEPTHS[image.format], folder)
    region = pyvips.Region.new(image)
    top = 0
    for band in bands(pixels):
        strip = region.fetch(0, top, image.width, len(band))
        band[:] = np.frombuffer(strip, pixels.dtype).reshape(band.shape)
        top += len(band)
    return _turned(pixels, turn, folder) if turn else pixels


def _turned(pixels: NDArray[Any], turn: _Turn, folder: Path | None) -> NDArray[Any]:
    """Turn pixels, square by square: a row of the one may be a column of the other."""
    view = turn(pixels)
    turned = empty(view.shape, view.dtype, folder)
    for top, left in product(*(range(0, side, _TURNED) for side in view.shape[:2])):
        square = slice(top, top + _TURNED), slice(left, left + _TURNED)
        turned[square] = view[square]
        forget(pixels)
        forget(turned)
    return turned


def _frames(path: Path, folder: Path | None) -> Iterator[Picture]:
    """Yield the frames of an animation, whole pictures that are decoded one after another."""
    with _opened(path) as (file, format_):
        image = _load(path, format_, n=-1)
        said, turn = _said(image, file, format_)
        height = image.get("page-height")
        for top in range(0, image.height, height):
            frame = image.crop(0, top, image.width, height)
            yield Picture(_decoded(frame, turn, folder), **said)


def _to_unit(path: Path, pixels: NDArray[Any], float_range: tuple[float, float]) -> None:
    """Bring the pixels to [0, 1] in their place."""
    low, high = float_range
    ranges = [(band.min(), band.max()) for band in bands(pixels)]
    least, most = np.min(ranges), np.max(ranges)
    if not (least >= low and most <= high):  # also where one is not a number
        raise PictureError(
            f"{path} has floating-point pixels from {least:g} to {most:g}. "
            f"Scale them to the range from {low:g} to {high:g}, or give their range (--range)."
        )
    if float_range != (0, 1):
        for band in bands(pixels):
            # Rounding may lead beyond white.
            band[:] = np.minimum((band - low) / np.float32(high - low), 1)


def _field(image: pyvips.Image, name: str, default: Any) -> Any:
    return image.get(name) if image.get_typeof(name) else default


def _dpi(image: pyvips.Image, file: BinaryIO, format_: Format) -> tuple[float, float] | None:
    exif = _field(image, _METADATA["exif"], None)
    if exif is not None:  # libvips reads a resolution from it, but forgets it again for WebP
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, _METADATA["exif"], exif)
    if format_.name == "PNG":
        stated = image.xres != _PNG_WITHOUT_RESOLUTION and not is_aspect_alone(file)
    else:
        stated = _field(image, "resolution-unit", "none") != "none"
    if not stated:
        return None
    across, down = image.xres * MM_PER_INCH, image.yres * MM_PER_INCH
    return (down, across) if _lies_on_its_side(image) else (across, down)


def _lies_on_its_side(image: pyvips.Image) -> bool:
    return int(_field(image, "orientation", 1)) >= 5


def cmyk_to_srgb(image: pyvips.Image) -> pyvips.Image:
    """Convert CMYK to sRGB through its own profile, or through a common one for print."""
    depth = 16 if image.format == "ushort" else 8
    return image.icc_transform(
        "srgb", embedded=True, input_profile="cmyk", black_point_compensation=True, depth=depth
    )


def _pillow_image(file: BinaryIO, format_: Format) -> ImageFile.ImageFile:
    """Return a picture of which only the header is read yet."""
    plugin = {"BMP": BmpImagePlugin.BmpImageFile, "PPM": PpmImagePlugin.PpmImageFile}
    try:
        # Not Image.open, which has a limit of its own and warns.
        return plugin[format_.name](file)
    except (SyntaxError, ValueError, IndexError, struct.error) as error:
        raise OSError(str(error)) from error


def _pillow_pictures(path: Path, folder: Path | None) -> Iterator[Picture]:
    with _opened(path) as (file, format_), _pillow_image(file, format_) as image:
        try:
            dpi = image.info.get("dpi")
            if format_.name == "PPM" and image.mode != "1":
                pixels = _ppm(file, image, folder)
            else:
                pixels = _pillow_pixels(image)
        except (SyntaxError, ValueError, IndexError, TypeError, struct.error) as error:
            raise OSError(str(error)) from error
    yield Picture(pixels, dpi=dpi if dpi and min(dpi) > 0 else None)


def _pillow_pixels(image: ImageFile.ImageFile) -> NDArray[Any]:
    if image.mode in {"1", "P"}:
        return np.asarray(image.convert("L" if image.mode == "1" else "RGB"))
    return np.asarray(image)


def _ppm(file: BinaryIO, image: ImageFile.ImageFile, folder: Path | None) -> NDArray[Any]:
    """Read the samples, which Pillow would bring to 8 bits in colour."""
    tile = image.tile[0]
    white = 65535 if image.mode == "I" else 255
    if isinstance(tile.args, tuple):  # neither of them
        _, white = tile.args
    depth = np.uint16 if white > 255 else np.uint8
    shape = (image.height, image.width, 3)[: 3 if image.mode == "RGB" else 2]
    pixels = empty(shape, depth, folder)
    file.seek(tile.offset)
    plain = _plain_samples(file, white) if tile.codec_name == "ppm_plain" else None
    kind = pixels.dtype.newbyteorder(">")
    samples: NDArray[Any]
    for band in bands(pixels):
        if plain:
            samples = np.fromiter(plain, depth, band.size)
        else:
            samples = np.frombuffer(file.read(band.nbytes), kind)
        samples = samples.reshape(band.shape)
        if white in {255, 65535}:
            band[:] = samples
        else:
            band[:] = to_depth(np.minimum(samples / np.float32(white), 1), depth)
    return pixels


def _plain_samples(file: BinaryIO, white: int) -> Iterator[int]:
    """Yield the numbers that follow; what "#" begins is a comment, to the end of its line.

    Raises:
        ValueError: There is a word that is no number up to that of white.
    """
    for line in file:
        for word in re.finditer(rb"\S+", re.sub(rb"#[^\r\n]*", b"", line)):
            if not re.fullmatch(rb"\d{1,9}", word[0]) or int(word[0]) > white:
                said = word[0][:20].decode("ascii", "replace")
                raise ValueError(f"“{said}” is no number from 0 to {white}")
            yield int(word[0])
