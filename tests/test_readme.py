"""The README and the pages for users are true: their commands run and their figures are ours."""

import re
import shlex
import subprocess
import sys
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import skimage
import typer
from packaging.requirements import Requirement
from PIL import Image

from gladsr import cli, zoo
from gladsr.rivals.published import TABLE_2

ROOT = Path(__file__).parents[1]
PAGES = [
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "measurements/*.md")
    for path in sorted(ROOT.glob(pattern))
]
FOR_USERS = (
    "README.md",
    "docs/install.md",
    "docs/pictures.md",
    "docs/command.md",
    "docs/python.md",
    "docs/films.md",
    "docs/benchmark.md",
)
"""The pages whose examples are run."""

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOT_RUN = ("train", "export", "reproduce", "benchmark", "serve")
"""Commands that take long or do not end: only their command lines are parsed."""


def _text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def _examples(language: str) -> list[Any]:
    fence = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [
        pytest.param(code, id=f"{page}-{number}")
        for page in FOR_USERS
        for number, code in enumerate(fence.findall(_text(page)), 1)
    ]


README = _text("README.md")
SCORE = r" ([\d.]+) \([\d.]+\) \|"  # ours, and the paper's in brackets
ROW = re.compile(rf"^\| ×(\d) \| (gladsr\S*) \|{SCORE * 3}$", re.MULTILINE)
ROWS = [(name, int(scale), scores) for scale, name, *scores in ROW.findall(README)]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the files that the pages' examples name, as small as they can be, and go there."""
    monkeypatch.chdir(tmp_path)
    photo = skimage.data.astronaut()
    for name in ("photo.jpg", "old.jpg", "other.png", "holiday/a.jpg", "holiday/more/b.jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo[100:108, :240]).save(name)
    for folder in ("Set5", "Set14", "B100"):
        Path(folder).mkdir()
        Image.fromarray(photo[:48, :48]).save(f"{folder}/a.png")
    for number, name in enumerate(("bicubic.png", "gladsr.png", "original.png")):
        Image.fromarray(photo[number : 96 + number, :96]).save(name)
    for name in ("film.mp4", "film.mkv", "old.avi"):
        _write_film(name)
    return tmp_path


def _write_film(name: str) -> None:
    with av.open(name, "w") as film:
        video = film.add_stream("mpeg4" if name.endswith(".avi") else "libx264", 25)
        video.width, video.height, video.pix_fmt = 32, 18, "yuv420p"
        for number in range(4):  # x265 makes timestamps up for one or two frames
            frame = av.VideoFrame.from_ndarray(np.full((18, 32, 3), 40 * number, np.uint8), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            film.mux(video.encode(frame))
        film.mux(video.encode(None))


def _command(name: str) -> Any:
    group: Any = typer.main.get_command(cli.app)
    return group.get_command(typer.Context(group), name)


def _check(line: str) -> None:
    """Run one line of a shell example, or check it against what it names."""
    match shlex.split(line.partition(" > ")[0], comments=True):
        case [] | ["python3", "-m", "venv", ".venv", "&&", ".", ".venv/bin/activate"]:
            pass
        case ["pip", "install", requirement]:
            extras = re.fullmatch(r"(?:\.|gladsr)(?:\[([\w,]+)\])?", requirement)
            assert extras
            for extra in filter(None, (extras[1] or "").split(",")):
                assert extra in PROJECT["optional-dependencies"]
        case ["make", target]:
            assert re.search(rf"^{target}:", _text("Makefile"), re.MULTILINE)
        case ["gladsr", command, *arguments] if command in NOT_RUN:
            _command(command).make_context(command, arguments)
        case ["gladsr", *arguments]:
            assert cli.main(arguments) == 0
        case _:
            pytest.fail(f"no way to check this line: {line}")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("code", _examples("sh"))
def test_every_shell_example_runs(code: str) -> None:
    for line in code.splitlines():
        _check(line)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("code", _examples("python"))
def test_every_python_example_runs(code: str) -> None:
    exec(code, {})  # noqa: S102 - it is what the page tells readers to run


@pytest.mark.parametrize("page", FOR_USERS)
def test_every_option_that_is_named_exists(page: str) -> None:
    options = {
        option
        for name in cli.COMMANDS
        for parameter in _command(name).params
        for option in parameter.opts
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]*", _text(page))) <= options | {"--help"}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for target, heading in re.findall(r"\]\((?!https:)([^)#]*)#?([^)]*)\)", _text(page)):
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [
                re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings
            ]


@pytest.mark.parametrize("page", PAGES)
def test_every_script_and_settings_file_that_is_named_exists(page: str) -> None:
    for name in re.findall(r"(?:measurements|configs)/[\w./-]+\.(?:py|toml)", _text(page)):
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize(
    ("system", "machine", "engine"),
    [
        ("linux", "x86_64", "openvino"),
        ("linux", "aarch64", "openvino"),
        ("darwin", "arm64", "openvino"),
        ("darwin", "x86_64", "openvino"),
        ("win32", "AMD64", "openvino"),
        ("win32", "ARM64", "onnxruntime"),
    ],
)
def test_the_default_install_has_one_engine_on_every_platform(
    system: str, machine: str, engine: str
) -> None:
    environment = {"sys_platform": system, "platform_machine": machine}
    required = {
        requirement.name
        for requirement in map(Requirement, PROJECT["dependencies"])
        if requirement.marker is None or requirement.marker.evaluate(environment)
    }
    assert required & {"openvino", "onnxruntime"} == {engine}
    assert ("onnx" in required) == (engine == "onnxruntime")  # which cuts graphs with it


def test_onnxruntime_stands_in_where_openvino_is_missing(files: Path) -> None:
    script = (
        "import sys; sys.modules['openvino'] = None; "
        "from gladsr.cli import main; sys.exit(main(['upscale', 'photo.jpg', '-o', 'x.jpg', '-v']))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=files, capture_output=True, text=True, check=True)  # noqa: S603
    assert "ONNX Runtime" in done.stderr


def test_the_readme_has_the_licence_of_every_model() -> None:
    rows = dict(re.findall(r"^\| `([\w-]+)` \|[^|]+\| (\S+) \|$", README, re.MULTILINE))
    assert rows == {card.name: card.licence for card in zoo.cards()}
    assert set(PROJECT["license"].split(" AND ")) == {"Apache-2.0", *rows.values()}


def test_every_model_of_the_paper_has_a_row_for_each_scale() -> None:
    assert {(name, scale) for name, scale, _ in ROWS} == {
        (name, scale) for name in ("gladsr", "gladsr-l") for scale in zoo.MODELS[name]
    }


def test_the_readme_says_how_far_below_the_paper_they_are() -> None:
    printed = {(row.method.lower(), row.scale): row.scores for row in TABLE_2}
    gaps = [
        printed[name, scale][dataset][0] - float(score)
        for name, scale, scores in ROWS
        for dataset, score in zip(("Set5", "Set14", "B100"), scores, strict=True)
    ]
    assert f"{min(gaps):.2f} to {max(gaps):.2f} dB below the paper" in README


@pytest.mark.parametrize(("name", "scale", "scores"), ROWS)
def test_the_readme_has_the_scores_of_the_card(name: str, scale: int, scores: list[str]) -> None:
    card = zoo.card(name, scale)
    for dataset, score in zip(("Set5", "Set14", "B100"), scores, strict=True):
        assert float(score) == pytest.approx(card.scores[dataset]["psnr"], abs=0.0051)
