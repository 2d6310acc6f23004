"""Picture files out: through libvips, and what it does not write through Pillow or plainly."""

import contextlib
import logging
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
from numpy.typing import NDArray
from PIL import Image

from gladsr.atomic import atomic_write
from gladsr.errors import PictureError
from gladsr.pictures import containers, tiff
from gladsr.pictures.depth import levels, to_depth
from gladsr.pictures.formats import SUFFIXES, Format, by_name
from gladsr.pictures.mapped import Mapped, bands, empty, forget
from gladsr.pictures.metadata import corrected_exif, corrected_xmp, has_thumbnail
from gladsr.pictures.options import WriteOptions
from gladsr.pictures.picture import MM_PER_INCH, Pages, Picture, pixels_of

# What libvips calls the pixels that are written: their kind, grey, and RGB.
_WRITTEN = {
    "uint8": ("uchar", "b-w", "srgb"),
    "uint16": ("ushort", "grey16", "rgb16"),
    "float32": ("float", "b-w", "scrgb"),
}
_THUMBNAIL_SIDE = 160
_STRIP = 256  # rows
_OF_SYSTEM = "system error: "
_JPEG_OPTIMIZED = 2**23  # pixels, for about 100 MB
_MOST_DPI = 10**6 * MM_PER_INCH  # that libvips takes; PNG and BMP hold more

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
    """Write a PNG, JPEG, TIFF, WebP, AVIF, GIF, BMP or PPM file, as the ending of its name says.

    The file appears whole or not at all, in place of one that is there. A format without 16 bits
    or floating point gets the deepest that it has, a format without transparency drops an alpha
    that is opaque everywhere, and WebP, AVIF and GIF turn grey into RGB. Where a format has no
    colour profile, the colours become sRGB. Pixels that lie in a temporary file go strip by strip
    into PNG, JPEG, TIFF and PPM; the other formats' libraries want them whole in memory.

    Args:
        pages: What to write.
        path: Where to, in a folder that exists.
        options: Quality, and whether to strip metadata.
        overwrite: Replace a file that exists.

    Raises:
        OutputExistsError: The file exists and is not to be overwritten.
        PictureError: The name has another ending, the format cannot hold the picture or so many of
            them, or the file cannot be written.
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
    """Refuse pages, before they are gone through, that cannot become a file of that name.

    Raises:
        PictureError: The name has no picture's ending, or its format cannot hold so many.
    """
    format_ = _format_of(path)
    kind, others = ("pages", "TIFF") if pages.delays is None else ("frames", "WebP or GIF")
    if pages.count > 1 and format_.several != kind:
        raise PictureError(
            f"{path} cannot be written: {format_.name} does not hold {pages.count} {kind}. "
            f"Choose {others}."
        )


def room_for(path: Path, pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Return an array for what a picture becomes, if it can then be written under that name.

    If it is large, it lies in a temporary file beside the picture file; then the disk must have
    room for both, the picture file being taken for as large as the pixels are.

    Args:
        path: The picture file, in a folder that exists.
        pixels: The picture.
        size: The height and width that it becomes.

    Returns:
        An array to fill, of the kind and channels of ``pixels``.

    Raises:
        PictureError: The name has no picture's ending, its format cannot hold a picture of such a
            size or its transparency, or the disk has too little room.
    """
    format_ = _format_of(path)
    if format_.side and max(size) > format_.side:
        raise PictureError(
            f"{path} cannot be written: it would have {size[1]} × {size[0]} pixels, and "
            f"{format_.name} holds {format_.side} a side. Choose PNG or TIFF."
        )
    _check_alpha(pixels, format_, path)
    shape = (*size, *pixels.shape[2:])
    with _errors_named(path):
        nbytes = math.prod(shape) * pixels.dtype.itemsize
        return empty(shape, pixels.dtype, path.parent, beyond=nbytes)


def _format_of(path: Path) -> Format:
    format_ = by_name(path)
    if format_ is None:
        raise PictureError(
            f"{path} cannot be written: the name must end in one of {', '.join(SUFFIXES)}."
        )
    return format_


@contextlib.contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Turn what the system and libvips raise into a PictureError that names the file."""
    try:
        yield
    except PictureError:
        raise
    except OSError as error:
        raise PictureError(f"{path} cannot be written: {error.strerror or error}.") from error
    except pyvips.Error as error:
        reasons = error.detail.strip().splitlines()
        # Such as a full disk, which libvips names after what it kept it from.
        of_system = [reason for reason in reasons if reason.startswith(_OF_SYSTEM)]
        reason = "".join((of_system or reasons)[:1]).removeprefix(_OF_SYSTEM)
        raise PictureError(f"{path} cannot be written: {reason}.") from error


def _write_picture(
    file: BinaryIO, picture: Picture, format_: Format, path: Path, quality: int
) -> None:
    plain = _image(picture, format_, path)
    exif, xmp = _corrected(picture, plain)
    image = _with(plain, exif=exif, xmp=xmp)
    dpi = picture.dpi and (min(picture.dpi[0], _MOST_DPI), min(picture.dpi[1], _MOST_DPI))
    match format_.name:
        case "PNG":
            head = partial(
                containers.png_head,
                exif=exif,
                xmp=xmp,
                dpi=dpi,
                text=picture.text,
                colours=picture.png_colours,
            )
            _save_with_head(image, file, ".png", head, filter="all", keep="icc")
        case "JPEG":
            exif = _fitting_jpeg(exif, "EXIF", path)
            iptc = _fitting_jpeg(picture.iptc, "IPTC", path)
            head = partial(containers.jpeg_head, exif=exif, iptc=iptc, dpi=dpi)
            # To choose the best codes, libjpeg holds all that it will write in memory.
            optimize = image.width * image.height <= _JPEG_OPTIMIZED
            options = {"Q": quality, "optimize_coding": optimize, "keep": "icc|xmp"}
            _save_with_head(image, file, ".jpg", head, **options)
        case "WebP":
            file.write(_webp(image, exif, quality))
        case "AVIF":
            keep = "icc|xmp|exif" if exif else "icc|xmp"
            across, down = (dots / MM_PER_INCH for dots in dpi or (72, 72))
            image = image.copy(xres=across, yres=down)
            _save(image, file, ".avif", compression="av1", Q=quality, keep=keep)
        case "GIF":
            _save(image, file, ".gif", keep="none")
        case "BMP":
            Image.fromarray(pixels_of(image)).save(file, "BMP", dpi=dpi or (0, 0))
        case "PPM":
            _write_ppm(file, image, picture.pixels)


def _write_tiff(file: BinaryIO, pages: Pages, format_: Format, path: Path) -> None:
    writer = None
    for picture in pages.pictures:
        plain = _image(picture, format_, path)
        exif, xmp = _corrected(picture, plain)
        image = _with(plain, xmp=xmp)
        options = {
            "compression": "deflate",
            "predictor": "float" if image.format == "float" else "horizontal",
            "keep": "icc|xmp",
        }
        if writer is None:
            # How large other pages than the first become is not known yet.
            big = not pages.alike or tiff.needs_big(picture.pixels.nbytes * pages.count)
            _save(image, file, ".tif", bigtiff=big, **options)
            writer = tiff.PageWriter(file, exif, picture.iptc, picture.dpi)
        else:
            with tempfile.TemporaryFile(prefix=".gladsr-", dir=path.parent) as page:
                _save(image, page, ".tif", bigtiff=big, **options)
                writer.append(page, exif, picture.iptc, picture.dpi)


def _write_frames(file: BinaryIO, pages: Pages, format_: Format, path: Path, quality: int) -> None:
    """Write an animation, its frames gathered in a file rather than in memory."""
    for number, picture in enumerate(pages.pictures):
        frame = to_depth(picture.pixels, np.uint8)
        height, *rest = frame.shape
        if number == 0:
            tall = empty((pages.count * height, *rest), np.uint8, path.parent)
        tall[number * height : (number + 1) * height] = frame
        forget(tall)
    image = _image(replace(picture, pixels=tall), format_, path)
    image.set_type(pyvips.GValue.gint_type, "page-height", height)
    image.set_type(pyvips.GValue.array_int_type, "delay", pages.delays)
    image.set_type(pyvips.GValue.gint_type, "loop", pages.plays)
    if format_.name == "WebP":
        size = rest[0], height
        exif = corrected_exif(picture.exif, size, picture.dpi)
        xmp = picture.xmp and corrected_xmp(picture.xmp, size, picture.dpi)
        file.write(_webp(_with(image, exif=exif, xmp=xmp), exif, quality))
    else:
        _save(image, file, ".gif", keep="none")


def _image(picture: Picture, format_: Format, path: Path) -> pyvips.Image:
    """Return the pixels as the format holds them, with their profile; nothing is computed yet.

    Those that lie in a file are forgotten while they, or what is made of them, are computed. For
    that the object must be held until then, even if others are made of it: libvips calls back.
    """
    pixels = np.ascontiguousarray(picture.pixels)
    if pixels.dtype.kind == "f":
        pixels = pixels.astype(np.float32, copy=False)
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    kind, grey, rgb = _WRITTEN[pixels.dtype.name]
    image = pyvips.Image.new_from_memory(pixels, width, height, channels, kind)
    image = image.copy(interpretation=grey if channels < 3 else rgb)
    if channels in {2, 4} and not format_.alpha:
        _check_alpha(pixels, format_, path)
        image = image[: channels - 1]
    depth = pixels.dtype.name if pixels.dtype.name in format_.depths else format_.depths[-1]
    if depth != pixels.dtype.name:
        image = _to_depth(image, pixels.dtype, np.dtype(depth))
    elif depth == "float32" and picture.float_range != (0, 1):
        low, high = picture.float_range
        image = image.linear(high - low, low)
    image = _with_profile(image, picture.icc_profile, format_)
    if isinstance(picture.pixels, Mapped):
        image.set_progress(True)
        image.signal_connect("eval", lambda *_: forget(pixels))
    return image


def _check_alpha(pixels: NDArray[Any], format_: Format, path: Path) -> None:
    if format_.alpha or pixels.ndim == 2 or pixels.shape[2] not in {2, 4}:
        return
    if any(band[..., -1].min() < levels(pixels.dtype) for band in bands(pixels)):
        raise PictureError(
            f"{path} cannot be written: {format_.name} holds no transparency. "
            "Choose PNG, TIFF or WebP."
        )


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


def _fitting_jpeg(block: bytes | None, name: str, path: Path) -> bytes | None:
    if block and len(block) > containers.JPEG_ROOM:
        logger.warning("%s: its %s block is too large for a JPEG and left out", path, name)
        return None
    return block


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


def _write_ppm(file: BinaryIO, image: pyvips.Image, pixels: NDArray[Any]) -> None:
    """Write an image strip by strip, and forget the pixels that it is made of."""
    magic, white = (
        ("P6" if image.bands == 3 else "P5"),
        (65535 if image.format == "ushort" else 255),
    )
    file.write(f"{magic}\n{image.width} {image.height}\n{white}\n".encode())
    for top in range(0, image.height, _STRIP):
        strip = image.crop(0, top, image.width, min(_STRIP, image.height - top)).numpy()
        file.write(strip.astype(strip.dtype.newbyteorder(">")).tobytes())
        forget(pixels)
