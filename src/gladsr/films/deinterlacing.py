"""Deinterlacing: interlaced frames become progressive."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av import VideoFrame, VideoStream
from av.filter import Graph

from gladsr.films.streams import time_base_of

logger = logging.getLogger(__name__)


class Deinterlacer:
    """Deinterlaces frames from the first interlaced one on; earlier ones pass unchanged.

    Each frame stays one frame at its time: its first field, with the missing lines interpolated
    from their neighbours in space and time (FFmpeg's bwdif).
    """

    def __init__(self, path: Path, stream: VideoStream) -> None:
        self._path = path
        self._time_base = time_base_of(stream)
        self._graph: Any = None
        self._size: tuple[int, int] | None = None
        self._warned = False

    def __call__(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """Take a frame and yield the frames that are ready."""
        frame.time_base = self._time_base
        if self._graph is not None and self._size != (frame.width, frame.height):
            yield from self.flush()
        if self._graph is None and not frame.interlaced_frame:
            yield frame
            return
        if self._graph is None:
            self._start(frame)
        yield from self._filter(frame)

    def flush(self) -> Iterator[VideoFrame]:
        """Yield the frames that the filter still holds."""
        if self._graph is not None:
            yield from self._filter(None)
            self._graph = None

    def _start(self, frame: VideoFrame) -> None:
        if not self._warned:
            logger.warning("%s: it is interlaced; it is deinterlaced first", self._path)
        self._warned = True
        self._size = (frame.width, frame.height)
        self._graph = Graph()
        source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=self._time_base
        )
        deinterlace = self._graph.add("bwdif", "mode=send_frame:deint=interlaced")
        self._graph.link_nodes(source, deinterlace, self._graph.add("buffersink")).configure()

    def _filter(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        self._graph.vpush(frame)
        with contextlib.suppress(av.BlockingIOError, av.EOFError):
            while True:
                out = self._graph.vpull()
                ticks = out.time_base / self._time_base
                out.pts, out.duration = round(out.pts * ticks), round(out.duration * ticks)
                yield out
