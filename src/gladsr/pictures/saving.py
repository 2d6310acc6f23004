"""Images of libvips saved to a file, as they are or with other first bytes."""

from collections.abc import Callable
from typing import Any, BinaryIO

import pyvips  # type: ignore[import-untyped]  # it ships stubs, but does not mark them


def save(image: pyvips.Image, file: BinaryIO, suffix: str, **options: Any) -> None:
    """Save an image in the format of a suffix, with options for libvips."""
    target = pyvips.Target.new_to_descriptor(file.fileno())
    image.write_to_target(target, suffix, **options)


def save_with_head(
    image: pyvips.Image,
    file: BinaryIO,
    suffix: str,
    rewrite: Callable[[bytes], bytes | None],
    **options: Any,
) -> None:
    """Save an image, replacing the first bytes of the file on the way.

    Args:
        image: The image.
        file: The file to write.
        suffix: The suffix of the format.
        rewrite: Called with the first bytes; returns their replacement, or None if it needs more.
        options: Options for libvips.
    """
    held: bytearray | None = bytearray()
    failure: OSError | None = None

    def on_write(chunk: bytes) -> int:
        nonlocal held, failure
        data: bytes | None = bytes(chunk)
        if held is not None:
            held += chunk
            data = rewrite(bytes(held))
            if data is not None:
                held = None
        try:
            file.write(data or b"")
        except OSError as error:  # libvips cannot pass it on
            failure = error
            return -1
        return len(chunk)

    target = pyvips.TargetCustom()
    target.on_write(on_write)
    try:
        image.write_to_target(target, suffix, **options)
    except pyvips.Error:
        if failure:
            raise failure from None
        raise
