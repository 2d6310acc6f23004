import locale
import logging
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import skimage
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper

from gladsr import engines, zoo
from gladsr.engines import ENGINES, EngineName, registry
from gladsr.engines.engine import memory_errors_translated
from gladsr.engines.onnxruntime import OnnxRuntimeEngine
from gladsr.engines.openvino import OpenVINOEngine
from gladsr.engines.torch import TorchEngine
from gladsr.errors import DeviceError, EngineError, MissingExtraError, OutOfMemoryError
from gladsr.paper.explain import explain
from gladsr.pictures import resize, to_depth
from gladsr.scoring import psnr
from gladsr.upscaling.pixels import to_unit

HAS_BF16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")

NAMES: tuple[EngineName, ...] = ("openvino", "onnxruntime", "torch")
CARD = zoo.card("gladsr-l", 3)


@pytest.fixture(scope="module")
def photo() -> NDArray[np.float32]:
    crop: NDArray[np.uint8] = skimage.data.chelsea()[100:141, 150:205]
    return crop.astype(np.float32) / np.float32(255)


@pytest.fixture(scope="module")
def outputs(photo: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """y_c and y as the network itself gives them."""
    network = zoo.load_network(CARD.name, CARD.scale)
    with torch.inference_mode():
        batch = torch.from_numpy(photo).permute(2, 0, 1)[None]
        return [y[0].permute(1, 2, 0).numpy() for y in network(batch)]


@pytest.mark.parametrize("name", NAMES)
def test_every_engine_agrees_with_the_network(
    name: EngineName, photo: NDArray[np.float32], outputs: list[NDArray[np.float32]]
):
    loaded = engines.load(CARD, name)
    y_c, y = outputs
    np.testing.assert_allclose(loaded.run(photo), y, atol=1e-4)
    np.testing.assert_allclose(loaded.run(photo, draft=True), y_c, atol=1e-4)
    assert np.abs(y - y_c).max() > 1e-3  # so that the two cannot be mistaken for each other


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", ["gladsr", "gladsr-l"])
def test_every_engine_agrees_with_the_network_at_free_sizes(name: EngineName, model: str):
    network = zoo.load_network(model, 2)
    loaded = engines.load(zoo.card(model, 2), name)
    for height, width in ((1, 1), (2, 31), (40, 9), (64, 33)):
        x = np.random.default_rng(height).random((height, width, 3), np.float32)
        with torch.inference_mode():
            _, y = network(torch.from_numpy(x).permute(2, 0, 1)[None])
        np.testing.assert_allclose(loaded.run(x), y[0].permute(1, 2, 0), atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_every_engine_returns_the_guided_masks_in_order(
    name: EngineName, photo: NDArray[np.float32]
):
    modules = explain(zoo.load_network(CARD.name, CARD.scale), photo)
    assert [module.net for module in modules] == ["basic", "basic", "refine", "refine"]
    masks = engines.load(CARD, name).masks(photo)
    assert len(masks) == len(modules)
    for mask, module in zip(masks, modules, strict=True):
        assert module.mask is not None
        np.testing.assert_allclose(mask, module.mask, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("draft", [False, True])
def test_a_part_with_the_pictures_channel_weights_is_a_part_of_the_whole(
    name: EngineName, draft: bool, photo: NDArray[np.float32]
):
    loaded = engines.load(zoo.card("gladsr-l", 2), name)
    whole = loaded.run(photo, draft=draft)
    channel_weights = loaded.channel_weights(photo, draft=draft)
    assert channel_weights.shape == (8 if draft else 16, 32)
    assert ((channel_weights > 0) & (channel_weights < 1)).all()
    again = loaded.run(photo, draft=draft, channel_weights=channel_weights)
    np.testing.assert_allclose(again, whole, atol=1e-5)
    part = loaded.run(photo[:, :45], draft=draft, channel_weights=channel_weights)
    np.testing.assert_allclose(part[:, :40], whole[:, : 2 * 20], atol=1e-4)
    other = loaded.run(photo, draft=draft, channel_weights=1 - channel_weights)
    assert np.abs(other - whole).max() > 1e-3


def test_every_engine_reads_the_same_channel_weights(photo: NDArray[np.float32]):
    first, *others = (engines.load(CARD, name).channel_weights(photo) for name in NAMES)
    for other in others:
        np.testing.assert_allclose(other, first, atol=1e-5)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("std::bad_alloc"),
        RuntimeError("could not create a memory object"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    ],
    ids=str,
)
def test_running_out_of_memory_is_distinguished_from_other_errors(error: Exception):
    with pytest.raises(OutOfMemoryError), memory_errors_translated():
        raise error
    with pytest.raises(RuntimeError, match="shapes differ"), memory_errors_translated():
        raise RuntimeError("shapes differ")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 2)])
def test_any_size_down_to_one_pixel(name: EngineName, shape: tuple[int, int]):
    y = engines.load(CARD, name).run(np.full((*shape, 3), 0.5, np.float32))
    assert y.shape == (3 * shape[0], 3 * shape[1], 3)
    assert y.dtype == np.float32
    assert np.abs(y - 0.5).max() < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_input_is_unchanged_and_the_output_is_not_shared(
    name: EngineName, photo: NDArray[np.float32]
):
    loaded, before = engines.load(CARD, name), photo.copy()
    first = loaded.run(photo)
    kept = first.copy()
    loaded.run(1 - photo)
    np.testing.assert_array_equal(photo, before)
    np.testing.assert_array_equal(first, kept)
    first *= 2


@pytest.fixture
def broken_refine_net(tmp_path: Path) -> Path:
    """A model that doubles the sides; after the coarse output it fails for all sizes but 7×7."""
    size: list[str | int | None] = ["n", 3, "h", "w"]
    graph = helper.make_graph(
        [
            helper.make_node(
                "Resize",
                ["input", "", "scales"],
                ["coarse"],
                mode="nearest",
                nearest_mode="floor",
                coordinate_transformation_mode="asymmetric",
            ),
            helper.make_node("Reshape", ["coarse", "seven"], ["output"]),
        ],
        "broken",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 3, 7, 7])],
        [
            helper.make_tensor("scales", TensorProto.FLOAT, [4], [1.0, 1.0, 2.0, 2.0]),
            helper.make_tensor("seven", TensorProto.INT64, [4], [1, 3, 7, 7]),
        ],
    )
    path = tmp_path / "broken.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    return path


def test_a_draft_does_not_run_the_refine_net(broken_refine_net: Path):
    x = np.random.default_rng(0).random((4, 5, 3), np.float32)
    for loaded in (
        OpenVINOEngine(broken_refine_net, origin="a test"),
        OnnxRuntimeEngine(broken_refine_net, origin="a test"),
    ):
        np.testing.assert_array_equal(loaded.run(x, draft=True), x.repeat(2, 0).repeat(2, 1))
        with pytest.raises(Exception, match=r"(?i)reshape"):
            loaded.run(x)


def test_a_draft_does_not_run_the_refine_net_in_torch(photo: NDArray[np.float32]):
    network = zoo.load_network(CARD.name, CARD.scale)
    calls: list[str] = []
    network.ndg_f.register_forward_hook(lambda *_: calls.append("refine"))
    loaded = TorchEngine(network, origin="a test")
    loaded.run(photo, draft=True)
    assert calls == []
    loaded.run(photo)
    assert calls == ["refine"]


@pytest.mark.parametrize("precision", get_args(engines.Precision))
def test_openvino_is_given_its_precision_and_threads(precision: engines.Precision):
    loaded = OpenVINOEngine(CARD.onnx_path, origin="a test", precision=precision, threads=1)
    loaded.run(np.zeros((4, 4, 3), np.float32))
    (compiled,) = [part for key, part in loaded._compiled.items() if key[0] == "output"]
    wanted = "bf16" if precision != "fp32" and HAS_BF16 else "f32"
    assert compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name() == wanted
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1


def test_bf16_of_openvino_adds_to_an_exact_picture():
    if not HAS_BF16:
        pytest.skip("this processor does not compute in bf16")
    original = skimage.data.chelsea()[:200, :200]
    x = to_unit(resize(original, scale=1 / 2))
    card = zoo.card("gladsr", 2)
    exact, fast = (
        psnr(to_depth(engines.load(card, "openvino", precision=how).run(x), np.uint8), original, 2)
        for how in ("fp32", "bf16")
    )
    assert exact > 30
    assert fast > exact - 0.005  # dB; 0.02 and more where the bicubic itself is in bf16


@pytest.mark.parametrize("name", ["openvino", "torch"])
def test_bf16_stays_near_fp32(name: EngineName, photo: NDArray[np.float32]):
    exact = engines.load(CARD, name).run(photo)
    fast = engines.load(CARD, name, precision="bf16").run(photo)
    assert np.abs(fast - exact).mean() < 1 / 255
    assert np.abs(fast - exact).max() < 8 / 255


@pytest.mark.parametrize(
    ("flags", "name", "chosen"),
    [
        ("avx512f avx512_bf16", "openvino", "bf16"),
        ("avx512f amx_bf16", "openvino", "bf16"),
        ("avx512f avx512_vnni", "openvino", "fp32"),
        ("avx512f avx512_bf16", "onnxruntime", "fp32"),
        ("avx512f avx512_bf16", "torch", "fp32"),
    ],
)
def test_auto_is_bf16_only_where_openvino_need_not_emulate_it(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    flags: str,
    name: EngineName,
    chosen: engines.Precision,
):
    monkeypatch.setattr("gladsr.engines.processor.cpuinfo", lambda: {"flags": flags})
    monkeypatch.setattr("gladsr.engines.openvino.capabilities", lambda _: ["FP32", "BF16"])
    assert engines.load(CARD, name, precision="auto").precision == chosen
    assert not caplog.records


@pytest.mark.parametrize("name", ["openvino", "torch"])
def test_without_bf16_an_engine_warns_and_uses_fp32(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    photo: NDArray[np.float32],
    name: EngineName,
):
    monkeypatch.setattr("gladsr.engines.openvino.capabilities", lambda _: ["FP32"])
    loaded = engines.load(CARD, name, precision="bf16")
    assert "does not compute in bf16; fp32 is used" in caplog.text
    np.testing.assert_array_equal(loaded.run(photo), engines.load(CARD, name).run(photo))


@pytest.mark.parametrize(
    ("name", "precision"), [("onnxruntime", "bf16"), ("onnxruntime", "int8"), ("torch", "int8")]
)
def test_an_engine_reports_that_it_uses_fp32(
    name: EngineName, precision: engines.Precision, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING):
        engines.load(CARD, name, precision=precision)
    assert f"does not compute in {precision}; fp32 is used" in caplog.text


def test_non_finite_results_in_bf16_are_computed_in_fp32(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, photo: NDArray[np.float32]
):
    monkeypatch.setattr("gladsr.engines.openvino.capabilities", lambda _: ["BF16"])
    exact = engines.load(CARD, "torch")
    channel_weights, masks = exact.channel_weights(photo), exact.masks(photo)
    parts = {"whole": photo, "part": photo[:20]}
    for method in ("run", "channel_weights", "masks"):
        monkeypatch.setattr(TorchEngine, method, _overflowing(getattr(TorchEngine, method)))
    loaded = engines.load(CARD, "torch", precision="bf16")
    for part in parts.values():
        np.testing.assert_array_equal(loaded.run(part), exact.run(part))
    np.testing.assert_array_equal(loaded.channel_weights(photo), channel_weights)
    np.testing.assert_array_equal(loaded.masks(photo), masks)
    given = loaded.run(photo, draft=True, channel_weights=channel_weights)
    np.testing.assert_array_equal(
        given, exact.run(photo, draft=True, channel_weights=channel_weights)
    )
    assert [record.message for record in caplog.records] == [
        f"{loaded} returned non-finite values; they are recomputed in fp32"
    ]
    assert "bf16" in str(loaded)


def _overflowing(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that gives one infinite value in bf16, as an overflow does."""

    def computed(self: TorchEngine, *arguments: Any, **settings: Any) -> Any:
        values = compute(self, *arguments, **settings)
        if self.precision == "bf16":
            values.flat[-1] = np.inf
        return values

    return computed


def test_auto_is_the_first_engine_installed(monkeypatch: pytest.MonkeyPatch):
    assert isinstance(engines.load(CARD), OpenVINOEngine)
    monkeypatch.setattr(registry, "find_spec", lambda name: name != "openvino")
    assert isinstance(engines.load(CARD), OnnxRuntimeEngine)
    monkeypatch.setattr(registry, "find_spec", lambda name: name == "torch")
    assert isinstance(engines.load(CARD), TorchEngine)


def test_auto_considers_the_engines_that_have_the_device(monkeypatch: pytest.MonkeyPatch):
    asked = []

    def refuse(info: registry.EngineInfo) -> SimpleNamespace:
        def load(_network: engines.Network, *, device: str, **_settings: Any) -> None:
            asked.append((info.library, device))
            raise DeviceError(f"{info.library} has none")

        return SimpleNamespace(load=load)

    monkeypatch.setattr(registry.EngineInfo, "code", refuse)
    for device in ("cuda:1", "mps", "dml", "coreml", "GPU.0", "cpu"):
        with pytest.raises(EngineError, match="has none"):
            engines.load(CARD, device=device)
    assert asked == [
        ("torch", "cuda:1"),
        ("onnxruntime", "cuda:1"),
        ("torch", "mps"),
        ("onnxruntime", "dml"),
        ("onnxruntime", "coreml"),
        ("openvino", "GPU.0"),
        *((name, "cpu") for name in ("openvino", "onnxruntime", "torch")),
    ]


def test_the_choice_is_logged(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "gladsr"):
        loaded = engines.load(CARD)
    assert f"gladsr-l ×3 is run by {loaded}" in caplog.text
    assert str(loaded).startswith("OpenVINO 20")
    assert str(loaded).endswith(" on CPU in fp32")


@pytest.mark.parametrize(
    ("device", "provider"),
    [
        ("cpu", ("CPUExecutionProvider", {})),
        ("cuda", ("CUDAExecutionProvider", {})),
        ("cuda:1", ("CUDAExecutionProvider", {"device_id": "1"})),
        ("DML:0", ("DmlExecutionProvider", {"device_id": "0"})),
        ("coreml", ("CoreMLExecutionProvider", {})),
    ],
)
def test_onnxruntime_runs_on_the_devices_of_its_build(
    monkeypatch: pytest.MonkeyPatch, device: str, provider: tuple[str, dict[str, str]]
):
    every = ["CUDA", "Dml", "CoreML", "CPU"]
    monkeypatch.setattr(
        onnxruntime,
        "get_available_providers",
        lambda: [f"{name}ExecutionProvider" for name in every],
    )
    asked = []

    class Session:
        def __init__(self, _model: bytes, options: Any, providers: list[Any]) -> None:
            asked.extend(providers)
            assert options.enable_mem_pattern == (provider[0] != "DmlExecutionProvider")

        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]  # as where the other's libraries do not load

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    loaded = engines.load(CARD, "onnxruntime", device=device)
    if device == "cpu":
        assert isinstance(loaded, OnnxRuntimeEngine)
        loaded._session(("output",))
    else:
        with pytest.raises(EngineError, match=f"cannot use the device '{device}'"):
            loaded.run(np.zeros((4, 4, 3), np.float32))
    assert asked == [provider]


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("openvino", 'pip install "openvino"'),
        ("onnxruntime", 'pip install "gladsr[onnxruntime]"'),
        ("torch", 'pip install "gladsr[torch]"'),
    ],
)
def test_a_missing_library_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, name: EngineName, command: str
):
    monkeypatch.delitem(sys.modules, f"gladsr.engines.{name}")
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError) as raised:
        engines.load(CARD, name)
    assert command in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"engine": "tensorrt"}, "no engine 'tensorrt'; choose from auto, openvino"),
        ({"precision": "fp8"}, "no precision 'fp8'; choose from auto, fp32, bf16, int8"),
        ({"precision": "int8"}, r"gladsr export gladsr-l --scale 3 --calibrate FOLDER -o .*int8"),
        ({"threads": 0}, "threads is 0, but must be 1 or more"),
        ({"device": "NPU7"}, "no device 'NPU7' here, only CPU"),
        ({"device": "CPU.7"}, "no device 'CPU.7' here, only CPU"),
        ({"device": "HETERO:NPU7"}, "no device 'HETERO:NPU7' here, only CPU"),
        ({"device": "MULTI"}, "no device 'MULTI' here, only CPU"),
        ({"engine": "onnxruntime", "device": "abacus"}, "no device 'abacus', only cpu"),
        ({"engine": "onnxruntime", "device": "cpu:one"}, "no device 'cpu:one', only cpu"),
        ({"engine": "torch", "device": "abacus"}, "cannot use the device 'abacus'"),
    ],
)
def test_unavailable_settings_are_rejected(settings: dict[str, Any], message: str):
    with pytest.raises(EngineError, match=message):
        engines.load(CARD, **settings)


@pytest.mark.parametrize("device", ["AUTO", "AUTO:CPU", "HETERO:CPU"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_openvinos_virtual_devices(
    device: str, precision: engines.Precision, photo: NDArray[np.float32]
):
    loaded = engines.load(CARD, "openvino", device=device, precision=precision)
    np.testing.assert_allclose(
        loaded.run(photo), engines.load(CARD, "openvino").run(photo), atol=8 / 255
    )


def test_a_network_that_openvino_cannot_compile_is_reported(photo: NDArray[np.float32]):
    loaded = OpenVINOEngine(CARD.onnx_path, origin="a test", threads=-7)
    with pytest.raises(DeviceError, match=r"^OpenVINO \S+ on CPU in fp32 cannot run the network: "):
        loaded.run(photo)


def test_every_engine_has_a_name_and_is_tested():
    assert {"auto", *NAMES} == {"auto", *ENGINES} == set(get_args(EngineName))


@pytest.mark.parametrize("name", NAMES)
def test_threads_may_share_a_model(name: EngineName):
    loaded = engines.load(CARD, name, threads=1)
    pictures = [
        np.random.default_rng(side).random((side, 24, 3), np.float32) for side in range(16, 40)
    ]
    expected = [loaded.run(picture) for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        for given, alone in zip(pool.map(loaded.run, pictures), expected, strict=True):
            np.testing.assert_allclose(given, alone, atol=1e-5)


def test_threads_with_their_own_models_keep_the_locale():
    before = locale.setlocale(locale.LC_ALL)

    def upscaled(scale: int) -> int:
        engine = engines.load(zoo.card("gladsr-l", scale), "openvino", threads=1)
        return len(engine.run(np.zeros((24, 24, 3), np.float32)))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(upscaled, [2, 3, 4] * 4)) == [48, 72, 96] * 4
    assert locale.setlocale(locale.LC_ALL) == before
