"""The models that there are, by name and scale."""

from typing import TYPE_CHECKING

from gladsr.errors import UnknownModelError
from gladsr.zoo.card import Card, read_card

if TYPE_CHECKING:
    from gladsr.network import Gladsr

MODELS = {
    "gladsr": (2, 3, 4),
    "gladsr-l": (2, 3, 4),
    "gladsr-photo": (2, 4),
    "gladsr-sr291": (2,),
}
"""Every model's scales."""

PURPOSES = {
    "gladsr": "clean pictures",
    "gladsr-l": "clean pictures, in half the time",
    "gladsr-photo": "JPEG files and noisy photographs",
    "gladsr-sr291": "comparison with the paper's Table VI: it knows 290 images only",
}
"""What every model is for."""


def card(name: str, scale: int) -> Card:
    """Return a model's card.

    Raises:
        UnknownModelError: there is no such model, or not at that scale.

    Example:
        >>> card("gladsr", scale=2).parameters
        801608
    """
    if scale not in scales_of(name):
        scales = ", ".join(map(str, scales_of(name)))
        raise UnknownModelError(f"{name} has no scale {scale}; it has {scales}")
    return read_card(name, scale)


def models() -> dict[str, tuple[int, ...]]:
    """Return the scales of every model by its name.

    Example:
        >>> models()["gladsr-photo"]
        (2, 4)
    """
    return dict(MODELS)


def scales_of(name: str) -> tuple[int, ...]:
    """Return the scales of a model.

    Raises:
        UnknownModelError: There is no such model.
    """
    if name not in MODELS:
        raise UnknownModelError(f"there is no model {name!r}; there are {', '.join(MODELS)}")
    return MODELS[name]


def models_at(scale: int) -> list[str]:
    """Return the names of the models that have a scale.

    Raises:
        UnknownModelError: no model has it.
    """
    names = [name for name, scales in MODELS.items() if scale in scales]
    if not names:
        raise UnknownModelError(f"no model has scale {scale}; `gladsr models` lists what there is")
    return names


def cards() -> list[Card]:
    """Return the cards of all models, in the order of ``MODELS``."""
    return [read_card(name, scale) for name, scales in MODELS.items() for scale in scales]


def load_network(name: str, scale: int = 2) -> "Gladsr":
    """Return the PyTorch network with its trained weights, in evaluation mode.

    Raises:
        UnknownModelError: there is no such model, or not at that scale.
        ModuleNotFoundError: PyTorch or safetensors is not installed.
    """
    from safetensors.torch import load_file  # noqa: PLC0415 - needs the extra gladsr[torch]

    from gladsr.network import Gladsr, GladsrConfig  # noqa: PLC0415 - likewise

    chosen = card(name, scale)
    network = Gladsr(GladsrConfig(**chosen.network))
    weights = load_file(chosen.safetensors_path)
    network.load_state_dict({key: value.float() for key, value in weights.items()})
    return network.eval()
