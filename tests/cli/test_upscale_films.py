"""Films through the command, with the fast model and its draft."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from gladsr import Upscaler
from gladsr.cli import main
from gladsr.films import formats
from tests.films.made import PHOTO, TIMES, decoded, make, packets, times

FAST = ["--model", "gladsr-l", "--draft", "--threads", "1"]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def files(folder: str = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_a_film(capsys: pytest.CaptureFixture[str]):
    make("in.mp4", sound="aac", metadata={"title": "A film"})
    assert main(["upscale", "in.mp4", "-o", "out.mp4", *FAST]) == 0
    assert times("out.mp4") == times("in.mp4")
    sound = packets("in.mp4", "audio")
    assert packets("out.mp4", "audio") == sound
    sr = Upscaler("gladsr-l", draft=True, threads=1)
    for small, large in zip(decoded("in.mp4"), decoded("out.mp4"), strict=True):
        expected = sr(small.to_ndarray(format="rgb24")).astype(int)
        assert np.abs(large.to_ndarray(format="rgb24") - expected).mean() < 5
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"gladsr: out.mp4: {len(TIMES)} frames, ")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "size", "codec"),
    [
        (["--scale", "3"], (192, 144), "h264"),
        (["--scale", "1.3"], (82, 62), "h264"),
        (["--size", "100x"], (100, 74), "h264"),
        (["--tile", "16", "--codec", "hevc", "--preset", "ultrafast"], (128, 96), "hevc"),
        (["--codec", "av1", "--crf", "40", "--preset", "12"], (128, 96), "av1"),
        (["--engine", "onnxruntime"], (128, 96), "h264"),
    ],
    ids=str,
)
def test_the_options(arguments: list[str], size: tuple[int, int], codec: str):
    make("in.mp4", [PHOTO] * 3)
    assert main(["upscale", "in.mp4", "-o", "out.mp4", *FAST, *arguments]) == 0
    with av.open("out.mp4") as out:
        stream = out.streams.video[0]
        assert (stream.width, stream.height) == size
        assert stream.codec_context.codec.canonical_name == codec
    assert len(decoded("out.mp4")) == 3


@pytest.mark.parametrize("turn", [1, -1])
def test_a_size_is_that_of_the_displayed_film(turn: int):
    matrix = (0, turn << 16, 0, -turn << 16, 0, 0, 0, 0, 1 << 30)
    make("in.mp4", [PHOTO] * 2, display_matrix=matrix)  # 64×48, shown as 48×64
    assert main(["upscale", "in.mp4", "-o", "out.mp4", *FAST, "--size", "96x128"]) == 0
    (frame, _) = decoded("out.mp4")
    assert (frame.width, frame.height, abs(frame.rotation)) == (128, 96, 90)


def test_without_an_output_a_film_gets_one_beside_it():
    make("in.mp4", [PHOTO] * 2)
    assert main(["upscale", "in.mp4", *FAST]) == 0
    assert {frame.width for frame in decoded("in-x2.mp4")} == {128}


def mixed_folder() -> None:
    Path("in").mkdir()
    Image.fromarray(PHOTO).save("in/a.png")
    make("in/b.mp4", [PHOTO] * 3)
    make(
        "in/c.avi",
        [PHOTO] * 3,
        codec="mjpeg",
        pixels="yuvj420p",
        color_range=2,
        times=[0, 1, 2],
        time_base=Fraction(1, 25),
    )
    Path("in/d.mkv").write_bytes(b"no film")
    Path("in/notes.txt").write_text("neither")


def test_films_in_a_folder(capsys: pytest.CaptureFixture[str]):
    mixed_folder()
    assert main(["upscale", "in", "-o", "out", *FAST]) == 1
    assert files("out") == ["a.png", "b.mp4", "c.mkv"]
    assert {frame.width for frame in (*decoded("out/b.mp4"), *decoded("out/c.mkv"))} == {128}
    errors = capsys.readouterr().err
    assert "in/d.mkv: it is not a film" in errors
    assert "1 file ignored" in errors
    assert "1 of 4 files failed" in errors


def test_the_formats_of_films_and_pictures_are_chosen_separately():
    mixed_folder()
    Path("in/d.mkv").unlink()
    assert main(["upscale", "in", "-o", "films", "--format", "mov", *FAST]) == 0
    assert files("films") == ["a.png", "b.mov", "c.mov"]
    assert (
        main(["upscale", "in", "-o", "jpegs", "--format", "jpg", "--exclude", "*.avi", *FAST]) == 0
    )
    assert files("jpegs") == ["a.jpg", "b.mp4"]


def test_without_pyav_films_in_a_folder_are_skipped_and_one_line_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(formats, "is_installed", lambda: False)
    mixed_folder()
    assert main(["upscale", "in", "-o", "out", *FAST]) == 0
    assert files("out") == ["a.png"]
    assert capsys.readouterr().err == (
        'gladsr: films are skipped; to upscale them: pip install "gladsr[video]"\n'
        "gladsr: 4 files ignored\n"
    )
    assert main(["upscale", "in", "-o", "other", "--include", "*.mp4", *FAST]) == 2
    assert 'no pictures in the folder in; for its films: pip install "gladsr[video]"' in (
        capsys.readouterr().err
    )


def test_without_pyav_a_film_is_rejected_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    make("in.mp4", [PHOTO] * 3)
    monkeypatch.setitem(sys.modules, "av", None)
    assert main(["upscale", "in.mp4", "-o", "out.mp4", *FAST]) == 2
    assert capsys.readouterr().err == (
        'gladsr: av is not installed; install it with: pip install "gladsr[video]"\n'
    )
    assert files() == ["in.mp4"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in.mp4", "-o", "out.png"], "out.png is a picture's name, but in.mp4 is a film"),
        (["a.png", "-o", "out.mp4"], "out.mp4 is a film's name, but a.png is a picture"),
        (["in.mp4", "-o", "out.avi"], "out.avi is neither a folder nor"),
        (["in.mp4", "-o", "out.mp4", "--codec", "divx"], "--codec"),
        (["in.mp4", "-o", "out.mp4", "--codec", "av1", "--preset", "slow"], "av1 has no preset"),
        (["in.mp4", "-o", "out.mp4", "--codec", "h264", "--crf", "60"], "0 to 51"),
    ],
    ids=str,
)
def test_wrong_arguments_are_rejected_with_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    make("in.mp4", [PHOTO] * 3)
    Image.fromarray(PHOTO).save("a.png")
    assert main(["upscale", *arguments, *FAST]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert files() == ["a.png", "in.mp4"]


def test_a_film_that_is_large_enough_is_named(capsys: pytest.CaptureFixture[str]):
    make("in.mp4", [PHOTO] * 3)
    assert main(["upscale", "in.mp4", "-o", "out.mp4", "--size", "50x50", *FAST]) == 1
    assert "in.mp4: it has 64x48 pixels: 50x50 would not make it larger" in (
        capsys.readouterr().err
    )
    assert main(["upscale", "in.mp4", "-o", "out.mp4", "--max-input-pixels", "3000", *FAST]) == 1
    assert "its frames have 64 × 48 pixels, more than the limit of 3,000" in capsys.readouterr().err
    assert files() == ["in.mp4"]


def start(arguments: list[str]) -> "subprocess.Popen[str]":
    # A background job begins without Ctrl-C.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from gladsr.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", code, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def writes(pid: int) -> bool:
    """Return whether a process has begun to write a file in this folder, named or not."""
    with contextlib.suppress(OSError):
        return any(
            file.readlink().parent == Path.cwd()
            and file.readlink().name != "in.mp4"
            and file.stat().st_size > 0
            for file in Path(f"/proc/{pid}/fd").iterdir()
        )
    return False


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_film_leaves_nothing_and_can_be_repeated(how: signal.Signals):
    make(
        "in.mp4",
        [np.roll(PHOTO, i, 1) for i in range(250)],
        times=[40 * i for i in range(250)],
        sound="aac",
    )
    process = start(["upscale", "in.mp4", "-o", "out.mp4", *FAST])
    deadline = time.monotonic() + 60
    while not writes(process.pid):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in errors
    assert files() == ["in.mp4"]


def test_a_full_disk_is_reported_and_leaves_nothing():
    make("in.mp4", sound="aac")
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000));"
        "from gladsr.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    run = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", code, "upscale", "in.mp4", "-o", "out.mp4", *FAST],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr == (
        "gladsr: out.mp4: it cannot be written (File too large).\ngladsr: 1 of 1 file failed\n"
    )
    assert files() == ["in.mp4"]
