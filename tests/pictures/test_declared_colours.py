"""Colours declared without an ICC profile: nclx in AVIF, cICP, gAMA and cHRM in PNG."""

import io
import struct
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them
from numpy.typing import NDArray
from PIL import Image, ImageCms

from gladsr.pictures import Picture, WriteOptions, avif, read, write
from gladsr.pictures.colours import Colours
from tests.pictures.samples import GREY, PHOTO, saved

P3, PQ, HLG = (12, 13), (9, 16), (9, 18)
BEST = WriteOptions(100)


def _avif(folder: Path, cicp: tuple[int, int]) -> Path:
    """Save an AVIF file, whose code points are sRGB's, with others."""
    content = saved(PHOTO, "AVIF", quality=100, subsampling="4:4:4")
    at = content.index(b"colrnclx") + 8
    path = folder / "a.avif"
    path.write_bytes(content[:at] + struct.pack(">HH", *cicp) + content[at + 4 :])
    return path


def _png(folder: Path, *chunks: tuple[bytes, bytes], pixels: NDArray[np.uint8] = PHOTO) -> Path:
    content, inserted = saved(pixels, "PNG"), b""
    for kind, data in chunks:
        inserted += struct.pack(">I", len(data)) + kind + data
        inserted += struct.pack(">I", zlib.crc32(kind + data))
    path = folder / "a.png"
    path.write_bytes(content[:33] + inserted + content[33:])
    return path


def _nclx(path: Path) -> tuple[int, int]:
    with av.open(str(path)) as file:
        context = file.streams.video[0].codec_context
        return context.color_primaries, context.color_trc


def _to_srgb(profile: bytes, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    mode = "RGB" if pixels.ndim == 3 else "L"
    transform = ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), mode, "RGB"
    )
    image = ImageCms.applyTransform(Image.fromarray(pixels), transform)
    assert image is not None
    return np.asarray(image)


# The profiles


def test_the_profile_of_display_p3_is_that_of_libvips() -> None:
    profile = Colours(cicp=P3).profile()
    assert profile is not None
    image = pyvips.Image.new_from_array(PHOTO).copy(interpretation="srgb")
    expected = image.icc_transform("srgb", input_profile="p3", embedded=False).numpy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    ours = image.icc_transform("srgb", embedded=True).numpy()
    assert np.abs(ours.astype(int) - expected).max() <= 1


def test_the_profile_of_srgb_changes_nothing() -> None:
    profile = Colours(cicp=(1, 13)).profile()
    assert profile is not None
    assert np.abs(_to_srgb(profile, PHOTO).astype(int) - PHOTO).max() <= 1


@pytest.mark.parametrize("gamma", [1.0, 1 / 1.8, 1 / 2.6])
def test_a_profile_of_a_gamma_is_a_power(gamma: float) -> None:
    declared = Colours(gamma=round(gamma * 100_000))
    light = (np.arange(256) / 255) ** (1 / gamma)
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    for grey in (False, True):
        profile = declared.profile(grey=grey)
        assert profile is not None
        ramp = np.arange(256, dtype=np.uint8)[None]
        pixels = ramp if grey else np.dstack([ramp] * 3)
        difference = np.abs(_to_srgb(profile, pixels)[0, :, 1] - srgb)
        assert difference[64:].max() <= 1.5  # LittleCMS is less exact in the shadows
        assert difference.mean() < 1.5


@pytest.mark.parametrize("cicp", [PQ, HLG, (9, 99), (99, 13)])
def test_colours_without_an_equal_profile(cicp: tuple[int, int]) -> None:
    assert Colours(cicp=cicp).profile() is None
    assert not Colours(cicp=cicp).is_srgb


@pytest.mark.parametrize(
    "colours",
    [
        Colours(cicp=(1, 13)),
        Colours(cicp=(2, 2)),
        Colours(gamma=45_455),
        Colours(chromaticities=(31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
    ],
)
def test_declarations_of_srgb(colours: Colours) -> None:
    assert colours.is_srgb


# AVIF


@pytest.mark.parametrize("cicp", [P3, PQ, HLG, (9, 13)])
@pytest.mark.parametrize("suffix", [".avif", ".png"])
def test_code_points_of_avif_are_kept(tmp_path: Path, cicp: tuple[int, int], suffix: str) -> None:
    picture = read(_avif(tmp_path, cicp))
    assert picture.colours == Colours(cicp=cicp)
    path = tmp_path / f"b{suffix}"
    write(picture, path, options=BEST)
    if suffix == ".avif":
        assert _nclx(path) == cicp
        with Image.open(path) as image:
            assert not image.info.get("icc_profile")
            decoded = np.asarray(image.convert("RGB")).astype(int)
        assert np.abs(decoded - picture.pixels).mean() < 1
    else:
        assert b"cICP" + bytes([*cicp, 0, 1]) in path.read_bytes()
    again = read(path)
    assert again.colours == picture.colours
    assert np.abs(again.pixels.astype(int) - picture.pixels).mean() < 1


def test_code_points_and_metadata_of_an_avif_go_together(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[271] = "Rolleiflex"
    picture = Picture(PHOTO, colours=Colours(cicp=P3), exif=exif.tobytes(), xmp=b"<x:xmpmeta/>")
    write(picture, tmp_path / "a.avif")
    with Image.open(tmp_path / "a.avif") as image:
        image.load()
        assert image.getexif()[271] == "Rolleiflex"
    again = read(tmp_path / "a.avif")
    assert (again.colours, again.xmp) == (picture.colours, picture.xmp)


def test_srgb_code_points_of_an_avif_are_dropped(tmp_path: Path) -> None:
    assert read(_avif(tmp_path, (1, 13))).colours is None


def test_a_profile_of_an_avif_comes_first(tmp_path: Path) -> None:
    profile = Colours(cicp=P3).profile()
    Image.fromarray(PHOTO).save(tmp_path / "a.avif", icc_profile=profile)
    picture = read(tmp_path / "a.avif")
    assert (picture.icc_profile, picture.colours) == (profile, None)


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".webp"])
def test_code_points_become_an_equal_profile(tmp_path: Path, suffix: str) -> None:
    picture = read(_avif(tmp_path, P3))
    write(picture, tmp_path / f"b{suffix}", options=BEST)
    assert read(tmp_path / f"b{suffix}").icc_profile == Colours(cicp=P3).profile()


@pytest.mark.parametrize("suffix", [".gif", ".bmp", ".ppm"])
def test_code_points_become_srgb_where_there_are_no_profiles(tmp_path: Path, suffix: str) -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 1] = 200
    write(Picture(red, colours=Colours(cicp=P3)), tmp_path / f"a{suffix}")
    profile = Colours(cicp=P3).profile()
    assert profile is not None
    expected = _to_srgb(profile, red).astype(int)
    assert np.abs(read(tmp_path / f"a{suffix}").pixels - expected).max() <= 2


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".webp", ".gif", ".bmp", ".ppm"])
@pytest.mark.parametrize(("cicp", "name"), [(PQ, "PQ"), (HLG, "HLG")])
def test_a_format_that_cannot_declare_hdr_logs_a_warning(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    suffix: str,
    cicp: tuple[int, int],
    name: str,
) -> None:
    write(Picture(PHOTO, colours=Colours(cicp=cicp)), tmp_path / f"a{suffix}", options=BEST)
    assert f"its colours ({name}) cannot be declared in" in caplog.text
    caplog.clear()
    write(Picture(PHOTO, colours=Colours(cicp=cicp)), tmp_path / "a.png")
    assert not caplog.records


@pytest.mark.parametrize("subsampling", ["4:0:0", "4:2:0"])
@pytest.mark.parametrize("range_", ["limited", "full"])
def test_limited_range_is_expanded(tmp_path: Path, subsampling: str, range_: str) -> None:
    pixels = GREY if subsampling == "4:0:0" else PHOTO
    path = tmp_path / "a.avif"
    Image.fromarray(pixels).save(path, quality=95, subsampling=subsampling, range=range_)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB")).astype(int)
    difference = np.abs(read(path).pixels - expected)
    assert difference.mean() < 1
    assert difference.max() <= (2 if subsampling == "4:0:0" else 16)  # of the chroma's upsampling


@pytest.mark.parametrize("length", [0, 9, 30, 60, 150, 200])
def test_cut_or_odd_boxes_of_an_avif_declare_nothing(tmp_path: Path, length: int) -> None:
    content = _avif(tmp_path, P3).read_bytes()
    assert avif.declaration(io.BytesIO(content[:length])).colours is None
    random = np.random.default_rng(length)
    for _ in range(200):
        damaged = bytearray(content[:400])
        for at in random.integers(0, 400, 5):
            damaged[at] = int(random.integers(0, 256))
        avif.declaration(io.BytesIO(bytes(damaged)))


# PNG


def test_cicp_of_a_png_goes_into_an_avif(tmp_path: Path) -> None:
    write(read(_png(tmp_path, (b"cICP", bytes([*PQ, 0, 1])))), tmp_path / "b.avif")
    assert _nclx(tmp_path / "b.avif") == PQ


def test_limited_range_of_a_png_is_kept_or_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture = read(_png(tmp_path, (b"cICP", bytes([1, 13, 0, 0]))))
    write(picture, tmp_path / "b.png")
    assert b"cICP" + bytes([1, 13, 0, 0]) in (tmp_path / "b.png").read_bytes()
    assert not caplog.records
    write(picture, tmp_path / "b.jpg")
    assert "cannot be declared in JPEG" in caplog.text


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".webp", ".avif"])
@pytest.mark.parametrize("grey", [False, True])
def test_gamma_and_chromaticities_become_a_profile(tmp_path: Path, suffix: str, grey: bool) -> None:
    chromaticities = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    chunks = [(b"gAMA", struct.pack(">I", 100_000)), (b"cHRM", struct.pack(">8I", *chromaticities))]
    pixels = GREY if grey else PHOTO
    picture = read(_png(tmp_path, *chunks, pixels=pixels))
    declared = Colours(gamma=100_000, chromaticities=chromaticities)
    assert picture.colours == declared
    write(picture, tmp_path / f"b{suffix}", options=BEST)
    again = read(tmp_path / f"b{suffix}")
    if grey and suffix in {".webp", ".avif"}:  # which turn grey into RGB, in sRGB
        profile = declared.profile(grey=True)
        assert profile is not None
        expected = _to_srgb(profile, GREY).astype(int)
        scale = 65535 / 255 if again.pixels.dtype == np.uint16 else 1
        assert np.abs(again.pixels / scale - expected).mean() < 2
    else:
        assert again.icc_profile == declared.profile(grey=grey)


def test_srgb_of_a_png_outdoes_its_gamma(tmp_path: Path) -> None:
    chunks = [(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 45_455))]
    picture = read(_png(tmp_path, *chunks))
    assert picture.colours is None
    write(picture, tmp_path / "b.jpg")
    assert read(tmp_path / "b.jpg").icc_profile is None
