"""Rivals with weights from files."""

import pickle
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from gladsr.errors import NetworkFileError
from gladsr.rivals.carn import Carn
from gladsr.rivals.fsrcnn import Fsrcnn
from gladsr.rivals.idn import Idn
from gladsr.rivals.memnet import MemNet
from gladsr.rivals.rlfn import Rlfn
from gladsr.rivals.srcnn import Srcnn
from gladsr.rivals.vdsr import Vdsr

RIVALS: dict[str, Callable[[int], nn.Module]] = {
    "srcnn": Srcnn,
    "fsrcnn": Fsrcnn,
    "vdsr": Vdsr,
    "memnet": MemNet,
    "idn": Idn,
    "carn": Carn,
    "rlfn": Rlfn,
}
"""The rivals by name; each is built for a scale."""

SCALES = (2, 3, 4)


def load_rival(name: str, file: Path) -> dict[int, nn.Module]:
    """Return a rival with its weights, in evaluation mode, at every scale that the weights fit.

    Args:
        name: A key of ``RIVALS``.
        file: Its weights, .safetensors or .pth; the latter is read without unpickling code.

    Raises:
        NetworkFileError: There is no such rival, or the file cannot be read or does not fit.
    """
    if name not in RIVALS:
        raise NetworkFileError(f"there is no rival {name!r}; choose from {', '.join(RIVALS)}")
    weights = _read(file)
    networks = {}
    for scale in SCALES:
        network = RIVALS[name](scale)
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            reason = error
        else:
            networks[scale] = network.eval()
    if not networks:
        first = str(reason).partition("\n")[2].strip().partition("\n")[0]
        raise NetworkFileError(f"{file} does not fit {name}: {first}")
    return networks


def _read(file: Path) -> dict[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load  # noqa: PLC0415 - for such files only

            return {key: value.float() for key, value in load(file.read_bytes()).items()}
        weights = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise NetworkFileError(f"{file} cannot be read: {error.strerror}") from error
    except pickle.UnpicklingError as error:
        raise NetworkFileError(
            f"{file} holds more than weights; it is not read, since it could run any code"
        ) from error
    except Exception as error:
        raise NetworkFileError(f"{file} is no file of weights: {error}") from error
    if not isinstance(weights, dict) or not all(
        isinstance(key, str) and torch.is_tensor(value) for key, value in weights.items()
    ):
        raise NetworkFileError(f"{file} holds no dictionary of weights")
    return weights
