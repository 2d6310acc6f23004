import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import gladsr
from gladsr import cli
from gladsr.cli import COMMANDS, EXTRAS, main
from gladsr.upscaling import Upscaler

ROOT = Path(__file__).parents[2]
PHOTO = ROOT / "docs" / "demo" / "chelsea.png"


def python(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(  # noqa: S603 - Python itself, and arguments of the tests
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        cwd=cwd,
        check=False,
    )


def test_help_lists_every_command_with_what_it_does(capsys: pytest.CaptureFixture[str]):
    assert main(["--help"]) == 0
    lines = [line.strip(" │") for line in capsys.readouterr().out.splitlines()]
    for command in COMMANDS:
        (line,) = [line for line in lines if line.startswith(f"{command} ")]
        assert len(line.removeprefix(command).strip()) > 10


def test_without_a_command_it_shows_the_help(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0
    assert "Usage:" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"gladsr {gladsr.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]):
    assert main([command, "--help"]) == 0
    assert f"gladsr {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["upscail"], "No such command 'upscail'"),
        (["upscale"], "Missing argument"),
        (["upscale", "a.png", "-o", "b.png", "--sharper"], "No such option: --sharper"),
        (["upscale", "a.png", "-o", "b.png", "--scale", "two"], "'--scale'"),
    ],
)
def test_wrong_arguments_end_with_code_2_and_one_plain_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.startswith("gladsr: ")
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_ctrl_c_ends_with_code_130_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def press_ctrl_c(*_arguments: object, **_settings: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Upscaler, "upscale", press_ctrl_c)
    assert main(["upscale", str(PHOTO), "-o", str(tmp_path / "out.png")]) == 130
    assert "Traceback" not in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_during_imports_ends_silently_with_code_130():
    pressed = """
import sys

class CtrlC:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, CtrlC())
from gladsr.__main__ import run
sys.exit(run())
"""
    done = subprocess.run(  # noqa: S603 - Python itself, and our own arguments
        [sys.executable, "-c", pressed], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, b"")


@pytest.mark.parametrize(
    ("command", "library", "extra"),
    [
        *(("upscale", library, extra) for library, extra in EXTRAS.items()),
        ("train", "torch", "train"),
        ("export", "torch", "train"),
        ("reproduce", "torch", "paper"),
        ("explain", "pydantic", "paper"),
        ("evaluate", "torch", "torch"),
        ("export", "nncf", "int8"),
    ],
)
def test_a_missing_extra_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    library: str,
    extra: str,
):
    def miss(_name: str) -> None:
        raise ModuleNotFoundError(f"No module named {library!r}", name=library)

    monkeypatch.setattr(cli, "import_module", miss)
    assert main([command, "word"]) == 2
    assert f'{library} is not installed; install it with: pip install "gladsr[{extra}]"' in (
        capsys.readouterr().err
    )


def test_every_named_extra_brings_the_library():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def brought(extra: str) -> set[str]:
        wanted = [Requirement(line) for line in project["optional-dependencies"][extra]]
        others = [brought(other) for one in wanted for other in one.extras]
        return {one.name for one in wanted}.union(*others)

    for library, extra in EXTRAS.items():
        assert library.replace("_", "-") in brought(extra)


def test_import_gladsr_imports_nothing_else():
    code = "import gladsr, json, sys; print(json.dumps(sorted(sys.modules)))"
    modules = set(json.loads(python("-c", code).stdout))
    roots = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names)
    assert "gladsr" in roots
    assert not roots & {"numpy", "PIL", "pyvips", "openvino", "torch", "typer", "rich", "pydantic"}


def test_verbose_prints_what_runs_the_network(tmp_path: Path):
    arguments = ["-m", "gladsr", "upscale", str(PHOTO), "--model", "gladsr-l", "-o"]
    verbose = python(*arguments, str(tmp_path / "verbose.png"), "-v")
    assert re.fullmatch(
        r"gladsr: gladsr-l ×2 is run by OpenVINO \S+ on CPU in (fp32|bf16)\n", verbose.stderr
    )


def test_upscale_works_without_a_network(tmp_path: Path):
    offline = str(Path(__file__).with_name("offline.py"))
    run = python(offline, "upscale", str(PHOTO), "-o", str(tmp_path / "out.png"), "--draft")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "out.png").exists()


def test_the_offline_script_blocks_sockets():
    connect = "import socket; socket.create_connection(('127.0.0.1', 9))"
    hook = "import sys, offline; sys.addaudithook(offline.refuse_sockets)"
    run = python("-c", f"{hook}; {connect}", cwd=Path(__file__).parent)
    assert "PermissionError: the network was asked for: socket." in run.stderr
