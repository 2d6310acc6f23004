"""Picture files in: through libvips, and through Pillow what it does not read."""

import contextlib
import logging
import math
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
from numpy.typing import NDArray
from PIL import BmpImagePlugin, ImageFile, PpmImagePlugin

from gladsr.pictures.depth import to_depth
from gladsr.pictures.formats import NAMES, Format, by_content
from gladsr.pictures.metadata import exif_of_tiff, upright_xmp
from gladsr.pictures.picture import Pages, Picture, PictureError, pixels_of

MAX_PIXELS = 2**28
"""The most pixels that a file may have unless told otherwise: 16,384 × 16,384."""

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
_MM_PER_INCH = 25.4
_PNG_WITHOUT_RESOLUTION = 2.834  # pixels per mm as libvips tells; 72 dpi would be 2.835
_PNG_TEXT = re.compile(r"png-comment-\d+-(.+)", re.DOTALL)

logger = logging.getLogger(__name__)

logging.getLogger("pyvips").addHandler(logging.NullHandler())  # else it prints every warning
pyvips.block_untrusted_set(True)  # no loader that libvips does not trust with hostile files
pyvips.cache_set_max(0)  # it would hold on to whole pictures


def read(
    path: str | os.PathLike[str],
    *,
    max_pixels: int = MAX_PIXELS,
    float_range: tuple[float, float] = (0, 1),
) -> Picture:
    """Read a picture file with a single picture, as `read_pages` does.

    Raises:
        PictureError: As there, or it has several pages or frames.
    """
    pages = read_pages(path, max_pixels=max_pixels, float_range=float_range)
    if pages.count > 1:
        raise PictureError(
            f"{path} has {pages.count} pages or frames. Save them as single pictures."
        )
    return next(iter(pages.pictures))


def read_pages(
    path: str | os.PathLike[str],
    *,
    max_pixels: int = MAX_PIXELS,
    float_range: tuple[float, float] = (0, 1),
) -> Pages:
    """Read a PNG, JPEG, TIFF, WebP, AVIF, GIF, BMP or PPM file; its content tells which.

    The pictures are turned upright as their orientation says. Palettes and 1, 2 or 4 bits become
    8 bits, 10 and 12 bits become 16. CMYK becomes sRGB through its profile, or through a usual
    one for print where it has none, and a warning is logged.

    Args:
        path: The file.
        max_pixels: The most pixels that it may have, all pages together.
        float_range: The floating-point values that become 0 and 1 in the pixels.

    Raises:
        PictureError: The file is missing, may not be read, is damaged, cut short or no such
            picture, has more than `max_pixels`, floating-point values outside `float_range` or
            pixels that `Picture` does not hold. What is wrong with the pixels comes out only when
            the pages are gone through.
    """
    path = Path(path)
    with _errors_named(path), _opened(path) as (file, format_):
        if format_.loader is None:
            with _pillow_image(file, format_) as image:
                _check_size(path, *image.size, 1, max_pixels)
            return Pages(_named(path, _pillow_pictures(path)))
        header = _load(file, format_)
        count = _field(header, "n-pages", 1)
        _check_size(path, header.width, header.height, count, max_pixels)
        _check_kind(path, header)
        if format_.name == "PNG" and _is_animated_png(file):
            raise PictureError(f"{path} is an animated PNG. Convert it to WebP or GIF.")
        if format_.name == "GIF" and not _is_whole_gif(file):
            raise _damaged(path, "its end is missing")
        if format_.several == "frames" and count > 1:
            return Pages(
                _named(path, _frames(path)),
                count,
                delays=tuple(max(0, delay) for delay in header.get("delay")),
                plays=_field(header, "loop", 0),
            )
        pages = count if format_.several == "pages" else 1
        return Pages(_named(path, _vips_pictures(path, pages, max_pixels, float_range)), pages)


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
    return PictureError(
        f"{path} cannot be read: it is damaged, cut short or of a rare kind ({reason})."
    )


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


def _load(file: BinaryIO, format_: Format, **options: Any) -> pyvips.Image:
    """Return a picture of which only the header is read yet."""
    source = pyvips.Source.new_from_descriptor(file.fileno())
    # libvips takes a missing tile of a TIFF for a warning.
    fail_on = "warning" if format_.name == "TIFF" and options else "error"
    load = getattr(pyvips.Image, f"{format_.loader}load_source")
    return load(source, access="sequential", fail_on=fail_on, **options)


def _check_size(path: Path, width: int, height: int, pages: int, max_pixels: int) -> None:
    if width * height * pages > max_pixels:
        times = f" × {pages} pages" if pages > 1 else ""
        raise PictureError(
            f"{path} has {width} × {height}{times} pixels, more than the limit of "
            f"{max_pixels:,}. Raise the limit if you trust the file."
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
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind in {b"acTL", b"IDAT"}:
            return bool(kind == b"acTL")
        file.seek(length + 4, os.SEEK_CUR)
    return False


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
    path: Path, count: int, max_pixels: int, float_range: tuple[float, float]
) -> Iterator[Picture]:
    """Yield the pages of a file; each is opened anew, so that only one is in memory."""
    for page in range(count):
        with _opened(path) as (file, format_):
            options = {"page": page} if format_.several else {}
            image = _load(file, format_, **options)
            _check_size(path, image.width, image.height, 1, max_pixels)
            _check_kind(path, image)
            dpi = _dpi(image, format_)
            metadata = {ours: _field(image, name, None) for ours, name in _METADATA.items()}
            if _field(image, "orientation", 1) != 1:
                image = image.copy_memory().autorot()
                metadata["xmp"] = metadata["xmp"] and upright_xmp(metadata["xmp"])
            if image.interpretation == "cmyk":
                image = _cmyk_to_srgb(image)
                metadata["icc_profile"] = image.get(_METADATA["icc_profile"])
                logger.warning("%s: its CMYK becomes RGB, in the colour space sRGB", path)
            pixels = pixels_of(image)
            if format_.name == "GIF" and image.bands == 4 and pixels[..., 3].all():
                pixels = pixels[..., :3]
            if format_.name == "TIFF":
                metadata["exif"] = exif_of_tiff(file, page)
        if pixels.dtype.kind == "f":
            pixels = _to_unit(path, pixels, float_range)
        else:
            float_range = (0, 1)
        yield Picture(pixels, **metadata, text=_text(image), dpi=dpi, float_range=float_range)


def _frames(path: Path) -> Iterator[Picture]:
    """Yield the frames of an animation, whole pictures that are decoded one after another."""
    with _opened(path) as (file, format_):
        image = _load(file, format_, n=-1)
        metadata = {ours: _field(image, name, None) for ours, name in _METADATA.items()}
        height = image.get("page-height")
        for top in range(0, image.height, height):
            yield Picture(pixels_of(image.crop(0, top, image.width, height)), **metadata)


def _to_unit(path: Path, pixels: NDArray[Any], float_range: tuple[float, float]) -> NDArray[Any]:
    low, high = float_range
    if not (pixels.min() >= low and pixels.max() <= high):  # also where one is not a number
        raise PictureError(
            f"{path} has floating-point pixels from {pixels.min():g} to {pixels.max():g}. "
            f"Scale them to the range from {low:g} to {high:g}, or give their range."
        )
    return pixels if float_range == (0, 1) else (pixels - low) / np.float32(high - low)


def _field(image: pyvips.Image, name: str, default: Any) -> Any:
    return image.get(name) if name in image.get_fields() else default


def _text(image: pyvips.Image) -> dict[str, str]:
    fields = {name: _PNG_TEXT.fullmatch(name) for name in image.get_fields()}
    return {match[1]: image.get(name) for name, match in fields.items() if match}


def _dpi(image: pyvips.Image, format_: Format) -> tuple[float, float] | None:
    exif = _field(image, _METADATA["exif"], None)
    if exif is not None:  # libvips reads a resolution from it, but forgets it again for WebP
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, _METADATA["exif"], exif)
    if format_.name == "PNG":
        stated = image.xres != _PNG_WITHOUT_RESOLUTION
    else:
        stated = _field(image, "resolution-unit", "none") != "none"
    if not stated:
        return None
    across, down = image.xres * _MM_PER_INCH, image.yres * _MM_PER_INCH
    return (down, across) if _lies_on_its_side(image) else (across, down)


def _lies_on_its_side(image: pyvips.Image) -> bool:
    return int(_field(image, "orientation", 1)) >= 5


def _cmyk_to_srgb(image: pyvips.Image) -> pyvips.Image:
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


def _pillow_pictures(path: Path) -> Iterator[Picture]:
    with _opened(path) as (file, format_), _pillow_image(file, format_) as image:
        try:
            dpi = image.info.get("dpi")
            if (
                format_.name == "PPM"
                and image.mode != "1"
                and image.tile[0].codec_name != "ppm_plain"
            ):
                pixels = _binary_ppm(file, image)
            else:
                pixels = _pillow_pixels(image)
        except (SyntaxError, ValueError, IndexError, TypeError, struct.error) as error:
            raise OSError(str(error)) from error
    yield Picture(pixels, dpi=dpi if dpi and min(dpi) > 0 else None)


def _pillow_pixels(image: ImageFile.ImageFile) -> NDArray[Any]:
    if image.mode == "I":  # 16 bits, to Pillow
        return np.asarray(image).astype(np.uint16)
    if image.mode in {"1", "P"}:
        return np.asarray(image.convert("L" if image.mode == "1" else "RGB"))
    return np.asarray(image)


def _binary_ppm(file: BinaryIO, image: ImageFile.ImageFile) -> NDArray[Any]:
    """Read the samples, which Pillow would bring to 8 bits in colour."""
    tile = image.tile[0]
    white = 65535 if image.mode == "I" else 255
    if isinstance(tile.args, tuple):  # neither of them
        _, white = tile.args
    depth: type[Any] = np.uint16 if white > 255 else np.uint8
    shape = (image.height, image.width, 3)[: 3 if image.mode == "RGB" else 2]
    file.seek(tile.offset)
    samples = np.frombuffer(file.read(), ">u2" if white > 255 else "u1")
    samples = samples[: math.prod(shape)].reshape(shape)
    if white in {255, 65535}:
        return samples.astype(depth)
    return to_depth(np.minimum(samples / np.float32(white), 1), depth)
