"""Files that appear complete or not at all. Nothing else in the package writes a file."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gladsr.errors import OutputExistsError


@contextlib.contextmanager
def atomic_write(path: Path, *, overwrite: bool = True) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under ``path`` only once it is complete and on the disk.

    Where the operating system supports it, the unfinished file has no name, so that nothing is left
    behind even when the process is killed.

    Args:
        path: The file.
        overwrite: Replace a file of this name, even one that appears during the writing.

    Raises:
        OutputExistsError: There is such a file, and it is not to be overwritten.
        OSError: The file cannot be written. The error names ``path``, never the temporary name.
    """
    temporary = path.with_name(f".gladsr-{secrets.token_hex(8)}.tmp")
    try:
        nameless = os.open(path.parent, os.O_TMPFILE | os.O_RDWR, 0o666)
    except (AttributeError, OSError):  # not Linux, or a file system without it
        nameless = None
    try:
        with temporary.open("x+b") if nameless is None else os.fdopen(nameless, "r+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if nameless is not None:
                # Any descriptor for src_dir_fd makes Python follow the link in /proc.
                os.link(f"/proc/self/fd/{nameless}", temporary, src_dir_fd=nameless)
        if overwrite:
            temporary.replace(path)
        else:
            _rename_to_new(temporary, path)
        _sync_folder(path.parent)
    except OutputExistsError:
        raise
    except OSError as error:
        if error.errno is None:  # such as Pillow's
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _rename_to_new(temporary: Path, path: Path) -> None:
    """Rename a file unless there is one of the new name; the old name may remain."""
    try:
        os.link(temporary, path)
    except FileExistsError as error:
        raise OutputExistsError(path, "it exists already") from error
    except OSError as error:  # a file system without hard links
        if path.exists():
            raise OutputExistsError(path, "it exists already") from error
        temporary.rename(path)


def _sync_folder(folder: Path) -> None:
    """Have the system write a folder's entries to the disk."""
    with contextlib.suppress(AttributeError, OSError):  # Windows, or a file system without it
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
