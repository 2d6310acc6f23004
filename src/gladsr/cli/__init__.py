"""The command `gladsr`; each of its commands is the function of its name in the file of its name.

A command's file is imported when that command is run, so that none waits for another's libraries.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from gladsr import __version__
from gladsr.cli.console import say, say_more
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
"""Which extra brings a library that the default install has not."""

WHOLE_EXTRAS = {"train": "train", "export": "train", "reproduce": "paper", "explain": "paper"}
"""Which extra brings all that a command needs to train or to run networks in PyTorch."""


class _Commands(TyperGroup):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as its base class has it
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - likewise
        if cmd_name not in COMMANDS:
            return None
        command = _made(getattr(import_module(f"gladsr.cli.{cmd_name}"), cmd_name), cmd_name)
        command.params += _made(_common).params
        return command


def _made(function: Callable[..., None], name: str | None = None) -> Any:
    """Make a command of a function."""
    command = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    command.command(name)(function)
    return typer.main.get_command(command)


def _say_more(asked: bool) -> None:
    if asked:
        say_more()


def _common(
    *,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            callback=_say_more,
            expose_value=False,
            help="Say more on standard error, such as what runs the network.",
        ),
    ] = False,
) -> None:
    """Take the options that every command has."""


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
    """Make photographs up to eight times larger, and sharper than by interpolation."""
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
    if arguments is None and "openvino" not in sys.modules:
        # OpenVINO imports its converter of models along, which takes longer than all the rest of it
        # and is not used here. Only a process of the command's own may do without.
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
    command = next((word for word in arguments if word in COMMANDS), "")
    return WHOLE_EXTRAS.get(command, extra)
