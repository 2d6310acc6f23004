"""Run the command `gladsr` in a process that may not use a socket.

python offline.py upscale photo.jpg --output large.jpg
"""

import runpy
import sys
from typing import Any


def refuse_sockets(event: str, _arguments: tuple[Any, ...]) -> None:
    """Raise on whatever Python does with a socket, from making one to asking for an address."""
    if event.startswith("socket."):
        raise PermissionError(f"the network was asked for: {event}")


if __name__ == "__main__":
    sys.addaudithook(refuse_sockets)
    runpy.run_module("gladsr", run_name="__main__")
