"""`gladsr benchmark`: how fast networks run on this machine, relative to its peak rate."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from gladsr.benchmark.ceiling import Ceiling, Kind
from gladsr.benchmark.contenders import Contender, Setups, networks_at, of_networks, of_zoo
from gladsr.benchmark.machine import cores, machine
from gladsr.benchmark.measure import Benchmark, Result, measure, steps
from gladsr.cli.console import progress_bar, say
from gladsr.engines import ENGINES, EngineName, Precision, check_names

_KEY = ("model", "scale", "engine", "precision", "size")

_Saved = dict[tuple[Any, ...], tuple[float, float]]
"""The results of a saved run by ``_KEY``: seconds, and the share of the best rate or 0."""


def benchmark(
    *,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A model of the zoo. May be repeated. [default: all that have the scale]"
        ),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Another network: FILE.onnx, a training run, or a rival by its name (srcnn, "
            "fsrcnn, vdsr, memnet, idn, carn, rlfn), with random weights. May be repeated.",
        ),
    ] = None,
    scale: Annotated[
        list[int] | None, typer.Option(help="2, 3 or 4. May be repeated. [default: 2]")
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(
            help="openvino, onnxruntime or torch. May be repeated. "
            "[default: all that are installed]"
        ),
    ] = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(help="fp32, bf16 or int8. May be repeated. [default: all]"),
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="N,N", help="The inputs' sides in pixels.")
    ] = "256,512",
    rounds: Annotated[
        int, typer.Option(min=1, help="Timed runs of each; the median is reported.")
    ] = 7,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads. [default: one for each core]")
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Only the first size, in 3 rounds, without the start-up."),
    ] = False,
    compare: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The --json of an earlier run, to compare with."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as one JSON document.")
    ] = False,
) -> None:
    """Measure how fast networks run here, each in every engine and precision.

    All run in turn, in several rounds, each in a process of its own, so that other load on the
    machine affects all alike. Their rates are compared with the best that a large matrix product or
    3×3 convolution reaches in the same run. Engines that are not installed are named and skipped.

    gladsr benchmark --quick

    gladsr benchmark --model gladsr --network rlfn --json > before.json
    """
    if compare is not None and as_json:
        raise typer.TyperException("choose one of --compare and --json")
    sizes = _sizes(size)[: 1 if quick else None]
    rounds = min(rounds, 3) if quick else rounds
    saved = None if compare is None else _saved(compare)
    threads = threads or len(cores())
    setups = _setups(engine or [], precision or [])
    scales = list(dict.fromkeys(scale or [2]))
    with tempfile.TemporaryDirectory() as folder:
        contenders = [*of_zoo(model or [], scales, setups, threads)]
        ours = {contender.model for contender in contenders}
        found = networks_at(scales, network or [])
        check_names(found, beside=ours)
        others = [each for _, by_scale in found for each in by_scale.values()]
        contenders += of_networks(others, setups, threads, Path(folder))
        ceilings = [
            Ceiling(engine, kind, precision, threads)
            for (engine, precision), kind in product(setups, get_args(Kind))
        ]
        measured = _follow(contenders, ceilings, sizes, rounds, with_startup=not quick)
    document = _plain(measured, threads, rounds)
    if as_json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _show(measured, document["machine"], saved)
    if not measured.results:
        raise typer.Exit(1)


def _setups(engines: list[str], precisions: list[str]) -> Setups:
    """Return the requested engines in the requested precisions; an empty list stands for all."""
    for option, given, known in (
        ("--engine", engines, tuple(ENGINES)),
        ("--precision", precisions, get_args(Precision)),
    ):
        if wrong := set(given) - set(known):
            raise typer.BadParameter(
                f"{option} is {wrong.pop()!r}, but must be one of {', '.join(known)}"
            )
    setups = [
        (cast("EngineName", engine), precision)
        for engine, info in ENGINES.items()
        for precision in info.precisions
        if (not engines or engine in engines) and (not precisions or precision in precisions)
    ]
    if not setups:
        raise typer.BadParameter(
            f"none of {', '.join(engines)} computes in {' or '.join(precisions)}"
        )
    return setups


def _sizes(text: str) -> list[int]:
    sides = text.split(",")
    if not all(side.strip().isdecimal() and int(side) >= 16 for side in sides):
        raise typer.BadParameter(
            f"--size is {text!r}, but must be numbers from 16, such as 256,512"
        )
    return sorted({int(side) for side in sides})


def _saved(file: Path) -> _Saved:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return {
            tuple(result[part] for part in _KEY): (
                float(result["seconds"]["median"]),
                float(result["share_of_best"] or 0),
            )
            for result in document["results"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise typer.BadParameter(f"{file} is not what gladsr benchmark --json prints") from error


def _follow(
    contenders: Sequence[Contender],
    ceilings: Sequence[Ceiling],
    sizes: Sequence[int],
    rounds: int,
    *,
    with_startup: bool,
) -> Benchmark:
    with progress_bar() as bar:
        total = steps(contenders, ceilings, rounds=rounds, with_startup=with_startup)
        task = bar.add_task("", total=total)
        return measure(
            contenders,
            ceilings,
            sizes=sizes,
            rounds=rounds,
            with_startup=with_startup,
            progress=lambda what: bar.update(task, description=what, advance=1),
        )


def _plain(measured: Benchmark, threads: int, rounds: int) -> dict[str, Any]:
    return {
        "machine": machine(threads),
        "rounds": rounds,
        "best": {
            precision: {"mult_adds_per_second": best.mult_adds_per_second, "by": best.by}
            for precision, best in measured.best.items()
        },
        "results": [
            result.as_dict() | _startup(measured, result.contender) for result in measured.results
        ],
        "skipped": measured.skipped,
    }


def _startup(measured: Benchmark, contender: Contender) -> dict[str, Any]:
    found = measured.startups.get(contender)
    return {"startup": found and asdict(found)}


def _show(
    measured: Benchmark,
    ran_on: dict[str, Any],
    saved: _Saved | None,
) -> None:
    console = Console()
    versions = ", ".join(f"{name} {version}" for name, version in ran_on["versions"].items())
    console.print(
        f"{ran_on['processor']}, cores {', '.join(map(str, ran_on['cores']))}, "
        f"{ran_on['threads']} threads, {' '.join(ran_on['instruction_sets'])}\n{versions}",
        highlight=False,
        markup=False,
    )
    for precision, best in measured.best.items():
        rate = best.mult_adds_per_second / 1e9
        console.print(
            f"best rate in {precision}: {rate:.0f} G multiply-adds a second ({best.by})",
            highlight=False,
        )
    if measured.results:
        console.print(_table(measured.results, saved))
    if measured.startups:
        console.print(_startup_table(measured))
    for what, why in measured.skipped.items():
        say(f"skipped: {what}: {why}")


def _table(results: list[Result], saved: _Saved | None) -> Table:
    table = _plain_table("network", "engine", "precision")
    headings = ("input", "seconds", "±", "s/megapixel", "G/s", "of best", "memory")
    for heading in (*headings, *(() if saved is None else ("× saved", "of best × saved"))):
        table.add_column(heading, justify="right")
    for result in results:
        contender, seconds = result.contender, result.seconds
        spread = 50 * (seconds.high - seconds.low) / seconds.median
        table.add_row(
            f"{contender.model} ×{contender.scale}",
            contender.engine,
            contender.precision,
            f"{result.size}²",
            f"{seconds.median:.3f}",
            f"{spread:.0f} %",
            f"{result.seconds_per_megapixel:.2f}",
            f"{result.mult_adds_per_second / 1e9:.0f}",
            "" if result.share_of_best is None else f"{100 * result.share_of_best:.0f} %",
            "" if result.memory is None else f"{result.memory / 1e6:.0f} MB",
            *(() if saved is None else _against(result, saved)),
        )
    return table


def _against(result: Result, saved: _Saved) -> tuple[str, str]:
    """Return the time and the share of the best rate, each relative to the saved one."""
    now = result.as_dict()
    before = saved.get(tuple(now[part] for part in _KEY))
    if before is None:
        return "", ""
    seconds, share = before
    time = f"{result.seconds.median / seconds:.2f}"
    return time, f"{result.share_of_best / share:.2f}" if result.share_of_best and share else ""


def _startup_table(measured: Benchmark) -> Table:
    table = _plain_table("gladsr upscale, 256²", "engine", "precision")
    for heading in ("first run", "second run", "picture written"):
        table.add_column(heading, justify="right")
    for contender, took in measured.startups.items():
        table.add_row(
            f"{contender.model} ×{contender.scale}",
            contender.engine,
            contender.precision,
            *(f"{seconds:.2f} s" for seconds in (took.first, took.second, took.written)),
        )
    return table


def _plain_table(*columns: str) -> Table:
    return Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
