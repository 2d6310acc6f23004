"""`gladsr reproduce`: the paper's tables and figures, its values beside ours."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from gladsr.cli.console import say
from gladsr.errors import Error
from gladsr.paper.exhibit import Exhibit, Request
from gladsr.paper.exhibits import EXHIBITS
from gladsr.paper.results import Result
from gladsr.paper.results import reproduce as reproduce_exhibit
from gladsr.scoring.networks import read_networks
from gladsr.zoo import MODELS

WIDTH = 150
"""The width of tables where standard output is not a terminal."""


def reproduce(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="table1 … table7, fig1 … fig13.")
    ] = None,
    *,
    show_list: Annotated[
        bool,
        typer.Option("--list", help="List all tables and figures with their needs and durations."),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder with any of Set5, Set14, B100, Urban100 and RealWorld. "
            "[default: $GLADSR_DATA/test]"
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path(
        "runs/paper"
    ),
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="A rival with weights, as for `gladsr evaluate`: rlfn=FILE.pth or FILE.onnx. "
            "May be repeated.",
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="A training setting to change in all ablations: schedule.steps=2000. "
            "May be repeated.",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Measure even if there is a stored result.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads. [default: the engines' choice]")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as one JSON document.")
    ] = False,
) -> None:
    """Reproduce the paper's tables and figures.

    Each one prints the paper's values, ours and the differences, and writes NAME.json, NAME.md
    and, for a figure, NAME.png to the output folder. A stored result is shown without measuring
    again.

    Tables 1, 4 and 7 and figures 7 and 9 train small networks, one after the other, in a process of
    the lowest priority. Ctrl-C stops it at any time; the same command continues it.

    gladsr reproduce table2 table5 --data testsets --network rlfn=rlfn_x2.pth
    """
    if show_list:
        _list(as_json=as_json)
        return
    unknown = [name for name in names or [] if name not in EXHIBITS]
    if unknown or not names:
        wrong = f"there is no {', '.join(unknown)}" if unknown else "name a table or figure"
        raise typer.BadParameter(f"{wrong}; choose from {', '.join(EXHIBITS)}")
    data = data or _default_data()
    if data and not data.is_dir():
        raise typer.BadParameter(f"{data} is not a folder")
    networks = read_networks(network or [], beside=("bicubic", *MODELS), threads=threads)
    results, failed = [], 0
    for name in dict.fromkeys(names):
        request = Request(output, data, networks, threads, tuple(setting or []), say)
        try:
            result = reproduce_exhibit(EXHIBITS[name], request, again=again)
        except Error as error:
            say(f"{name}: {error}")
            failed = 1
            continue
        results.append(result)
        if not as_json:
            _show(EXHIBITS[name], result, output)
    if as_json:
        _print_json([asdict(result) for result in results])
    raise typer.Exit(failed)


def _default_data() -> Path | None:
    folder = os.environ.get("GLADSR_DATA")
    return Path(folder, "test") if folder else None


def _list(*, as_json: bool) -> None:
    fields = ("name", "title", "needs", "takes")
    rows = [{field: getattr(one, field) for field in fields} for one in EXHIBITS.values()]
    if as_json:
        _print_json(rows)
        return
    table = Table("name", "title", "needs", "takes, on 2 cores")
    for row in rows:
        table.add_row(*row.values())
    _console().print(table)


def _show(exhibit: Exhibit, result: Result, folder: Path) -> None:
    console = _console()
    for sheet in exhibit.sheets(result.findings):
        console.print(sheet.rich())
        for note in sheet.notes:
            console.print(note, markup=False, highlight=False)
    console.print(result.origin, markup=False, highlight=False)
    figure = folder / f"{exhibit.name}.png"
    if figure.is_file():
        say(f"the figure is {figure}")


def _print_json(document: object) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)
