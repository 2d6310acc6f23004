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

from gladsr.errors import EngineError, PictureError
from gladsr.pictures import Pages, Picture, WriteOptions, read, read_pages, resize
from gladsr.upscaling import files
from gladsr.upscaling.batch import Outcome, progress_of_page, upscale_files
from gladsr.upscaling.folders import Job, plan

PHOTO = skimage.data.astronaut()[:24, 180:212]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()


def twice(picture: Picture, progress: Callable[[float], None], _destination: Path) -> Picture:
    progress(0.5)
    larger = replace(picture, pixels=resize(picture.pixels, scale=2))
    progress(1)
    return larger


def run(jobs: list[Job], **options: Any) -> list[Outcome]:
    return list(upscale_files(jobs, options.pop("upscale", twice), **options))


def make(count: int, suffix: str = ".png") -> list[Job]:
    for number in range(count):
        Image.fromarray(np.roll(PHOTO, number, 1)).save(f"in/{number:04}{suffix}")
    return plan([Path("in")], Path("out")).jobs


def names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).rglob("*") if path.is_file())


def test_every_file_becomes_its_own_output():
    jobs = make(5)
    assert run(jobs) == [Outcome(job) for job in jobs]
    for number, job in enumerate(jobs):
        expected = resize(np.roll(PHOTO, number, 1), scale=2)
        np.testing.assert_array_equal(read(job.destination).pixels, expected)
    assert names("out") == [job.destination.name for job in jobs]


def test_pages_and_frames_go_through():
    frames = [Image.fromarray(np.roll(PHOTO, 5 * i, 1)) for i in range(3)]
    frames[0].save("in/a.gif", save_all=True, append_images=frames[1:], duration=[40, 50, 60])
    frames[0].save("in/b.tif", save_all=True, append_images=frames[1:])
    shares: list[tuple[str, float]] = []
    jobs = plan([Path("in")], Path("out")).jobs
    outcomes = run(jobs, progress=lambda job, share: shares.append((job.source.name, share)))
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert read_pages("out/a.gif").delays == (40, 50, 60)
    for frame, page in zip(frames, read_pages("out/b.tif").pictures, strict=True):
        np.testing.assert_array_equal(page.pixels, resize(np.asarray(frame), scale=2))
    of_tiff = [share for name, share in shares if name == "b.tif"]
    assert of_tiff == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1])


def test_one_bad_file_does_not_keep_the_others_from_it():
    jobs = make(4)
    content = jobs[1].source.read_bytes()
    jobs[1].source.write_bytes(content[: len(content) // 2])
    jobs[2].source.write_bytes(b"")
    errors = [outcome.error for outcome in run(jobs)]
    assert [type(error) for error in errors] == [type(None), PictureError, PictureError, type(None)]
    assert str(jobs[1].source) in str(errors[1])
    assert names("out") == ["0000.png", "0003.png"]


def test_an_output_that_cannot_be_written_does_not_either():
    jobs = make(3)
    frames = [Image.fromarray(PHOTO)] * 5
    frames[0].save("in/b.tif", save_all=True, append_images=frames[1:])
    jobs[1:1] = [Job(Path("in/b.tif"), Path("out/b.jpg"))]  # which holds no pages
    Path("out/0001.png").mkdir(parents=True)  # where no file can be
    errors = [outcome.error for outcome in run(jobs, existing="replace")]
    assert "does not hold 5 pages" in str(errors[1])
    assert "Is a directory" in str(errors[2])
    assert (errors[0], errors[3]) == (None, None)
    assert names("out") == ["0000.png", "0002.png"]


def test_no_more_pages_are_upscaled_when_they_cannot_be_written(monkeypatch: pytest.MonkeyPatch):
    frames = [Image.fromarray(PHOTO)] * 20
    frames[0].save("in/b.tif", save_all=True, append_images=frames[1:])
    calls = []

    def upscale(picture: Picture, progress: Callable[[float], None], destination: Path) -> Picture:
        calls.append(picture)
        return twice(picture, progress, destination)

    def write(pages: Pages, _destination: Path, **_options: object) -> None:
        next(iter(pages.pictures))
        raise PictureError("the disk is full")

    monkeypatch.setattr("gladsr.upscaling.files.write", write)
    (outcome,) = run([Job(Path("in/b.tif"), Path("b.tif"))], upscale=upscale)
    assert "the disk is full" in str(outcome.error)
    assert 1 <= len(calls) < 6


@pytest.mark.parametrize("existing", ["refuse", "replace", "skip"])
def test_what_exists_is_asked_for_when_its_turn_comes(existing: Any):
    jobs = make(3)
    Path("out").mkdir()
    jobs[1].destination.write_bytes(b"another's")
    first, second, third = run(jobs, existing=existing)
    assert (first.error, third.error) == (None, None)
    assert second.skipped == (existing == "skip")
    assert isinstance(second.error, FileExistsError) == (existing == "refuse")
    assert (jobs[1].destination.read_bytes() == b"another's") == (existing != "replace")


def test_an_error_is_of_its_own_file_alone():
    jobs = make(3)
    jobs[1].source.write_bytes(b"damaged")
    Path("out").mkdir()
    jobs[2].destination.write_bytes(b"another's")

    def fail(_picture: Picture, _progress: Callable[[float], None], _to: Path) -> Picture:
        raise PictureError("the first alone")

    first, second, third = run(jobs, upscale=fail, existing="skip")
    assert str(first.error) == "the first alone"
    assert str(jobs[1].source) in str(second.error)
    assert (third.error, third.skipped) == (None, True)


def test_a_picture_is_given_up_in_its_midst_when_its_output_cannot_be_opened(
    monkeypatch: pytest.MonkeyPatch,
):
    jobs = make(2)
    refused = threading.Event()

    def write(pages: Pages, destination: Path, **options: Any) -> None:
        if destination == jobs[0].destination:
            refused.set()
            raise PermissionError("no entry")
        write_file(pages, destination, **options)

    write_file = files.write
    monkeypatch.setattr(files, "write", write)
    finished = []

    def upscale(picture: Picture, progress: Callable[[float], None], destination: Path) -> Picture:
        if destination == jobs[0].destination:
            assert refused.wait(20)
            time.sleep(0.1)
        larger = twice(picture, progress, destination)
        finished.append(destination)
        return larger

    first, second = run(jobs, upscale=upscale)
    assert isinstance(first.error, PermissionError)
    assert second.error is None
    assert finished == [jobs[1].destination]


@pytest.mark.parametrize("stage", ["read", "write"])
def test_too_little_memory_for_a_file_does_not_keep_the_others_from_it(
    stage: str, monkeypatch: pytest.MonkeyPatch
):
    jobs = make(2)
    real = getattr(files, stage)

    def short_of_memory(*args: Any, **options: Any) -> Any:
        if jobs[0].destination in args:
            raise MemoryError
        return real(*args, **options)

    monkeypatch.setattr(files, stage, short_of_memory)
    first, second = run(jobs)
    assert isinstance(first.error, PictureError)
    assert "too large for this machine's memory" in str(first.error)
    assert second.error is None


def test_an_interrupt_stops_in_the_midst_of_a_picture():
    jobs = make(1)
    begun = threading.Event()
    told = []

    def upscale(picture: Picture, progress: Callable[[float], None], _to: Path) -> Picture:
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
            run(jobs, upscale=upscale)
    finally:
        signal.signal(signal.SIGINT, before)
    thread.join()
    assert len(told) < 100


def test_the_progress_of_more_pages_than_were_foretold_ends_at_1():
    shares: list[float] = []
    for page in range(3):
        progress_of_page(shares.append, page, 2)(1)
    assert shares == [0.5, 1, 1]


def test_metadata_can_be_left_out():
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    Image.fromarray(PHOTO).save("in/a.jpg", exif=exif, dpi=(300, 300))
    run([Job(Path("in/a.jpg"), Path("a.jpg")), Job(Path("in/a.jpg"), Path("b.png"))])
    assert read("a.jpg").exif is not None
    run([Job(Path("in/a.jpg"), Path("c.jpg"))], writing=WriteOptions(strip_metadata=True))
    stripped = read("c.jpg")
    assert (stripped.exif, stripped.dpi) == (None, None)


def test_the_next_is_read_and_the_last_written_while_one_is_upscaled():
    """Each stage waits for the others to be at work, and would wait for ever if they were not."""
    jobs = make(3)
    second_begun, first_written = threading.Event(), threading.Event()

    def upscale(picture: Picture, progress: Callable[[float], None], destination: Path) -> Picture:
        if np.array_equal(picture.pixels, np.roll(PHOTO, 1, 1)):
            second_begun.set()
            assert first_written.wait(20)  # while the second is upscaled
        return twice(picture, progress, destination)

    outcomes = upscale_files(jobs, upscale)
    next(outcomes)
    assert second_begun.wait(20)
    assert jobs[0].destination.exists()
    first_written.set()
    assert len(list(outcomes)) == 2


def test_few_pictures_are_in_memory_however_many_there_are():
    jobs = make(30)
    begun, written = 0, 0
    ahead = []

    def upscale(picture: Picture, progress: Callable[[float], None], destination: Path) -> Picture:
        nonlocal begun
        begun += 1
        ahead.append(begun - written)
        return twice(picture, progress, destination)

    for outcome in upscale_files(jobs, upscale):
        assert outcome.error is None
        time.sleep(0.005)
        written += 1
    assert max(ahead) <= 4


def test_leaving_early_stops_everything_and_leaves_only_whole_files():
    jobs = make(50)
    threads = threading.active_count()
    outcomes = upscale_files(jobs, twice)
    next(outcomes)
    outcomes.close()
    assert threading.active_count() == threads
    written = names("out")
    assert 1 <= len(written) < 10
    for name in written:
        assert read(Path("out") / name).pixels.shape == (48, 64, 3)


def test_what_an_engine_cannot_do_for_a_picture_does_not_keep_the_others_from_it():
    def upscale(picture: Picture, progress: Callable[[float], None], to: Path) -> Picture:
        if to.stem == "0001":
            raise EngineError("gladsr has no int8 weights at ×3")
        return twice(picture, progress, to)

    first, second, third = run(make(3), upscale=upscale)
    assert str(second.error) == "in/0001.png is not upscaled: gladsr has no int8 weights at ×3."
    assert first.error is third.error is None
    assert names("out") == ["0000.png", "0002.png"]


def test_an_error_of_the_upscaler_ends_the_work():
    def fail(_picture: Picture, _progress: Callable[[float], None], _to: Path) -> Picture:
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
from gladsr.upscaling.batch import upscale_files
from gladsr.upscaling.folders import plan
from gladsr.pictures import resize

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job begins without it

def upscale(picture, progress, destination):
    time.sleep(0.02)
    return replace(picture, pixels=resize(picture.pixels, scale=2))

for outcome in upscale_files(plan([Path("in")], Path("out")).jobs, upscale, existing="skip"):
    print(outcome.job.source.name, outcome.error, flush=True)
"""


def start() -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", _RUN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_what_is_killed_leaves_whole_outputs_and_can_be_run_again(how: signal.Signals):
    jobs = make(40)
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
    assert names("out") == [job.destination.name for job in jobs]


def test_two_runs_at_once_harm_nothing():
    jobs = make(40)
    both = [start(), start()]
    for process in both:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert all(line.endswith("None") for line in out.splitlines())
    assert names("out") == [job.destination.name for job in jobs]
    for number, job in enumerate(jobs):
        expected = resize(np.roll(PHOTO, number, 1), scale=2)
        np.testing.assert_array_equal(read(job.destination).pixels, expected)
