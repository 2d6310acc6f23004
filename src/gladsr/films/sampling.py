"""A few frames of a film, as a sample of its quality."""

from pathlib import Path
from typing import Any

import av
from numpy.typing import NDArray

from gladsr.films.streams import main_video, open_film


def sample_frames(path: Path, count: int = 3) -> list[NDArray[Any]]:
    """Decode key frames that are spread evenly over a film.

    Args:
        path: The film.
        count: The number of frames.

    Returns:
        Frames of H×W×3, RGB in 8 bits, as they are stored; fewer where some cannot be decoded.

    Raises:
        PictureError: The file is missing, may not be read, or is not a film.
    """
    frames = []
    with open_film(path) as container:
        stream = main_video(container)
        for number in range(count if stream and container.duration else 1):
            try:
                if container.duration:
                    container.seek(container.duration * (2 * number + 1) // (2 * count))
                frame = next(container.decode(stream), None) if stream else None
            except av.FFmpegError:
                continue
            if frame is not None:
                frames.append(frame.to_ndarray(format="rgb24"))
    return frames
