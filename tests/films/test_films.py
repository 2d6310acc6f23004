"""Films that PyAV makes, upscaled by bicubic or, where colours are exact, by repeating pixels."""

import contextlib
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import skimage
from av.sidedata.sidedata import Type
from numpy.typing import NDArray
from PIL import Image

from gladsr import Upscaler
from gladsr.errors import EncodingError, PictureError
from gladsr.films.encoders import Encoding
from gladsr.films.film import Film
from gladsr.films.hdr import light_of
from gladsr.films.reading import read_film
from gladsr.films.writing import write_film
from gladsr.pictures import Picture, ReadOptions, WriteOptions, resize
from tests.films.made import PHOTO, TIMES, decoded, make, packets, times


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def doubled(film: Film) -> Film:
    """Repeat every pixel: flat colours remain as they are to the last bit."""
    larger = (
        replace(frame, pixels=frame.pixels.repeat(2, 0).repeat(2, 1)) for frame in film.pictures
    )
    return replace(film, pictures=larger)


def upscale(
    source: str, to: str, encoding: Encoding = Encoding(), options: WriteOptions = WriteOptions()
) -> None:
    film = doubled(read_film(Path(source)))
    write_film(film, Path(to), encoding=encoding, options=options)


@pytest.mark.parametrize(
    ("suffix", "time_base"),
    [
        (".mp4", Fraction(1, 1000)),
        (".mp4", Fraction(1, 600)),
        (".mov", Fraction(1, 90000)),
        (".mp4", Fraction(1001, 30000)),
        (".mkv", Fraction(1, 1000)),
        (".ts", Fraction(1, 90000)),
        (".webm", Fraction(1, 1000)),
    ],
    ids=str,
)
def test_variable_frame_rates_keep_every_time(suffix: str, time_base: Fraction):
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    make(f"in{suffix}", time_base=time_base, codec=codec)
    upscale(f"in{suffix}", f"out{suffix}")
    assert len(times(f"in{suffix}")) == len(TIMES)
    assert times(f"out{suffix}") == times(f"in{suffix}")
    with av.open(f"in{suffix}") as before, av.open(f"out{suffix}") as after:
        assert after.streams.video[0].time_base == before.streams.video[0].time_base


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_shortest_films_keep_every_time_in_hevc(count: int):
    make("in.mkv", [PHOTO] * count)
    for _ in range(5):  # x265 fails at random where it may reorder too few frames
        upscale("in.mkv", "out.mp4", Encoding("hevc"))
        assert times("out.mp4") == times("in.mkv")


@pytest.mark.parametrize(
    ("source", "to", "sound"),
    [
        ("in.mp4", "out.mp4", "aac"),
        ("in.mkv", "out.mkv", "flac"),
        ("in.mkv", "out.mkv", "pcm_s16le"),
        ("in.mkv", "out.mp4", "libmp3lame"),
        ("in.mp4", "out.mkv", "aac"),
        ("in.mkv", "out.webm", "libopus"),
        ("in.mov", "out.mov", "pcm_s16le"),
    ],
)
def test_sound_is_copied_bit_for_bit(source: str, to: str, sound: str):
    make(source, sound=sound)
    upscale(source, to)
    heard, copied = packets(source, "audio"), packets(to, "audio")
    assert sum(len(data) for _, data in heard) > 1000
    assert [data for _, data in copied] == [data for _, data in heard]
    late = float(times(to)[0] - times(source)[0])  # Matroska begins at 0, sound included
    assert 0 <= late < 0.05
    np.testing.assert_allclose([t - late for t, _ in copied], [t for t, _ in heard], atol=1.5e-3)


SRT = """1
00:00:00,100 --> 00:00:00,900
Première ligne

2
00:00:01,000 --> 00:00:01,050
Second line
"""


def with_subtitles(film: str, to: str, *, cover: bool = False) -> None:
    """Put subtitles, a cover and a font beside the film, as no encoder of PyAV does."""
    Path("texts.srt").write_text(SRT, encoding="utf-8")
    with av.open(film) as source, av.open("texts.srt") as texts, av.open(to, "w") as out:
        video = out.add_stream_from_template(source.streams.video[0], opaque=True)
        subtitles = out.add_stream_from_template(texts.streams[0], opaque=True)
        subtitles.metadata["language"] = "fre"
        subtitles.disposition = av.stream.Disposition.forced
        out.add_attachment("font.ttf", "font/ttf", b"a font")
        if cover:
            Image.fromarray(PHOTO).save("cover.jpg")
            out.add_attachment("cover.jpg", "image/jpeg", Path("cover.jpg").read_bytes())
        for packet in source.demux(0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
        for packet in texts.demux(0):
            if packet.size:
                packet.stream = subtitles
                out.mux(packet)


def test_subtitles_and_attachments_are_copied():
    make("film.mkv")
    with_subtitles("film.mkv", "in.mkv")
    upscale("in.mkv", "out.mkv")
    assert packets("out.mkv", "subtitle") == packets("in.mkv", "subtitle")
    assert len(packets("out.mkv", "subtitle")) == 2
    with av.open("out.mkv") as out:
        assert [stream.type for stream in out.streams] == ["video", "subtitle", "attachment"]
        assert out.streams[1].metadata["language"] == "fre"
        assert out.streams[1].disposition == av.stream.Disposition.forced
        (font,) = out.streams.attachments
        assert (font.name, font.data) == ("font.ttf", b"a font")


def test_subtitles_of_mp4_are_copied():
    make("film.mp4", sound="aac")
    with av.open("film.mp4") as film, av.open("in.mp4", "w") as out:
        copies = [out.add_stream_from_template(stream, opaque=True) for stream in film.streams]
        subtitles = out.add_mux_stream("mov_text", time_base=Fraction(1, 1000))
        subtitles.metadata["language"] = "deu"
        for number, text in enumerate(("Grüße", "Welt")):
            content = text.encode()
            packet = av.Packet(len(content).to_bytes(2, "big") + content)
            packet.pts = packet.dts = 100 + 500 * number
            packet.duration, packet.time_base, packet.stream = 300, Fraction(1, 1000), subtitles
            out.mux(packet)
        for copied in film.demux():
            if copied.size:
                copied.stream = copies[copied.stream_index]
                out.mux(copied)
    upscale("in.mp4", "out.mp4")
    assert [text for _, text in packets("in.mp4", "subtitle")] == [
        b"\0\0", b"\0\7Gr\xc3\xbc\xc3\x9fe", b"\0\0", b"\0\4Welt"
    ]  # fmt: skip
    assert packets("out.mp4", "subtitle") == packets("in.mp4", "subtitle")
    with av.open("out.mp4") as out:
        assert out.streams.subtitles[0].metadata["language"] == "deu"


@pytest.mark.parametrize("source", [".mp4", ".mkv"])
@pytest.mark.parametrize("to", [".mp4", ".mkv"])
def test_the_cover_is_copied(source: str, to: str):
    Image.fromarray(PHOTO).save("cover.jpg")
    cover = Path("cover.jpg").read_bytes()
    make(f"film{source}")
    with av.open(f"film{source}") as film, av.open(f"in{source}", "w") as out:
        video = out.add_stream_from_template(film.streams.video[0], opaque=True)
        if source == ".mkv":
            out.add_attachment("cover.jpg", "image/jpeg", cover)
        else:
            with av.open("cover.jpg") as picture:
                stream = out.add_stream_from_template(picture.streams.video[0], opaque=True)
                stream.disposition = av.stream.Disposition.attached_pic
                packet = next(picture.demux(0))
                packet.stream = stream
                out.mux(packet)
        for packet in film.demux(0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
    upscale(f"in{source}", f"out{to}")
    with av.open(f"out{to}") as out:
        _, copied = out.streams.video
        assert copied.disposition == av.stream.Disposition.attached_pic
        assert bytes(next(out.demux(copied))) == cover
    assert len(decoded(f"out{to}")) == len(TIMES)


def test_a_second_film_in_the_file_is_copied():
    make("film.mkv")
    with av.open("film.mkv") as film, av.open("in.mkv", "w") as out:
        streams = [out.add_stream_from_template(film.streams.video[0], opaque=True) for _ in "ab"]
        for packet in film.demux(0):
            if packet.size:
                for stream in streams:
                    copy = av.Packet(bytes(packet))
                    copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
                    copy.is_keyframe, copy.stream = packet.is_keyframe, stream
                    out.mux(copy)
    upscale("in.mkv", "out.mkv")
    with av.open("in.mkv") as before, av.open("out.mkv") as after:
        assert [stream.width for stream in after.streams.video] == [128, 64]
        copied, film_ = (
            [(packet.pts, bytes(packet)) for packet in each.demux(1)] for each in (after, before)
        )
        assert copied == film_


def test_streams_that_a_format_cannot_hold_are_left_out_with_a_warning(
    caplog: pytest.LogCaptureFixture,
):
    make("film.mkv", sound="aac")
    with_subtitles("film.mkv", "in.mkv")
    upscale("in.mkv", "out.mp4")
    assert "out.mp4: the subtitle stream srt is left out" in caplog.text
    assert "out.mp4: the attachment stream font.ttf is left out" in caplog.text
    assert len(decoded("out.mp4")) == len(TIMES)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_chapters_and_tags_are_kept_unless_they_are_stripped(suffix: str):
    chapters = [
        {"id": 1, "start": 0, "end": 200, "time_base": Fraction(1, 1000), "metadata": {"title": t}}
        for t in ("Début",)
    ]
    tags = {"title": "Été", "artist": "someone"}
    make(f"in{suffix}", metadata=tags, chapters=chapters)
    upscale(f"in{suffix}", f"out{suffix}")
    upscale(f"in{suffix}", f"stripped{suffix}", options=WriteOptions(strip_metadata=True))
    with av.open(f"out{suffix}") as out, av.open(f"stripped{suffix}") as stripped:
        assert out.metadata["title"] == "Été"
        assert [chapter["metadata"]["title"] for chapter in out.chapters()] == ["Début"]
        assert "title" not in stripped.metadata
        (chapter,) = stripped.chapters()
        assert chapter["time_base"] is not None
        assert (chapter["end"] - chapter["start"]) * chapter["time_base"] == Fraction(1, 5)
        assert not chapter["metadata"].get("title")
    assert "Début".encode() not in Path(f"stripped{suffix}").read_bytes()


def test_data_attachments_and_covers_are_stripped_but_subtitles_are_not():
    make("film.mkv")
    with_subtitles("film.mkv", "in.mkv", cover=True)
    with av.open("film.mkv") as film, av.open("places.ts", "w") as out:
        video = out.add_stream_from_template(film.streams.video[0], opaque=True)
        places = out.add_data_stream("klv")
        for packet in film.demux(0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
        place = av.Packet(b"52.5 N 13.4 E")
        place.pts = place.dts = 0
        place.time_base, place.stream = Fraction(1, 1000), places
        out.mux(place)
    kept = {
        "in.mkv": (["video", "subtitle", "attachment", "video"], ["video", "subtitle"]),
        "places.ts": (["video", "data"], ["video"]),
    }
    for name, (before, after) in kept.items():
        upscale(name, f"stripped-{name}", options=WriteOptions(strip_metadata=True))
        with av.open(name) as film, av.open(f"stripped-{name}") as out:
            assert [stream.type for stream in film.streams] == before
            assert [stream.type for stream in out.streams] == after
    assert packets("stripped-in.mkv", "subtitle") == packets("in.mkv", "subtitle")
    assert b"13.4 E" in Path("places.ts").read_bytes()
    assert b"13.4 E" not in Path("stripped-places.ts").read_bytes()


TURNED = {
    "90°": (0, 65536, 0, -65536, 0, 0, 48 << 16, 0, 1 << 30),
    "180°": (-65536, 0, 0, 0, -65536, 0, 64 << 16, 48 << 16, 1 << 30),
    "mirrored": (-65536, 0, 0, 0, 65536, 0, 64 << 16, 0, 1 << 30),
}


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("how", TURNED)
def test_the_display_matrix_is_kept(how: str, suffix: str):
    make(f"in{suffix}", display_matrix=TURNED[how])
    upscale(f"in{suffix}", f"out{suffix}")

    def matrix(path: str) -> tuple[int, ...]:
        frame = decoded(path)[0]
        return struct.unpack("=9i", bytes(frame.side_data[Type.DISPLAYMATRIX]))

    *before, across, down, last = matrix(f"in{suffix}")
    assert matrix(f"out{suffix}") == (*before, 2 * across, 2 * down, last)
    assert before[:5] == list(TURNED[how][:5])


def test_rotation_is_kept_in_matroska():
    make("in.mp4", display_matrix=TURNED["90°"])
    upscale("in.mp4", "out.mkv")
    assert decoded("in.mp4")[0].rotation in {90, -90}
    assert decoded("out.mkv")[0].rotation == decoded("in.mp4")[0].rotation


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libvpx-vp9", "libsvtav1"])
@pytest.mark.parametrize(
    "tags", [(1, 1, 1, 1), (6, 1, 6, 6), (9, 1, 9, 16), (1, 2, 1, 13)], ids=str
)
def test_colour_tags_are_kept(codec: str, tags: tuple[int, int, int, int]):
    matrix, range_, primaries, transfer = tags
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    make(
        "in.mkv",
        [PHOTO] * 3,
        codec=codec,
        matrix=matrix,
        range_=range_,
        options=options,
        color_primaries=primaries,
        color_trc=transfer,
    )
    upscale("in.mkv", "out.mkv")
    for path in ("in.mkv", "out.mkv"):
        frame = decoded(path)[0]
        found = (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc)
        assert found == tags, path
        with av.open(path) as film:
            assert (
                film.streams.video[0].codec_context.codec.canonical_name
                == {"libx264": "h264", "libx265": "hevc", "libvpx-vp9": "vp9", "libsvtav1": "av1"}[
                    codec
                ]
            )


@pytest.mark.skipif(sys.platform != "linux", reason="it asks Linux for the threads")
def test_av1_does_not_run_with_real_time_priority():
    make("in.mp4")
    usual = os.sched_getscheduler(0)
    seen: list[set[int]] = []

    def frames(film: Film) -> Iterator[Picture]:
        for frame in doubled(film).pictures:
            yield frame
            threads = [int(thread.name) for thread in Path("/proc/self/task").iterdir()]
            seen.append({os.sched_getscheduler(thread) for thread in threads})

    film = read_film(Path("in.mp4"))
    write_film(replace(film, pictures=frames(film)), Path("out.mp4"), encoding=Encoding("av1"))
    assert len(seen) == len(TIMES)
    assert set().union(*seen) == {usual}


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_hdr10_metadata_is_kept(codec: Any):
    screen = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    told = f"log-level=none:master-display={screen}:max-cll=1000,400"
    make(
        "in.mkv",
        [PHOTO] * 3,
        codec="libx265",
        pixels="yuv420p10le",
        matrix=9,
        range_=1,
        color_primaries=9,
        color_trc=16,
        options={"x265-params": told},
    )
    upscale("in.mkv", "out.mkv", Encoding(codec))
    before, after = light_of(decoded("in.mkv")[0]), light_of(decoded("out.mkv")[0])
    assert before.content == after.content == (1000, 400)
    assert before.display is not None
    assert after.display is not None
    np.testing.assert_allclose(
        [float(value) for value in after.display],
        [float(value) for value in before.display],
        atol=1e-4,
    )
    assert [float(value) for value in before.display[-2:]] == [0.005, 1000]


@pytest.mark.parametrize(
    ("codec", "to"), [("libx264", ".mkv"), ("libx265", ".mp4"), ("libsvtav1", ".mp4")]
)
def test_the_aspect_ratio_of_pixels_is_kept(codec: str, to: str):
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    square = Fraction(4, 3)
    make(f"in{to}", [PHOTO] * 3, codec=codec, options=options, sample_aspect_ratio=square)
    upscale(f"in{to}", f"out{to}")
    with av.open(f"in{to}") as before, av.open(f"out{to}") as after:
        assert before.streams.video[0].sample_aspect_ratio == square
        assert after.streams.video[0].sample_aspect_ratio == square


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_the_duration_of_a_film_is_kept(suffix: str):
    make(f"in{suffix}", times=[40 * number for number in range(10)])
    upscale(f"in{suffix}", f"out{suffix}")
    with av.open(f"in{suffix}") as before, av.open(f"out{suffix}") as after:
        assert after.duration == before.duration == 400_000


def test_a_missing_matrix_is_chosen_by_the_size_of_the_input():
    """Players take small films for BT.601 and large ones for BT.709: a larger film must say."""
    make("small.mkv", [PHOTO] * 2)
    large = [np.zeros((720, 1280, 3), np.uint8)] * 2
    make("large.mkv", large, options={"preset": "ultrafast"})
    for name, matrix in (("small", 6), ("large", 1)):
        assert decoded(f"{name}.mkv")[0].colorspace == 2
        upscale(f"{name}.mkv", "out.mkv", Encoding(preset="ultrafast"))
        assert decoded("out.mkv")[0].colorspace == matrix


COLOURS = [(0, 0, 0), (255, 255, 255), (200, 30, 40), (20, 160, 60), (30, 40, 220), (128, 128, 128)]


def rgb_of(frame: Any, matrix: int, range_: int) -> NDArray[np.float64]:
    """Compute RGB from the middle of a frame of flat colour as ITU-R BT.601 and BT.709 say."""
    red, blue = {1: (0.2126, 0.0722), 6: (0.299, 0.114)}[matrix]
    y, cb, cr = (
        float(
            np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[
                plane.height // 2, plane.width // 2
            ]
        )
        for plane in frame.planes
    )
    if range_ == 2:
        y, cb, cr = y / 255, (cb - 128) / 255, (cr - 128) / 255
    else:
        y, cb, cr = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
    r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / (1 - red - blue)
    return 255 * np.array([r, g, b])


@pytest.mark.parametrize("matrix", [1, 6])
@pytest.mark.parametrize("range_", [1, 2])
def test_flat_colours_are_kept(matrix: int, range_: int):
    frames = [np.full((32, 48, 3), colour, np.uint8) for colour in COLOURS]
    make(
        "in.mkv",
        frames,
        times=[100 * i for i in range(len(frames))],
        codec="ffv1",
        matrix=matrix,
        range_=range_,
    )
    upscale("in.mkv", "out.mkv")
    before, after = decoded("in.mkv"), decoded("out.mkv")
    for colour, small, large in zip(COLOURS, before, after, strict=True):
        assert (large.width, large.height) == (96, 64)
        np.testing.assert_allclose(rgb_of(small, matrix, range_), colour, atol=2)
        seen = rgb_of(small, matrix, range_).clip(0, 255)
        found = rgb_of(large, matrix, range_).clip(0, 255)
        np.testing.assert_allclose(found, seen, atol=1.5)


@pytest.mark.parametrize(
    ("pixels", "codec", "becomes"),
    [
        ("yuv420p", "libx264", "yuv420p"),
        ("yuv420p10le", "libx264", "yuv420p10le"),
        ("yuv420p10le", "libx265", "yuv420p10le"),
        ("yuv420p10le", "libsvtav1", "yuv420p10le"),
        ("yuv422p10le", "prores_ks", "yuv422p10le"),
        ("yuv444p", "libx264", "yuv444p"),
        ("gray", "ffv1", "gray"),
        ("yuva420p", "ffv1", "yuva420p"),
        ("bgr0", "ffv1", "bgr0"),
        ("yuvj420p", "mjpeg", "yuvj420p"),
        ("yuv420p", "mpeg4", "yuv420p"),
    ],
)
def test_the_bit_depth_and_the_chroma_resolution_are_kept(pixels: str, codec: str, becomes: str):
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    make(
        "in.mkv",
        [PHOTO] * 3,
        codec=codec,
        pixels=pixels,
        options=options,
        color_range=2 if "j" in pixels else 0,
    )
    upscale("in.mkv", "out.mkv")
    before, after = decoded("in.mkv"), decoded("out.mkv")
    assert before[0].format.name == pixels
    assert {frame.format.name for frame in after} == {becomes}
    for small, large in zip(before, after, strict=True):
        expected = resize(small.to_ndarray(format="rgb24"), size=(96, 128))
        found = large.to_ndarray(format="rgb24")
        assert np.abs(expected.astype(int) - found).mean() < 6


def test_ten_bits_stay_ten_bits():
    """A ramp over 512 pixels has 512 levels of 10 bits, 4 times what 8 bits can tell."""
    ramp = np.linspace(0.2, 0.7, 512)[np.newaxis, :, np.newaxis]
    rgb = np.broadcast_to((65535 * ramp).astype(np.uint16), (16, 512, 3))
    make("in.mkv", [rgb] * 2, pixels="yuv420p10le", matrix=1, range_=1, options={"qp": "0"})
    Upscaler("gladsr-l", draft=True, threads=1).save("in.mkv", "out.mkv", encoding=Encoding(crf=0))

    def row(path: str) -> NDArray[np.int64]:
        plane = decoded(path)[0].planes[0]
        values = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)
        chosen: NDArray[np.int64] = values[plane.height // 2, : plane.width].astype(np.int64)
        return chosen

    assert len(np.unique(row("in.mkv"))) > 400
    assert len(np.unique(row("out.mkv"))) > 400
    middles = (row("out.mkv")[::2] + row("out.mkv")[1::2]) / 2
    assert np.abs(middles - row("in.mkv"))[4:-4].max() <= 2


def test_an_odd_row_or_column_is_left_out(caplog: pytest.LogCaptureFixture):
    """H.264 stores colours for 2×2 pixels: an odd last column or row is left out."""
    make("in.mkv", [PHOTO[:46, :62]] * 3)
    film = read_film(Path("in.mkv"))
    larger = (replace(frame, pixels=resize(frame.pixels, scale=1.5)) for frame in film.pictures)
    write_film(replace(film, pictures=larger), Path("out.mkv"))
    first = decoded("out.mkv")[0]
    assert (first.width, first.height) == (92, 68)  # of 93 × 69
    assert not caplog.text


def test_frames_of_another_size_are_resized_to_the_first(caplog: pytest.LogCaptureFixture):
    for name, side in (("a", 48), ("b", 32)):
        make(
            f"{name}.ts",
            [PHOTO[:side, :side]] * 5,
            times=[9000 * i for i in range(5)],
            time_base=Fraction(1, 90000),
        )
    Path("in.ts").write_bytes(Path("a.ts").read_bytes() + Path("b.ts").read_bytes())
    assert {frame.width for frame in decoded("in.ts")} == {32, 48}
    upscale("in.ts", "out.ts")
    assert "in.ts: its frame size changes; all frames are resized to 48 × 48" in caplog.text
    assert {(frame.width, frame.height) for frame in decoded("out.ts")} == {(96, 96)}
    assert len(decoded("out.ts")) == len(decoded("in.ts"))
    assert np.diff([float(time) for time in times("out.ts")]).min() > 0


def test_interlaced_frames_become_progressive(caplog: pytest.LogCaptureFixture):
    """Two fields of a moving edge are a comb; afterwards each frame is a picture."""
    frames = []
    for number in range(6):
        frame = np.zeros((48, 64, 3), np.uint8)
        for line in range(48):
            frame[line, : 10 + 6 * (2 * number + line % 2) % 60] = 255
        frames.append(frame)
    make(
        "in.mkv",
        frames,
        times=[40 * i for i in range(6)],
        field_order=2,
        options={"x264-params": "tff=1", "flags": "+ildct+ilme", "qp": "1"},
    )
    assert decoded("in.mkv")[0].interlaced_frame
    upscale("in.mkv", "out.mkv", Encoding(crf=1))
    assert "in.mkv: it is interlaced; it is deinterlaced first" in caplog.text
    assert times("out.mkv") == times("in.mkv")

    def comb(path: str, step: int) -> float:
        middle = decoded(path)[3].to_ndarray(format="gray").astype(int)[::step]
        return float(np.abs(np.diff(middle, axis=0)).mean())

    assert comb("out.mkv", 2) < comb("in.mkv", 1) / 3
    assert not decoded("out.mkv")[0].interlaced_frame


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".ts"])
def test_truncated_films_become_shorter_or_are_rejected(suffix: str):
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    sound = "libopus" if suffix == ".webm" else "aac"
    make(f"in{suffix}", codec=codec, sound=sound, container={"movflags": "faststart"})
    content = Path(f"in{suffix}").read_bytes()
    outcomes = []
    for tenth in range(10):
        Path(f"cut{suffix}").write_bytes(content[: tenth * len(content) // 10])
        out = Path(f"out{tenth}{suffix}")
        reason = ""
        try:
            upscale(f"cut{suffix}", str(out))
        except PictureError as error:
            reason = str(error)
        assert out.exists() == (not reason)
        assert not reason or reason.startswith(f"cut{suffix}: ")
        outcomes.append(0 if reason else len(decoded(str(out))))
    assert outcomes[0] == 0
    assert 0 < outcomes[-1] <= len(TIMES)
    assert outcomes == sorted(outcomes)


def test_damaged_packets_do_not_end_a_film(caplog: pytest.LogCaptureFixture):
    frames = [np.roll(PHOTO, 3 * i, 1) for i in range(40)]
    make("whole.mkv", frames, times=[40 * i for i in range(40)])
    noise = np.random.default_rng(0)
    with av.open("whole.mkv") as film, av.open("in.mkv", "w") as out:
        copy = out.add_stream_from_template(film.streams.video[0], opaque=True)
        for number, packet in enumerate(film.demux(0)):
            if packet.size:
                damaged = av.Packet(noise.bytes(packet.size)) if 10 <= number < 13 else packet
                damaged.pts, damaged.dts = packet.pts, packet.dts
                damaged.time_base, damaged.stream = packet.time_base, copy
                out.mux(damaged)
    upscale("in.mkv", "out.mkv")
    assert "in.mkv: 3 damaged frames are left out or concealed" in caplog.text
    assert 20 < len(decoded("out.mkv")) < 40


def nothing() -> dict[str, bytes]:
    """Return files that are no films, by name."""
    return {
        "empty.mp4": b"",
        "text.mp4": b"not a film" * 100,
        "random.mkv": np.random.default_rng(0).bytes(10_000),
        "playlist.mp4": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://localhost:9/a.ts\n"
        b"#EXT-X-ENDLIST\n",
        "list.mkv": b"ffconcat version 1.0\nfile other.mkv\n",
        "picture.mp4": Path(skimage.__file__).with_name("data").joinpath("camera.png").read_bytes()
        if Path(skimage.__file__).with_name("data").joinpath("camera.png").exists()
        else b"\x89PNG\r\n\x1a\n" + bytes(100),
    }


@pytest.mark.parametrize(
    "name", ["empty.mp4", "text.mp4", "random.mkv", "playlist.mp4", "list.mkv", "picture.mp4"]
)
def test_files_that_are_not_films_are_rejected(name: str):
    make("other.mkv", [PHOTO] * 2)
    Path(name).write_bytes(nothing()[name])
    with pytest.raises(PictureError, match=rf"{name}: it is not a film"):
        read_film(Path(name))


def test_films_without_frames_are_rejected():
    make("film.mkv", sound="aac")
    with av.open("film.mkv") as film, av.open("sound.mkv", "w") as out:
        audio = out.add_stream_from_template(film.streams.audio[0])
        for packet in film.demux(film.streams.audio[0]):
            if packet.size:
                packet.stream = audio
                out.mux(packet)
    for path, message in (
        ("sound.mkv", "it has no video of a supported codec"),
        ("missing.mkv", "No such file or directory"),
        (".", "it is not a file"),
    ):
        with pytest.raises(PictureError, match=message):
            read_film(Path(path))
    with pytest.raises(
        PictureError, match=r"its frames have 64 × 48 pixels, more than the limit of 3,071"
    ):
        read_film(Path("film.mkv"), options=ReadOptions(max_input_pixels=3071))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"codec": "h264", "crf": 52}, "the crf is 52, but that of h264 is 0 to 51"),
        ({"codec": "av1", "preset": "fast"}, "av1 has no preset 'fast'; it has 0, 1"),
        ({"codec": "ffv1", "crf": 1}, "ffv1 has no crf"),
        ({"codec": "divx"}, "no codec 'divx'; choose from h264, hevc"),
    ],
)
def test_wrong_settings_are_rejected_before_a_film_is_read(settings: Any, message: str):
    with pytest.raises(EncodingError, match=message):
        Encoding(**settings)


@pytest.mark.parametrize(
    ("codec", "crf", "to"),
    [("prores", None, "out.mp4"), ("h264", None, "out.webm"), (None, 60, "out.mp4")],
)
def test_settings_that_a_container_or_codec_rejects_are_named(codec: Any, crf: Any, to: str):
    make("in.mkv", [PHOTO] * 3)
    with pytest.raises(PictureError, match=f"{to}: it cannot be encoded: (its format|the crf)"):
        upscale("in.mkv", to, Encoding(codec, crf))
    assert not Path(to).exists()


def test_a_lower_crf_gives_a_larger_file():
    make("in.mkv")
    sizes = []
    for crf in (10, 30, 50):
        upscale("in.mkv", f"{crf}.mkv", Encoding(crf=crf))
        sizes.append(Path(f"{crf}.mkv").stat().st_size)
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_same_film_gives_the_same_bytes(suffix: str):
    make(f"in{suffix}", sound="aac", codec="mpeg4")
    for name in ("a", "b"):
        upscale(f"in{suffix}", f"{name}{suffix}")
    assert Path(f"a{suffix}").read_bytes() == Path(f"b{suffix}").read_bytes()


def test_a_film_that_cannot_be_written_leaves_nothing():
    make("in.mkv", sound="aac")
    before = sorted(path.name for path in Path().iterdir())
    film = doubled(read_film(Path("in.mkv")))

    def failing() -> Iterator[Any]:
        for number, frame in enumerate(film.pictures):
            if number == 5:
                raise KeyboardInterrupt
            yield frame

    with pytest.raises(KeyboardInterrupt):
        write_film(replace(film, pictures=failing()), Path("out.mkv"))
    with pytest.raises(PictureError, match=r"out.avi: the name of a film must end in"):
        upscale("in.mkv", "out.avi")
    with pytest.raises(PictureError, match=r"nowhere/out.mkv: it cannot be written \(No such file"):
        upscale("in.mkv", "nowhere/out.mkv")
    assert sorted(path.name for path in Path().iterdir()) == before


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".ts"])
def test_damaged_bytes_give_a_complete_film_or_an_error(suffix: str):
    codec, sound = ("libvpx-vp9", "libopus") if suffix == ".webm" else ("libx264", "aac")
    make(f"in{suffix}", codec=codec, sound=sound, container={"movflags": "faststart"})
    content = Path(f"in{suffix}").read_bytes()
    noise = np.random.default_rng(0)
    read = 0
    for _ in range(25):
        damaged = bytearray(content)
        reach = len(content) if noise.random() < 0.5 else min(len(content), 1500)
        for place in noise.integers(0, reach, int(noise.integers(1, 40))):
            damaged[place] = int(noise.integers(256))
        Path(f"bad{suffix}").write_bytes(damaged)
        Path(f"out{suffix}").unlink(missing_ok=True)
        with contextlib.suppress(PictureError):
            upscale(f"bad{suffix}", f"out{suffix}")
        if Path(f"out{suffix}").exists():
            assert 0 < len(decoded(f"out{suffix}")) <= len(TIMES) + 1
            read += 1
    assert read > 0
    assert {path.stem for path in Path().iterdir()} <= {"in", "bad", "out"}
