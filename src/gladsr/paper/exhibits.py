"""The paper's tables and figures by name."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from gladsr.paper.exhibit import Module


@dataclass(frozen=True)
class Facts:
    """What `gladsr reproduce --list` says.

    Attributes:
        title: What the table or figure shows.
        needs: What has to be there.
        takes: About how long it takes on 2 cores.
    """

    title: str
    needs: str
    takes: str


_TRAINING = "GLADSR_DATA with training images, test sets"
_TEST_SETS = "test sets"

EXHIBITS = {
    "table1": Facts("LSB, GGB and NDC on and off", _TRAINING, "4 h"),
    "table2": Facts("costs and scores of the lightweight networks", _TEST_SETS, "15 min"),
    "table3": Facts("costs and scores of the large networks", _TEST_SETS, "1 min"),
    "table4": Facts("four upsamplers", _TRAINING, "75 min more"),
    "table5": Facts("running time on Set5 ×4", "Set5", "5 min"),
    "table6": Facts("trained on SR291 alone", "the zoo's gladsr-sr291, test sets", "5 min"),
    "table7": Facts("the base network, deeper, with GLAM, with SPU", _TRAINING, "20 min more"),
    "fig1": Facts("crops of one picture", _TEST_SETS, "1 min"),
    "fig6": Facts("guided masks and channel weights", "Set14", "1 min"),
    "fig7": Facts("refinement on and off, over the steps", _TRAINING, "30 min more"),
    "fig8": Facts("coarse, final and without refinement", "fig7 before, Set14", "1 min"),
    "fig9": Facts("parameters against PSNR for G and B", _TRAINING, "70 min more"),
    "fig10": Facts("crops at ×2", _TEST_SETS, "1 min"),
    "fig11": Facts("crops at ×3", _TEST_SETS, "1 min"),
    "fig12": Facts("crops at ×4", _TEST_SETS, "1 min"),
    "fig13": Facts("NIQE of real photographs at ×4", "RealWorld", "5 min"),
}
"""By name, in the paper's order; the file of each has its name."""

TRAINED = ("table1", "table4", "table7", "fig7", "fig8", "fig9")
"""Those that show the ablations' networks, and train them where that is not done."""


def in_order(names: Iterable[str]) -> list[str]:
    """Return the names, each once, in the order to measure in: those that train come last.

    Training makes the process give way to all others, to its end, which would falsify a time.

    Example:
        >>> in_order(["table1", "table5", "fig13"])
        ['table5', 'fig13', 'table1']
    """
    return sorted(dict.fromkeys(names), key=TRAINED.__contains__)


def module(name: str) -> Module:
    """Import the file of a table or figure."""
    return cast("Module", import_module(f"gladsr.paper.{name}"))
