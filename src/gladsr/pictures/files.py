"""Picture files in and out, through libvips: the pixels and what belongs to them."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
from numpy.typing import NDArray

from gladsr.pictures.depth import levels, to_depth

MAX_PIXELS = 2**28
"""The most pixels that `read` takes unless told otherwise, as many as 16,384 × 16,384 has."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
"""The endings, in lower case, of the files that can be written, and read under any name."""

_LOADERS = ("pngload_source", "jpegload_source", "tiffload_source", "webpload_source")
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
# What it calls the pixels that are written: their kind, grey, and RGB.
_WRITTEN = {
    "uint8": ("uchar", "b-w", "srgb"),
    "uint16": ("ushort", "grey16", "rgb16"),
    "float32": ("float", "b-w", "scrgb"),
}
_MM_PER_INCH = 25.4
_DEFAULT_DPI = (72.0, 72.0)  # written where none is known: libvips always writes one
_PNG_WITHOUT_RESOLUTION = 2.834  # pixels per mm as libvips tells; 72 dpi would be 2.835

pyvips.block_untrusted_set(True)  # no loader that libvips does not trust with hostile files
pyvips.cache_set_max(0)  # it would hold on to whole pictures


class PictureError(Exception):
    """A picture cannot be read or written; the message names the file, the reason and a remedy."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An upright picture and what its file says about it.

    Attributes:
        pixels: H×W grey, H×W×2 grey and alpha, H×W×3 RGB or H×W×4 RGB and alpha, the alpha not
            multiplied in; uint8, uint16, or floating point in [0, 1].
        icc_profile: The colour profile of the pixels; sRGB is meant where there is none.
        exif: The EXIF block as it stood in the file. Its orientation is already applied to the
            pixels; `write` resets it and corrects the size and the resolution.
        iptc: The IPTC block.
        xmp: The XMP packet.
        dpi: The resolution across and down in dots per inch, if the file states one.
    """

    pixels: NDArray[Any]
    icc_profile: bytes | None = None
    exif: bytes | None = None
    iptc: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None


def read(path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a PNG, JPEG, TIFF or WebP file; its content tells which, not its name.

    The picture is turned upright as its orientation says. Palettes and 1, 2 or 4 bits become 8
    bits. CMYK becomes sRGB through its profile, or through a usual one for print where it has
    none.

    Raises:
        PictureError: The file is missing, may not be read, is damaged, cut short or no such
            picture, has more than `max_pixels`, several pages or frames, or pixels that
            `Picture` does not hold.
    """
    path = Path(path)
    with _errors_named(path, "read"):
        if path.exists() and not path.is_file():
            raise PictureError(f"{path} is a folder or a device. Give the file of a picture.")
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise PictureError(f"{path} is empty. Copy it again from where it came from.")
            source = pyvips.Source.new_from_descriptor(file.fileno())
            image = pyvips.Image.new_from_source(source, "", access="sequential", fail_on="error")
            _check_header(image, path, max_pixels)
            if image.get("vips-loader") == "tiffload_source":  # to it a missing tile is a warning
                image = pyvips.Image.tiffload_source(source, access="sequential", fail_on="warning")
            dpi = _dpi(image)
            if _field(image, "orientation", 1) != 1:
                image = image.copy_memory().autorot()
            if image.interpretation == "cmyk":
                image = _cmyk_to_srgb(image)
            metadata = {ours: _field(image, name, None) for ours, name in _METADATA.items()}
            pixels = image.numpy()
            if pixels.ndim == 0:  # of one grey pixel
                pixels = pixels.reshape(1, 1)
            picture = Picture(pixels, **metadata, dpi=dpi)
    _check_range(picture.pixels, path)
    return picture


def write(picture: Picture, path: str | os.PathLike[str], *, quality: int = 95) -> None:
    """Write a PNG, JPEG, TIFF or WebP file, as the ending of its name says.

    The file appears whole or not at all, in place of one that is there. A format without 16 bits
    or floating point gets the deepest that it has, JPEG drops an alpha that is opaque
    everywhere, and WebP turns grey into RGB. TIFF cannot take the EXIF block.

    Args:
        picture: What to write.
        path: Where to, in a folder that exists.
        quality: From 1 to 100, for JPEG and WebP; WebP is lossless at 100.

    Raises:
        PictureError: The name has another ending, the format cannot hold the picture, or the file
            cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise PictureError(
            f"{path} cannot be written: the name must end in one of {', '.join(SUFFIXES)}."
        )
    pixels = _pixels_for(suffix, picture.pixels, path)
    temporary = path.with_name(f".gladsr-{secrets.token_hex(8)}.tmp")
    with _errors_named(path, "written"):
        try:
            with temporary.open("x+b") as file:
                target = pyvips.Target.new_to_descriptor(file.fileno())
                image = _with_metadata(_image(pixels), picture)
                image.write_to_target(target, suffix, **_options(suffix, pixels, quality))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _errors_named(path: Path, done: str) -> Iterator[None]:
    """Turn what the system and libvips raise into a PictureError that names the file."""
    try:
        yield
    except OSError as error:
        raise PictureError(f"{path} cannot be {done}: {error.strerror or error}.") from error
    except pyvips.Error as error:
        if "known format" in error.detail:
            raise PictureError(
                f"{path} is no picture that can be read. Convert it to PNG, JPEG, TIFF or WebP."
            ) from error
        reason = error.detail.strip().partition("\n")[0]
        if done == "read":
            reason = f"it is damaged, cut short or of a rare kind ({reason})"
        raise PictureError(f"{path} cannot be {done}: {reason}.") from error


def _check_header(image: pyvips.Image, path: Path, max_pixels: int) -> None:
    """Refuse, before anything is decoded, what could not become a Picture."""
    loader = image.get("vips-loader")
    if loader not in _LOADERS:
        raise PictureError(
            f"{path} is of a kind that is not read ({loader.removesuffix('load_source')}). "
            "Convert it to PNG, JPEG, TIFF or WebP."
        )
    if image.width * image.height > max_pixels:
        raise PictureError(
            f"{path} has {image.width} × {image.height} pixels, more than the limit of "
            f"{max_pixels:,}. Raise the limit if you trust the file."
        )
    pages = _field(image, "n-pages", 1)
    if pages > 1:
        raise PictureError(f"{path} has {pages} pages or frames. Save them as single pictures.")
    channels = _READABLE.get(image.interpretation, ())
    if image.bands not in channels or image.format not in {"uchar", "ushort", "float"}:
        raise PictureError(
            f"{path} has {image.bands} channels of the kind {image.format} {image.interpretation}."
            " Convert it to grey or RGB of 8 or 16 bits."
        )


def _check_range(pixels: NDArray[Any], path: Path) -> None:
    if pixels.dtype.kind == "f" and not (pixels.min() >= 0 and pixels.max() <= 1):
        raise PictureError(
            f"{path} has floating-point pixels from {pixels.min():g} to {pixels.max():g}. "
            "Scale them to the range from 0 to 1."
        )


def _field(image: pyvips.Image, name: str, default: Any) -> Any:
    return image.get(name) if name in image.get_fields() else default


def _dpi(image: pyvips.Image) -> tuple[float, float] | None:
    exif = _field(image, _METADATA["exif"], None)
    if exif is not None:  # libvips reads a resolution from it, but forgets it again for WebP
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, _METADATA["exif"], exif)
    if image.get("vips-loader") == "pngload_source":
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


def _pixels_for(suffix: str, pixels: NDArray[Any], path: Path) -> NDArray[Any]:
    """Bring the pixels to the nearest that the format holds, contiguous."""
    if suffix not in {".png", ".tif", ".tiff"}:
        pixels = to_depth(pixels, np.uint8)
    elif pixels.dtype.kind == "f":
        pixels = to_depth(pixels, np.uint16 if suffix == ".png" else np.float32)
    if suffix in {".jpg", ".jpeg"} and pixels.ndim == 3 and pixels.shape[2] in {2, 4}:
        if (pixels[..., -1] != levels(pixels.dtype)).any():
            raise PictureError(
                f"{path} cannot be written: JPEG holds no transparency. Choose PNG, TIFF or WebP."
            )
        pixels = pixels[..., :-1]
    return np.ascontiguousarray(pixels)


def _image(pixels: NDArray[Any]) -> pyvips.Image:
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    kind, grey, rgb = _WRITTEN[pixels.dtype.name]
    image = pyvips.Image.new_from_memory(pixels, width, height, channels, kind)
    return image.copy(interpretation=grey if channels < 3 else rgb)


def _with_metadata(image: pyvips.Image, picture: Picture) -> pyvips.Image:
    for ours, name in _METADATA.items():
        data = getattr(picture, ours)
        if data is not None:
            image.set_type(pyvips.GValue.blob_type, name, data)
    # After the EXIF block, from which libvips has just taken the old ones.
    across, down = (dots / _MM_PER_INCH for dots in picture.dpi or _DEFAULT_DPI)
    image = image.copy(xres=across, yres=down)
    image.set_type(pyvips.GValue.gstr_type, "resolution-unit", "in")
    image.set_type(pyvips.GValue.gint_type, "orientation", 1)
    image.remove("jpeg-thumbnail-data")  # the EXIF block's own, of the old picture
    return image


def _options(suffix: str, pixels: NDArray[Any], quality: int) -> dict[str, Any]:
    match suffix:
        case ".png":
            return {"filter": "all"}
        case ".jpg" | ".jpeg":
            return {"Q": quality, "optimize_coding": True}
        case ".webp":
            lossless = quality == 100  # and then also what is behind a transparent pixel
            return {"Q": quality, "lossless": lossless, "exact": lossless, "smart_subsample": True}
    predictor = "float" if pixels.dtype.kind == "f" else "horizontal"
    return {"compression": "deflate", "predictor": predictor}
