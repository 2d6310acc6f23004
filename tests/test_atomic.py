import os
import threading
from pathlib import Path

import pytest

from gladsr.atomic import atomic_write
from gladsr.errors import OutputExistsError


@pytest.fixture(params=["nameless", "named", "without hard links"])
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to write, on file systems of three kinds."""
    if request.param != "nameless":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    if request.param == "without hard links":

        def link(*_arguments: object, **_options: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)
    return tmp_path / "file"


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_file_appears_when_it_is_complete(path: Path, overwrite: bool):
    with atomic_write(path, overwrite=overwrite) as file:
        file.write(b"complete")
        assert not path.exists()
    assert path.read_bytes() == b"complete"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_a_file_that_exists_is_replaced_or_kept(path: Path):
    path.write_bytes(b"old")
    with (
        pytest.raises(OutputExistsError, match="it exists already") as raised,
        atomic_write(path, overwrite=False) as file,
    ):
        file.write(b"new")
    assert raised.value.path == path
    assert path.read_bytes() == b"old"
    with atomic_write(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_of_many_writers_at_once_one_succeeds(tmp_path: Path):
    path, together = tmp_path / "file", threading.Barrier(8)
    succeeded = []

    def write(number: int) -> None:
        try:
            with atomic_write(path, overwrite=False) as file:
                file.write(bytes([number]) * 1000)
                together.wait(20)
        except OutputExistsError:
            return
        succeeded.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(succeeded) == 1
    assert path.read_bytes() == bytes(succeeded) * 1000


def test_the_file_and_then_its_folder_are_written_to_the_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    synced = []

    def fsync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    with atomic_write(path) as file:
        file.write(b"complete")
    assert synced == [(path.stat().st_ino, False), (path.parent.stat().st_ino, True)]


def test_nothing_remains_of_a_file_that_fails(path: Path):
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as file:
        file.write(bytes(1 // 0))
    assert path.read_bytes() == b"old"
    assert [each.name for each in path.parent.iterdir()] == ["file"]
