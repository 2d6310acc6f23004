"""What a film is, and films in, frame by frame, through FFmpeg's libraries (PyAV).

A frame is a picture: it goes through the network like any other, in 16 bits a channel.
"""

import contextlib
import logging
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from gladsr.errors import PictureError
from gladsr.films import yuv
from gladsr.films.encoders import depth, has_alpha, is_rgb
from gladsr.films.hdr import Light, light_of
from gladsr.pictures import MAX_PIXELS, Pages, Picture

if TYPE_CHECKING:
    from av import Packet, VideoFormat, VideoFrame, VideoStream
    from av.container import InputContainer
    from av.stream import Stream

# No playlists: these name other files, or addresses.
_READ = "mov,matroska,avi,mpegts,mpeg,mpegvideo,h264,hevc,flv,asf,ogg,mxf,dv,ivf,nut,wtv"
RGB, _UNSPECIFIED = 0, 2
"""Matrices as FFmpeg numbers them, like those of `yuv`."""
LIMITED, FULL = 1, 2
"""Ranges, likewise."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Frame(Picture):
    """A picture of a film.

    Attributes:
        pts: When it is shown, in the time base of the film's stream.
        duration: How long, likewise; 0 if unknown.
        on_its_side: Whether it is shown turned by a quarter.
    """

    pts: int = 0
    duration: int = 0
    on_its_side: bool = False

    def without_metadata(self) -> "Frame":
        """Return the frame, which has none."""
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the numbers in a film's pixels mean.

    Attributes:
        kind: Their kind.
        display_matrix: How they are turned and mirrored when they are shown.
        matrix: From RGB to their brightness and colour, as FFmpeg numbers it, like the next three.
        range: Limited or full.
        primaries: Of the RGB.
        transfer: From light to the RGB.
        light: Of HDR10.
    """

    kind: "VideoFormat"
    display_matrix: tuple[int, ...] | None
    matrix: int
    range: int
    primaries: int
    transfer: int
    light: Light

    @property
    def on_its_side(self) -> bool:
        """Whether the film is shown turned by a quarter."""
        matrix = self.display_matrix
        return matrix is not None and abs(matrix[1]) > abs(matrix[0])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Film(Pages):
    """A film; its `count` is an estimate.

    Attributes:
        path: Its file.
        look: Of its pixels.
    """

    path: Path
    look: Look


def read_film(path: Path, *, max_pixels: int = MAX_PIXELS) -> Film:
    """Read a film's first frame; the others are read when they are asked for.

    What cannot be decoded is left out; a warning in the log says so. Interlaced frames become whole
    ones, and frames of another size than the first are brought to it.

    Args:
        path: The file.
        max_pixels: The most pixels that a frame may have.

    Raises:
        ModuleNotFoundError: PyAV is not installed.
        PictureError: The file is missing, may not be read, has no frame that can be decoded, or too
            large ones.
    """
    decoded = _decoded(path, max_pixels)
    first = next(decoded)
    look = _look(first.frame)
    frames = _frames(path, look, chain([first], decoded))
    return Film(frames, first.total, path=path, look=look)


class _Decoded(NamedTuple):
    """A decoded frame, when and how long it is shown, and the estimated number of all."""

    frame: "VideoFrame"
    pts: int
    duration: int
    total: int


@contextlib.contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Turn what FFmpeg raises into a PictureError that names the file."""
    import av  # noqa: PLC0415 - needs the extra gladsr[video]

    try:
        yield
    except av.FFmpegError as error:
        damaged = "it is no film, damaged or cut short"
        reason = error.strerror if isinstance(error, OSError) else damaged
        raise PictureError(f"{path} cannot be read: {reason}.") from error


def open_film(path: Path) -> "InputContainer":
    """Open a film, or other sound and pictures, to read its streams.

    Raises:
        PictureError: It is missing, may not be read, or is no such file.
    """
    import av  # noqa: PLC0415 - needs the extra gladsr[video]

    if path.exists() and not path.is_file():
        raise PictureError(f"{path} cannot be read: it is no file.")
    with _errors_named(path):
        return av.open(
            f"file:{path}",
            "r",
            container_options={"format_whitelist": _READ, "protocol_whitelist": "file"},
            metadata_errors="surrogateescape",
        )


def pictures_of(container: "InputContainer") -> "VideoStream | None":
    """Return the stream to upscale: not the cover, nor a second film."""
    from av.stream import Disposition  # noqa: PLC0415 - needs the extra gladsr[video]

    streams = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
    ]
    best = container.streams.best("video")
    return next((stream for stream in streams if stream is best), next(iter(streams), None))


def _decoded(path: Path, max_pixels: int) -> Iterator[_Decoded]:
    import av  # noqa: PLC0415 - needs the extra gladsr[video]

    with open_film(path) as container, _errors_named(path):
        stream = pictures_of(container)
        if stream is None:
            raise PictureError(f"{path} cannot be read: it has no film of a known codec.")
        if stream.width * stream.height > max_pixels:
            raise PictureError(
                f"{path} has frames of {stream.width} × {stream.height} pixels, more than the "
                f"limit of {max_pixels:,}."
            )
        stream.thread_type = "AUTO"
        seconds = (container.duration or 0) / av.time_base
        count = stream.frames or max(1, round(seconds * rate_of(stream)))
        none = True
        for frame, pts, duration in _timed(stream, _whole(path, container, stream)):
            none = False
            yield _Decoded(frame, pts, duration, count)
        if none:
            raise PictureError(f"{path} cannot be read: none of its frames can be decoded.")


def _whole(
    path: Path, container: "InputContainer", stream: "VideoStream"
) -> "Iterator[VideoFrame]":
    """Decode a stream, and deinterlace it if need be."""
    import av  # noqa: PLC0415 - needs the extra gladsr[video]

    damaged = 0
    deinterlaced = _Deinterlacer(path, stream)
    for packet in chain(_packets(path, container, stream), [None]):
        try:
            frames = stream.decode(packet)
        except av.FFmpegError:
            damaged += 1
            continue
        for frame in frames:
            damaged += frame.is_corrupt
            yield from deinterlaced(frame)
    yield from deinterlaced.rest()
    if damaged:
        logger.warning("%s: %d damaged frames are left out or mended", path, damaged)


def _timed(
    stream: "VideoStream", frames: "Iterator[VideoFrame]"
) -> "Iterator[tuple[VideoFrame, int, int]]":
    """Give frames with their times, each later than the last, and how long they are shown."""
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


def rate_of(stream: "VideoStream") -> Fraction:
    """Return how many frames a second there are, about."""
    return stream.average_rate or stream.guessed_rate or Fraction(25)


def time_base_of(stream: "Stream") -> Fraction:
    """Return the unit of a stream's times, in seconds."""
    return stream.time_base or Fraction(1, 90000)


def _packets(
    path: Path, container: "InputContainer", stream: "VideoStream"
) -> "Iterator[Packet[VideoStream]]":
    import av  # noqa: PLC0415 - needs the extra gladsr[video]

    try:
        yield from (packet for packet in container.demux(stream) if packet.size)
    except av.FFmpegError as error:
        logger.warning("%s is damaged and ends early: %s", path, error.strerror)


class _Deinterlacer:
    """Makes whole frames of interlaced ones, from the first that is, and gives others as they are.

    Each frame remains one, with its time: the field that is shown first, with the lines between
    from its neighbours in place and time.
    """

    def __init__(self, path: Path, stream: "VideoStream") -> None:
        self._path = path
        self._time_base = time_base_of(stream)
        self._graph: Any = None
        self._size: tuple[int, int] | None = None
        self._told = False

    def __call__(self, frame: "VideoFrame") -> "Iterator[VideoFrame]":
        """Give the frames that are ready."""
        frame.time_base = self._time_base
        if self._graph is not None and self._size != (frame.width, frame.height):
            yield from self.rest()
        if self._graph is None and not frame.interlaced_frame:
            yield frame
            return
        if self._graph is None:
            self._begin(frame)
        yield from self._through(frame)

    def _begin(self, frame: "VideoFrame") -> None:
        from av.filter import Graph  # noqa: PLC0415 - needs the extra gladsr[video]

        if not self._told:
            logger.warning("%s is interlaced; its frames become whole ones", self._path)
        self._told = True
        self._size = (frame.width, frame.height)
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=self._time_base
        )
        deinterlace = self._graph.add("bwdif", "mode=send_frame:deint=interlaced")
        self._graph.link_nodes(source, deinterlace, self._graph.add("buffersink")).configure()

    def rest(self) -> "Iterator[VideoFrame]":
        """Give the frames that were held back."""
        if self._graph is not None:
            yield from self._through(None)
            self._graph = None

    def _through(self, frame: "VideoFrame | None") -> "Iterator[VideoFrame]":
        import av  # noqa: PLC0415 - needs the extra gladsr[video]

        self._graph.vpush(frame)
        with contextlib.suppress(av.BlockingIOError, av.EOFError):
            while True:
                whole = self._graph.vpull()
                ticks = whole.time_base / self._time_base
                whole.pts, whole.duration = round(whole.pts * ticks), round(whole.duration * ticks)
                yield whole


def _look(first: "VideoFrame") -> Look:
    kind, matrix = first.format, int(first.colorspace)
    if is_rgb(kind):
        matrix = RGB
    elif matrix == _UNSPECIFIED:  # as players guess it by the size, which will be another
        matrix = yuv.BT709 if first.width >= 1280 or first.height > 576 else yuv.BT601
    return Look(
        kind,
        _display_matrix(first),
        matrix,
        FULL if kind.name.startswith("yuvj") else int(first.color_range),
        int(first.color_primaries),
        int(first.color_trc),
        light_of(first),
    )


def _display_matrix(frame: "VideoFrame") -> tuple[int, ...] | None:
    from av.sidedata.sidedata import Type  # noqa: PLC0415 - needs the extra gladsr[video]

    try:
        data = cast("Any", frame.side_data).get(Type.DISPLAYMATRIX)
    except ValueError:  # side data that PyAV does not know
        return None
    return None if data is None else struct.unpack("=9i", bytes(data))


def _frames(path: Path, look: Look, decoded: Iterator[_Decoded]) -> Iterator[Frame]:
    """Give decoded frames as pictures, all of the first one's size."""
    from av.video.reformatter import VideoReformatter  # noqa: PLC0415 - needs gladsr[video]

    reformatter = VideoReformatter()
    alpha = has_alpha(look.kind)
    size: tuple[int, int] | None = None
    other_sizes = False
    for frame, pts, duration, _ in decoded:
        size = size or (frame.width, frame.height)
        if size != (frame.width, frame.height) and not other_sizes:
            logger.warning("%s changes its size; it keeps the first, %d × %d", path, *size)
            other_sizes = True
        kind = working_kind(frame.format, alpha=alpha)
        limits = FULL if frame.format.name.startswith("yuvj") else LIMITED
        with _errors_named(path):
            even = reformatter.reformat(  # with one range on both sides, which is then left alone
                frame,
                *size,
                kind,
                src_color_range=limits,
                dst_color_range=limits,
                interpolation=scaling(),
            )
        pixels = even.to_ndarray(channel_last=True)
        if not is_rgb(frame.format):
            full, bits = look.range == FULL, depth(frame.format)
            pixels = yuv.to_rgb(pixels, look.matrix, full=full, bits=bits)
        yield Frame(pixels, pts=pts, duration=duration, on_its_side=look.on_its_side)


def working_kind(kind: "VideoFormat", *, alpha: bool) -> str:
    """Return the kind of pixels of 16 bits and one size that another is brought to."""
    if is_rgb(kind):
        return "rgba64le" if alpha else "rgb48le"
    return "yuva444p16le" if alpha else "yuv444p16le"


def scaling() -> int:
    """Return how FFmpeg's scaler brings colours to another resolution."""
    from av.video.reformatter import Interpolation as How  # noqa: PLC0415 - needs gladsr[video]

    return How.BICUBIC | How.FULL_CHR_H_INT | How.FULL_CHR_H_INP | How.ACCURATE_RND | How.BITEXACT
