"""Picture files of every format, depth and kind of channels, by other libraries than ours."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image
from skimage import data

HEIGHT, WIDTH = 40, 56
PHOTO: NDArray[np.uint8] = data.astronaut()[20 : 20 + HEIGHT, 190 : 190 + WIDTH]
GREY = PHOTO[..., 1]
_ALPHA = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))
CHANNELS: dict[str, NDArray[np.uint8]] = {
    "grey": GREY,
    "grey and alpha": np.dstack([GREY, _ALPHA]),
    "RGB": PHOTO,
    "RGBA": np.dstack([PHOTO, _ALPHA]),
}


class Sample(NamedTuple):
    """A file, the pixels that are in it, and how far off a decoder may be."""

    name: str
    content: bytes
    pixels: NDArray[Any]
    tolerance: int = 0


def deep(pixels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return 16 bits of which the lower eight say something too."""
    noise = np.random.default_rng(0).integers(0, 256, pixels.shape)
    return (pixels * 256.0 + noise).astype(np.uint16)


def saved(pixels: NDArray[Any] | Image.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, format_, **options)
    return file.getvalue()


def saved_tiff(pixels: NDArray[Any], **options: Any) -> bytes:
    file = io.BytesIO()
    options["metadata"] = None
    options["photometric"] = "rgb" if pixels.ndim == 3 and pixels.shape[2] > 2 else "minisblack"
    if pixels.ndim == 3:
        options.setdefault("planarconfig", "contig")
        if pixels.shape[2] in {2, 4}:
            options["extrasamples"] = ["unassalpha"]
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def saved_png(pixels: NDArray[Any], bits: int = 8) -> bytes:
    """Save what Pillow does not: 16 bits in colour, and 2 or 4 in grey."""
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    if bits == 16:
        rows = pixels.astype(">u2").reshape(len(pixels), -1).view(np.uint8)
    else:
        values = pixels.reshape(len(pixels), -1, 1)
        planes = np.unpackbits(values, axis=2)[..., 8 - bits :]
        rows = np.packbits(planes.reshape(len(pixels), -1), axis=1)
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], bits, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(body)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def saved_ppm(pixels: NDArray[Any], white: int) -> bytes:
    magic = b"P6" if pixels.ndim == 3 else b"P5"
    head = magic + f"\n# a comment\n{pixels.shape[1]} {pixels.shape[0]}\n{white}\n".encode()
    return head + pixels.astype(">u2" if white > 255 else "u1").tobytes()


def saved_plain(pixels: NDArray[Any], white: int) -> bytes:
    """A PPM file in plain words, with a comment after every row."""
    magic = "P3" if pixels.ndim == 3 else "P2"
    head = f"{magic} # a comment of 7 words\n{pixels.shape[1]} {pixels.shape[0]}\n{white}\n"
    rows = (" ".join(map(str, row.flat)) for row in pixels)
    return (head + "# in a row\r\n\n".join(rows)).encode()


def animation(format_: str, **options: Any) -> bytes:
    """Three frames, shown for 100, 200 and 300 ms, twice."""
    first, *others = (Image.fromarray(frame) for frame in FRAMES)
    times = {"duration": [100, 200, 300], "loop": 2}
    return saved(first, format_, save_all=True, append_images=others, **times, **options)


def pages(*pictures: NDArray[Any]) -> bytes:
    """A TIFF file of several pages."""
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for pixels in pictures:
            kind = "rgb" if pixels.ndim == 3 else "minisblack"
            writer.write(pixels, photometric=kind, metadata=None)
    return file.getvalue()


FRAMES = [np.roll(PHOTO, 9 * i, axis=1) for i in range(3)]


def _decoded(content: bytes, mode: str) -> NDArray[Any]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert(mode))


def _lossless() -> list[Sample]:
    all_samples = []
    pixels: NDArray[Any]
    for name, pixels in CHANNELS.items():
        floats = (pixels / np.float32(255)).astype(np.float32)
        all_samples += [
            Sample(f"{name}, 8 bits.png", saved(pixels, "PNG"), pixels),
            Sample(f"{name}, 16 bits.png", saved_png(deep(pixels), 16), deep(pixels)),
            Sample(f"{name}, 8 bits.tif", saved_tiff(pixels), pixels),
            Sample(f"{name}, 16 bits.tif", saved_tiff(deep(pixels)), deep(pixels)),
            Sample(f"{name}, floats.tif", saved_tiff(floats), floats),
            Sample(f"{name}, big.tif", saved_tiff(pixels, bigtiff=True, byteorder=">"), pixels),
            Sample(f"{name}, tiled.tif", saved_tiff(deep(pixels), tile=(16, 32)), deep(pixels)),
        ]
    for bits in (1, 2, 4):
        few = GREY >> (8 - bits)
        all_samples.append(
            Sample(f"{bits} bits.png", saved_png(few, bits), few * (255 // (2**bits - 1)))
        )
    planes = saved_tiff(np.moveaxis(PHOTO, 2, 0).copy(), planarconfig="separate")
    palette = Image.fromarray(PHOTO).quantize(16)
    seen = palette.copy()
    seen.info["transparency"] = 3
    black_and_white = GREY > 100
    white_on_black = black_and_white * np.uint8(255)
    tiffs = {"lzw": "tiff_lzw", "deflate": "tiff_adobe_deflate", "packbits": "packbits"}
    for name, compression in tiffs.items():
        content = saved(PHOTO, "TIFF", compression=compression)
        all_samples.append(Sample(f"{name}.tif", content, PHOTO))
    for white in (255, 1023, 65535):
        for name, eight in (("grey", GREY), ("rgb", PHOTO)):
            pixels = {255: eight, 1023: deep(eight) >> 6, 65535: deep(eight)}[white]
            scaled: NDArray[Any] = np.floor(pixels * (65535 / white) + 0.5).astype("u2")
            scaled = eight if white == 255 else scaled
            all_samples.append(
                Sample(f"{name} to {white}.ppm", saved_ppm(pixels, white), scaled, 1)
            )
            all_samples.append(
                Sample(f"plain {name} to {white}.ppm", saved_plain(pixels, white), scaled, 1)
            )
    plain = f"P3 {WIDTH} {HEIGHT} 255\n{' '.join(map(str, PHOTO.flat))}".encode()
    return [
        *all_samples,
        Sample("planes.tif", planes, PHOTO),
        Sample("palette.png", saved(palette, "PNG"), np.asarray(palette.convert("RGB"))),
        Sample("palette.tif", saved(palette, "TIFF"), np.asarray(palette.convert("RGB"))),
        Sample("palette.bmp", saved(palette, "BMP"), np.asarray(palette.convert("RGB"))),
        Sample("seen through.png", saved(seen, "PNG"), np.asarray(seen.convert("RGBA"))),
        Sample("fax.tif", saved(black_and_white, "TIFF", compression="group4"), white_on_black),
        Sample("bits.bmp", saved(black_and_white, "BMP"), white_on_black),
        Sample("bits.pbm", saved(black_and_white, "PPM"), white_on_black),
        Sample("grey.bmp", saved(GREY, "BMP"), GREY),
        Sample("colour.bmp", saved(PHOTO, "BMP"), PHOTO),
        Sample("plain.ppm", plain, PHOTO),
        Sample("palette.gif", saved(palette, "GIF"), np.asarray(palette.convert("RGB"))),
        Sample("lossless.webp", saved(PHOTO, "WEBP", lossless=True), PHOTO),
        Sample(
            "lossless, alpha.webp",
            saved(CHANNELS["RGBA"], "WEBP", lossless=True, exact=True),
            CHANNELS["RGBA"],
        ),
    ]


def _lossy() -> list[Sample]:
    contents = {
        "grey.jpg": saved(GREY, "JPEG"),
        "baseline.jpg": saved(PHOTO, "JPEG", quality=90),
        "progressive.jpg": saved(PHOTO, "JPEG", progressive=True),
        "all colours.jpg": saved(PHOTO, "JPEG", subsampling=0),
        "lossy.webp": saved(PHOTO, "WEBP"),
        "jpeg.tif": saved(PHOTO, "TIFF", compression="jpeg"),
        "colour.avif": saved(PHOTO, "AVIF", subsampling="4:4:4"),
    }
    return [
        Sample(name, content, _decoded(content, "L" if name == "grey.jpg" else "RGB"), 3)
        for name, content in contents.items()
    ]


SAMPLES = {sample.name: sample for sample in [*_lossless(), *_lossy()]}
"""Files with one picture each, by name, whose ending is that of the format."""


def put(folder: Path, name: str, content: bytes) -> Path:
    """Write a file, and return its path."""
    path = folder / name
    path.write_bytes(content)
    return path
