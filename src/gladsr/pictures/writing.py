"""Picture files out: through libvips, and what it does not write through Pillow or plainly."""

import contextlib
import logging
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
from PIL import Image

from gladsr.pictures import containers, tiff
from gladsr.pictures.depth import levels, to_depth
from gladsr.pictures.formats import SUFFIXES, Format, by_name
from gladsr.pictures.metadata import corrected_exif, corrected_xmp, has_thumbnail
from gladsr.pictures.picture import Pages, Picture, PictureError, pixels_of

# What libvips calls the pixels that are written: their kind, grey, and RGB.
_WRITTEN = {
    "uint8": ("uchar", "b-w", "srgb"),
    "uint16": ("ushort", "grey16", "rgb16"),
    "float32": ("float", "b-w", "scrgb"),
}
_MM_PER_INCH = 25.4
_THUMBNAIL_SIDE = 160
_STRIP = 256  # rows
_JPEG_OPTIMIZED = 2**23  # pixels, for about 100 MB

logger = logging.getLogger(__name__)


def write(picture: Picture, path: str | os.PathLike[str], *, quality: int = 95) -> None:
    """Write a picture file with a single picture, as `write_pages` does."""
    write_pages(Pages([picture]), path, quality=quality)


def write_pages(pages: Pages, path: str | os.PathLike[str], *, quality: int = 95) -> None:
    """Write a PNG, JPEG, TIFF, WebP, AVIF, GIF, BMP or PPM file, as the ending of its name says.

    The file appears whole or not at all, in place of one that is there. A format without 16 bits
    or floating point gets the deepest that it has, a format without transparency drops an alpha
    that is opaque everywhere, and WebP, AVIF and GIF turn grey into RGB. Where a format has no
    colour profile, the colours become sRGB. Pixels that are mapped from a file are not copied into
    memory for PNG, JPEG, TIFF and PPM.

    Args:
        pages: What to write.
        path: Where to, in a folder that exists.
        quality: From 1 to 100, for JPEG, WebP and AVIF; WebP is lossless at 100.

    Raises:
        PictureError: The name has another ending, the format cannot hold the picture or so many of
            them, or the file cannot be written.
    """
    path = Path(path)
    format_ = by_name(path)
    if format_ is None:
        raise PictureError(
            f"{path} cannot be written: the name must end in one of {', '.join(SUFFIXES)}."
        )
    _check_several(pages, format_, path)
    with _errors_named(path), _appearing(path) as file:
        if format_.several == "pages":
            _write_tiff(file, pages, format_, path)
        elif pages.count > 1:
            _write_frames(file, pages, format_, path, quality)
        else:
            (picture,) = pages.pictures
            _write_picture(file, picture, format_, path, quality)


@contextlib.contextmanager
def _appearing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name, and any other's place, when it is whole.

    Where the system can, it has no name at all before, so that nothing is left even of a process
    that is killed.
    """
    temporary = path.with_name(f".gladsr-{secrets.token_hex(8)}.tmp")
    try:
        nameless = os.open(path.parent, os.O_TMPFILE | os.O_RDWR, 0o666)
    except (AttributeError, OSError):  # not Linux, or a file system without it
        nameless = None
    try:
        with temporary.open("x+b") if nameless is None else os.fdopen(nameless, "r+b") as file:
            yield file
            file.flush()
            if nameless is not None:
                # A folder's number, though none is needed, has the link in /proc followed.
                os.link(f"/proc/self/fd/{nameless}", temporary, src_dir_fd=nameless)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Turn what the system and libvips raise into a PictureError that names the file."""
    try:
        yield
    except OSError as error:
        raise PictureError(f"{path} cannot be written: {error.strerror or error}.") from error
    except pyvips.Error as error:
        reason = error.detail.strip().partition("\n")[0]
        raise PictureError(f"{path} cannot be written: {reason}.") from error


def _check_several(pages: Pages, format_: Format, path: Path) -> None:
    kind, others = ("pages", "TIFF") if pages.delays is None else ("frames", "WebP or GIF")
    if pages.count > 1 and format_.several != kind:
        raise PictureError(
            f"{path} cannot be written: {format_.name} does not hold {pages.count} {kind}. "
            f"Choose {others}."
        )


def _write_picture(
    file: BinaryIO, picture: Picture, format_: Format, path: Path, quality: int
) -> None:
    image = _image(picture, format_, path)
    exif, xmp = _corrected(picture, image)
    image = _with(image, iptc=picture.iptc, exif=exif, xmp=xmp)
    match format_.name:
        case "PNG":
            head = partial(
                containers.png_head, exif=exif, xmp=xmp, dpi=picture.dpi, text=picture.text
            )
            _save_with_head(image, file, ".png", head, filter="all", keep="icc|iptc")
        case "JPEG":
            if exif and len(exif) > containers.JPEG_EXIF_ROOM:
                logger.warning("%s: its EXIF block is too large for a JPEG and left out", path)
                exif = None
            head = partial(containers.jpeg_head, exif=exif, dpi=picture.dpi)
            # To choose the best codes, libjpeg holds all that it will write in memory.
            optimize = image.width * image.height <= _JPEG_OPTIMIZED
            options = {"Q": quality, "optimize_coding": optimize, "keep": "icc|iptc|xmp"}
            _save_with_head(image, file, ".jpg", head, **options)
        case "WebP":
            file.write(_webp(image, exif, quality))
        case "AVIF":
            keep = "icc|xmp|exif" if exif else "icc|xmp"
            across, down = (dots / _MM_PER_INCH for dots in picture.dpi or (72, 72))
            image = image.copy(xres=across, yres=down)
            _save(image, file, ".avif", compression="av1", Q=quality, keep=keep)
        case "GIF":
            _save(image, file, ".gif", keep="none")
        case "BMP":
            Image.fromarray(pixels_of(image)).save(file, "BMP", dpi=picture.dpi or (0, 0))
        case "PPM":
            _write_ppm(file, image)


def _write_tiff(file: BinaryIO, pages: Pages, format_: Format, path: Path) -> None:
    writer = None
    for picture in pages.pictures:
        image = _image(picture, format_, path)
        exif, xmp = _corrected(picture, image)
        image = _with(image, iptc=picture.iptc, xmp=xmp)
        options = {
            "compression": "deflate",
            "predictor": "float" if image.format == "float" else "horizontal",
            "keep": "icc|iptc|xmp",
        }
        if writer is None:
            big = tiff.needs_big(picture.pixels.nbytes * pages.count)
            _save(image, file, ".tif", bigtiff=big, **options)
            writer = tiff.PageWriter(file, exif, picture.dpi)
        else:
            with tempfile.TemporaryFile(dir=path.parent) as page:
                _save(image, page, ".tif", bigtiff=big, **options)
                writer.append(page, exif, picture.dpi)


def _write_frames(file: BinaryIO, pages: Pages, format_: Format, path: Path, quality: int) -> None:
    """Write an animation, its frames gathered in a file rather than in memory."""
    with tempfile.TemporaryFile(dir=path.parent) as raw:
        for picture in pages.pictures:
            np.ascontiguousarray(to_depth(picture.pixels, np.uint8)).tofile(raw)
        height, *rest = picture.pixels.shape
        tall = np.memmap(raw, np.uint8, "r", shape=(pages.count * height, *rest))
        image = _image(replace(picture, pixels=tall), format_, path)
        image.set_type(pyvips.GValue.gint_type, "page-height", height)
        image.set_type(pyvips.GValue.array_int_type, "delay", pages.delays)
        image.set_type(pyvips.GValue.gint_type, "loop", pages.plays)
        if format_.name == "WebP":
            exif = corrected_exif(picture.exif, (rest[0], height), picture.dpi)
            file.write(_webp(_with(image, exif=exif, xmp=picture.xmp), exif, quality))
        else:
            _save(image, file, ".gif", keep="none")


def _image(picture: Picture, format_: Format, path: Path) -> pyvips.Image:
    """Return the pixels as the format holds them, with their profile; nothing is computed yet."""
    pixels = np.ascontiguousarray(picture.pixels)
    if pixels.dtype.kind == "f":
        pixels = pixels.astype(np.float32, copy=False)
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    kind, grey, rgb = _WRITTEN[pixels.dtype.name]
    image = pyvips.Image.new_from_memory(pixels, width, height, channels, kind)
    image = image.copy(interpretation=grey if channels < 3 else rgb)
    if channels in {2, 4} and not format_.alpha:
        if image[-1].min() < levels(pixels.dtype):
            raise PictureError(
                f"{path} cannot be written: {format_.name} holds no transparency. "
                "Choose PNG, TIFF or WebP."
            )
        image = image[: channels - 1]
    depth = pixels.dtype.name if pixels.dtype.name in format_.depths else format_.depths[-1]
    if depth != pixels.dtype.name:
        image = _to_depth(image, pixels.dtype, np.dtype(depth))
    elif depth == "float32" and picture.float_range != (0, 1):
        low, high = picture.float_range
        image = image.linear(high - low, low)
    return _with_profile(image, picture.icc_profile, format_)


def _to_depth(image: pyvips.Image, old: np.dtype[Any], new: np.dtype[Any]) -> pyvips.Image:
    """Do what `to_depth` does, without a copy in memory."""
    kind, grey, rgb = _WRITTEN[new.name]
    image = (image * (levels(new) / levels(old)) + 0.5).floor().cast(kind)
    return image.copy(interpretation=grey if image.bands < 3 else rgb)


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


def _corrected(picture: Picture, image: pyvips.Image) -> tuple[bytes | None, bytes | None]:
    """Return what belongs into the file as EXIF block and XMP packet."""
    size = (image.width, image.height)
    thumbnail = None
    if picture.exif and has_thumbnail(picture.exif):
        small = image.thumbnail_image(_THUMBNAIL_SIDE, height=_THUMBNAIL_SIDE, size="down")
        thumbnail = small.jpegsave_buffer(keep="none")
    exif = corrected_exif(picture.exif, size, picture.dpi, thumbnail)
    return exif, picture.xmp and corrected_xmp(picture.xmp, size, picture.dpi)


def _with(image: pyvips.Image, **metadata: bytes | None) -> pyvips.Image:
    image = image.copy()
    for name, data in metadata.items():
        if data:
            image.set_type(pyvips.GValue.blob_type, f"{name}-data", data)
    return image


def _save(image: pyvips.Image, file: BinaryIO, suffix: str, **options: Any) -> None:
    target = pyvips.Target.new_to_descriptor(file.fileno())
    image.write_to_target(target, suffix, **options)


def _save_with_head(
    image: pyvips.Image,
    file: BinaryIO,
    suffix: str,
    rewrite: Callable[[bytes], bytes | None],
    **options: Any,
) -> None:
    """Save a file whose first bytes are rewritten on the way.

    Args:
        image: What to save.
        file: Where to.
        suffix: Of the format.
        rewrite: Returns other bytes for the file's first ones, or None if these are not enough.
        options: For libvips.
    """
    held: bytes | None = b""
    failure: OSError | None = None

    def on_write(chunk: bytes) -> int:
        nonlocal held, failure
        data: bytes | None = bytes(chunk)
        if held is not None:
            held += bytes(chunk)
            data = rewrite(held)
            if data is not None:
                held = None
        try:
            file.write(data or b"")
        except OSError as error:  # which libvips could not pass on
            failure = error
            return -1
        return len(chunk)

    target = pyvips.TargetCustom()
    target.on_write(on_write)
    try:
        image.write_to_target(target, suffix, **options)
    except pyvips.Error:
        if failure:
            raise failure from None
        raise


def _webp(image: pyvips.Image, exif: bytes | None, quality: int) -> bytes:
    lossless = quality == 100  # and then also what is behind a transparent pixel
    data = image.webpsave_buffer(
        Q=quality,
        lossless=lossless,
        exact=lossless,
        smart_subsample=True,
        keep="icc|xmp|exif" if exif else "icc|xmp",
    )
    return containers.webp_with_exif(data, exif) if exif else data


def _write_ppm(file: BinaryIO, image: pyvips.Image) -> None:
    magic, white = (
        ("P6" if image.bands == 3 else "P5"),
        (65535 if image.format == "ushort" else 255),
    )
    file.write(f"{magic}\n{image.width} {image.height}\n{white}\n".encode())
    for top in range(0, image.height, _STRIP):
        strip = image.crop(0, top, image.width, min(_STRIP, image.height - top)).numpy()
        file.write(strip.astype(strip.dtype.newbyteorder(">")).tobytes())
