"""Opened picture files, and how libvips reads them."""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them

from gladsr.errors import PictureError, StorageError
from gladsr.pictures.formats import NAMES, Format, by_content, rejected_by_content

_START = 64  # bytes by which a format is detected


class InputFile:
    """An opened picture file.

    Attributes:
        path: Its path.
        file: The file. libvips does not move its position.
        format: The format, detected from the content.
        size: Its length in bytes.
    """

    def __init__(self, path: Path, file: BinaryIO, format_: Format) -> None:
        self.path = path
        self.file = file
        self.format = format_
        self.size = os.fstat(file.fileno()).st_size
        self.failure: OSError | None = None
        self._sources: list[_Source] = []

    def load(
        self,
        *,
        head: bytes = b"",
        end: int | None = None,
        tail: bytes = b"",
        fail_on: str = "error",
        **options: Any,
    ) -> pyvips.Image:
        """Return an image whose header alone has been read; it is valid while the file is open.

        Args:
            head: Bytes that replace the first ones of the file.
            end: Where to stop reading the file, instead of at its end.
            tail: Bytes that follow.
            fail_on: The least fault on which libvips gives up.
            options: Other options of the format's loader.

        Raises:
            pyvips.Error: The header is damaged.
        """
        source = _Source(self, head, self.size if end is None else end, tail)
        self._sources.append(source)  # libvips does not hold it, but calls it
        load = getattr(pyvips.Image, f"{self.format.loader}load_source")
        return load(source, access="sequential", fail_on=fail_on, **options)


class _Source(pyvips.SourceCustom):  # type: ignore[misc]  # pyvips has no types
    """Reads a file through its descriptor.

    libvips maps a file that it opens itself, and a mapped file that is truncated meanwhile, or lies
    on a failing disk, kills the process.
    """

    def __init__(self, file: InputFile, head: bytes, end: int, tail: bytes) -> None:
        super().__init__()
        self._file, self._head, self._end, self._tail = file, head, end, tail
        self._at = 0
        self.on_read(self._read)
        self.on_seek(self._seek)

    def _read(self, length: int) -> bytes:
        at, end = self._at, self._end
        if at < len(self._head):
            data = self._head[at : at + length]
        elif at < end:
            try:
                data = os.pread(self._file.file.fileno(), min(length, end - at), at)
            except OSError as error:  # libvips cannot pass it on
                self._file.failure = error
                return b""
        else:
            data = self._tail[at - end : at - end + length]
        self._at += len(data)
        return data

    def _seek(self, offset: int, whence: int) -> int:
        start = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._at,
            io.SEEK_END: self._end + len(self._tail),
        }
        self._at = start[whence] + offset
        return self._at


@contextlib.contextmanager
def opened(path: Path) -> Iterator[InputFile]:
    """Open a picture file, and raise all errors of reading it as a PictureError.

    Raises:
        StorageError: The file is missing or cannot be read.
        PictureError: It is empty, damaged, not a file or of no supported format.
    """
    pyvips.vips_lib.vips_error_clear()  # of the reasons that other files left in it
    try:
        if path.exists() and not path.is_file():
            raise PictureError(path, "it is a folder or a device", "Name a picture file.")
        with path.open("rb") as file:
            input_ = InputFile(path, file, _format_of(path, file))
            try:
                yield input_
            except pyvips.Error as error:
                raise (input_.failure or damaged(path, _reason(error))) from error
    except OSError as error:
        if error.errno is None:  # Pillow's
            raise damaged(path, str(error)) from error
        raise StorageError(path, f"it cannot be read: {error.strerror}") from error


def damaged(path: Path, reason: str) -> PictureError:
    """Return the error for a file that cannot be decoded."""
    detail = f" ({reason})" if reason else ""
    return PictureError(
        path, f"it cannot be read: it is damaged, cut short or of an unsupported kind{detail}"
    )


def _format_of(path: Path, file: BinaryIO) -> Format:
    start = file.read(_START)
    file.seek(0)
    if not start:
        raise PictureError(path, "it is empty", "Copy it again from where it came from.")
    format_ = by_content(start)
    rejected = rejected_by_content(start)
    if rejected:
        raise PictureError(path, f"it is {rejected.name}, which is not supported", rejected.remedy)
    if format_ is None:
        raise PictureError(path, "it is not a supported picture", f"Convert it to {NAMES}.")
    return format_


def _reason(error: pyvips.Error) -> str:
    """Return libvips' reason without its remarks on how a decoder looked for the file's end."""
    lines = (line.strip() for line in error.detail.splitlines())
    return next((line for line in lines if line and "bad seek" not in line), "")
