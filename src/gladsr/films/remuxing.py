"""The other streams of a film (sound, subtitles, data), copied packet by packet, and metadata."""

import contextlib
import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av import Packet, VideoStream
from av.container import InputContainer, OutputContainer
from av.stream import Discard, Disposition, Stream

from gladsr.films.streams import open_film

# Metadata that the muxer writes itself.
_OF_MUXER = re.compile(
    "major_brand|minor_version|compatible_brands|encoder|duration|bps|number_of|_statistics",
    re.IGNORECASE,
)

_NO_TEXT = bytes(2)  # fills the time between two MP4 subtitles; the muxer adds it itself

Copies = dict[int, tuple[Stream, Stream]]
"""Each copied stream with the one it is a copy of, by the index of the latter."""

logger = logging.getLogger(__name__)


def kept_metadata(metadata: dict[str, str], *, strip: bool) -> dict[str, str]:
    """Return the metadata of a film or of a stream to copy: if stripped, only the language."""
    if strip:
        return {key: value for key, value in metadata.items() if key == "language"}
    return {key: value for key, value in metadata.items() if not _OF_MUXER.match(key)}


def add_copies(
    out: OutputContainer,
    path: Path,
    source: InputContainer,
    main: VideoStream,
    film: Path,
    *,
    strip_metadata: bool,
) -> Copies:
    """Add the streams that are copied to a film.

    Streams that its format cannot hold are left out, with a warning in the log.

    Args:
        out: The output.
        path: Its file, for warnings.
        source: The input.
        main: The input's stream that is upscaled.
        film: The input's file.
        strip_metadata: Copy only video, sound and subtitles.
    """
    copies = {}
    for stream in _others(source, main, strip_metadata=strip_metadata):
        if stream.disposition & Disposition.attached_pic and out.format.name == "matroska":
            _attach_cover(out, film, stream)
        elif _holds(out.format.name, stream):
            copies[stream.index] = (out.add_stream_from_template(stream, opaque=True), stream)
        else:
            name = getattr(stream, "name", None) or "of an unknown codec"
            logger.warning(
                "%s: the %s stream %s is left out, because its format cannot hold it",
                *(path, stream.type, name),
            )
    return copies


def copied_packets(source: InputContainer, copies: Copies) -> Iterator["Packet[Any]"]:
    """Yield the packets of the copied streams."""
    if not copies:
        return
    last = dict[int, int]()
    packets = source.demux([stream for _, stream in copies.values()])
    with contextlib.suppress(av.FFmpegError):  # reading the frames logs a warning about it
        for packet in packets:
            if packet.pts is None and packet.dts is None and not packet.size:  # a stream's end
                continue
            name = getattr(packet.stream, "name", None)
            if name == "mov_text" and packet.size == len(_NO_TEXT) and bytes(packet) == _NO_TEXT:
                continue
            index = packet.stream_index
            if packet.dts is not None:
                # A damaged film may go back in time, but a muxer rejects that.
                packet.dts = last[index] = max(packet.dts, last.get(index, packet.dts - 1) + 1)
                if packet.pts is not None:
                    packet.pts = max(packet.pts, packet.dts)
            packet.stream = copies[index][0]
            yield packet


def _others(source: InputContainer, main: VideoStream, *, strip_metadata: bool) -> list[Stream]:
    """Return the streams to copy; data streams may reveal where and when a film was shot."""
    others = [
        stream
        for stream in source.streams
        if stream is not main and stream.discard != Discard.all  # such as QuickTime's chapters
    ]
    if not strip_metadata:
        return others
    return [
        stream
        for stream in others
        if stream.type in {"video", "audio", "subtitle"}
        and not stream.disposition & Disposition.attached_pic
    ]


def _attach_cover(out: OutputContainer, film: Path, stream: Stream) -> None:
    """Add a cover as Matroska stores it: as an attachment."""
    with open_film(film) as again:
        picture = next(again.demux(again.streams[stream.index]))
    kind = "png" if getattr(stream, "name", None) == "png" else "jpeg"
    name = stream.metadata.get("filename", f"cover.{kind}")
    out.add_attachment(name, stream.metadata.get("mimetype", f"image/{kind}"), bytes(picture))


def _holds(container: str, stream: Stream) -> bool:
    """Return whether a container can hold a stream: whether a header with it can be written."""
    try:
        with av.open(io.BytesIO(), "w", container) as out:
            out.add_stream_from_template(stream, opaque=True)
            out.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True
