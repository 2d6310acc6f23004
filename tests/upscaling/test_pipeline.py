"""Many files through a stub in the place of the network: bicubic, or the same picture again."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage
from PIL import Image

from gladsr.errors import (
    EngineError,
    OutputExistsError,
    PictureError,
    SizeError,
    StorageError,
    TooLargeError,
)
from gladsr.pictures import Pages, Picture, WriteOptions, read, read_pages, resize
from gladsr.upscaling import files
from gladsr.upscaling.files import FilePair
from gladsr.upscaling.pipeline import Outcome, Progress, upscale_files
from gladsr.upscaling.plan import plan

PHOTO = skimage.data.astronaut()[:24, 180:212]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()


def twice(picture: Picture, progress: Callable[[float], None], _room: object) -> Picture:
    progress(0.5)
    larger = replace(picture, pixels=resize(picture.pixels, scale=2))
    progress(1)
    return larger


def run(pairs: list[FilePair], **options: Any) -> list[Outcome]:
    return list(upscale_files(pairs, options.pop("upscale", twice), **options))


def make(count: int, suffix: str = ".png") -> list[FilePair]:
    for number in range(count):
        Image.fromarray(np.roll(PHOTO, number, 1)).save(f"in/{number:04}{suffix}")
    return plan([Path("in")], Path("out")).pairs


def names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).rglob("*") if path.is_file())


def test_every_file_becomes_its_own_output():
    pairs = make(5)
    assert run(pairs) == [Outcome(pair) for pair in pairs]
    for number, pair in enumerate(pairs):
        expected = resize(np.roll(PHOTO, number, 1), scale=2)
        np.testing.assert_array_equal(read(pair.destination).pixels, expected)
    assert names("out") == [pair.destination.name for pair in pairs]


def test_pages_and_frames_go_through():
    frames = [Image.fromarray(np.roll(PHOTO, 5 * i, 1)) for i in range(3)]
    frames[0].save("in/a.gif", save_all=True, append_images=frames[1:], duration=[40, 50, 60])
    frames[0].save("in/b.tif", save_all=True, append_images=frames[1:])
    shares: list[tuple[str, float]] = []
    pairs = plan([Path("in")], Path("out")).pairs
    outcomes = run(
        pairs, progress=lambda state: shares.append((state.pair.source.name, state.share))
    )
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert read_pages("out/a.gif").delays == (40, 50, 60)
    for frame, page in zip(frames, read_pages("out/b.tif").pictures, strict=True):
        np.testing.assert_array_equal(page.pixels, resize(np.asarray(frame), scale=2))
    of_tiff = [share for name, share in shares if name == "b.tif"]
    assert of_tiff == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1])


def test_a_bad_file_does_not_affect_the_others():
    pairs = make(4)
    content = pairs[1].source.read_bytes()
    pairs[1].source.write_bytes(content[: len(content) // 2])
    pairs[2].source.write_bytes(b"")
    errors = [outcome.error for outcome in run(pairs)]
    assert [type(error) for error in errors] == [type(None), PictureError, PictureError, type(None)]
    assert str(pairs[1].source) in str(errors[1])
    assert names("out") == ["0000.png", "0003.png"]


def test_an_output_that_cannot_be_written_does_not_affect_the_others():
    pairs = make(3)
    frames = [Image.fromarray(PHOTO)] * 5
    frames[0].save("in/b.tif", save_all=True, append_images=frames[1:])
    pairs[1:1] = [FilePair(Path("in/b.tif"), Path("out/b.jpg"))]  # which holds no pages
    Path("out/0001.png").mkdir(parents=True)  # where no file can be
    errors = [outcome.error for outcome in run(pairs, existing="overwrite")]
    assert "does not hold 5 pages" in str(errors[1])
    assert "Is a directory" in str(errors[2])
    assert (errors[0], errors[3]) == (None, None)
    assert names("out") == ["0000.png", "0002.png"]


def test_no_more_pages_are_upscaled_once_writing_has_failed(monkeypatch: pytest.MonkeyPatch):
    frames = [Image.fromarray(PHOTO)] * 20
    frames[0].save("in/b.tif", save_all=True, append_images=frames[1:])
    calls = []

    def upscale(picture: Picture, progress: Callable[[float], None], room: Any) -> Picture:
        calls.append(picture)
        return twice(picture, progress, room)

    def write(pages: Pages, **_options: object) -> None:
        next(iter(pages.pictures))
        raise PictureError("b.tif", "the disk is full")

    monkeypatch.setattr("gladsr.upscaling.files.write", write)
    (outcome,) = run([FilePair(Path("in/b.tif"), Path("b.tif"))], upscale=upscale)
    assert "the disk is full" in str(outcome.error)
    assert 1 <= len(calls) < 6


@pytest.mark.parametrize("existing", ["reject", "overwrite", "skip"])
def test_an_output_that_exists_is_handled_when_its_input_is_reached(existing: Any):
    pairs = make(3)
    Path("out").mkdir()
    pairs[1].destination.write_bytes(b"another's")
    first, second, third = run(pairs, existing=existing)
    assert (first.error, third.error) == (None, None)
    assert second.skipped == (existing == "skip")
    assert isinstance(second.error, OutputExistsError) == (existing == "reject")
    assert (pairs[1].destination.read_bytes() == b"another's") == (existing != "overwrite")


@pytest.mark.parametrize("existing", ["reject", "overwrite", "skip"])
def test_an_output_that_appears_while_its_input_is_upscaled(existing: Any):
    pairs = make(2)

    def upscale(picture: Picture, progress: Callable[[float], None], room: Any) -> Picture:
        if np.array_equal(picture.pixels, PHOTO):
            pairs[0].destination.write_bytes(b"another's")
        return twice(picture, progress, room)

    first, second = run(pairs, upscale=upscale, existing=existing)
    assert first.skipped == (existing == "skip")
    assert isinstance(first.error, OutputExistsError) == (existing == "reject")
    assert (pairs[0].destination.read_bytes() == b"another's") == (existing != "overwrite")
    assert (second.error, second.skipped) == (None, False)
    assert names("out") == ["0000.png", "0001.png"]


def test_an_error_belongs_to_its_own_file():
    pairs = make(3)
    pairs[1].source.write_bytes(b"damaged")
    Path("out").mkdir()
    pairs[2].destination.write_bytes(b"another's")

    def fail(_picture: Picture, _progress: Callable[[float], None], _room: object) -> Picture:
        raise PictureError("in/0000.png", "the first alone")

    first, second, third = run(pairs, upscale=fail, existing="skip")
    assert str(first.error) == "in/0000.png: the first alone."
    assert str(pairs[1].source) in str(second.error)
    assert (third.error, third.skipped) == (None, True)


def test_upscaling_stops_within_a_picture_whose_output_cannot_be_opened(
    monkeypatch: pytest.MonkeyPatch,
):
    pairs = make(2)
    rejected = threading.Event()

    def write(pages: Pages, path: Path, **options: Any) -> None:
        if path == pairs[0].destination:
            rejected.set()
            raise PermissionError("no entry")
        write_file(pages, path, **options)

    write_file = files.write
    monkeypatch.setattr(files, "write", write)
    finished = []

    def upscale(picture: Picture, progress: Callable[[float], None], room: Any) -> Picture:
        first = np.array_equal(picture.pixels, PHOTO)
        if first:
            assert rejected.wait(20)
            time.sleep(0.1)
        larger = twice(picture, progress, room)
        finished.append(first)
        return larger

    first, second = run(pairs, upscale=upscale)
    assert isinstance(first.error, StorageError)
    assert "no entry" in str(first.error)
    assert second.error is None
    assert finished == [False]


@pytest.mark.parametrize("stage", ["read", "write"])
def test_a_file_too_large_for_the_memory_does_not_affect_the_others(
    stage: str, monkeypatch: pytest.MonkeyPatch
):
    pairs = make(2)
    real = getattr(files, stage)

    def short_of_memory(*args: Any, **options: Any) -> Any:
        if pairs[0] in args or pairs[0].destination in options.values():
            raise MemoryError
        return real(*args, **options)

    monkeypatch.setattr(files, stage, short_of_memory)
    first, second = run(pairs)
    assert isinstance(first.error, TooLargeError)
    assert "too large for this machine's memory" in str(first.error)
    assert second.error is None


def test_an_interrupt_stops_within_a_picture():
    pairs = make(1)
    begun = threading.Event()
    told = []

    def upscale(picture: Picture, progress: Callable[[float], None], _room: object) -> Picture:
        begun.set()
        for share in range(1, 101):
            told.append(share)
            progress(share / 100)
            time.sleep(0.05)
        return picture

    def interrupt() -> None:
        begun.wait(20)
        signal.pthread_kill(main, signal.SIGINT)

    main = threading.main_thread().ident or 0
    thread = threading.Thread(target=interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job has none
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run(pairs, upscale=upscale)
    finally:
        signal.signal(signal.SIGINT, before)
    thread.join()
    assert len(told) < 100


def test_the_progress_of_more_pages_than_were_announced_ends_at_1(
    monkeypatch: pytest.MonkeyPatch,
):
    """A film's number of frames is an estimate."""
    frames = [Image.fromarray(PHOTO)] * 3
    frames[0].save("in/a.tif", save_all=True, append_images=frames[1:])
    read_file = files.read
    monkeypatch.setattr(files, "read", lambda *args: replace(read_file(*args), count=2))
    states: list[Progress] = []
    (outcome,) = run([FilePair(Path("in/a.tif"), Path("a.tif"))], progress=states.append)
    assert [state.share for state in states] == [0.25, 0.5, 0.75, 1, 1, 1]
    assert [state.pages for state in states] == [0, 0, 1, 1, 2, 2]
    assert outcome.pages == 3
    assert 0 <= states[-1].seconds <= outcome.seconds


def test_metadata_can_be_stripped():
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    Image.fromarray(PHOTO).save("in/a.jpg", exif=exif, dpi=(300, 300))
    run([FilePair(Path("in/a.jpg"), Path("a.jpg")), FilePair(Path("in/a.jpg"), Path("b.png"))])
    assert read("a.jpg").exif is not None
    run([FilePair(Path("in/a.jpg"), Path("c.jpg"))], write=WriteOptions(strip_metadata=True))
    stripped = read("c.jpg")
    assert (stripped.exif, stripped.dpi) == (None, None)


def test_files_are_read_and_written_while_another_is_upscaled():
    """Each stage waits for the others to be at work, and would wait for ever if they were not."""
    pairs = make(3)
    second_begun, first_written = threading.Event(), threading.Event()

    def upscale(picture: Picture, progress: Callable[[float], None], room: Any) -> Picture:
        if np.array_equal(picture.pixels, np.roll(PHOTO, 1, 1)):
            second_begun.set()
            assert first_written.wait(20)  # while the second is upscaled
        return twice(picture, progress, room)

    outcomes = upscale_files(pairs, upscale)
    next(outcomes)
    assert second_begun.wait(20)
    assert pairs[0].destination.exists()
    first_written.set()
    assert len(list(outcomes)) == 2


def test_the_number_of_pictures_in_memory_is_bounded():
    pairs = make(30)
    begun, written = 0, 0
    ahead = []

    def upscale(picture: Picture, progress: Callable[[float], None], room: Any) -> Picture:
        nonlocal begun
        begun += 1
        ahead.append(begun - written)
        return twice(picture, progress, room)

    for outcome in upscale_files(pairs, upscale):
        assert outcome.error is None
        time.sleep(0.005)
        written += 1
    assert max(ahead) <= 4


def test_closing_stops_everything_and_leaves_only_complete_files():
    pairs = make(50)
    threads = threading.active_count()
    outcomes = upscale_files(pairs, twice)
    next(outcomes)
    outcomes.close()
    assert threading.active_count() == threads
    written = names("out")
    assert 1 <= len(written) < 10
    for name in written:
        assert read(Path("out") / name).pixels.shape == (48, 64, 3)


@pytest.mark.parametrize("error", [EngineError("no int8 weights"), SizeError("it is too large")])
def test_a_picture_that_cannot_be_upscaled_does_not_affect_the_others(error: Exception):
    def upscale(picture: Picture, progress: Callable[[float], None], room: Any) -> Picture:
        if np.array_equal(picture.pixels, np.roll(PHOTO, 1, 1)):
            raise error
        return twice(picture, progress, room)

    first, second, third = run(make(3), upscale=upscale)
    assert second.error is error
    assert first.error is third.error is None
    assert names("out") == ["0000.png", "0002.png"]


def test_an_error_of_the_upscaler_ends_the_work():
    def fail(_picture: Picture, _progress: Callable[[float], None], _room: object) -> Picture:
        raise RuntimeError("the engine broke")

    threads = threading.active_count()
    with pytest.raises(RuntimeError, match="the engine broke"):
        run(make(3), upscale=fail)
    assert threading.active_count() == threads
    assert names("out") == []


_RUN = """
import signal, sys, time
from pathlib import Path
from dataclasses import replace
from gladsr.upscaling.files import FilePair
from gladsr.upscaling.pipeline import Outcome, Progress, upscale_files
from gladsr.upscaling.plan import plan
from gladsr.pictures import resize

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job begins without it

def upscale(picture, progress, room):
    time.sleep(0.02)
    return replace(picture, pixels=resize(picture.pixels, scale=2))

for outcome in upscale_files(plan([Path("in")], Path("out")).pairs, upscale, existing="skip"):
    print(outcome.pair.source.name, outcome.error, flush=True)
"""


def start() -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", _RUN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_leaves_complete_outputs_and_can_be_repeated(how: signal.Signals):
    pairs = make(40)
    process = start()
    assert process.stdout is not None
    for _ in range(3):
        process.stdout.readline()
    process.send_signal(how)
    process.communicate(timeout=60)
    written = names("out")
    assert 3 <= len(written) < 40
    for name in written:
        assert read(Path("out") / name).pixels.shape == (48, 64, 3)
    again = start()
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert names("out") == [pair.destination.name for pair in pairs]


def test_two_runs_at_once_do_not_interfere():
    pairs = make(40)
    both = [start(), start()]
    for process in both:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert all(line.endswith("None") for line in out.splitlines())
    assert names("out") == [pair.destination.name for pair in pairs]
    for number, pair in enumerate(pairs):
        expected = resize(np.roll(PHOTO, number, 1), scale=2)
        np.testing.assert_array_equal(read(pair.destination).pixels, expected)
