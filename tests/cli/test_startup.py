"""What `gladsr upscale` imports on the way, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gladsr

ROOT = Path(gladsr.__file__).parents[2]

DEFAULT_INSTALL = {
    *("gladsr", "numpy", "pyvips", "_libvips", "_cffi_backend", "PIL", "openvino", "rich"),
    "platformdirs",
    # Typer and what it imports itself
    *("typer", "annotated_doc", "annotated_types", "pydantic", "pydantic_core", "shellingham"),
    *("typing_extensions", "typing_inspection"),
}
# Of an environment rather than of a package: start-up hooks, and Python's own build settings.
OF_THE_ENVIRONMENT = ("_distutils_hack", "_sysconfigdata", "org", "sitecustomize", "usercustomize")


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The modules that are imported to upscale a photograph."""
    folder = tmp_path_factory.mktemp("startup")
    run = subprocess.run(  # noqa: S603 - Python itself, and our own arguments
        [
            *(sys.executable, "-X", "importtime", "-m", "gladsr", "upscale"),
            *(ROOT / "docs" / "demo" / "chelsea.png", "-o", folder / "out.png"),
            *("--model", "gladsr-l"),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
    )
    assert (folder / "out.png").exists(), run.stderr
    lines = run.stderr.splitlines()
    assert all(line.startswith("import time:") for line in lines), "it is not quiet"
    return {line.split("|")[2].strip() for line in lines[1:]}


def test_upscale_imports_no_package_beyond_the_default_install(imported: set[str]):
    packages = {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names)
    of_the_environment = {name for name in packages if name.startswith(OF_THE_ENVIRONMENT)}
    assert packages - of_the_environment <= DEFAULT_INSTALL
    assert {"gladsr", "numpy", "openvino"} <= packages


def test_upscale_imports_no_part_that_it_does_not_use(imported: set[str]):
    assert not imported & {
        "openvino.tools.ovc.convert",  # OpenVINO's converter, two thirds of its import
        "http.client",  # and the telemetry that comes with it
        "gladsr.benchmark",
        "gladsr.network",
        "gladsr.training",
        "gladsr.web",
        "asyncio",
        "unittest",
    }


def test_upscale_imports_only_the_parts_of_gladsr_that_it_needs(imported: set[str]):
    parts = {name.split(".")[1] for name in imported if name.startswith("gladsr.")}
    assert parts == {
        *("atomic", "cli", "engines", "errors", "films", "pictures", "upscaling", "zoo")
    }
    of_films = {name for name in imported if name.startswith("gladsr.films.")}
    assert of_films == {"gladsr.films.encoders", "gladsr.films.formats"}
    commands = {name for name in imported if name.startswith("gladsr.cli.")}
    assert commands <= {"gladsr.cli.console", "gladsr.cli.options", "gladsr.cli.upscale"}
