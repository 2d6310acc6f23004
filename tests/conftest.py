from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests of one name: the workers of pytest-xdist would run one of them only."""
    names = Counter(item.nodeid for item in items)
    if twice := [name for name, number in names.items() if number > 1]:
        raise pytest.UsageError(f"more than one test is called so: {', '.join(twice)}")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep compiled models in a folder of the tests, not in the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder
