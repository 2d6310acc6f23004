"""Networks found by what the command line names: a model, a file or a folder."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gladsr import zoo
from gladsr.engines.networks import Network
from gladsr.engines.registry import load
from gladsr.errors import EngineError, NetworkFileError

if TYPE_CHECKING:
    from torch import nn

_PROBE = 48  # LR pixels a side of the picture that shows an ONNX network's scale


def find(spec: str) -> dict[int, Network]:
    """Find a network, at every scale that it has.

    Args:
        spec: One of

            - the name of a model of the zoo;
            - the folder of a training run;
            - ``FILE.safetensors``, which `gladsr export` wrote;
            - ``FILE.onnx``, with one input of RGB in [0, 1], (1, 3, h, w), and the upscaled picture
              as the output called output or y, otherwise as the last one;
            - ``RIVAL=FILE``, the weights of a network of `gladsr.rivals`, .pth or .safetensors.

            ``NAME=`` before a file or folder gives the network another name.

    Raises:
        gladsr.Error: There is no such network, or it cannot be read; the message says why.
    """
    if spec in zoo.MODELS:
        return _of_zoo(spec)
    name, equals, path = spec.partition("=")
    if not equals or Path(spec).exists():
        name, equals, path = Path(spec).stem, "", spec
    file = Path(path)
    if file.suffix == ".onnx":
        return _from_onnx(name, file)
    if file.is_dir():
        return _from_weights(name, file, read="read_run")
    if file.suffix == ".safetensors" and not (equals and _is_rival(name)):
        return _from_weights(name, file, read="read_safetensors")
    if equals:
        return _rival(name, file)
    if file.suffix == ".pth":
        raise NetworkFileError(f"{file} could be any network; name it, such as rlfn={file}")
    return _of_zoo(spec)


def _of_zoo(name: str) -> dict[int, Network]:
    return {scale: Network.of_card(zoo.card(name, scale)) for scale in zoo.scales_of(name)}


def _from_onnx(name: str, file: Path) -> dict[int, Network]:
    if not file.is_file():
        raise NetworkFileError(f"{file} does not exist")
    network = Network(name, 1, str(file), onnx=file)
    noise = np.random.default_rng(0).random((_PROBE, _PROBE, 3), np.float32)
    shape = load(network).run(noise).shape
    scale, rest = divmod(int(shape[0]), _PROBE)
    if shape != (scale * _PROBE, scale * _PROBE, 3) or rest or scale < 2:
        raise NetworkFileError(
            f"{file} turns {_PROBE}×{_PROBE}×3 into {'×'.join(map(str, shape))}: "
            "it does not upscale"
        )
    return {scale: replace(network, scale=scale)}


def _from_weights(name: str, file: Path, *, read: str) -> dict[int, Network]:
    from gladsr.network import weights  # noqa: PLC0415 - needs the extra gladsr[torch]

    build = partial(getattr(weights, read), file)
    scale = build().config.scale
    return {scale: Network(name, scale, str(file), module=build)}


def _is_rival(name: str) -> bool:
    from gladsr.rivals.load import RIVALS  # noqa: PLC0415 - needs the extra gladsr[torch]

    return name in RIVALS


def _rival(name: str, file: Path) -> dict[int, Network]:
    from gladsr.rivals.load import load_rival  # noqa: PLC0415 - needs the extra gladsr[torch]

    return {
        scale: Network(name, scale, str(file), module=partial(_rival_at, name, file, scale))
        for scale in load_rival(name, file)
    }


def _rival_at(name: str, file: Path, scale: int) -> "nn.Module":
    from gladsr.rivals.load import load_rival  # noqa: PLC0415 - needs the extra gladsr[torch]

    return load_rival(name, file)[scale]


def untrained(rival: str, scale: int) -> Network:
    """Return a network of `gladsr.rivals` with random weights, which are as fast as any.

    Raises:
        NetworkFileError: There is no such rival.
    """
    from gladsr.rivals.load import RIVALS  # noqa: PLC0415 - needs the extra gladsr[torch]

    if rival not in RIVALS:
        raise NetworkFileError(f"there is no rival {rival!r}; choose from {', '.join(RIVALS)}")
    return Network(rival, scale, rival, module=partial(RIVALS[rival], scale))


def find_all(specs: Collection[str], *, beside: Collection[str] = ()) -> list[dict[int, Network]]:
    """Find networks with different names; one name at several scales is fine.

    Args:
        specs: What `find` takes.
        beside: The names of what they are compared with.

    Raises:
        EngineError: One has a name that another has at the same scale or that is in ``beside``.
        gladsr.Error: One cannot be found; see `find`.
    """
    networks = [find(spec) for spec in specs]
    check_names(zip(specs, networks, strict=True), beside=beside)
    return networks


def check_names(
    called: Iterable[tuple[str, dict[int, Network]]], *, beside: Collection[str] = ()
) -> None:
    """Reject two networks with the same name and scale.

    Args:
        called: Each network's scales, with the argument that named it.
        beside: The names of what they are compared with.

    Raises:
        EngineError: One has a name that another has at the same scale or that is in ``beside``.
    """
    known: dict[tuple[str, int], str] = {}
    for spec, scales in called:
        for scale, network in scales.items():
            name = network.name
            other = name if name in beside else known.get((name, scale))
            if other is not None:
                raise EngineError(
                    f"{other} and {spec} are both called {name} at ×{scale}; give one "
                    "another name: --network NAME=FILE.onnx (gladsr export makes a rival's .onnx)"
                )
            known[name, scale] = spec
