"""Figures as files."""

from pathlib import Path

from matplotlib.figure import Figure

from gladsr.atomic import atomic_write


def save(figure: Figure, file: Path, *, dpi: int = 150) -> None:
    """Write a figure as PNG, whole or not at all."""
    with atomic_write(file) as opened:
        figure.savefig(opened, dpi=dpi, format="png")
