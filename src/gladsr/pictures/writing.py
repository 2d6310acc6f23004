"""Picture files out: through libvips, or Pillow for BMP."""

import contextlib
import io
import logging
import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
from numpy.typing import NDArray
from PIL import Image

from gladsr.atomic import atomic_write
from gladsr.errors import PictureError, StorageError, TooLargeError
from gladsr.pictures import avif, gif, jpeg, png, ppm, tiff_writing, webp
from gladsr.pictures.depth import levels, to_depth
from gladsr.pictures.exif import (
    corrected_exif,
    has_georeference,
    has_thumbnail,
    without_georeference,
)
from gladsr.pictures.formats import SUFFIXES, Format, by_name
from gladsr.pictures.mapped import Mapped, bands, empty, forget
from gladsr.pictures.options import WriteOptions
from gladsr.pictures.picture import MM_PER_INCH, Pages, Picture, pixels_of
from gladsr.pictures.saving import save
from gladsr.pictures.xmp import corrected_xmp

# libvips' names of pixels by their data type: format, and interpretation of grey and RGB.
_WRITTEN = {
    "uint8": ("uchar", "b-w", "srgb"),
    "uint16": ("ushort", "grey16", "rgb16"),
    "float32": ("float", "b-w", "scrgb"),
}
_THUMBNAIL_SIDE = 160
_OF_SYSTEM = "system error: "
_MAX_DPI = 10**6 * MM_PER_INCH  # for libvips; PNG and BMP hold more

logger = logging.getLogger(__name__)


def write(
    picture: Picture, path: str | os.PathLike[str], *, options: WriteOptions = WriteOptions()
) -> None:
    """Write a picture file with a single picture, as `write_pages` does."""
    write_pages(Pages([picture]), path, options=options)


def write_pages(
    pages: Pages,
    path: str | os.PathLike[str],
    *,
    options: WriteOptions = WriteOptions(),
    overwrite: bool = True,
) -> None:
    """Write a PNG, JPEG, TIFF, WebP, AVIF, GIF, BMP or PPM file, chosen by the suffix of its name.

    The file appears complete or not at all, and replaces an existing one. A format without 16 bits
    or floating point gets the most precise depth that it has, a format without transparency drops
    an alpha that is opaque everywhere, and WebP, AVIF and GIF turn grey into RGB. Colours declared
    otherwise than by a profile stay so in PNG and AVIF, and become an equal ICC profile elsewhere;
    in a format without profiles, colours become sRGB. Pixels in a temporary file are written strip
    by strip to PNG, JPEG, TIFF and PPM; the libraries of other formats need all in memory.

    Args:
        pages: The pictures.
        path: The file, in an existing folder.
        options: Quality, and whether to strip metadata.
        overwrite: Replace a file that exists.

    Raises:
        OutputExistsError: The file exists and is not to be overwritten.
        StorageError: The file cannot be written, or the disk is full.
        PictureError: The name has another suffix, or the format cannot hold the pictures.
    """
    path = Path(path)
    check_pages(pages, path)
    format_ = _format_of(path)
    if options.strip_metadata:
        pages = replace(pages, pictures=(page.without_metadata() for page in pages.pictures))
    with _errors_named(path), atomic_write(path, overwrite=overwrite) as file:
        if format_.several == "pages":
            _write_tiff(file, pages, format_, path)
        elif pages.count > 1:
            _write_frames(file, pages, format_, path, options.quality)
        else:
            (picture,) = pages.pictures
            _write_picture(file, picture, format_, path, options.quality)


def check_pages(pages: Pages, path: Path) -> None:
    """Reject pages that cannot become a file of a name, before they are iterated over.

    Raises:
        PictureError: The name has no suffix of a picture, or its format cannot hold so many.
    """
    format_ = _format_of(path)
    kind, others = ("pages", "TIFF") if pages.delays is None else ("frames", "WebP or GIF")
    if pages.count > 1 and format_.several != kind:
        reason = f"{format_.name} does not hold {pages.count} {kind}"
        raise PictureError(path, reason, f"Choose {others}.")


def room_for(path: Path, pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Return an array for a picture that has become larger, if its file can then be written.

    A large array lies in a temporary file beside the picture file; the disk must have space for
    both, with as many bytes for the picture file as for the array.

    Args:
        path: The picture file, in an existing folder.
        pixels: The picture.
        size: The height and width that it will have.

    Returns:
        An uninitialised array with the data type and channels of ``pixels``.

    Raises:
        StorageError: The disk has too little space.
        TooLargeError: The format cannot hold a picture of that size.
        PictureError: The name has no suffix of a picture, or its format no transparency.
    """
    format_ = _format_of(path)
    if format_.side and max(size) > format_.side:
        raise TooLargeError(
            path,
            f"it would have {size[1]} × {size[0]} pixels, and {format_.name} holds at most "
            f"{format_.side} a side",
            "Choose PNG or TIFF.",
        )
    _check_alpha(pixels, format_, path)
    shape = (*size, *pixels.shape[2:])
    nbytes = math.prod(shape) * pixels.dtype.itemsize
    return empty(shape, pixels.dtype, path.parent, beyond=nbytes)


def _format_of(path: Path) -> Format:
    format_ = by_name(path)
    if format_ is None:
        raise PictureError(path, f"its name must end in one of {', '.join(SUFFIXES)}")
    return format_


@contextlib.contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Raise the errors of the operating system and of libvips as a PictureError."""
    try:
        yield
    except PictureError:
        raise
    except OSError as error:
        raise StorageError(path, f"it cannot be written: {error.strerror or error}") from error
    except pyvips.Error as error:
        reasons = error.detail.strip().splitlines()
        # Such as a full disk, which libvips names after what failed for it.
        of_system = [reason for reason in reasons if reason.startswith(_OF_SYSTEM)]
        kind = StorageError if of_system else PictureError
        reason = "".join((of_system or reasons)[:1]).removeprefix(_OF_SYSTEM)
        raise kind(path, f"it cannot be written: {reason}") from error


def _write_picture(
    file: BinaryIO, picture: Picture, format_: Format, path: Path, quality: int
) -> None:
    plain = _image(picture, format_, path)
    exif, xmp = _corrected(picture, plain, format_, path)
    image = _with(plain, exif=exif, xmp=xmp)
    dpi = picture.dpi and (min(picture.dpi[0], _MAX_DPI), min(picture.dpi[1], _MAX_DPI))
    colours = picture.colours
    match format_.name:
        case "PNG":
            text = picture.text
            png.save(image, file, exif=exif, xmp=xmp, dpi=dpi, text=text, colours=colours)
        case "JPEG":
            iptc = picture.iptc
            jpeg.save(image, file, path, exif=exif, iptc=iptc, dpi=dpi, quality=quality)
        case "WebP":
            webp.save(image, file, path, exif=exif, quality=quality)
        case "AVIF":
            keeps_exif = exif is not None
            avif.save(image, file, keeps_exif=keeps_exif, dpi=dpi, quality=quality, colours=colours)
        case "GIF":
            gif.save(image, file)
        case "BMP":
            content = io.BytesIO()  # to a file, Pillow would not notice a write that is cut short
            Image.fromarray(pixels_of(image)).save(content, "BMP", dpi=dpi or (0, 0))
            file.write(content.getbuffer())
        case "PPM":
            ppm.write(file, image, picture.pixels)


def _write_tiff(file: BinaryIO, pages: Pages, format_: Format, path: Path) -> None:
    writer = None
    for picture in pages.pictures:
        plain = _image(picture, format_, path)
        exif, xmp = _corrected(picture, plain, format_, path)
        image = _with(plain, xmp=xmp)
        options = {
            "compression": "deflate",
            "predictor": "float" if image.format == "float" else "horizontal",
            "keep": "icc|xmp",
        }
        extra = 0 if picture.extra is None else picture.extra.shape[2]
        metadata = tiff_writing.PageMetadata(exif, picture.iptc, picture.dpi, extra)
        if writer is None:
            # The sizes that pages after the first will have are not known yet.
            big = not pages.alike or tiff_writing.needs_big(picture.pixels.nbytes * pages.count)
            save(image, file, ".tif", bigtiff=big, **options)
            writer = tiff_writing.PageWriter(file, metadata)
        else:
            with tempfile.TemporaryFile(prefix=".gladsr-", dir=path.parent) as page:
                save(image, page, ".tif", bigtiff=big, **options)
                writer.append(page, metadata)


def _write_frames(file: BinaryIO, pages: Pages, format_: Format, path: Path, quality: int) -> None:
    """Write an animation, whose frames are collected in a file rather than in memory."""
    for number, picture in enumerate(pages.pictures):
        frame = to_depth(picture.pixels, np.uint8)
        height, *rest = frame.shape
        if number == 0:
            tall = empty((pages.count * height, *rest), np.uint8, path.parent)
        tall[number * height : (number + 1) * height] = frame
        forget(tall)
    plain = _image(replace(picture, pixels=tall), format_, path)  # held for its callbacks
    plain.set_type(pyvips.GValue.gint_type, "page-height", height)
    plain.set_type(pyvips.GValue.gint_type, "loop", pages.plays)
    if format_.name == "WebP":
        size = rest[0], height
        exif = corrected_exif(picture.exif, size, picture.dpi)
        xmp = picture.xmp and corrected_xmp(picture.xmp, size, picture.dpi)
        image = _with(plain, exif=exif, xmp=xmp)
        webp.save(image, file, path, exif=exif, quality=quality, delays=pages.delays)
    else:
        gif.save(plain, file, pages.delays)


def _image(picture: Picture, format_: Format, path: Path) -> pyvips.Image:
    """Return the pixels as the format holds them, with their profile; nothing is computed yet.

    The memory of pixels in a file is freed while they, or what is made of them, are computed. For
    that the object must be held until then, even if others are made of it: libvips calls back.
    """
    together = _with_extra(picture, format_, path)
    pixels = np.ascontiguousarray(together)
    if pixels.dtype.kind == "f":
        pixels = pixels.astype(np.float32, copy=False)
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    kind, grey, rgb = _WRITTEN[pixels.dtype.name]
    image = pyvips.Image.new_from_memory(pixels, width, height, channels, kind)
    grey_or_rgb = picture.pixels.ndim == 2 or picture.pixels.shape[2] < 3
    image = image.copy(interpretation=grey if grey_or_rgb else rgb)
    if channels in {2, 4} and not format_.alpha:
        _check_alpha(pixels, format_, path)
        image = image[: channels - 1]
    depth = pixels.dtype.name if pixels.dtype.name in format_.depths else format_.depths[-1]
    if depth != pixels.dtype.name:
        image = _to_depth(image, pixels.dtype, np.dtype(depth))
    elif depth == "float32" and picture.float_range != (0, 1):
        low, high = picture.float_range
        image = image.linear(high - low, low)
    image = _with_profile(image, _profile(picture, format_, path), format_)
    if isinstance(together, Mapped):
        image.set_progress(True)
        image.signal_connect("eval", lambda *_: forget(pixels))
    return image


def _with_extra(picture: Picture, format_: Format, path: Path) -> NDArray[Any]:
    """Return the pixels with their extra channels behind them, where the format holds these."""
    pixels, extra = picture.pixels, picture.extra
    if extra is None:
        return pixels
    if format_.name != "TIFF":
        count = extra.shape[2]
        logger.warning("%s: %d extra channels are left out, for which it has no room", path, count)
        return pixels
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    channels = pixels.shape[2]
    together = empty((*pixels.shape[:2], channels + extra.shape[2]), pixels.dtype, path.parent)
    top = 0
    for band in bands(together):
        rows = slice(top, top + len(band))
        band[..., :channels], band[..., channels:] = pixels[rows], extra[rows]
        top += len(band)
        forget(pixels)
        forget(extra)
    return together


def _check_alpha(pixels: NDArray[Any], format_: Format, path: Path) -> None:
    if format_.alpha or pixels.ndim == 2 or pixels.shape[2] not in {2, 4}:
        return
    if any(band[..., -1].min() < levels(pixels.dtype) for band in bands(pixels)):
        reason = f"{format_.name} holds no transparency"
        raise PictureError(path, reason, "Choose PNG, TIFF or WebP.")


def _to_depth(image: pyvips.Image, old: np.dtype[Any], new: np.dtype[Any]) -> pyvips.Image:
    """Convert the depth as `to_depth` does, without a copy in memory."""
    kind, grey, rgb = _WRITTEN[new.name]
    image = (image * (levels(new) / levels(old)) + 0.5).floor().cast(kind)
    return image.copy(interpretation=grey if image.bands < 3 else rgb)


def _profile(picture: Picture, format_: Format, path: Path) -> bytes | None:
    """Return the ICC profile to write, made from other declarations of colours if need be."""
    colours, profile = picture.colours, picture.icc_profile
    if colours is None or colours.is_srgb or format_.name == "PNG":
        return profile
    if format_.name == "AVIF" and colours.cicp and colours.full_range:
        return None
    if profile and not colours.cicp:
        return profile
    channels = 1 if picture.pixels.ndim == 2 else picture.pixels.shape[2]
    equal = colours.profile(grey=channels < 3)
    if equal is None and profile is None:
        logger.warning(
            "%s: its colours (%s) cannot be declared in %s, and will be shown as sRGB",
            path,
            colours.name,
            format_.name,
        )
    return equal or profile


def _with_profile(image: pyvips.Image, profile: bytes | None, format_: Format) -> pyvips.Image:
    if profile is None:
        return image
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    if format_.profile and (format_.grey or image.bands > 2):
        return image
    try:
        return image.icc_transform("srgb", embedded=True)
    except pyvips.Error:  # a profile of nothing
        image.remove("icc-profile-data")
        return image


def _corrected(
    picture: Picture, image: pyvips.Image, format_: Format, path: Path
) -> tuple[bytes | None, bytes | None]:
    """Return the EXIF block and the XMP packet to write."""
    size = (image.width, image.height)
    block = picture.exif
    if block and format_.name != "TIFF" and has_georeference(block):
        logger.warning("%s: its georeference is left out, which only TIFF holds", path)
        block = without_georeference(block)
    thumbnail = None
    if block and has_thumbnail(block):
        small = image.thumbnail_image(_THUMBNAIL_SIDE, height=_THUMBNAIL_SIDE, size="down")
        thumbnail = small.jpegsave_buffer(keep="none")
    exif = corrected_exif(block, size, picture.dpi, thumbnail)
    return exif, picture.xmp and corrected_xmp(picture.xmp, size, picture.dpi)


def _with(image: pyvips.Image, **metadata: bytes | None) -> pyvips.Image:
    image = image.copy()
    for name, data in metadata.items():
        if data:
            image.set_type(pyvips.GValue.blob_type, f"{name}-data", data)
    return image
