import ast
from pathlib import Path

import pytest

import gladsr

SOURCE = Path(gladsr.__file__).parent

# A folder imports only from those above it.
ORDER = (
    "pictures",
    "films",
    "network",
    "zoo",
    "rivals",
    "engines",
    "upscaling",
    "scoring",
    "training",
    "paper",
    "benchmark",
    "web",
    "cli",
)


def test_every_name_that_the_package_exports_is_there():
    for name in gladsr.__all__:
        assert callable(getattr(gladsr, name))
    with pytest.raises(AttributeError, match="no attribute 'upscale_all'"):
        _ = gladsr.upscale_all


def test_every_folder_of_the_package_has_its_place_in_the_order():
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert folders == set(ORDER)


def imported(file: Path) -> set[str]:
    """Return the names that a file of the package imports from it, such as ``zoo.card``."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.removeprefix("gladsr.") for name in names if name.startswith("gladsr.")}


@pytest.mark.parametrize("folder", ORDER)
def test_a_folder_imports_only_from_those_above_it(folder: str):
    below = ORDER[ORDER.index(folder) + 1 :]
    for file in (SOURCE / folder).rglob("*.py"):
        for name in imported(file):
            assert name.partition(".")[0] not in below, f"{file}: {name}"


def test_nothing_but_the_commands_that_show_the_paper_needs_it():
    """Without paper/, everything else is complete."""
    theirs = {SOURCE / "cli" / f"{command}.py" for command in ("reproduce", "explain")}
    for file in set(SOURCE.rglob("*.py")) - theirs - set((SOURCE / "paper").rglob("*.py")):
        assert not any(name.startswith("paper") for name in imported(file)), file
