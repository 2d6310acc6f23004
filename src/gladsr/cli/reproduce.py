"""`gladsr reproduce`: the paper's tables and figures, its figures beside ours."""

import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from gladsr.atomic import atomic_write
from gladsr.cli.console import say
from gladsr.errors import EngineError, PictureError
from gladsr.paper.exhibit import MissingError, Request, StoppedError
from gladsr.paper.exhibits import EXHIBITS, in_order, module
from gladsr.paper.kept import keep, read_kept
from gladsr.scoring.networks import read_networks
from gladsr.zoo import MODELS

if TYPE_CHECKING:
    from gladsr.paper.kept import Kept

WIDTH = 150
"""Of the tables where no terminal says how wide it is."""


def reproduce(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="table1 … table7, fig1 … fig13.")
    ] = None,
    *,
    show_list: Annotated[
        bool, typer.Option("--list", help="List what there is, what it needs and takes.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder with Set5, Set14, B100, Urban100 and RealWorld, as far as you have them. "
            "[default: $GLADSR_DATA/test]"
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for what a run leaves.")
    ] = Path("runs/paper"),
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="A rival with weights, as `gladsr evaluate` takes it: rlfn=FILE.pth or FILE.onnx. "
            "Can be given again.",
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Change the ablations' training settings: schedule.steps=2000. Can be given "
            "again.",
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Measure again what a run has left already.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads. [default: the engines' choice]")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as one JSON document.")
    ] = False,
) -> None:
    """Reproduce the paper's tables and figures.

    Each prints the paper's figure, ours and the difference, and leaves NAME.json, NAME.md and, for
    a figure, NAME.png in the output folder. What is there already is shown again, not measured.

    Tables 1, 4 and 7 and figures 7 and 9 train small networks, one after the other, after all else,
    and give way to all other work. Ctrl-C stops them at any moment; the same command goes on.

    gladsr reproduce table2 table5 --data testsets --network rlfn=rlfn_x2.pth
    """
    if show_list:
        _list(as_json=as_json)
        return
    unknown = [name for name in names or [] if name not in EXHIBITS]
    if unknown or not names:
        wrong = f"there is no {', '.join(unknown)}" if unknown else "name what to reproduce"
        raise typer.BadParameter(f"{wrong}; there are {', '.join(EXHIBITS)}")
    request = Request(
        output,
        data or _default_data(),
        read_networks(network or [], beside=("bicubic", *MODELS), threads=threads),
        threads,
        tuple(setting or []),
        say,
    )
    if request.data and not request.data.is_dir():
        raise typer.BadParameter(f"{request.data} is no folder")
    documents, failed = [], 0
    for name in in_order(names):
        try:
            kept = _kept(name, replace(request, used=set()), again=again)
        except (EngineError, MissingError, PictureError) as error:
            say(f"{name}: {error}")
            failed = 1
            continue
        documents.append(asdict(kept))
        _write_markdown(kept, output)
        if not as_json:
            _show(kept, output)
    if as_json:
        typer.echo(json.dumps(documents, indent=2, ensure_ascii=False))
    raise typer.Exit(failed)


def _default_data() -> Path | None:
    folder = os.environ.get("GLADSR_DATA")
    return Path(folder, "test") if folder else None


def _list(*, as_json: bool) -> None:
    if as_json:
        everything = [{"name": name} | asdict(facts) for name, facts in EXHIBITS.items()]
        typer.echo(json.dumps(everything, indent=2, ensure_ascii=False))
        return
    table = Table("name", "what", "needs", "takes, on 2 cores")
    for name, facts in EXHIBITS.items():
        table.add_row(name, facts.title, facts.needs, facts.takes)
    _console().print(table)


def _kept(name: str, request: Request, *, again: bool) -> "Kept":
    """Return what a run has left, or run."""
    kept = None if again else read_kept(name, request.folder)
    if kept:
        say(f"{name} is shown as it was measured; --again measures it anew")
        return kept
    exhibit = module(name)
    began = time.monotonic()
    try:
        findings = exhibit.measure(request)
    except StoppedError as error:
        say(str(error))
        raise typer.Exit(130) from None
    seconds = time.monotonic() - began
    exhibit.sheets(findings)  # what cannot be shown and drawn is not kept
    if hasattr(exhibit, "draw"):
        exhibit.draw(findings, request.folder)
    return keep(name, findings, request, seconds=seconds)


def _write_markdown(kept: "Kept", folder: Path) -> None:
    sheets = module(kept.name).sheets(kept.findings)
    text = "\n\n".join(sheet.markdown() for sheet in sheets)
    with atomic_write(folder / f"{kept.name}.md") as opened:
        opened.write(f"{text}\n\n{kept.origin}\n".encode())


def _show(kept: "Kept", folder: Path) -> None:
    console = _console()
    for sheet in module(kept.name).sheets(kept.findings):
        console.print(sheet.rich())
        for note in sheet.notes:
            console.print(note, markup=False, highlight=False)
    console.print(kept.origin, markup=False, highlight=False)
    figure = folder / f"{kept.name}.png"
    if figure.is_file():
        say(f"{figure} is drawn")


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH)
