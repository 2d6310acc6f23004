"""Tables of values, for the terminal and as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

Values = Mapping[str, float | Sequence[float] | None]
"""The values of a row by column: one, several for a column with several formats, or none."""


@dataclass(frozen=True)
class Sheet:
    """A table.

    Attributes:
        title: What it shows.
        columns: The headings; all columns but the first are aligned to the right.
        rows: Cells as they are printed.
        notes: Sentences below it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def rich(self) -> Table:
        """Return the table for the terminal."""
        table = Table(title=self.title, title_justify="left", caption_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table

    def markdown(self) -> str:
        """Return the table and its notes as Markdown.

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


def comparison(
    title: str,
    labels: str,
    formats: Mapping[str, str],
    rows: Iterable[tuple[str, Values, Values]],
    notes: Sequence[str] = (),
) -> Sheet:
    """Return a table with three rows for each label: the paper's values, ours, the differences.

    Args:
        title: What the table shows.
        labels: The heading of the first column.
        formats: How the values of each other column are printed, such as ``.2f`` or, for a column
            with two of them, ``.2f / .4f``; with a % at the end, differences are in per cent.
        rows: Label, the paper's values and ours. Rows of the table without values are omitted.
        notes: Sentences below the table.

    Example:
        >>> rows = [("SRCNN", {"K": 57, "PSNR": 36.66}, {"PSNR": 36.5})]
        >>> for row in comparison("Set5", "network", {"K": ".0f%", "PSNR": ".2f"}, rows).rows:
        ...     print(row)
        ('SRCNN', 'paper', '57', '36.66')
        ('', 'ours', '', '36.50')
        ('', 'difference', '', '-0.16')
    """
    cells = [row for label, paper, ours in rows for row in _triple(label, paper, ours, formats)]
    return Sheet(title, (labels, "", *formats), tuple(cells), tuple(notes))


def _triple(
    label: str, paper: Values, ours: Values, formats: Mapping[str, str]
) -> list[tuple[str, ...]]:
    kinds = {
        "paper": [_cell(paper.get(column), form) for column, form in formats.items()],
        "ours": [_cell(ours.get(column), form) for column, form in formats.items()],
        "difference": [
            _difference(paper.get(column), ours.get(column), form)
            for column, form in formats.items()
        ],
    }
    rows = [(kind, *cells) for kind, cells in kinds.items() if any(cells)]
    return [("" if number else label, *row) for number, row in enumerate(rows)]


def _cell(values: float | Sequence[float] | None, form: str) -> str:
    if values is None:
        return ""
    return " / ".join(
        format(value, one.rstrip("%"))
        for value, one in zip(_all(values), form.split(" / "), strict=True)
    )


def _difference(
    paper: float | Sequence[float] | None, ours: float | Sequence[float] | None, form: str
) -> str:
    if paper is None or ours is None:
        return ""
    return " / ".join(
        f"{found / printed - 1:+.1%}" if one.endswith("%") else format(found - printed, f"+{one}")
        for printed, found, one in zip(_all(paper), _all(ours), form.split(" / "), strict=True)
    )


def _all(values: float | Sequence[float]) -> Sequence[float]:
    return values if isinstance(values, Sequence) else (values,)
