import ast
from pathlib import Path

import pytest

import gladsr

SOURCE = Path(gladsr.__file__).parent

# A folder imports only from those above it; zoo takes from network what needs PyTorch.
ORDER = (
    "pictures",
    "films",
    "network",
    "zoo",
    "engines",
    "upscaling",
    "scoring",
    "rivals",
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


@pytest.mark.parametrize("folder", ORDER)
def test_a_folder_imports_only_from_those_above_it(folder: str):
    below = ORDER[ORDER.index(folder) + 1 :]
    for file in (SOURCE / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                first, _, rest = name.partition(".")
                if first == "gladsr":
                    assert rest.partition(".")[0] not in below, f"{file}: {name}"
