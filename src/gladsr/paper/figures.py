"""Figures as files."""

from pathlib import Path

from matplotlib.figure import Figure

from gladsr.pictures.writing import appearing


def save(figure: Figure, file: Path, *, dpi: int = 150) -> None:
    """Write a figure as PNG, whole or not at all."""
    with appearing(file) as opened:
        figure.savefig(opened, dpi=dpi, format="png")
