"""The trained models: names, cards and weights."""

from gladsr.zoo.card import WEIGHTS, Card
from gladsr.zoo.registry import (
    MODELS,
    UnknownModelError,
    card,
    cards,
    load_network,
    models_at,
)

__all__ = [
    "MODELS",
    "WEIGHTS",
    "Card",
    "UnknownModelError",
    "card",
    "cards",
    "load_network",
    "models_at",
]
