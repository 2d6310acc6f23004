"""The options that several commands have: what runs the network."""

from typing import Annotated

import typer

from gladsr.engines import EngineName, Precision

_PANEL = "Machine"

Engine = Annotated[
    EngineName,
    typer.Option(
        help="What runs the network; auto is the first installed.", rich_help_panel=_PANEL
    ),
]
ComputePrecision = Annotated[
    Precision,
    typer.Option(
        help="bf16 is faster on processors that compute in it; so is int8, for which "
        "`gladsr export --calibrate` has to make the weights first.",
        rich_help_panel=_PANEL,
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        help="The engine's name of the device, such as GPU or cuda. [default: the CPU]",
        rich_help_panel=_PANEL,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, help="CPU threads. [default: the engine's choice]", rich_help_panel=_PANEL),
]
