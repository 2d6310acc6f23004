"""The private folder for clients' pictures, which does not outlive its process for long."""

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "gladsr-serve-"
_NEW = "gladsr-new-"  # until it is locked, so that no other process takes it for abandoned


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only this user can read, and remove it afterwards.

    Folders of earlier processes that were killed are removed first. A living process holds a lock
    on its folder, which the kernel releases when it dies. (Windows has no such locks; there,
    nothing is removed.)
    """
    root = Path(tempfile.gettempdir())
    remove_abandoned(root)
    folder = Path(tempfile.mkdtemp(prefix=_NEW))
    lock = _lock(folder)
    folder = folder.rename(root / f"{PREFIX}{folder.name.removeprefix(_NEW)}")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def remove_abandoned(root: Path) -> None:
    """Remove the folders in ``root`` whose processes have died."""
    for folder in root.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # another process may be removing it
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                continue
            lock = _lock(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder for as long as the returned descriptor is open; None if it is locked."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
