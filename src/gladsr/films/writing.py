"""Films out: the pictures encoded, and all else in the film's file copied packet by packet."""

import contextlib
import heapq
import io
import logging
import os
import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from gladsr.atomic import atomic_write
from gladsr.errors import EncodingError, PictureError
from gladsr.films import yuv
from gladsr.films.encoders import Encoding, depth, has_alpha
from gladsr.films.formats import CONTAINERS, SUFFIXES
from gladsr.films.reading import (
    FULL,
    LIMITED,
    RGB,
    Film,
    Frame,
    Look,
    open_film,
    pictures_of,
    rate_of,
    scaling,
    time_base_of,
    working_kind,
)

if TYPE_CHECKING:
    from av import Packet, VideoFormat, VideoStream
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream

# What the writer of a file states itself.
_OWN_WORDS = re.compile(
    "major_brand|minor_version|compatible_brands|encoder|duration|bps|number_of|_statistics",
    re.IGNORECASE,
)

_NO_TEXT = bytes(2)  # what is between two subtitles of MP4; its writer puts it there by itself

logger = logging.getLogger(__name__)


def write_film(film: Film, path: Path, encoding: Encoding, *, strip_metadata: bool = False) -> None:
    """Write a film with what else is in its file: sound, subtitles, data, attachments, chapters.

    The file appears whole or not at all, in place of one that is there. What its format does not
    hold is left out; a warning in the log says so.

    Args:
        film: The film; its pictures may have become larger.
        path: Where to, in a folder that exists.
        encoding: How.
        strip_metadata: Leave out the words about the film, its streams and chapters, and its data,
            attachments and covers.

    Raises:
        PictureError: The film cannot be encoded so, or the file cannot be written.
    """
    import av  # noqa: PLC0415 - needs the extra gladsr[video]

    if path.suffix.lower() not in SUFFIXES:
        raise PictureError(
            f"{path} cannot be written: the name must end in one of {', '.join(SUFFIXES)}."
        )
    frames = cast("Iterator[Frame]", iter(film.pictures))
    first = next(frames)
    with (
        _errors_named(path),
        atomic_write(path) as file,
        open_film(film.path) as source,
        _container(file, path, source, strip_metadata=strip_metadata) as out,
    ):
        own = cast("VideoStream", pictures_of(source))
        video = _add_video(out, path, own, film.look, np.shape(first.pixels), encoding)
        others = _others(source, own, strip_metadata=strip_metadata)
        copies = _add_copies(out, path, others, film.path)
        for copy, stream in [(video, own), *copies.values()]:
            copy.disposition = stream.disposition
            copy.metadata.update(_words(stream.metadata, strip_metadata=strip_metadata))
        encoded = _encoded(video, film.look, chain([first], frames), own)
        left_out = 0
        for packet in heapq.merge(encoded, _copied(source, copies), key=_seconds):
            try:
                out.mux(packet)
            except av.InvalidDataError:
                if packet.stream is video:
                    raise
                left_out += 1
        if left_out:
            logger.warning("%s: %d damaged packets of other streams are left out", path, left_out)


@contextlib.contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Turn what the system, FFmpeg and the encoders raise into a PictureError that names a file."""
    import av  # noqa: PLC0415 - needs the extra gladsr[video]

    try:
        yield
    except EncodingError as error:
        raise PictureError(f"{path} cannot be written: {error}.") from error
    except (av.FFmpegError, OSError) as error:
        raise PictureError(f"{path} cannot be written: {error.strerror or error}.") from error


@contextlib.contextmanager
def _container(
    file: BinaryIO, path: Path, source: "InputContainer", *, strip_metadata: bool
) -> "Iterator[OutputContainer]":
    """Open a file for streams, and end it when they are written."""
    import av  # noqa: PLC0415 - needs the extra gladsr[video]
    from av.container.core import Flags  # noqa: PLC0415 - likewise

    out = av.open(
        file,
        "w",
        CONTAINERS[path.suffix.lower()],
        container_options=_options(path, source),
        metadata_errors="surrogateescape",
        buffer_size=2**20,
    )
    out.flags |= cast("int", Flags.bitexact.value)  # the same film gives the same bytes
    out.metadata.update(_words(source.metadata, strip_metadata=strip_metadata))
    chapters = source.chapters()
    if strip_metadata:
        for chapter in chapters:
            chapter["metadata"] = {"title": ""}  # with none, MP4 forgets where chapters end
    out.set_chapters(chapters)
    try:
        yield out
    except BaseException:
        with contextlib.suppress(Exception):  # what went wrong is known already
            out.close()
        raise
    out.close()


def _options(path: Path, source: "InputContainer") -> dict[str, str]:
    own = cast("VideoStream", pictures_of(source))
    options = {}
    if CONTAINERS[path.suffix.lower()] in {"mp4", "mov"}:
        options["video_track_timescale"] = str(min(time_base_of(own).denominator, 2**31 - 1))
        if any(key.startswith("com.") for key in source.metadata):  # as telephones write
            options["movflags"] = "use_metadata_tags"
    if path.suffix.lower() in {".mts", ".m2ts"}:
        options["mpegts_m2ts_mode"] = "1"
    return options


def _words(metadata: dict[str, str], *, strip_metadata: bool) -> dict[str, str]:
    """Return what is said of a film or a stream, without what will be said anew."""
    if strip_metadata:
        return {key: words for key, words in metadata.items() if key == "language"}
    return {key: words for key, words in metadata.items() if not _OWN_WORDS.match(key)}


def _add_video(
    out: "OutputContainer",
    path: Path,
    own: "VideoStream",
    look: Look,
    shape: tuple[int, ...],
    encoding: Encoding,
) -> "VideoStream":
    """Add the stream of the larger pictures, which are of a shape."""
    from av.codec.context import Flags  # noqa: PLC0415 - needs the extra gladsr[video]

    in_ts = {"libx264", "libx265"}  # which FFmpeg does not tell
    supported = in_ts if out.format.name == "mpegts" else out.supported_codecs
    codec = own.codec_context.codec.canonical_name
    encoder, kind, options = encoding.chosen(codec, look.kind, supported)
    for name, words in look.light.options(encoder.name).items():
        options[name] = f"{options[name]}:{words}" if name in options else words
    if encoder.name == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # it would tell its settings, not just its errors
    if has_alpha(look.kind) and not has_alpha(kind):
        logger.warning("%s: %s holds no transparency, which is left out", path, encoder.name)
    video = out.add_stream(
        encoder.name,
        min(rate_of(own), Fraction(240)),  # no more than SVT-AV1 believes
        options,
        width=_even(shape[1], kind.chroma_width(2)),
        height=_even(shape[0], kind.chroma_height(2)),
        time_base=time_base_of(own),
    )
    video = cast("VideoStream", video)
    context = video.codec_context
    context.pix_fmt = kind.name
    context.flags |= Flags.frame_duration.value
    if own.sample_aspect_ratio:
        context.sample_aspect_ratio = own.sample_aspect_ratio
    context.color_primaries, context.color_trc = look.primaries, look.transfer
    context.colorspace, context.color_range = _colours(look, kind)
    # What such an encoder does not write, PyAV cannot tell these formats.
    square = encoder.name in {"libvpx-vp9", "libsvtav1"} and out.format.name in {"matroska", "webm"}
    if square and own.sample_aspect_ratio not in {None, 1}:
        logger.warning("%s: its pixels were not square, but are now", path)
    if encoder.name == "libx265" and out.format.name in {"mp4", "mov"}:
        context.codec_tag = "hvc1"  # without which Apple's players do not know it
    if look.display_matrix:
        a, b, u, c, d, v, across, down, w = look.display_matrix
        scale = shape[1] / own.width
        moved = (max(-(2**31), min(round(scale * by), 2**31 - 1)) for by in (across, down))
        video.set_display_matrix((a, b, u, c, d, v, *moved, w))
    if encoder.name == "libsvtav1":
        with priority_kept():
            context.open(strict=False)
    return video


@contextlib.contextmanager
def priority_kept() -> Iterator[None]:
    """Leave the process's threads, and those that begin meanwhile, in the class they had.

    As root, SVT-AV1 makes its own threads and the one that opens it real-time ones, and nothing
    else on the machine gets a turn beside them.
    """
    if sys.platform != "linux":
        yield
        return
    usual, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):  # it may have ended
                if os.sched_getscheduler(int(thread.name)) != usual:
                    os.sched_setscheduler(int(thread.name), usual, parameters)


def _even(side: int, chroma: int) -> int:
    """Return a side without its last pixel where two share a colour and one is left over."""
    return side - side % 2 if chroma == 1 else side


def _colours(look: Look, kind: "VideoFormat") -> tuple[int, int]:
    """Return the matrix and the range that a kind of pixels gets."""
    if kind.is_rgb:
        return RGB, FULL
    if look.matrix == RGB:
        return yuv.BT709, LIMITED
    return look.matrix, look.range


def _encoded(
    video: "VideoStream", look: Look, frames: Iterator[Frame], own: "VideoStream"
) -> "Iterator[Packet[Any]]":
    """Encode pictures, and give the packets."""
    from av import VideoFrame  # noqa: PLC0415 - needs the extra gladsr[video]
    from av.video.reformatter import VideoReformatter  # noqa: PLC0415 - likewise

    reformatter = VideoReformatter()
    kind, (matrix, limits) = video.format, _colours(look, video.format)
    alpha = has_alpha(kind) and has_alpha(look.kind)
    for frame in frames:
        pixels = np.asarray(frame.pixels)[: video.height, : video.width, : 4 if alpha else 3]
        if not kind.is_rgb:
            pixels = yuv.from_rgb(pixels, matrix, full=limits == FULL, bits=depth(kind))
        even = VideoFrame.from_ndarray(
            np.ascontiguousarray(pixels), working_kind(kind, alpha=alpha), channel_last=True
        )
        even.colorspace, even.color_range = matrix, limits
        picture = reformatter.reformat(even, format=kind.name, interpolation=scaling())
        picture.pts, picture.duration, picture.time_base = (
            frame.pts,
            frame.duration,
            time_base_of(own),
        )
        yield from video.encode(picture)
    yield from video.encode(None)


def _others(
    source: "InputContainer", own: "VideoStream", *, strip_metadata: bool
) -> "list[Stream]":
    """Return the streams beside the pictures; data may say where and when a film was made."""
    from av.stream import Discard, Disposition  # noqa: PLC0415 - needs the extra gladsr[video]

    others = [
        stream
        for stream in source.streams
        if stream is not own and stream.discard != Discard.all  # as QuickTime's chapters are
    ]
    if not strip_metadata:
        return others
    return [
        stream
        for stream in others
        if stream.type in {"video", "audio", "subtitle"}
        and not stream.disposition & Disposition.attached_pic
    ]


def _add_copies(
    out: "OutputContainer", path: Path, streams: "list[Stream]", film: Path
) -> "dict[int, tuple[Stream, Stream]]":
    """Add the streams that are copied; return each with the one it is of, by the latter's index."""
    from av.stream import Disposition  # noqa: PLC0415 - needs the extra gladsr[video]

    copies = {}
    for stream in streams:
        if stream.disposition & Disposition.attached_pic and out.format.name == "matroska":
            _attach_cover(out, film, stream)
        elif _holds(out.format.name, stream):
            copies[stream.index] = (out.add_stream_from_template(stream, opaque=True), stream)
        else:
            name = getattr(stream, "name", None) or "of an unknown kind"
            logger.warning(
                "%s: the %s stream %s is left out, for its format does not hold it",
                *(path, stream.type, name),
            )
    return copies


def _attach_cover(out: "OutputContainer", film: Path, stream: "Stream") -> None:
    """Add a cover as Matroska has it: as an attachment."""
    with open_film(film) as again:
        picture = next(again.demux(again.streams[stream.index]))
    kind = "png" if getattr(stream, "name", None) == "png" else "jpeg"
    name = stream.metadata.get("filename", f"cover.{kind}")
    out.add_attachment(name, stream.metadata.get("mimetype", f"image/{kind}"), bytes(picture))


def _holds(container: str, stream: "Stream") -> bool:
    """Return whether a stream can be copied, by writing the head of a file with it alone."""
    import av  # noqa: PLC0415 - needs the extra gladsr[video]

    try:
        with av.open(io.BytesIO(), "w", container) as out:
            out.add_stream_from_template(stream, opaque=True)
            out.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _copied(
    source: "InputContainer", copies: "dict[int, tuple[Stream, Stream]]"
) -> "Iterator[Packet[Any]]":
    """Give the packets of the streams that are copied."""
    import av  # noqa: PLC0415 - needs the extra gladsr[video]

    if not copies:
        return
    last = dict[int, int]()
    packets = source.demux([stream for _, stream in copies.values()])
    with contextlib.suppress(av.FFmpegError):  # of which a warning tells where pictures are read
        for packet in packets:
            if packet.pts is None and packet.dts is None and not packet.size:  # a stream's end
                continue
            name = getattr(packet.stream, "name", None)
            if name == "mov_text" and packet.size == len(_NO_TEXT) and bytes(packet) == _NO_TEXT:
                continue
            index = packet.stream_index
            if packet.dts is not None:
                # A damaged film may go back in time, but a file may not.
                packet.dts = last[index] = max(packet.dts, last.get(index, packet.dts - 1) + 1)
                if packet.pts is not None:
                    packet.pts = max(packet.pts, packet.dts)
            packet.stream = copies[index][0]
            yield packet


def _seconds(packet: "Packet[Any]") -> Fraction:
    return (packet.pts or 0 if packet.dts is None else packet.dts) * packet.time_base
