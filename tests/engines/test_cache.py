"""The folders of compiled models and of weights in 8 bits."""

import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from gladsr import engines, zoo
from gladsr.engines.cache import cache_folder
from gladsr.engines.openvino import OpenVINOEngine
from gladsr.errors import EngineError

CARD = zoo.card("gladsr-l", 2)
X = np.random.default_rng(0).random((9, 11, 3), np.float32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "gladsr" / "openvino"


def upscaled(*, draft: bool = False) -> tuple[np.ndarray, ov.CompiledModel]:
    loaded = engines.load(CARD, "openvino")
    assert isinstance(loaded, OpenVINOEngine)
    y = loaded.run(X, draft=draft)
    (compiled,) = loaded._compiled.values()
    return y, compiled


def test_a_compiled_model_is_reused(folder: Path):
    first, compiled = upscaled()
    assert not compiled.get_property("LOADED_FROM_CACHE")
    assert len(list(folder.iterdir())) == 1
    second, compiled = upscaled()
    assert compiled.get_property("LOADED_FROM_CACHE")
    np.testing.assert_array_equal(second, first)


def test_each_part_of_a_model_is_cached_separately(folder: Path):
    y, _ = upscaled()
    y_c, compiled = upscaled(draft=True)
    assert not compiled.get_property("LOADED_FROM_CACHE")
    assert len(list(folder.iterdir())) == 2
    assert np.abs(y - y_c).max() > 1e-3
    np.testing.assert_array_equal(upscaled(draft=True)[0], y_c)


@pytest.mark.parametrize("content", [b"", b"\x00" * 999])
def test_a_damaged_cache_entry_is_compiled_again(folder: Path, content: bytes):
    first, _ = upscaled()
    (kept,) = folder.iterdir()
    kept.chmod(stat.S_IRUSR | stat.S_IWUSR)
    kept.write_bytes(content)
    second, compiled = upscaled()
    assert not compiled.get_property("LOADED_FROM_CACHE")
    np.testing.assert_array_equal(second, first)


def test_int8_weights_belong_to_one_release(folder: Path):
    changed = replace(CARD, sha256={**CARD.sha256, "onnx": "f" * 64})
    for card in (CARD, changed):
        file = f"gladsr-l-x2-{card.sha256['onnx'][:12]}-int8.xml"
        with pytest.raises(EngineError, match=file) as raised:
            engines.load(card, "openvino", precision="int8")
        assert str(folder.parent / "int8" / file) in str(raised.value)
        assert (folder.parent / "int8").is_dir()


def test_without_a_writable_cache_it_still_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cache_folder("openvino") is None
    y, compiled = upscaled()
    assert y.shape == (18, 22, 3)
    assert not compiled.get_property("LOADED_FROM_CACHE")
