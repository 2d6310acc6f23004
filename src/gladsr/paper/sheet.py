"""A table of figures: for the terminal, and as Markdown for a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Sheet:
    """A table.

    Attributes:
        title: What it shows.
        columns: Their heads; all but the first are aligned to the right.
        rows: Cells as they are printed.
        notes: Sentences below it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def rich(self) -> Table:
        """Return it for the terminal."""
        table = Table(title=self.title, title_justify="left", caption_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table

    def markdown(self) -> str:
        """Return it as Markdown.

        Example:
            >>> print(Sheet("Sizes", ("network", "K"), (("SRCNN", "57"),)).markdown())
            **Sizes**
            <BLANKLINE>
            | network | K |
            |---|---:|
            | SRCNN | 57 |
        """
        lines = [
            f"**{self.title}**",
            "",
            _line(self.columns),
            "|---|" + "---:|" * (len(self.columns) - 1),
            *map(_line, self.rows),
        ]
        if self.notes:
            lines += ["", *self.notes]
        return "\n".join(lines)


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def triple(
    label: str,
    paper: Sequence[tuple[float, ...] | None],
    ours: Sequence[tuple[float, ...] | None],
    forms: Sequence[tuple[str, ...]],
) -> list[tuple[str, ...]]:
    """Return up to three rows: what the paper prints, what we found, and the difference.

    Args:
        label: Of the first row.
        paper: A cell's figures, or None where there are none.
        ours: Likewise.
        forms: How each figure of a cell is printed, such as ``(".2f", ".4f")``; a form that ends
            in % gives the difference in per cent.

    Example:
        >>> triple("SRCNN", [(36.66,)], [(36.5,)], [(".2f",)])
        [('SRCNN', 'paper', '36.66'), ('', 'ours', '36.50'), ('', 'difference', '-0.16')]
    """
    cells = list(zip(paper, ours, forms, strict=True))
    kinds = {
        "paper": tuple(_cell(figures, form) for figures, _, form in cells),
        "ours": tuple(_cell(figures, form) for _, figures, form in cells),
        "difference": tuple(_difference(*cell) for cell in cells),
    }
    rows = [(kind, *row) for kind, row in kinds.items() if any(row)]
    return [("" if number else label, *row) for number, row in enumerate(rows)]


def _cell(figures: tuple[float, ...] | None, form: tuple[str, ...]) -> str:
    if figures is None:
        return ""
    return " / ".join(
        format(figure, one.rstrip("%")) for figure, one in zip(figures, form, strict=True)
    )


def _difference(
    paper: tuple[float, ...] | None, ours: tuple[float, ...] | None, form: tuple[str, ...]
) -> str:
    if paper is None or ours is None:
        return ""
    return " / ".join(
        f"{found / printed - 1:+.1%}" if one.endswith("%") else format(found - printed, f"+{one}")
        for printed, found, one in zip(paper, ours, form, strict=True)
    )
