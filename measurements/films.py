"""Measure how many frames a second a small film takes: the figures of films.md.

python measurements/films.py [FRAMES]
"""

import sys
import tempfile
import time
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import skimage

from gladsr import Encoding, Upscaler
from gladsr.films.encoders import Codec

SIZE = (180, 320)


def make(path: Path, frames: int) -> None:
    """Write a film: a photograph that is panned over."""
    photo = np.tile(skimage.data.astronaut(), (1, 2, 1))
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", 25, width=SIZE[1], height=SIZE[0])
        for number in range(frames):
            view = photo[60 : 60 + SIZE[0], 2 * number : 2 * number + SIZE[1]]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(view), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))


def _stamp(stamps: list[float], _share: float) -> None:
    stamps.append(time.perf_counter())


def main() -> None:
    """Print a table."""
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder, "film.mp4")
        make(film, frames)
        print("| model | codec | frames a second | seconds of CPU a frame |\n|---|---|---:|---:|")
        runs: list[tuple[str, bool, Codec]] = [
            ("gladsr-l", True, "h264"),
            ("gladsr-l", True, "hevc"),
            ("gladsr-l", True, "av1"),
            ("gladsr-l", False, "h264"),
            ("gladsr", False, "h264"),
        ]
        for model, draft, codec in runs:
            upscaler = Upscaler(model, draft=draft)
            upscaler(np.zeros((*SIZE, 3), np.uint8))  # compiled before it is timed
            stamps, cpu = [time.perf_counter()], time.process_time()
            upscaler.save(
                film,
                Path(folder, f"{model}-{draft}-{codec}.mp4"),
                encoding=Encoding(codec),
                progress=partial(_stamp, stamps),
            )
            rate, cpu = 1 / np.median(np.diff(stamps)), (time.process_time() - cpu) / frames
            name = f"{model}{' --draft' if draft else ''}"
            print(f"| {name} | {codec} | {rate:.2f} | {cpu:.2f} |", flush=True)


if __name__ == "__main__":
    main()
