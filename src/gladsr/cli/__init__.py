"""The command `gladsr`: each subcommand is a function in the file of the same name.

Its file is imported when it is run, so that no command waits for the libraries of another.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from gladsr import __version__
from gladsr.cli.console import say, show_information
from gladsr.errors import Error

COMMANDS = (
    "upscale",
    "compare",
    "evaluate",
    "models",
    "train",
    "export",
    "reproduce",
    "explain",
    "serve",
    "benchmark",
)

EXTRAS = {
    "av": "video",
    "torch": "torch",
    "safetensors": "torch",
    "onnxruntime": "onnxruntime",
    "matplotlib": "paper",
    "onnx": "train",
    "onnxscript": "train",
    "pydantic": "train",
    "tensorboard": "train",
    "fastapi": "web",
    "prometheus_client": "web",
    "python_multipart": "web",
    "uvicorn": "web",
    "nncf": "int8",
}
"""The extra that installs a library, by the name it is imported under."""

COMMAND_EXTRAS = {"train": "train", "export": "train", "reproduce": "paper", "explain": "paper"}
"""The extra with everything for a command that trains networks or runs them in PyTorch."""


class _Commands(TyperGroup):
    """The commands, each imported when it is run."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - of the base class
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - of the base class
        if cmd_name not in COMMANDS:
            return None
        command = _command(getattr(import_module(f"gladsr.cli.{cmd_name}"), cmd_name), cmd_name)
        command.params += _command(_common_options).params
        return command


def _command(function: Callable[..., None], name: str | None = None) -> Any:
    """Return a function as a command."""
    command = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    command.command(name)(function)
    return typer.main.get_command(command)


def _set_verbose(verbose: bool) -> None:
    if verbose:
        show_information()


def _common_options(
    *,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            callback=_set_verbose,
            expose_value=False,
            help="Print more on standard error, such as which engine runs the network.",
        ),
    ] = False,
) -> None:
    """Declare the options that all commands share."""


app = typer.Typer(cls=_Commands, pretty_exceptions_enable=False, invoke_without_command=True)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"gladsr {__version__}")
        raise typer.Exit


@app.callback()
def gladsr(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - used by its callback
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Upscale photographs and films up to eight times, with sharper results than interpolation."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The arguments; those of the process if None.

    Returns:
        The exit code: 0 for success, 1 if some inputs failed, 2 if the arguments are wrong or an
        extra is missing, 130 after Ctrl-C.
    """
    if arguments is None and "openvino" not in sys.modules:
        # OpenVINO also imports its model converter, which takes longer than the rest of it and is
        # not used here. Hiding it is only safe in a process of our own.
        sys.modules.update({"openvino.tools.ovc": cast("Any", None)})
    try:
        return app(arguments, prog_name="gladsr", standalone_mode=False) or 0
    except typer.TyperException as error:
        say(error.format_message().removeprefix("Invalid value: "))
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        extra = _extra(error.name, arguments or sys.argv[1:])
        say(f'{error.name} is not installed; install it with: pip install "gladsr[{extra}]"')
    except Error as error:
        say(str(error))
    except OSError as error:
        say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    return 2


def _extra(library: str, arguments: list[str]) -> str:
    extra = EXTRAS[library]
    if extra not in ("torch", "train"):
        return extra
    command = next((argument for argument in arguments if argument in COMMANDS), "")
    return COMMAND_EXTRAS.get(command, extra)
