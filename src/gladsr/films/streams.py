"""Film files and their streams."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av import VideoStream
from av.container import InputContainer
from av.stream import Disposition, Stream

from gladsr.errors import PictureError, StorageError

# No playlists: they name other files, or addresses.
_INPUT_FORMATS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,h264,hevc,flv,asf,ogg,mxf,dv,ivf,nut,wtv"


@contextlib.contextmanager
def read_errors_translated(path: Path) -> Iterator[None]:
    """Turn errors of FFmpeg into a `PictureError` about a file."""
    try:
        yield
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise StorageError(path, f"it cannot be read ({error.strerror})") from error
        raise PictureError(path, "it is not a film, or it is damaged or cut short") from error


def open_film(path: Path) -> InputContainer:
    """Open a file to read its streams.

    Raises:
        PictureError: It is missing, may not be read, or is not a film.
    """
    if path.exists() and not path.is_file():
        raise StorageError(path, "it is not a file")
    with read_errors_translated(path):
        return av.open(
            f"file:{path}",
            "r",
            container_options={"format_whitelist": _INPUT_FORMATS, "protocol_whitelist": "file"},
            metadata_errors="surrogateescape",
        )


def main_video(container: InputContainer) -> VideoStream | None:
    """Return the stream to upscale, not a cover or a second film; None if there is none."""
    streams = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
    ]
    best = container.streams.best("video")
    return next((stream for stream in streams if stream is best), next(iter(streams), None))


def rate_of(stream: VideoStream) -> Fraction:
    """Return the approximate number of frames per second."""
    return stream.average_rate or stream.guessed_rate or Fraction(25)


def time_base_of(stream: Stream) -> Fraction:
    """Return the unit of a stream's timestamps, in seconds."""
    return stream.time_base or Fraction(1, 90000)
