import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gladsr.errors import PlanError
from gladsr.upscaling.files import FilePair
from gladsr.upscaling.plan import plan


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def pairs(*inputs: str, output: str | None, recursive: bool = False) -> dict[str, str]:
    planned = plan(
        [Path(name) for name in inputs],
        None if output is None else Path(output),
        recursive=recursive,
        label="x2",
    )
    return {pair.source.as_posix(): pair.destination.as_posix() for pair in planned.pairs}


def test_one_picture_takes_the_outputs_name():
    make("a.png")
    assert plan([Path("a.png")], Path("b.jpg")).pairs == [FilePair(Path("a.png"), Path("b.jpg"))]


def test_one_picture_into_a_folder_that_exists_keeps_its_name():
    make("a.png", "out/other.png")
    assert pairs("a.png", output="out") == {"a.png": "out/a.png"}


def test_an_output_name_without_a_format_is_rejected():
    make("a.png")
    with pytest.raises(
        PlanError, match=r"out is neither a folder nor the name of a supported file; .*\.png"
    ):
        plan([Path("a.png")], Path("out"))


def test_a_folder_without_selected_pictures_and_one_without_any_differ():
    make("in/a.png", "none/notes.txt")
    with pytest.raises(
        PlanError, match="no pictures in the folder in that --include and --exclude"
    ):
        plan([Path("in")], Path("out"), recursive=True, include=["*.jpg"])
    with pytest.raises(PlanError, match=r"no pictures in the folder none$"):
        plan([Path("none")], Path("out"), recursive=True)


def test_several_pictures_go_into_a_folder():
    make("a.png", "sub/b.jpg")
    expected = {"a.png": "out/a.png", "sub/b.jpg": "out/b.jpg"}
    assert pairs("a.png", "sub/b.jpg", output="out") == expected
    assert pairs("a.png", "sub/b.jpg", "a.png", output="out") == expected


def test_several_pictures_into_a_file_are_rejected():
    make("a.png", "b.png", "out.png")
    with pytest.raises(PlanError, match=r"out\.png is a file"):
        plan([Path("a.png"), Path("b.png")], Path("out.png"))


def test_only_the_pictures_of_a_folder_are_included():
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


def test_other_files_are_counted():
    make("in/a.png", "in/notes.txt", "in/b.doc", "in/.hidden", "in/deep/c.doc")
    assert plan([Path("in")], Path("out")).others == 2
    assert plan([Path("in")], Path("out"), recursive=True).others == 3
    assert plan([Path("in/a.png")], Path("b.png")).others == 0


@pytest.mark.parametrize(
    ("include", "exclude", "taken"),
    [
        (["*.jpg"], [], {"a.jpg", "B.JPG", "deep/c.jpg"}),
        (["A.*"], [], {"a.jpg", "a.png"}),
        (["a.png", "deep/*"], [], {"a.png", "deep/c.jpg"}),
        ([], ["*.JPG"], {"a.png"}),
        (["*.jpg"], ["deep/*", "b*"], {"a.jpg"}),
        (["[ab].???"], [], {"a.jpg", "a.png", "B.JPG"}),
    ],
)
def test_patterns_select_files(include: list[str], exclude: list[str], taken: set[str]):
    make("in/a.jpg", "in/B.JPG", "in/a.png", "in/deep/c.jpg")
    chosen = plan([Path("in")], Path("out"), recursive=True, include=include, exclude=exclude)
    assert {pair.source.relative_to("in").as_posix() for pair in chosen.pairs} == taken
    assert chosen.others == 4 - len(taken)


def test_a_format_can_be_given_for_a_whole_folder():
    make("in/a.jpg", "in/b.tif")
    chosen = plan([Path("in")], Path("out"), suffix=".png")
    assert [pair.destination.name for pair in chosen.pairs] == ["a.png", "b.png"]
    make("in/a.gif")
    with pytest.raises(PlanError, match=r"would both become out/a\.png"):
        plan([Path("in")], Path("out"), suffix=".png")


def test_links_are_followed_but_not_in_circles():
    make("in/deep/a.png", "elsewhere/b.png")
    Path("in/c.png").symlink_to(Path("elsewhere/b.png").resolve())
    Path("in/other").symlink_to(Path("elsewhere").resolve(), target_is_directory=True)
    Path("in/deep/up").symlink_to(Path("in").resolve(), target_is_directory=True)
    Path("in/deep/self").symlink_to(Path("in/deep").resolve(), target_is_directory=True)
    Path("in/round.png").symlink_to("round.png")
    Path("in/broken.png").symlink_to("nowhere.png")
    expected = {f"in/{name}": f"out/{name}" for name in ("c.png", "deep/a.png", "other/b.png")}
    assert pairs("in", output="out", recursive=True) == expected


def test_unusual_names_are_supported():
    names = [
        "ü-日本.png",
        "n" * 251 + ".png",
        " .png",
        "a\nb.png",
        "*.png",
        os.fsdecode(b"\xff.png"),
    ]
    make(*(f"in/{name}" for name in names))
    expected = {f"in/{name}": f"out/{name}" for name in names}
    assert pairs("in", output="out") == expected


def test_a_large_folder_is_listed_once(monkeypatch: pytest.MonkeyPatch):
    make(*(f"in/{number}.png" for number in range(2000)))
    looks: list[Path] = []
    iterdir = Path.iterdir

    def watched(folder: Path) -> Iterator[Path]:
        looks.append(folder)
        return iterdir(folder)

    monkeypatch.setattr(Path, "iterdir", watched)
    assert len(pairs("in", output="out", recursive=True)) == 2000
    assert len(looks) == 1


@pytest.mark.parametrize(("recursive", "hint"), [(False, "--recursive"), (True, "folder in$")])
def test_a_folder_without_pictures_is_rejected(recursive: bool, hint: str):
    make("in/notes.txt")
    with pytest.raises(PlanError, match=hint):
        plan([Path("in")], Path("out"), recursive=recursive)


def test_two_inputs_with_one_output_are_rejected():
    make("one/a.png", "two/a.png")
    with pytest.raises(PlanError, match=r"one/a\.png and two/a\.png would both become out/a\.png"):
        plan([Path("one"), Path("two")], Path("out"))


@pytest.mark.parametrize(("source", "output"), [("a.png", "a.png"), ("in", "in"), ("in", "link")])
def test_an_output_over_an_input_is_rejected(source: str, output: str):
    make("a.png", "in/a.png")
    Path("link").symlink_to("in", target_is_directory=True)
    with pytest.raises(PlanError, match="would be written over the input"):
        plan([Path(source)], Path(output))


def test_a_missing_picture_is_planned_and_fails_when_it_is_read():
    assert pairs("nowhere.png", output="out.png") == {"nowhere.png": "out.png"}


def test_typescript_is_not_a_film():
    make("in/a.png", "in/empty.ts")
    packet = b"G" + bytes(187)
    Path("in/film.ts").write_bytes(packet)
    Path("in/camera.MTS").write_bytes(bytes(4) + packet)
    Path("in/disc.m2ts").write_bytes(bytes(4) + packet)
    Path("in/source.ts").write_text("export const answer = 42;\n")
    Path("in/module.mts").write_text("import { answer } from './source';\n")
    names = ["a.png", "camera.MTS", "disc.m2ts", "film.ts"]
    assert pairs("in", output="out") == {f"in/{name}": f"out/{name}" for name in names}
    assert plan([Path("in")], Path("out")).others == 3


def test_films_of_read_only_formats_become_matroska():
    make("in/a.MP4", "in/b.avi", "in/c.png")
    assert pairs("in", output="out") == {
        "in/a.MP4": "out/a.MP4",
        "in/b.avi": "out/b.mkv",
        "in/c.png": "out/c.png",
    }
    assert pairs("in/b.avi", output="out.mp4") == {"in/b.avi": "out.mp4"}
    make("in/b.mkv")
    with pytest.raises(PlanError, match=r"would both become out/b\.mkv"):
        pairs("in", output="out")


def test_without_an_output_each_input_gets_one_beside_it():
    make("a.png", "sub/b.JPG", "holiday/c.webp", "holiday/deep/d.mp4", "e.avi")
    named = pairs("a.png", "sub/b.JPG", "holiday/", "e.avi", output=None, recursive=True)
    assert named == {
        "a.png": "a-x2.png",
        "sub/b.JPG": "sub/b-x2.JPG",
        "holiday/c.webp": "holiday-x2/c.webp",
        "holiday/deep/d.mp4": "holiday-x2/deep/d.mp4",
        "e.avi": "e-x2.mkv",
    }


def test_without_an_output_the_current_folder_gets_one_beside_it(tmp_path: Path):
    make("in/a.png")
    os.chdir("in")
    assert pairs(".", output=None) == {"a.png": str(tmp_path / "in-x2" / "a.png")}
    with pytest.raises(PlanError, match="name the output for / with --output"):
        plan([Path("/")])


def test_without_an_output_a_format_can_be_given():
    make("a.png", "b")
    chosen = plan([Path("a.png"), Path("b")], label="1920x1080", suffix=".jpg").pairs
    assert [pair.destination.name for pair in chosen] == ["a-1920x1080.jpg", "b-1920x1080.jpg"]
    with pytest.raises(PlanError, match="b-x2 is neither a folder nor the name of a supported"):
        plan([Path("b")], label="x2")
