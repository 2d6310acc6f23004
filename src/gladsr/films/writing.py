"""Films out: frames are encoded, and everything else in the input is copied packet by packet."""

import contextlib
import heapq
import logging
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, cast

import av
import numpy as np
from av import Packet, VideoStream
from av.container import InputContainer, OutputContainer
from av.container.core import Flags

from gladsr.atomic import atomic_write
from gladsr.errors import EncodingError, PictureError, StorageError
from gladsr.films.encoders import Encoding
from gladsr.films.film import Film, FilmFrame
from gladsr.films.formats import CONTAINERS, SUFFIXES
from gladsr.films.remuxing import add_copies, copied_packets, kept_metadata
from gladsr.films.streams import main_video, open_film, time_base_of
from gladsr.films.video import add_video, encode
from gladsr.pictures import WriteOptions

logger = logging.getLogger(__name__)


def write_film(
    film: Film,
    path: Path,
    *,
    options: WriteOptions = WriteOptions(),
    encoding: Encoding = Encoding(),
    overwrite: bool = True,
) -> None:
    """Write a film with its sound, subtitles, data, attachments and chapters.

    The file appears complete or not at all. What its format cannot hold is left out, with a warning
    in the log.

    Args:
        film: The film; its frames may be larger than those in its file.
        path: The output, in a folder that exists.
        options: To strip metadata is to leave out the tags of the film, its streams and chapters,
            and its data, attachments and covers.
        encoding: How to encode the frames.
        overwrite: Replace a file that exists.

    Raises:
        PictureError: The film cannot be encoded like this, or the file cannot be written.
        OutputExistsError: The file exists and is not to be overwritten.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise PictureError(path, f"the name of a film must end in one of {', '.join(SUFFIXES)}")
    frames = cast("Iterator[FilmFrame]", iter(film.pictures))
    first = next(frames)
    strip = options.strip_metadata
    with (
        _write_errors_translated(path),
        atomic_write(path, overwrite=overwrite) as file,
        open_film(film.path) as source,
        _container(file, path, source, strip_metadata=strip) as out,
    ):
        main = cast("VideoStream", main_video(source))
        video = add_video(out, path, main, film.look, np.shape(first.pixels), encoding)
        copies = add_copies(out, path, source, main, film.path, strip_metadata=strip)
        for copy, stream in [(video, main), *copies.values()]:
            copy.disposition = stream.disposition
            copy.metadata.update(kept_metadata(stream.metadata, strip=strip))
        encoded = encode(video, film.look, chain([first], frames), main)
        left_out = 0
        for packet in heapq.merge(encoded, copied_packets(source, copies), key=_seconds):
            try:
                out.mux(packet)
            except av.InvalidDataError:
                if packet.stream is video:
                    raise
                left_out += 1
        if left_out:
            logger.warning("%s: %d damaged packets of other streams are left out", path, left_out)


@contextlib.contextmanager
def _write_errors_translated(path: Path) -> Iterator[None]:
    """Turn errors of the system, FFmpeg and the encoders into a `PictureError` about a file."""
    try:
        yield
    except PictureError:
        raise
    except EncodingError as error:
        raise PictureError(path, f"it cannot be encoded: {error}") from error
    except (av.FFmpegError, OSError) as error:
        kind = StorageError if isinstance(error, OSError) else PictureError
        raise kind(path, f"it cannot be written ({error.strerror or error})") from error


@contextlib.contextmanager
def _container(
    file: BinaryIO, path: Path, source: InputContainer, *, strip_metadata: bool
) -> Iterator[OutputContainer]:
    """Open a file for streams, and finish it once they are written."""
    out = av.open(
        file,
        "w",
        CONTAINERS[path.suffix.lower()],
        container_options=_muxer_options(path, source),
        metadata_errors="surrogateescape",
        buffer_size=2**20,
    )
    out.flags |= cast("int", Flags.bitexact.value)  # the same film gives the same bytes
    out.metadata.update(kept_metadata(source.metadata, strip=strip_metadata))
    chapters = source.chapters()
    if strip_metadata:
        for chapter in chapters:
            chapter["metadata"] = {"title": ""}  # without any, MP4 loses the ends of chapters
    out.set_chapters(chapters)
    try:
        yield out
    except BaseException:
        with contextlib.suppress(Exception):  # the first error is the one to report
            out.close()
        raise
    out.close()


def _muxer_options(path: Path, source: InputContainer) -> dict[str, str]:
    main = cast("VideoStream", main_video(source))
    options = {}
    if CONTAINERS[path.suffix.lower()] in {"mp4", "mov"}:
        options["video_track_timescale"] = str(min(time_base_of(main).denominator, 2**31 - 1))
        if any(key.startswith("com.") for key in source.metadata):  # as phones write
            options["movflags"] = "use_metadata_tags"
    if path.suffix.lower() in {".mts", ".m2ts"}:
        options["mpegts_m2ts_mode"] = "1"
    return options


def _seconds(packet: "Packet[Any]") -> Fraction:
    return (packet.pts or 0 if packet.dts is None else packet.dts) * packet.time_base
