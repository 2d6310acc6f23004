"""Files that appear complete or not at all. Nothing else in the package writes a file."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that replaces ``path`` only once it is complete.

    Where the operating system supports it, the unfinished file has no name, so that nothing is left
    behind even when the process is killed.

    Raises:
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
            if nameless is not None:
                # A folder's number, though none is needed, has the link in /proc followed.
                os.link(f"/proc/self/fd/{nameless}", temporary, src_dir_fd=nameless)
        temporary.replace(path)
    except OSError as error:
        if error.errno is None:  # such as Pillow's
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
