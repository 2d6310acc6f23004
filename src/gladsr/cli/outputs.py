"""Checks of the files that a command is to write, before it does any work."""

from pathlib import Path

import typer


def check_folder(output: Path) -> None:
    """Reject an output in a folder that does not exist."""
    if not output.parent.is_dir():
        raise typer.BadParameter(f"{output.parent} is not a folder; create it first")


def check_new(output: Path, *, overwrite: bool) -> None:
    """Reject an output that exists, unless it is to be overwritten."""
    if output.exists() and not overwrite:
        raise typer.BadParameter(f"{output} exists already; --overwrite replaces it")
