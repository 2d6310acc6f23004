"""`gladsr models`: what is in the zoo."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gladsr.zoo import Card, cards


def models(
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole cards as one JSON document.")
    ] = False,
) -> None:
    """List the trained models: their costs, scores and terms.

    Mult-Adds are multiply-adds for an output of 960×960 pixels. Scores are PSNR in dB and SSIM on
    luminance.
    """
    zoo = cards()
    if as_json:
        typer.echo(json.dumps([card.as_dict() for card in zoo], indent=2, ensure_ascii=False))
        return
    Console().print(_table(zoo))
    for licence in dict.fromkeys(card.licence for card in zoo):
        typer.echo(f"Terms of the weights: {licence}")


def _table(zoo: list[Card]) -> Table:
    sets = list(dict.fromkeys(name for card in zoo for name in card.scores))
    table = Table("model", "scale")
    for column in ("parameters", "Mult-Adds", *sets):
        table.add_column(column, justify="right")
    for card in zoo:
        scores = [
            f"{card.scores[name]['psnr']:.2f} / {card.scores[name]['ssim']:.4f}"
            if name in card.scores
            else ""
            for name in sets
        ]
        table.add_row(
            card.name,
            f"×{card.scale}",
            f"{card.parameters / 1e3:.0f}K",
            f"{card.mult_adds / 1e9:.1f}G",
            *scores,
        )
    return table
