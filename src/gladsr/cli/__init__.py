"""The command `gladsr`; each of its commands is the function of its name in the file of its name.

A command's file is imported when that command is run, so that none waits for another's libraries.
"""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gladsr import __version__
from gladsr.cli.console import say
from gladsr.engines import EngineError
from gladsr.pictures import PictureError
from gladsr.upscaling import SizeError
from gladsr.upscaling.folders import PlanError
from gladsr.zoo import UnknownModelError

COMMANDS = ("upscale", "evaluate", "models", "train", "export")

EXTRAS = {
    "torch": "torch",
    "safetensors": "torch",
    "onnxruntime": "onnxruntime",
    "onnx": "train",
    "onnxscript": "train",
    "pydantic": "train",
    "tensorboard": "train",
}
"""Which extra brings a library that the default install has not."""


class _Commands(TyperGroup):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as its base class has it
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - likewise
        if cmd_name not in COMMANDS:
            return None
        command = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        command.command(cmd_name)(getattr(import_module(f"gladsr.cli.{cmd_name}"), cmd_name))
        return typer.main.get_command(command)


app = typer.Typer(cls=_Commands, pretty_exceptions_enable=False, invoke_without_command=True)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"gladsr {__version__}")
        raise typer.Exit


@app.callback()
def gladsr(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Make photographs two, three or four times larger, and sharper than by interpolation."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Its words; those of the process if None.

    Returns:
        The exit code: 0 all done, 1 some inputs failed, 2 the words were wrong or an extra is
        missing, 130 after Ctrl-C.
    """
    try:
        return app(arguments, prog_name="gladsr", standalone_mode=False) or 0
    except typer.TyperException as error:
        say(error.format_message().removeprefix("Invalid value: "))
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        say(
            f"{error.name} is not installed; install it with: "
            f'pip install "gladsr[{EXTRAS[error.name]}]"'
        )
    except (EngineError, PictureError, PlanError, SizeError, UnknownModelError) as error:
        say(str(error))
    except OSError as error:
        say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return 2
