from pathlib import Path

import pytest

from gladsr.upscaling.folders import Job, PlanError, plan


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def pairs(*inputs: str, output: str, recursive: bool = False) -> dict[str, str]:
    jobs = plan([Path(name) for name in inputs], Path(output), recursive=recursive)
    return {job.source.as_posix(): job.destination.as_posix() for job in jobs}


def test_one_picture_takes_the_outputs_name():
    make("a.png")
    assert plan([Path("a.png")], Path("b.jpg")) == [Job(Path("a.png"), Path("b.jpg"))]


def test_one_picture_into_a_folder_that_exists_keeps_its_name():
    make("a.png", "out/other.png")
    assert pairs("a.png", output="out") == {"a.png": "out/a.png"}


def test_one_picture_into_a_name_without_a_format_is_refused():
    make("a.png")
    with pytest.raises(PlanError, match=r"out is neither a folder nor a picture's name; .*\.png"):
        plan([Path("a.png")], Path("out"))


def test_several_pictures_go_into_a_folder():
    make("a.png", "sub/b.jpg")
    expected = {"a.png": "out/a.png", "sub/b.jpg": "out/b.jpg"}
    assert pairs("a.png", "sub/b.jpg", output="out") == expected
    assert pairs("a.png", "sub/b.jpg", "a.png", output="out") == expected


def test_several_pictures_into_a_file_are_refused():
    make("a.png", "b.png", "out.png")
    with pytest.raises(PlanError, match=r"out\.png is a file"):
        plan([Path("a.png"), Path("b.png")], Path("out.png"))


def test_a_folder_gives_its_pictures_and_nothing_else():
    make("in/b.JPG", "in/a.png", "in/notes.txt", "in/.hidden.png", "in/deep/c.webp")
    assert pairs("in", output="out") == {"in/a.png": "out/a.png", "in/b.JPG": "out/b.JPG"}


def test_a_folder_keeps_its_structure():
    make("in/a.png", "in/deep/er/c.webp", "in/.thumbnails/a.png")
    expected = {"in/a.png": "out/a.png", "in/deep/er/c.webp": "out/deep/er/c.webp"}
    assert pairs("in", output="out", recursive=True) == expected


def test_the_outputs_of_an_earlier_run_inside_the_folder_are_not_inputs():
    make("in/a.png", "in/x2/a.png")
    assert pairs("in", output="in/x2", recursive=True) == {"in/a.png": "in/x2/a.png"}


def test_a_folder_inside_the_output_is_an_input():
    make("out/in/a.png")
    assert pairs("out/in", output="out") == {"out/in/a.png": "out/a.png"}


@pytest.mark.parametrize(("recursive", "hint"), [(False, "--recursive"), (True, "folder in$")])
def test_a_folder_without_pictures_is_refused(recursive: bool, hint: str):
    make("in/notes.txt")
    with pytest.raises(PlanError, match=hint):
        plan([Path("in")], Path("out"), recursive=recursive)


def test_two_inputs_with_one_output_are_refused():
    make("one/a.png", "two/a.png")
    with pytest.raises(PlanError, match=r"one/a\.png and two/a\.png would both become out/a\.png"):
        plan([Path("one"), Path("two")], Path("out"))


@pytest.mark.parametrize(("source", "output"), [("a.png", "a.png"), ("in", "in"), ("in", "link")])
def test_an_output_over_an_input_is_refused(source: str, output: str):
    make("a.png", "in/a.png")
    Path("link").symlink_to("in", target_is_directory=True)
    with pytest.raises(PlanError, match="would be written over the input"):
        plan([Path(source)], Path(output))


def test_a_missing_picture_is_planned_so_that_reading_it_can_fail_by_name():
    assert pairs("nowhere.png", output="out.png") == {"nowhere.png": "out.png"}
