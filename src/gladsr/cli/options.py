"""The options that commands share, in groups, and the parsing of their values."""

import math
from pathlib import Path
from typing import Annotated, Literal

import typer

from gladsr.engines import EngineName, PrecisionChoice
from gladsr.films import encoders
from gladsr.upscaling.plan import SUFFIXES
from gladsr.upscaling.tiling import MIN_CORE

# Files to read and to write.

Inputs = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Pictures, films, or folders of them.", readable=False),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The output file for one file, otherwise the output folder. "
        "[default: beside each input: photo-x2.jpg, holiday-x2/]",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing outputs.")]
SkipExisting = Annotated[
    bool, typer.Option("--skip-existing", help="Skip inputs whose output exists.")
]

# Size.

Scale = Annotated[
    float | None,
    typer.Option(
        help="The scale, above 1 and at most 8, such as 3 or 1.5. [default: 2]",
        rich_help_panel="Size",
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        metavar="WxH",
        help="Instead of a scale, a size to fit into, such as 1920x1080, 3840x or x2160. The "
        "aspect ratio is kept.",
        rich_help_panel="Size",
    ),
]
MaxOutputPixels = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Use a smaller scale for outputs that would have more than N pixels.",
        rich_help_panel="Size",
    ),
]

# Quality.

Model = Annotated[
    str,
    typer.Option(
        help="auto chooses for each file: gladsr, or gladsr-photo for JPEG artefacts, noise and "
        "blur. gladsr-l is twice as fast as gladsr. `gladsr models` lists all models.",
        rich_help_panel="Quality",
    ),
]
Ensemble = Annotated[
    bool,
    typer.Option(
        "--ensemble",
        help="Average over 8 flips and rotations: a little sharper, 8 times slower.",
        rich_help_panel="Quality",
    ),
]
Draft = Annotated[
    bool,
    typer.Option(
        "--draft",
        help="Use the network's coarse output, in about half the time.",
        rich_help_panel="Quality",
    ),
]

# Files.

Quality = Annotated[
    int,
    typer.Option(
        min=1,
        max=100,
        help="The quality of JPEG, WebP and AVIF files; WebP is lossless at 100.",
        rich_help_panel="Files",
    ),
]
StripMetadata = Annotated[
    bool,
    typer.Option(
        "--strip-metadata",
        help="Write no EXIF, XMP, text or resolution, only the colour profile; in films, no tags, "
        "data, attachments or covers.",
        rich_help_panel="Files",
    ),
]
MaxInputPixels = Annotated[
    int,
    typer.Option(
        min=1,
        metavar="N",
        help="Reject inputs whose header declares more than N pixels.",
        rich_help_panel="Files",
    ),
]
FloatRange = Annotated[
    str,
    typer.Option(
        "--range",
        metavar="LOW,HIGH",
        help="The values of black and white in a floating-point TIFF, in the input and the output.",
        rich_help_panel="Files",
    ),
]

# Films.

Codec = Annotated[
    encoders.Codec | None,
    typer.Option(
        help="The codec of films. [default: each film's own, or h264]", rich_help_panel="Films"
    ),
]
Crf = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="The constant rate factor of films: lower means better quality and larger files. "
        "[default: h264 18, hevc 20, av1 and vp9 24]",
        rich_help_panel="Films",
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        help="The encoder's preset, slower for smaller films: ultrafast to placebo for h264 and "
        "hevc, 13 to 0 for av1. [default: medium, 8]",
        rich_help_panel="Films",
    ),
]

# Folders.

Recursive = Annotated[
    bool,
    typer.Option(
        "--recursive", "-r", help="Include the subfolders of folders.", rich_help_panel="Folders"
    ),
]
Include = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN",
        help='In folders, take only files that match, such as "*.jpg". May be repeated.',
        rich_help_panel="Folders",
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN",
        help="In folders, leave out files that match. May be repeated.",
        rich_help_panel="Folders",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="SUFFIX",
        help="The format of outputs that --output does not name, such as png for pictures or mkv "
        "for films. [default: each input's own]",
        rich_help_panel="Folders",
    ),
]

# Machine.

Engine = Annotated[
    EngineName,
    typer.Option(
        help="The engine that runs the network; auto is the first installed.",
        rich_help_panel="Machine",
    ),
]
ComputePrecision = Annotated[
    PrecisionChoice,
    typer.Option(
        help="fp32 gives the same pixels on every machine. bf16 takes about half the time on "
        "processors with bf16 instructions, where auto selects it, and loses next to nothing. int8 "
        "needs weights made by `gladsr export --calibrate`.",
        rich_help_panel="Machine",
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        help="The engine's name for the device, such as GPU or cuda. [default: the CPU]",
        rich_help_panel="Machine",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1, help="CPU threads. [default: the engine's choice]", rich_help_panel="Machine"
    ),
]
Tile = Annotated[
    str,
    typer.Option(
        metavar="auto|N",
        help="Compute in tiles of N×N input pixels, N being 16 or more. Smaller tiles need less "
        "memory and more time; the picture stays the same.",
        rich_help_panel="Machine",
    ),
]


def parse_tile(text: str) -> int | Literal["auto"]:
    """Parse the value of `Tile`."""
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) < MIN_CORE:
        raise typer.BadParameter(
            f"--tile is {text!r}, but must be auto or a number from {MIN_CORE}"
        )
    return int(text)


def parse_range(text: str) -> tuple[float, float]:
    """Parse the value of `FloatRange`."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = 0.0
    if not -math.inf < low < high < math.inf:
        raise typer.BadParameter(f"--range is {text!r}, but must be two numbers such as 0,255")
    return low, high


def parse_suffix(text: str | None) -> str | None:
    """Parse the value of `Format`."""
    if text is None:
        return None
    suffix = "." + text.lower().removeprefix(".")
    if suffix not in SUFFIXES:
        raise typer.BadParameter(f"--format is {text!r}, but must be one of {', '.join(SUFFIXES)}")
    return suffix
