"""The user's folders for compiled models and for weights in 8 bits."""

import os
import sys
from pathlib import Path
from typing import Literal


def cache_folder(content: Literal["openvino", "int8"]) -> Path | None:
    """Return a folder of the user's, made if need be; None if it cannot be written.

    What is in it may be deleted at any time: models that OpenVINO compiled, which it finds by
    their content and settings and else compiles again, or weights in 8 bits, which `gladsr export
    --calibrate` makes again.
    """
    try:
        folder = _of_user() / "gladsr" / content
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None
    return folder if os.access(folder, os.W_OK) else None


def _of_user() -> Path:
    """Return where this system's users have their caches, or where they want them."""
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path.home() / ".cache"
