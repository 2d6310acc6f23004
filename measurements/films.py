"""Measure how many frames per second of a small film are upscaled (docs/films.md)."""

import argparse
import tempfile
import time
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import skimage

from gladsr import Encoding, Upscaler

SIZE = (180, 320)


def make(path: Path, frames: int) -> None:
    """Write a film that pans over a photograph."""
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=24, help="frames of the film (default: 24)")
    frames = parser.parse_args().frames
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder, "film.mp4")
        make(film, frames)
        print("| model | codec | frames per second | CPU seconds per frame |\n|---|---|---:|---:|")
        runs = [
            ("gladsr-l", True, Encoding("h264")),
            ("gladsr-l", True, Encoding("hevc")),
            ("gladsr-l", True, Encoding("av1")),
            ("gladsr-l", False, Encoding("h264")),
            ("gladsr", False, Encoding("h264")),
        ]
        for model, draft, encoding in runs:
            upscaler = Upscaler(model, draft=draft)
            upscaler(
                np.zeros((*SIZE, 3), np.uint8)
            )  # compiles the network before the timing starts
            stamps, start = [time.perf_counter()], time.process_time()
            upscaler.save(
                film,
                Path(folder, f"{model}-{draft}-{encoding.codec}.mp4"),
                encoding=encoding,
                progress=partial(_stamp, stamps),
            )
            cpu = (time.process_time() - start) / frames
            rate = 1 / np.median(np.diff(stamps))
            name = f"{model}{' --draft' if draft else ''}"
            print(f"| {name} | {encoding.codec} | {rate:.2f} | {cpu:.2f} |", flush=True)


if __name__ == "__main__":
    main()
