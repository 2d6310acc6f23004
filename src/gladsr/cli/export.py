"""`gladsr export`: a model as a file for other programs, or into the zoo."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from gladsr.cli import options
from gladsr.cli.console import say
from gladsr.cli.outputs import check_folder, check_new
from gladsr.engines import Network, find
from gladsr.errors import NetworkFileError

Format = Literal["onnx", "openvino", "safetensors"]


def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model of the zoo, the folder of a training run, a .safetensors file of "
            "`gladsr export`, or a rival's weights: rlfn=rlfn_x4.pth.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write.")
    ] = None,
    *,
    scale: Annotated[
        int | None,
        typer.Option(help="One of the model's scales. [default: 2, or the only one]"),
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        Format | None,
        typer.Option(help="[default: by the file's suffix: .onnx, .xml, .safetensors]"),
    ] = None,
    overwrite: options.Overwrite = False,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write OpenVINO IR in 8-bit integers, calibrated with the training pictures in "
            "FOLDER.",
        ),
    ] = None,
    zoo: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Instead of writing a file, add a training run to the zoo, with a card whose "
            "scores are measured on DATA/test/Set5, Set14 and B100. For a model of the zoo, export "
            "its ONNX files again.",
        ),
    ] = None,
) -> None:
    """Write a model as ONNX, OpenVINO IR or safetensors.

    ONNX: input `input`, (1, 3, h, w), RGB in [0, 1]; output `output`, (1, 3, s·h, s·w).

    gladsr export gladsr --scale 4 -o gladsr-x4.onnx

    gladsr export gladsr --scale 4 --calibrate DIV2K/ -o gladsr-x4-int8.xml

    Rivals can only be exported as ONNX, for other programs or as a teacher for `gladsr train`.

    gladsr export rlfn=rlfn_x4.pth --scale 4 -o rlfn_x4.onnx
    """
    if zoo is not None:
        if output is not None:
            raise typer.BadParameter("choose one of -o and --zoo")
        _into_zoo(model, zoo)
        return
    if output is None:
        raise typer.BadParameter("name a file with -o")
    export_as = _format(output, format)
    if calibrate is not None and export_as != "openvino":
        raise typer.BadParameter("--calibrate is for OpenVINO IR: FILE.xml")
    _check(output, export_as, overwrite=overwrite)
    _write(_network(model, scale), output, export_as, calibrate)


def _into_zoo(model: str, data: Path) -> None:
    from gladsr.training.release import reexport, release  # noqa: PLC0415 - needs gladsr[train]
    from gladsr.zoo import MODELS  # noqa: PLC0415 - after the extra

    if model in MODELS:
        reexport(model)
        say(f"{model} has new ONNX files")
    else:
        say(f"{release(Path(model), data)} is in the zoo")


def _network(model: str, scale: int | None) -> Network:
    """Return the network to write.

    Raises:
        gladsr.Error: There is no such network, or not at that scale.
    """
    networks = find(model)
    if scale is None:
        scale = 2 if 2 in networks else next(iter(networks))
    if scale not in networks:
        has = ", ".join(map(str, networks))
        raise NetworkFileError(f"{model} has no scale {scale}; choose from --scale {has}")
    return networks[scale]


def _write(network: Network, output: Path, export_as: Format, calibrate: Path | None) -> None:
    from gladsr.network import Gladsr  # noqa: PLC0415 - needs the extra gladsr[train]
    from gladsr.training import export as files  # noqa: PLC0415 - needs the extra gladsr[train]
    from gladsr.training.release import metadata  # noqa: PLC0415 - needs the extra gladsr[train]

    if network.module is None:
        raise NetworkFileError(f"{network.origin} is an ONNX file already")
    module = network.module()
    if not isinstance(module, Gladsr):
        if export_as != "onnx":
            raise typer.BadParameter("rivals can only be exported as ONNX: FILE.onnx")
        files.export_onnx(module, output, _provenance(network))
    elif calibrate is not None:
        from gladsr.training.quantise import export_int8  # noqa: PLC0415 - needs gladsr[int8]

        export_int8(module, output, calibrate)
    elif export_as == "onnx":
        card = network.card
        files.export_onnx(module, output, metadata(card) if card else _provenance(network))
    elif export_as == "openvino":
        files.export_openvino(module, output)
    else:
        files.export_safetensors(module, output)


def _provenance(network: Network) -> dict[str, str]:
    return {"model": network.name, "scale": str(network.scale)}


def _format(output: Path, chosen: Format | None) -> Format:
    """Return the chosen format, or that of the file's suffix."""
    by_suffix: dict[str, Format] = {
        ".onnx": "onnx",
        ".xml": "openvino",
        ".safetensors": "safetensors",
    }
    if chosen is None and output.suffix not in by_suffix:
        raise typer.BadParameter(f"{output} does not end in one of {', '.join(by_suffix)}")
    if chosen == "openvino" and output.suffix != ".xml":
        raise typer.BadParameter(f"{output} is OpenVINO IR, so its name must end in .xml")
    return chosen or by_suffix[output.suffix]


def _check(output: Path, export_as: Format, *, overwrite: bool) -> None:
    """Reject an output whose folder is missing, or that exists already."""
    check_folder(output)
    for file in [output, output.with_suffix(".bin")] if export_as == "openvino" else [output]:
        check_new(file, overwrite=overwrite)
