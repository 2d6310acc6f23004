"""`gladsr export`: a model's weights as a file for other programs, or into the zoo."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from gladsr.cli.console import say
from gladsr.errors import DataError, EngineError, NetworkFileError, SettingsError

Format = Literal["onnx", "openvino", "safetensors"]


def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model of the zoo, the folder of a training run, or a rival's weights: "
            "rlfn=rlfn_x4.pth.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write.")
    ] = None,
    *,
    scale: Annotated[
        int | None,
        typer.Option(
            help="Which scale of the zoo's model, or of the rival. [default: 2, or the run's]"
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        Format | None,
        typer.Option(help="[default: by the file's ending: .onnx, .xml, .safetensors]"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an output that exists already.")
    ] = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write OpenVINO IR in 8-bit integers, its ranges read from training pictures in "
            "FOLDER.",
        ),
    ] = None,
    zoo: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Instead of a file: put a training run into the zoo, with a card whose scores are "
            "measured on DATA/test/Set5, Set14 and B100.",
        ),
    ] = None,
) -> None:
    """Write a model as ONNX, OpenVINO IR or safetensors.

    ONNX: input x, (1, 3, h, w), RGB in [0, 1]; outputs y_c and y, the coarse and the final picture.

    gladsr export gladsr --scale 4 -o gladsr-x4.onnx

    gladsr export gladsr --scale 4 --calibrate DIV2K/ -o gladsr-x4-int8.xml

    A rival is written as ONNX alone, for other programs and as a teacher for `gladsr train`.

    gladsr export rlfn=rlfn_x4.pth --scale 4 -o rlfn_x4.onnx
    """
    from gladsr.training import export as files  # noqa: PLC0415 - likewise
    from gladsr.training.release import load_trained, release  # noqa: PLC0415 - likewise

    if (output is None) == (zoo is None):
        raise typer.BadParameter("name a file with -o")
    try:
        if zoo is not None:
            say(f"{release(Path(model), zoo)} is in the zoo")
            return
        assert output is not None  # noqa: S101 - tells the type checker what was asked above
        export_as = _format(output, format)
        _check(output, export_as, overwrite=overwrite)
        if "=" in model and not Path(model).exists():
            if export_as != "onnx" or calibrate is not None:
                raise typer.BadParameter("a rival is written as ONNX alone: FILE.onnx")
            _export_rival(model, scale or 2, output)
            return
        if calibrate is not None:
            from gladsr.training.quantise import export_int8  # noqa: PLC0415 - needs gladsr[int8]

            if export_as != "openvino":
                raise typer.BadParameter("--calibrate is for OpenVINO IR: FILE.xml")
            export_int8(load_trained(model, scale), output, calibrate)
            return
        getattr(files, f"export_{export_as}")(load_trained(model, scale), output)
    except (DataError, EngineError, SettingsError) as error:
        say(str(error))
        raise typer.Exit(2) from None


def _export_rival(spec: str, scale: int, output: Path) -> None:
    """Write a network of `gladsr.rivals`, NAME=WEIGHTS, as ONNX."""
    from gladsr.rivals import load_rival  # noqa: PLC0415 - slow
    from gladsr.training.export_rival import export_rival  # noqa: PLC0415 - slow

    name, _, weights = spec.partition("=")
    networks = load_rival(name, Path(weights))
    if scale not in networks:
        has = ", ".join(map(str, networks))
        raise NetworkFileError(f"{weights} has no scale {scale}; take --scale {has}")
    export_rival(networks[scale], output)


def _format(output: Path, chosen: Format | None) -> Format:
    """Return the chosen format, or the one that the file's ending tells."""
    by_ending: dict[str, Format] = {
        ".onnx": "onnx",
        ".xml": "openvino",
        ".safetensors": "safetensors",
    }
    if chosen is None and output.suffix not in by_ending:
        raise typer.BadParameter(f"{output} has none of the endings {', '.join(by_ending)}")
    if chosen == "openvino" and output.suffix != ".xml":
        raise typer.BadParameter(f"{output} is OpenVINO IR, so its name must end in .xml")
    return chosen or by_ending[output.suffix]


def _check(output: Path, export_as: Format, *, overwrite: bool) -> None:
    """Refuse an output that has no folder, or would take the place of another file."""
    if not output.parent.is_dir():
        raise typer.BadParameter(f"{output.parent} is no folder; make it first")
    for file in [output, output.with_suffix(".bin")] if export_as == "openvino" else [output]:
        if file.exists() and not overwrite:
            raise typer.BadParameter(f"{file} exists already; --overwrite replaces it")
