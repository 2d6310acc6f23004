"""Films in, frame by frame, through FFmpeg's libraries (PyAV)."""

import logging
import struct
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
from av import Packet, VideoFrame, VideoStream
from av.container import InputContainer
from av.sidedata.sidedata import Type
from av.video.reformatter import VideoReformatter

from gladsr.errors import PictureError, TooLargeError
from gladsr.films import yuv
from gladsr.films.deinterlacing import Deinterlacer
from gladsr.films.film import Film, FilmFrame, Look
from gladsr.films.hdr import light_of
from gladsr.films.pixel_formats import SCALING, bit_depth, has_alpha, is_rgb, working_format
from gladsr.films.streams import (
    main_video,
    open_film,
    rate_of,
    read_errors_translated,
    time_base_of,
)
from gladsr.pictures import ReadOptions

logger = logging.getLogger(__name__)


def read_film(path: Path, *, options: ReadOptions = ReadOptions()) -> Film:
    """Read a film's first frame; the others are read as they are iterated over.

    Frames that cannot be decoded are left out, with a warning in the log. Interlaced frames are
    deinterlaced, and frames of another size than the first are resized to it.

    Args:
        path: The file.
        options: The limit of pixels holds for one frame.

    Raises:
        PictureError: The file is missing, may not be read, has no frame that can be decoded, or
            has frames that are too large.
    """
    decoded = _decode(path, options.max_input_pixels)
    first = next(decoded)
    look = _look(first.frame)
    return Film(_frames(path, look, chain([first], decoded)), first.total, path=path, look=look)


class _Decoded(NamedTuple):
    """A decoded frame, when and how long it is shown, and the estimated number of frames."""

    frame: VideoFrame
    pts: int
    duration: int
    total: int


def _decode(path: Path, max_pixels: int) -> Iterator[_Decoded]:
    with open_film(path) as container, read_errors_translated(path):
        stream = main_video(container)
        if stream is None:
            raise PictureError(path, "it has no video of a supported codec")
        if stream.width * stream.height > max_pixels:
            raise TooLargeError(
                path,
                f"its frames have {stream.width} × {stream.height} pixels, more than the limit of "
                f"{max_pixels:,}",
            )
        stream.thread_type = "AUTO"
        seconds = (container.duration or 0) / av.time_base
        count = stream.frames or max(1, round(seconds * rate_of(stream)))
        empty = True
        for frame, pts, duration in _timed(stream, _progressive(path, container, stream)):
            empty = False
            yield _Decoded(frame, pts, duration, count)
        if empty:
            raise PictureError(path, "none of its frames can be decoded")


def _progressive(
    path: Path, container: InputContainer, stream: VideoStream
) -> Iterator[VideoFrame]:
    """Decode a stream, and deinterlace it where necessary."""
    damaged = 0
    deinterlace = Deinterlacer(path, stream)
    for packet in chain(_packets(path, container, stream), [None]):
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            damaged += 1
            continue
        for frame in frames:
            damaged += frame.is_corrupt
            yield from deinterlace(frame)
    yield from deinterlace.flush()
    if damaged:
        logger.warning("%s: %d damaged frames are left out or concealed", path, damaged)


def _packets(
    path: Path, container: InputContainer, stream: VideoStream
) -> Iterator["Packet[VideoStream]"]:
    try:
        yield from (packet for packet in container.demux(stream) if packet.size)
    except av.FFmpegError as error:
        logger.warning("%s: it is damaged and ends early (%s)", path, error.strerror)


def _timed(
    stream: VideoStream, frames: Iterator[VideoFrame]
) -> Iterator[tuple[VideoFrame, int, int]]:
    """Yield frames with strictly increasing timestamps and with their durations."""
    step = max(1, round(1 / (rate_of(stream) * time_base_of(stream))))
    last: tuple[VideoFrame, int] | None = None
    for frame in frames:
        pts = frame.pts if frame.pts is not None else frame.dts
        if last is None:
            last = frame, pts or 0
            continue
        pts = last[1] + step if pts is None else max(pts, last[1] + 1)
        yield *last, pts - last[1]
        last = frame, pts
    if last is not None:
        yield *last, last[0].duration or step


def _look(first: VideoFrame) -> Look:
    pixel_format, matrix = first.format, int(first.colorspace)
    if is_rgb(pixel_format):
        matrix = yuv.RGB
    elif matrix == yuv.UNSPECIFIED:  # players guess it from the size, which is about to change
        matrix = yuv.BT709 if first.width >= 1280 or first.height > 576 else yuv.BT601
    return Look(
        pixel_format,
        _display_matrix(first),
        matrix,
        yuv.FULL if pixel_format.name.startswith("yuvj") else int(first.color_range),
        int(first.color_primaries),
        int(first.color_trc),
        light_of(first),
    )


def _display_matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    try:
        data = cast("Any", frame.side_data).get(Type.DISPLAYMATRIX)
    except ValueError:  # side data of a type that PyAV does not have
        return None
    return None if data is None else struct.unpack("=9i", bytes(data))


def _frames(path: Path, look: Look, decoded: Iterator[_Decoded]) -> Iterator[FilmFrame]:
    """Yield decoded frames as pictures, all of the first one's size."""
    reformatter = VideoReformatter()
    alpha = has_alpha(look.pixel_format)
    size: tuple[int, int] | None = None
    warned = False
    for frame, pts, duration, _ in decoded:
        size = size or (frame.width, frame.height)
        if size != (frame.width, frame.height) and not warned:
            logger.warning(
                "%s: its frame size changes; all frames are resized to %d × %d", path, *size
            )
            warned = True
        range_ = yuv.FULL if frame.format.name.startswith("yuvj") else yuv.LIMITED
        with read_errors_translated(path):
            converted = reformatter.reformat(  # the same range on both sides, so unchanged
                frame,
                *size,
                working_format(frame.format, alpha=alpha),
                src_color_range=range_,
                dst_color_range=range_,
                interpolation=SCALING,
            )
        pixels = converted.to_ndarray(channel_last=True)
        if not is_rgb(frame.format):
            full, bits = look.range == yuv.FULL, bit_depth(frame.format)
            pixels = yuv.to_rgb(pixels, look.matrix, full=full, bits=bits)
        yield FilmFrame(pixels, pts=pts, duration=duration, on_its_side=look.on_its_side)
