"""The trained models: names, cards and weights."""

from gladsr.zoo.card import WEIGHTS, Card
from gladsr.zoo.registry import (
    MODELS,
    PURPOSES,
    UnknownModelError,
    card,
    cards,
    load_network,
    models_at,
)

__all__ = [
    "MODELS",
    "PURPOSES",
    "WEIGHTS",
    "Card",
    "UnknownModelError",
    "card",
    "cards",
    "load_network",
    "models_at",
]
