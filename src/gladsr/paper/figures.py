"""Drawing figures and writing them to files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from gladsr.atomic import atomic_write
from gladsr.pictures import read


def picture_grid(rows: Sequence[Mapping[str, Path]], panel: tuple[float, float]) -> Figure:
    """Return a figure of picture files in rows and columns, each below its title.

    Args:
        rows: Files by title, equally many in each row.
        panel: Width and height of a picture with its title, in inches.
    """
    columns = len(rows[0])
    figure = Figure(figsize=(panel[0] * columns, panel[1] * len(rows)), layout="constrained")
    panels = (panel for row in rows for panel in row.items())
    for number, (title, file) in enumerate(panels, start=1):
        axes = figure.add_subplot(len(rows), columns, number)
        axes.imshow(read(file).pixels, interpolation="nearest")
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()
    return figure


def save(figure: Figure, file: Path, *, dpi: int = 150) -> None:
    """Write a figure as PNG."""
    with atomic_write(file) as opened:
        figure.savefig(opened, dpi=dpi, format="png")
