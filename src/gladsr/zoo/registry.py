"""The models by name and scale."""

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
"""The scales of each model."""

PURPOSES = {
    "gladsr": "clean pictures",
    "gladsr-l": "clean pictures, in half the time",
    "gladsr-photo": "JPEG files and noisy photographs",
    "gladsr-sr291": "comparison with the paper's Table VI: it was trained on 290 images only",
}
"""The purpose of each model, to follow its name and "is for"."""


def scales_of(name: str) -> tuple[int, ...]:
    """Return the scales that a model has.

    Raises:
        UnknownModelError: There is no such model.

    Example:
        >>> scales_of("gladsr-photo")
        (2, 4)
    """
    if name not in MODELS:
        raise UnknownModelError(f"there is no model {name!r}; choose from {', '.join(MODELS)}")
    return MODELS[name]


def card(name: str, scale: int) -> Card:
    """Return a model's card.

    Raises:
        UnknownModelError: There is no such model, or not at that scale.

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


def models_at(scale: int) -> list[str]:
    """Return the names of the models that have a scale.

    Raises:
        UnknownModelError: No model has it.
    """
    names = [name for name, scales in MODELS.items() if scale in scales]
    if not names:
        raise UnknownModelError(f"no model has scale {scale}; `gladsr models` lists them")
    return names


def cards() -> list[Card]:
    """Return the cards of all models, in the order of ``MODELS``."""
    return [read_card(name, scale) for name, scales in MODELS.items() for scale in scales]


def load_network(name: str, scale: int = 2) -> "Gladsr":
    """Return the PyTorch network with its trained weights, in evaluation mode.

    Raises:
        UnknownModelError: There is no such model, or not at that scale.
        ModuleNotFoundError: PyTorch or safetensors is not installed.
    """
    from gladsr.network import GladsrConfig  # noqa: PLC0415 - needs the extra gladsr[torch]
    from gladsr.network.weights import read_safetensors  # noqa: PLC0415 - needs gladsr[torch]

    chosen = card(name, scale)
    return read_safetensors(chosen.safetensors_path, GladsrConfig(**chosen.network))
