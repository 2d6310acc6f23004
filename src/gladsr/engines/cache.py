"""The user's folders for compiled models and for weights in 8 bits."""

import os
from pathlib import Path
from typing import Literal

import platformdirs


def cache_folder(content: Literal["openvino", "int8"]) -> Path | None:
    """Return a cache folder of the user, created if need be; None if it is not writable.

    Its content may be deleted at any time: OpenVINO compiles models again that it does not find
    there, and `gladsr export --calibrate` writes weights in 8 bits again. XDG_CACHE_HOME sets the
    folder on every system.
    """
    chosen = os.environ.get("XDG_CACHE_HOME")
    try:
        caches = (
            Path(chosen, "gladsr")
            if chosen
            else platformdirs.user_cache_path("gladsr", appauthor=False)
        )
        folder = caches / content
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None
    return folder if os.access(folder, os.W_OK) else None
