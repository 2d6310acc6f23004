"""The video of an output film: its stream, and its frames encoded into it."""

import contextlib
import logging
import os
import sys
from collections.abc import Collection, Iterator
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import Any, cast

import numpy as np
from av import Codec, Packet, VideoFormat, VideoFrame, VideoStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.reformatter import VideoReformatter

from gladsr.errors import EncodingError
from gladsr.films import yuv
from gladsr.films.encoders import ENCODERS, Encoder, Encoding
from gladsr.films.film import FilmFrame, Look
from gladsr.films.pixel_formats import (
    SCALING,
    bit_depth,
    closest_format,
    has_alpha,
    working_format,
)
from gladsr.films.streams import rate_of, time_base_of

_X26X = {"libx264", "libx265"}
_MAX_RATE = Fraction(240)  # of SVT-AV1
# x265 computes its first decoding times once it has more frames than this; with fewer, they are
# random where it may reorder frames.
_X265_DELAY = 2

logger = logging.getLogger(__name__)


def choose_encoder(
    encoding: Encoding, input_codec: str, film: VideoFormat, supported: Collection[str]
) -> tuple[Encoder, VideoFormat, dict[str, str]]:
    """Return the encoder for a film, its pixel format and its options.

    Args:
        encoding: The settings.
        input_codec: The input's codec by FFmpeg's name.
        film: The input's pixel format.
        supported: The encoders whose streams the output's container can hold.

    Raises:
        EncodingError: The container cannot hold the codec, or the codec has no such setting.
    """
    codecs = [encoding.codec] if encoding.codec else [input_codec, "h264", "av1", "vp9"]
    formats = {
        codec: closest_format(film, Codec(ENCODERS[codec].name, "w").video_formats or ())
        for codec in codecs
        if codec in ENCODERS and ENCODERS[codec].name in supported
    }
    if not formats:
        missing = encoding.codec or "any codec that can be encoded"
        raise EncodingError(f"its format does not hold {missing}")
    bits = min(bit_depth(film), 10)
    deep_enough = (codec for codec in formats if bit_depth(formats[codec]) >= bits)
    codec = next(deep_enough, next(iter(formats)))
    encoding.check(codec)
    encoder = ENCODERS[codec]
    options = dict(encoder.options)
    crf = encoder.crf if encoding.crf is None else encoding.crf
    if crf is not None:
        options["crf"] = str(crf)
    if encoding.preset is not None:
        options["preset"] = encoding.preset
    return encoder, formats[codec], options


def add_video(
    out: OutputContainer,
    path: Path,
    main: VideoStream,
    look: Look,
    shape: tuple[int, ...],
    encoding: Encoding,
) -> VideoStream:
    """Add the stream of the upscaled frames to a film.

    Args:
        out: The output.
        path: Its file, for warnings.
        main: The input's stream.
        look: The look of the input.
        shape: The shape of a frame's pixels.
        encoding: How to encode.

    Raises:
        EncodingError: As for `choose_encoder`.
    """
    # FFmpeg does not list the codecs of MPEG-TS.
    supported = _X26X if out.format.name == "mpegts" else out.supported_codecs
    input_codec = main.codec_context.codec.canonical_name
    encoder, pixel_format, options = choose_encoder(
        encoding, input_codec, look.pixel_format, supported
    )
    for name, value in look.light.options(encoder.name).items():
        options[name] = f"{options[name]}:{value}" if name in options else value
    if encoder.name == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only
    if has_alpha(look.pixel_format) and not has_alpha(pixel_format):
        logger.warning("%s: %s has no transparency, which is left out", path, encoder.name)
    video = out.add_stream(
        encoder.name,
        min(rate_of(main), _MAX_RATE),
        options,
        width=_encodable(shape[1], pixel_format.chroma_width(2)),
        height=_encodable(shape[0], pixel_format.chroma_height(2)),
        time_base=time_base_of(main),
    )
    video = cast("VideoStream", video)
    context = video.codec_context
    context.pix_fmt = pixel_format.name
    context.flags |= Flags.frame_duration.value
    context.color_primaries, context.color_trc = look.primaries, look.transfer
    context.colorspace, context.color_range = _matrix_and_range(look, pixel_format)
    if main.sample_aspect_ratio:
        context.sample_aspect_ratio = main.sample_aspect_ratio
        _warn_of_square_pixels(out, path, encoder, main)
    if encoder.name == "libx265" and out.format.name in {"mp4", "mov"}:
        context.codec_tag = "hvc1"  # Apple's players require it
    if look.display_matrix:
        video.set_display_matrix(_scaled(look.display_matrix, shape[1] / main.width))
    if encoder.name == "libsvtav1":
        with scheduling_kept():
            context.open(strict=False)
    return video


def encode(
    video: VideoStream, look: Look, frames: Iterator[FilmFrame], main: VideoStream
) -> Iterator["Packet[Any]"]:
    """Encode frames and yield the packets of the stream."""
    converted = _converted(video, look, frames, time_base_of(main))
    head = list(islice(converted, _X265_DELAY + 1))
    context = video.codec_context
    if context.name == "libx265" and len(head) <= _X265_DELAY:
        parameters = context.options.get("x265-params")
        context.options["x265-params"] = ":".join(filter(None, (parameters, "bframes=0")))
    for frame in chain(head, converted):
        yield from video.encode(frame)
    yield from video.encode(None)


def _converted(
    video: VideoStream, look: Look, frames: Iterator[FilmFrame], time_base: Fraction
) -> Iterator[VideoFrame]:
    """Convert frames to the pixel format of a stream."""
    reformatter = VideoReformatter()
    pixel_format = video.format
    matrix, range_ = _matrix_and_range(look, pixel_format)
    alpha = has_alpha(pixel_format) and has_alpha(look.pixel_format)
    for frame in frames:
        pixels = np.asarray(frame.pixels)[: video.height, : video.width, : 4 if alpha else 3]
        if not pixel_format.is_rgb:
            full, bits = range_ == yuv.FULL, bit_depth(pixel_format)
            pixels = yuv.from_rgb(pixels, matrix, full=full, bits=bits)
        working = VideoFrame.from_ndarray(
            np.ascontiguousarray(pixels),
            working_format(pixel_format, alpha=alpha),
            channel_last=True,
        )
        working.colorspace, working.color_range = matrix, range_
        encoded = reformatter.reformat(working, format=pixel_format.name, interpolation=SCALING)
        encoded.pts, encoded.duration = frame.pts, frame.duration
        encoded.time_base = time_base
        yield encoded


@contextlib.contextmanager
def scheduling_kept() -> Iterator[None]:
    """Restore the scheduling policy of the process's threads, old and new, afterwards.

    When run as root, SVT-AV1 gives real-time priority to its threads and to the one that opens it,
    which starves everything else on the machine.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):  # the thread may have ended
                if os.sched_getscheduler(int(thread.name)) != policy:
                    os.sched_setscheduler(int(thread.name), policy, parameters)


def _warn_of_square_pixels(
    out: OutputContainer, path: Path, encoder: Encoder, main: VideoStream
) -> None:
    """Warn if the aspect ratio of the pixels is lost.

    These encoders do not write it, and PyAV cannot set it in these containers.
    """
    lost = encoder.name in {"libvpx-vp9", "libsvtav1"} and out.format.name in {"matroska", "webm"}
    if lost and main.sample_aspect_ratio != 1:
        logger.warning("%s: its non-square pixels become square", path)


def _scaled(display_matrix: tuple[int, ...], scale: float) -> tuple[int, ...]:
    """Return the display matrix of a film upscaled by a scale, with its offset in 32 bits."""
    a, b, u, c, d, v, across, down, w = display_matrix
    offset = (max(-(2**31), min(round(scale * by), 2**31 - 1)) for by in (across, down))
    return (a, b, u, c, d, v, *offset, w)


def _encodable(side: int, chroma: int) -> int:
    """Return a side without the last pixel if it is odd and two pixels share a chroma sample."""
    return side - side % 2 if chroma == 1 else side


def _matrix_and_range(look: Look, pixel_format: VideoFormat) -> tuple[int, int]:
    """Return the matrix and the range of an output with a pixel format."""
    if pixel_format.is_rgb:
        return yuv.RGB, yuv.FULL
    if look.matrix == yuv.RGB:
        return yuv.BT709, yuv.LIMITED
    return look.matrix, look.range
