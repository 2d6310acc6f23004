"""Networks from elsewhere, read from files: rivals are scored by the same code as ours."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gladsr.engines import Precision
from gladsr.errors import EngineError
from gladsr.scoring import Upscale
from gladsr.upscaling.pixels import to_unit

if TYPE_CHECKING:
    from torch import nn

_PROBE = 48  # LR pixels a side of the picture that shows an ONNX network's scale
_Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class FileNetwork:
    """A network that was read from a file.

    Attributes:
        name: What it was called, or the file's name without its ending.
        scale: What it multiplies the sides by.
        upscale: Runs it on a picture, h×w×3 of uint8 to s·h×s·w×3 of floats, not clipped.
    """

    name: str
    scale: int
    upscale: Upscale


def read_networks(
    specs: Collection[str], *, beside: Collection[str] = (), threads: int | None = None
) -> tuple[dict[int, FileNetwork], ...]:
    """Read networks that are told apart by their names; one name at several scales is fine.

    Args:
        specs: What `read_network` takes.
        beside: The names of what they are compared with.
        threads: Of the CPU; the engine's own choice if None.

    Raises:
        EngineError: One cannot be read, or has a name that another has at the same scale or that
            is in ``beside``.
    """
    networks = tuple(read_network(spec, threads=threads) for spec in specs)
    called = [
        (spec, network.name, scale)
        for spec, found in zip(specs, networks, strict=True)
        for scale, network in found.items()
    ]
    tell_apart(called, beside=beside)
    return networks


def tell_apart(called: Iterable[tuple[str, str, int]], *, beside: Collection[str] = ()) -> None:
    """Refuse networks that their names do not tell apart.

    Args:
        called: What `read_network` takes of each, its name and its scale.
        beside: The names of what they are compared with.

    Raises:
        EngineError: One has a name that another has at the same scale or that is in ``beside``.
    """
    known: dict[tuple[str, int], str] = {}
    for spec, name, scale in called:
        other = name if name in beside else known.get((name, scale))
        if other is not None:
            raise EngineError(
                f"{other} and {spec} are both called {name} at ×{scale}; give one "
                "another name: --network NAME=FILE.onnx (gladsr export makes a rival's .onnx)"
            )
        known[name, scale] = spec


def read_network(spec: str, *, threads: int | None = None) -> dict[int, FileNetwork]:
    """Read a network, at every scale that it has.

    Args:
        spec: ``FILE.onnx`` or ``NAME=FILE.onnx``, run by OpenVINO: one input of RGB in [0, 1],
            (1, 3, h, w), and the upscaled picture as the output named y or else as the last one.
            Or ``RIVAL=FILE`` with the weights of a network of `gladsr.rivals`, a .pth or
            .safetensors file, run by PyTorch.
        threads: Of the CPU; the engine's own choice if None.

    Raises:
        EngineError: The file cannot be read or is no such network; the message says why.
    """
    name, equals, path = spec.partition("=")
    if not equals:
        name, path = Path(spec).stem, spec
    file = Path(path)
    if file.suffix == ".onnx":
        run = onnx_network(file, threads=threads)
        scale = _scale(run, file)
        return {scale: FileNetwork(name, scale, _on_pixels(run))}
    if not equals:
        raise EngineError(f"{spec} is not .onnx; say which network it is: --network rlfn={spec}")
    import torch  # noqa: PLC0415 - heavy, and needs the extra gladsr[torch]

    from gladsr.rivals import load_rival  # noqa: PLC0415 - likewise

    if threads is not None:
        torch.set_num_threads(threads)
    return {
        scale: FileNetwork(name, scale, on_torch(network, str(file)))
        for scale, network in load_rival(name, file).items()
    }


def on_torch(network: "nn.Module", name: str) -> Upscale:
    """Return the function that runs a PyTorch network, (N, 3, h, w) to (N, 3, s·h, s·w).

    It raises an `EngineError` that begins with ``name`` where the network does not run.
    """
    import torch  # noqa: PLC0415 - heavy, and needs the extra gladsr[torch]

    @torch.inference_mode()
    def run(x: NDArray[np.float32]) -> NDArray[np.float32]:
        batch = torch.from_numpy(x.transpose(2, 0, 1)[np.newaxis].copy())
        with _failure_named(name, x):
            return np.asarray(network(batch)[0].permute(1, 2, 0))

    return _on_pixels(run)


def _on_pixels(run: _Run) -> Upscale:
    def upscale(picture: NDArray[Any]) -> NDArray[np.float32]:
        return run(to_unit(picture))

    return upscale


def onnx_network(file: Path, *, threads: int | None = None, precision: Precision = "fp32") -> _Run:
    """Return the function that runs an ONNX network in OpenVINO, h×w×3 to s·h×s·w×3.

    Args:
        file: One input of RGB in [0, 1], (1, 3, h, w), and the upscaled picture as the output named
            y or else as the last one.
        threads: Of the CPU; OpenVINO's own choice if None.
        precision: "fp32" or "bf16".

    Raises:
        EngineError: The file cannot be read or is no such network, or the processor does not
            compute in bf16.
    """
    import openvino as ov  # noqa: PLC0415 - slow to import

    from gladsr.engines.openvino import check_bf16, core  # noqa: PLC0415 - likewise

    if not file.is_file():
        raise EngineError(f"{file} is not there")
    if precision == "bf16":
        check_bf16()
    types = {"fp32": ov.Type.f32, "bf16": ov.Type.bf16}
    settings: dict[str, Any] = {ov.properties.hint.inference_precision: types[precision]}
    if threads is not None:
        settings[ov.properties.inference_num_threads] = threads
    try:
        model = core().read_model(file)
    except RuntimeError as error:
        raise EngineError(f"{file} cannot be read by OpenVINO: {_last_line(error)}") from error
    channels = model.input().partial_shape[1]
    if channels.is_static and channels.get_length() != 3:
        raise EngineError(
            f"{file} takes {channels.get_length()} channel(s); only networks for RGB are scored"
        )
    try:
        model.reshape([1, 3, -1, -1])
        named = [output for output in model.outputs if "y" in output.get_names()]
        output = (named or model.outputs)[-1]
        compiled = core().compile_model(
            ov.Model([output], model.get_parameters(), file.stem), "CPU", settings
        )
    except RuntimeError as error:
        raise EngineError(f"{file} cannot be run by OpenVINO: {_last_line(error)}") from error

    def run(x: NDArray[np.float32]) -> NDArray[np.float32]:
        batch = np.ascontiguousarray(x.transpose(2, 0, 1)[np.newaxis])
        with _failure_named(str(file), x):
            (y,) = compiled([batch]).values()
        return np.asarray(y[0].transpose(1, 2, 0), np.float32)

    return run


@contextmanager
def _failure_named(name: str, x: NDArray[np.float32]) -> Iterator[None]:
    """Raise an `EngineError` where a network does not run on a picture, h×w×3."""
    try:
        yield
    except RuntimeError as error:
        size = f"{x.shape[1]}×{x.shape[0]}"
        raise EngineError(
            f"{name} does not run on a picture of {size}: {_last_line(error)}"
        ) from error


def _scale(run: _Run, file: Path) -> int:
    """Return by how much the network enlarges a picture of noise."""
    noise = np.random.default_rng(0).random((_PROBE, _PROBE, 3), np.float32)
    shape = run(noise).shape
    scale, rest = divmod(int(shape[0]), _PROBE)
    if shape != (scale * _PROBE, scale * _PROBE, 3) or rest or scale < 2:
        raise EngineError(
            f"{file} makes {'×'.join(map(str, shape))} of {_PROBE}×{_PROBE}×3: it does not upscale"
        )
    return scale


def _last_line(error: Exception) -> str:
    return str(error).strip().rpartition("\n")[2]
