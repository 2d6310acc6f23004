"""Picture files in: through libvips, or Pillow for BMP and PPM."""

import contextlib
import logging
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
from numpy.typing import NDArray
from PIL import BmpImagePlugin, ImageFile, PpmImagePlugin

from gladsr.errors import PictureError, TooLargeError
from gladsr.pictures import avif, gif, jpeg, png, ppm, tiff_reading, webp
from gladsr.pictures.decoding import decode, upright
from gladsr.pictures.exif import exif_of_tiff, has_georeference, without_georeference
from gladsr.pictures.limits import MAX_METADATA
from gladsr.pictures.mapped import bands
from gladsr.pictures.options import MAX_PAGES, ReadOptions
from gladsr.pictures.picture import MM_PER_INCH, Pages, Picture
from gladsr.pictures.source import InputFile, damaged, opened
from gladsr.pictures.xmp import upright_xmp, without_attachments

_METADATA = {
    "icc_profile": "icc-profile-data",
    "exif": "exif-data",
    "iptc": "iptc-data",
    "xmp": "xmp-data",
}
_CHANNELS = {"b-w": (1, 2), "grey16": (1, 2), "srgb": (3, 4), "rgb16": (3, 4), "cmyk": (4,)}
_PNG_WITHOUT_RESOLUTION = 2.834  # pixels per mm that libvips reports; 72 dpi would be 2.835
_COMPRESSED_PROFILE = 2**22  # bytes of metadata that a smaller file may hold compressed

logger = logging.getLogger(__name__)

logging.getLogger("pyvips").addHandler(logging.NullHandler())  # else it prints every warning
pyvips.block_untrusted_set(True)  # no loader that libvips does not trust with hostile files
pyvips.cache_set_max(0)  # it would hold on to whole pictures


def read(path: str | os.PathLike[str], *, options: ReadOptions = ReadOptions()) -> Picture:
    """Read a picture file with a single picture, as `read_pages` does.

    Raises:
        PictureError: As for `read_pages`, or the file has several pages or frames.
    """
    pages = read_pages(path, options=options)
    if pages.count > 1:
        reason = f"it has {pages.count} pages or frames"
        raise PictureError(path, reason, "Save them as single pictures.")
    return next(iter(pages.pictures))


def read_pages(
    path: str | os.PathLike[str],
    *,
    options: ReadOptions = ReadOptions(),
    folder: Path | None = None,
) -> Pages:
    """Read a PNG, JPEG, TIFF, WebP, AVIF, GIF, BMP or PPM file, detected by its content.

    The pictures are turned upright as their orientation declares. Palettes and samples of less
    than 8 bits become 8 bits, those of 9 to 15 bits become 16. Signed integers, those of more than
    16 bits and double precision become single precision. CMYK becomes sRGB through its profile, or
    through a usual one for print where it has none, and CIELAB becomes sRGB. Whatever is left out
    or changed so is logged as a warning.

    Args:
        path: The file.
        options: Limits, and how floating-point values are read.
        folder: Where the pixels of large pictures go, in temporary files; into memory if None.

    Raises:
        StorageError: The file is missing or cannot be read, or the folder's disk is full.
        TooLargeError: The file has too many pixels, pages or frames.
        PictureError: The file is damaged, cut short or not a supported picture, or has
            floating-point values outside ``options.float_range``. Damaged pixels are detected only
            when the pages are iterated over.
    """
    path = Path(path)
    with opened(path) as input_:
        match input_.format.name:
            case "TIFF":
                return _tiff(input_, options, folder)
            case "BMP" | "PPM":
                with _pillow_image(input_) as image:
                    _check_size(path, image.size, image.width * image.height, options)
                return Pages(_through_pillow(path, folder))
            case "PNG" if png.is_animated(input_.file):
                raise PictureError(path, "it is an animated PNG", "Convert it to WebP or GIF.")
            case "AVIF" if avif.is_animated(input_.file):
                raise PictureError(path, "it is an animated AVIF", "Convert it to WebP or GIF.")
        count = _count_frames(input_, options.max_pages)
        header = _load(input_, count)
        height = header.get("page-height") if count > 1 else header.height
        _check_size(path, (header.width, height), header.width * height * count, options)
        _check_kind(path, header)
        if count == 1:
            return Pages(_single(path, folder))
        delays = tuple(max(0, delay) for delay in header.get("delay")[:count])
        return Pages(_frames(path, count, folder), count, delays, _field(header, "loop", 0))


def measure(
    path: str | os.PathLike[str], *, max_pages: int, max_frames: int = MAX_PAGES
) -> list[tuple[int, int]]:
    """Return the height and width of every page or frame of a file, upright, decoding none.

    Args:
        path: The file, of a format that `read_pages` reads.
        max_pages: The most pages that it may have: opening each takes time.
        max_frames: The most frames that it may have.

    Raises:
        StorageError: The file is missing or cannot be read.
        TooLargeError: It has too many pages or frames.
        PictureError: It is damaged or not a supported picture.
    """
    path = Path(path)
    with opened(path) as input_:
        if input_.format.loader is None:
            with _pillow_image(input_) as image:
                return [(image.height, image.width)]
        if input_.format.name == "TIFF":
            with _damage(path):
                return [page.upright_size for page in _tiff_pages(input_, max_pages)]
        count = _count_frames(input_, max_frames)
        header = _load(input_, count)
        size = (header.get("page-height") if count > 1 else header.height, header.width)
        return [size[::-1] if _orientation(header) >= 5 else size] * count


# One picture, or an animation


def _single(path: Path, folder: Path | None) -> Iterator[Picture]:
    """Yield the picture of a file that libvips decodes, except TIFF."""
    with opened(path) as input_:
        image = _load(input_, 1)
        metadata = _metadata(input_, image)
        image = _with_own_metadata(input_, image, metadata)
        orientation = _orientation(image)
        try:
            pixels = decode(_in_srgb(path, image, metadata), folder)
        except pyvips.Error:
            if input_.format.name != "JPEG":
                raise
            # Only the end mark may be missing; what else is, is a warning now.
            image = input_.load(tail=jpeg.EOI, fail_on="warning")
            pixels = decode(_in_srgb(path, image, metadata), folder)
        pixels = upright(pixels, orientation, folder)
        if input_.format.name == "GIF" and pixels.shape[2] == 4 and pixels[..., 3].all():
            pixels = pixels[..., :3]
    yield Picture(pixels, **metadata)


def _with_own_metadata(
    input_: InputFile, image: pyvips.Image, metadata: dict[str, Any]
) -> pyvips.Image:
    """Add the metadata of a format that libvips does not read; return the image in full range."""
    match input_.format.name:
        case "PNG":
            metadata["text"] = png.text(input_.file)
            metadata["colours"] = png.colours(input_.file)
        case "AVIF":
            declared = avif.declaration(input_.file)
            metadata["colours"] = declared.colours
            if declared.is_limited_grey:
                image = avif.full_range(image)
            if declared.has_gain_map:
                logger.warning("%s: its gain map is left out", input_.path)
        case "JPEG":
            attachment = jpeg.attachment(input_.file, metadata["xmp"])
            if attachment:
                logger.warning("%s: its %s is left out", input_.path, attachment)
                metadata["xmp"] = metadata["xmp"] and without_attachments(metadata["xmp"])
    return image


def _frames(path: Path, count: int, folder: Path | None) -> Iterator[Picture]:
    """Yield the frames of an animation, complete pictures, decoded one after another."""
    with opened(path) as input_:
        image = _load(input_, count)
        metadata = _metadata(input_, image)
        height = image.get("page-height")
        for number in range(count):
            frame = image.crop(0, number * height, image.width, height)
            yield Picture(upright(decode(frame, folder), _orientation(image), folder), **metadata)


def _count_frames(input_: InputFile, max_frames: int) -> int:
    """Return the number of frames.

    Raises:
        TooLargeError: There are too many.
    """
    count = 1
    if input_.format.name == "GIF":
        count = gif.structure(input_.file, max_frames).frames
    elif input_.format.name == "WebP":
        count = webp.count_frames(input_.file)
    if count > max_frames:
        raise _too_many(input_.path, "frames", max_frames)
    return max(1, count)


def _load(input_: InputFile, count: int) -> pyvips.Image:
    """Return the image of a file, an animation's frames below one another; only its header is read.

    Raises:
        PictureError: It is cut short.
    """
    match input_.format.name:
        case "PNG":
            return png.with_late_metadata(input_.load(), input_.file)
        case "GIF":
            structure = gif.structure(input_.file, count)
            if not structure.is_complete:
                raise damaged(input_.path, "its end is missing")
            tail = gif.TRAILER if structure.covers_screen else gif.TRANSPARENT_FRAME
            return input_.load(end=structure.end, tail=tail, n=count)
        case "WebP":
            return input_.load(n=count)
    return input_.load()


def _metadata(input_: InputFile, image: pyvips.Image) -> dict[str, Any]:
    """Return the metadata of an image by the names of `Picture`'s fields."""
    found = {ours: _field(image, name, None) for ours, name in _METADATA.items()}
    room = min(MAX_METADATA, max(input_.size, _COMPRESSED_PROFILE))
    for name, data in found.items():
        if data and len(data) > room:
            logger.warning("%s: its %s is too large and left out", input_.path, name)
            found[name] = None
    found["dpi"] = _dpi(image, input_)
    if _orientation(image) > 1 and found["xmp"]:
        found["xmp"] = upright_xmp(found["xmp"])
    found["iptc"] = found["iptc"] and jpeg.iptc_records(found["iptc"])
    return found


def cmyk_to_srgb(image: pyvips.Image) -> pyvips.Image:
    """Convert CMYK to sRGB through its own profile, or through a common one for print."""
    depth = 16 if image.format == "ushort" else 8
    return image.icc_transform(
        "srgb", embedded=True, input_profile="cmyk", black_point_compensation=True, depth=depth
    )


def _in_srgb(path: Path, image: pyvips.Image, metadata: dict[str, Any]) -> pyvips.Image:
    """Return an image in CMYK as one in sRGB, and put the profile into the metadata."""
    if image.interpretation != "cmyk":
        return image
    alpha = image[4:] if image.bands > 4 else None
    image = cmyk_to_srgb(image[:4])
    metadata["icc_profile"] = image.get(_METADATA["icc_profile"])
    logger.warning("%s: its CMYK becomes RGB, in the colour space sRGB", path)
    return image if alpha is None else image.bandjoin(alpha)


def _check_size(path: Path, size: tuple[int, int], pixels: int, options: ReadOptions) -> None:
    """Reject a file by its pixels.

    Args:
        path: The file.
        size: The width and height of one of its pages.
        pixels: The pixels of all pages so far.
        options: Has the limit.
    """
    if pixels > options.max_input_pixels:
        width, height = size
        more = f", {pixels:,} with other pages," if pixels > width * height else ""
        raise TooLargeError(
            path,
            f"it has {width} × {height} pixels{more}, more than the limit of "
            f"{options.max_input_pixels:,}",
            "Raise the limit if you trust the file (--max-input-pixels).",
        )


def _too_many(path: Path, kind: str, limit: int) -> TooLargeError:
    return TooLargeError(path, f"it has more {kind} than the limit of {limit:,}")


def _check_kind(path: Path, image: pyvips.Image) -> None:
    channels = _CHANNELS.get(image.interpretation, ())
    if image.bands not in channels or image.format not in {"uchar", "ushort"}:
        raise PictureError(
            path,
            f"it has {image.bands} channels of the kind {image.format} {image.interpretation}",
            "Convert it to grey or RGB of 8 or 16 bits.",
        )


def _field(image: pyvips.Image, name: str, default: Any) -> Any:
    return image.get(name) if image.get_typeof(name) else default


def _orientation(image: pyvips.Image) -> int:
    return int(_field(image, "orientation", 1))


def _dpi(image: pyvips.Image, input_: InputFile) -> tuple[float, float] | None:
    exif = _field(image, _METADATA["exif"], None)
    if exif is not None:  # libvips reads the resolution from it, but loses it for WebP
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, _METADATA["exif"], exif)
    if input_.format.name == "PNG":
        declared = image.xres != _PNG_WITHOUT_RESOLUTION and not png.is_aspect_alone(input_.file)
    else:
        declared = _field(image, "resolution-unit", "none") != "none"
    if not declared:
        return None
    across, down = image.xres * MM_PER_INCH, image.yres * MM_PER_INCH
    return (down, across) if _orientation(image) >= 5 else (across, down)


# The pages of a TIFF file


def _tiff(input_: InputFile, options: ReadOptions, folder: Path | None) -> Pages:
    path, total = input_.path, 0
    with _damage(path):
        everything = tiff_reading.read_pages(input_.file, options.max_pages)
        pages = _tiff_pages(input_, options.max_pages)
        for page in pages:
            total += page.size[0] * page.size[1]
            _check_size(path, page.size, total, options)
        tiff_reading.check(path, pages[0])
        alike = all(page.kind == pages[0].kind for page in pages)
    if len(pages) < len(everything):
        count = len(everything) - len(pages)
        logger.warning("%s: %d smaller copies or masks of its pages are left out", path, count)
    return Pages(_tiff_pictures(path, options, folder), len(pages), alike=alike)


def _tiff_pages(input_: InputFile, max_pages: int) -> list[tiff_reading.Page]:
    """Return the pages of a file that are pictures of their own.

    Raises:
        TooLargeError: There are too many.
        PictureError: It is a camera raw.
        ValueError: It is damaged.
    """
    pages = tiff_reading.read_pages(input_.file, max_pages)
    if tiff_reading.is_raw(pages):
        raise tiff_reading.raw_error(input_.path)
    if len(pages) > max_pages:
        raise _too_many(input_.path, "pages", max_pages)
    return tiff_reading.full_pages(pages)


def _tiff_pictures(path: Path, options: ReadOptions, folder: Path | None) -> Iterator[Picture]:
    """Yield the pages of a file, of which none is held meanwhile."""
    with opened(path) as input_:
        with _damage(path):
            pages = _tiff_pages(input_, options.max_pages)
        for page in pages:
            yield _tiff_picture(input_, page, options, folder)


def _tiff_picture(
    input_: InputFile, page: tiff_reading.Page, options: ReadOptions, folder: Path | None
) -> Picture:
    """Return a page of a file.

    Raises:
        PictureError: It is damaged or not supported.
    """
    with _damage(input_.path):
        path = input_.path
        tiff_reading.check(path, page)
        if tiff_reading.missing(page, input_.size):
            raise damaged(path, f"page {page.number} is not complete")
        image = tiff_reading.load(input_, page)
        metadata = _metadata(input_, image)
        metadata["exif"] = exif_of_tiff(page.file, page.entries, page.layout)
        orientation = _orientation(image)
        if page.is_lab:
            image = tiff_reading.lab_to_srgb(image, page)
            metadata["icc_profile"] = None
            logger.warning("%s: its CIELAB becomes RGB, in the colour space sRGB", path)
        pixels = tiff_reading.decoded(_in_srgb(path, image, metadata), page, folder)
        pixels = upright(pixels, orientation, folder)
        if orientation > 1 and metadata["exif"] and has_georeference(metadata["exif"]):
            metadata["exif"] = without_georeference(metadata["exif"])
            logger.warning("%s: its georeference is left out, since the picture is turned", path)
        if pixels.dtype.kind == "f":
            float_range = options.float_range
            if tiff_reading.has_wide_integers(page) and float_range == (0, 1):
                float_range = _range_of(pixels)
                message = "%s: its integers are scaled from the range %g to %g (see --range)"
                logger.warning(message, path, *float_range)
            _to_unit(path, pixels, float_range)
            metadata["float_range"] = float_range
        pixels, extra = _without_extra(path, pixels, page)
        return Picture(pixels, extra=extra, **metadata)


def _without_extra(
    path: Path, pixels: NDArray[Any], page: tiff_reading.Page
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Separate colours and alpha from the channels that are neither."""
    meanings = page.extra_channels
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if not meanings and channels in {1, 2, 3, 4}:
        return pixels, None
    colours = channels - len(meanings)
    if colours not in {1, 3}:
        raise PictureError(path, f"it has {channels} channels", "Convert it to grey or RGB.")
    alpha = next((index for index, meaning in enumerate(meanings) if meaning in {1, 2}), None)
    kept = [*range(colours), *([] if alpha is None else [colours + alpha])]
    others = [channel for channel in range(channels) if channel not in kept]
    if not others:
        return pixels, None
    extra = pixels[..., others]
    own = pixels[..., : len(kept)] if kept == [*range(len(kept))] else pixels[..., kept]
    return (own[..., 0] if len(kept) == 1 else own), extra


def _range_of(pixels: NDArray[Any]) -> tuple[float, float]:
    """Return the range of pixels, at least 1 wide."""
    least, most = _extremes(pixels)
    return least, max(most, least + 1)


def _extremes(pixels: NDArray[Any]) -> tuple[float, float]:
    ranges = [(band.min(), band.max()) for band in bands(pixels)]
    return float(np.min(ranges)), float(np.max(ranges))


def _to_unit(path: Path, pixels: NDArray[Any], float_range: tuple[float, float]) -> None:
    """Scale pixels from a range to [0, 1], in place."""
    low, high = float_range
    least, most = _extremes(pixels)
    # Single precision may round the largest integers up. Not a number fails as well.
    if not (least >= np.float32(low) and most <= np.float32(high)):
        raise PictureError(
            path,
            f"it has floating-point pixels from {least:g} to {most:g}",
            f"Scale them to the range from {low:g} to {high:g}, or give their range (--range).",
        )
    if float_range != (0, 1):
        for band in bands(pixels):
            # Rounding may lead beyond white.
            band[:] = np.clip((band - low) / np.float32(high - low), 0, 1)


@contextlib.contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Raise the errors of damaged directories as a PictureError."""
    try:
        yield
    except (ValueError, struct.error) as error:
        raise damaged(path, str(error)) from error


# BMP and PPM


def _pillow_image(input_: InputFile) -> ImageFile.ImageFile:
    """Return a picture whose header alone has been read."""
    plugin = {"BMP": BmpImagePlugin.BmpImageFile, "PPM": PpmImagePlugin.PpmImageFile}
    try:
        # Not Image.open, which has a limit of its own and warns.
        return plugin[input_.format.name](input_.file)
    except (SyntaxError, ValueError, IndexError, struct.error) as error:
        raise OSError(str(error)) from error


def _through_pillow(path: Path, folder: Path | None) -> Iterator[Picture]:
    with opened(path) as input_, _pillow_image(input_) as image:
        try:
            dpi = image.info.get("dpi")
            if input_.format.name == "PPM" and image.mode != "1":
                pixels = ppm.read(input_.file, image, folder)
            else:
                pixels = _pillow_pixels(image)
        except (SyntaxError, ValueError, IndexError, TypeError, struct.error) as error:
            raise OSError(str(error)) from error
        yield Picture(pixels, dpi=dpi if dpi and min(dpi) > 0 else None)


def _pillow_pixels(image: ImageFile.ImageFile) -> NDArray[Any]:
    if image.mode in {"1", "P"}:
        return np.asarray(image.convert("L" if image.mode == "1" else "RGB"))
    return np.asarray(image)
