"""The trained models: names, cards and weights."""

from gladsr.errors import UnknownModelError
from gladsr.zoo.card import WEIGHTS, Card
from gladsr.zoo.registry import (
    MODELS,
    PURPOSES,
    card,
    cards,
    load_network,
    models,
    models_at,
    scales_of,
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
    "models",
    "models_at",
    "scales_of",
]
