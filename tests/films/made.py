"""Films that the tests make, and what is in a film."""

from fractions import Fraction
from typing import Any

import av
import numpy as np
import skimage
from numpy.typing import NDArray

from gladsr.films.video import scheduling_kept

PHOTO = skimage.data.astronaut()[:48, 170:234]
TIMES = [0, 40, 80, 200, 210, 290, 1000, 1040, 1100, 1101]  # ms: not one distance is another's


def make(
    path: str,
    frames: list[NDArray[Any]] | None = None,
    *,
    times: list[int] | None = None,
    time_base: Fraction = Fraction(1, 1000),
    codec: str = "libx264",
    pixels: str = "yuv420p",
    matrix: int = 2,
    range_: int = 0,
    sound: str | None = None,
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    **attributes: Any,
) -> None:
    """Write a film of RGB frames."""
    frames = [np.roll(PHOTO, 3 * i, 1) for i in range(len(TIMES))] if frames is None else frames
    times = TIMES[: len(frames)] if times is None else times
    with av.open(path, "w", container_options=container or {}) as out:
        out.metadata.update(attributes.pop("metadata", {}))
        out.set_chapters(attributes.pop("chapters", []))
        height, width = frames[0].shape[:2]
        video: Any = out.add_stream(codec, 25, options or {}, width=width, height=height)
        video.pix_fmt, video.codec_context.time_base, video.time_base = pixels, time_base, time_base
        context = video.codec_context
        context.colorspace, context.color_range = matrix, range_
        display_matrix = attributes.pop("display_matrix", None)
        video.set_display_matrix(display_matrix)
        for name, value in attributes.items():
            setattr(context, name, value)
        audio: Any = out.add_stream(sound, 48000) if sound else None
        if audio:
            audio.codec_context.layout = "mono"
        with scheduling_kept():
            context.open(strict=False)
        for rgb, pts in zip(frames, times, strict=True):
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24" if rgb.dtype == np.uint8 else "rgb48le")
            frame = frame.reformat(
                format=pixels,
                dst_colorspace={1: 1, 5: 5, 6: 5, 9: 9}.get(matrix),
                dst_color_range=range_ or None,
            )
            frame.pts, frame.time_base = pts, time_base
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if audio:
            wave = np.sin(np.arange(48000) / 20).astype(np.float32)[np.newaxis] / 4
            heard = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
            heard.rate, heard.pts, heard.time_base = 48000, 0, Fraction(1, 48000)
            resampler = av.AudioResampler(audio.codec_context.format, "mono", 48000)
            for part in resampler.resample(heard):
                out.mux(audio.encode(part))
            out.mux(audio.encode(None))


def packets(path: str, kind: str) -> list[tuple[float, bytes]]:
    with av.open(path) as film:
        return [
            (float(packet.pts * packet.time_base), bytes(packet))
            for packet in film.demux(*[each for each in film.streams if each.type == kind])
            if packet.pts is not None
        ]


def decoded(path: str) -> list[Any]:
    with av.open(path) as film:
        return list(film.decode(video=0))


def times(path: str) -> list[Fraction]:
    with av.open(path) as film:
        time_base = film.streams.video[0].time_base or Fraction(1)
        return [(frame.pts or 0) * time_base for frame in film.decode(video=0)]
