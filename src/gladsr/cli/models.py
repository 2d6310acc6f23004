"""`gladsr models`: the models of the zoo."""

import json
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from gladsr.rivals.published import TABLE_2
from gladsr.zoo import PURPOSES, Card, cards

PRINTED = {(row.method.lower(), row.scale): row.scores for row in TABLE_2}
"""The paper's own scores by model and scale."""


def models(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the complete cards as one JSON document.")
    ] = False,
) -> None:
    """List the trained models with their costs, scores and licences.

    Mult-Adds are multiply-adds for an output of 960×960 pixels, the scores PSNR in dB on the
    luminance of the test sets, with the paper's own in brackets. The cards have SSIM too, and how
    each model was trained.

    gladsr models --json
    """
    zoo = cards()
    if as_json:
        typer.echo(json.dumps([card.as_dict() for card in zoo], indent=2, ensure_ascii=False))
        return
    Console().print(_table(zoo))
    for name, purpose in PURPOSES.items():
        typer.echo(f"{name} is for {purpose}.")
    typer.echo("The licence is that of the weights; the code is under Apache-2.0.")


def _table(zoo: list[Card]) -> Table:
    test_sets = list(dict.fromkeys(name for card in zoo for name in card.scores))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    table.add_column("model", no_wrap=True)
    table.add_column("scale")
    for column in ("params", "Mult-Adds"):
        table.add_column(column, justify="right", no_wrap=True)
    for test_set in test_sets:
        table.add_column(test_set, justify="right", min_width=len("(37.99)"))
    table.add_column("licence", no_wrap=True)
    for card in zoo:
        table.add_row(
            card.name,
            f"×{card.scale}",
            f"{card.parameters / 1e3:.0f}K",
            f"{card.mult_adds / 1e9:.1f}G",
            *(_score(card, name) for name in test_sets),
            card.licence,
        )
    return table


def _score(card: Card, test_set: str) -> str:
    if test_set not in card.scores:
        return ""
    ours = f"{card.scores[test_set]['psnr']:.2f}"
    printed = PRINTED.get((card.name, card.scale))
    return f"{ours} ({printed[test_set][0]:.2f})" if printed else ours
