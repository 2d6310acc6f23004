"""All tables and figures of the paper, by name."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

from gladsr.paper.exhibit import Exhibit

_TRAINING = "GLADSR_DATA with training images, test sets"
_TEST_SETS = "test sets"


def _function(file: str, name: str, *first: str) -> Callable[..., Any]:
    """Return a function of a file in this folder, to call with ``first`` as its first arguments.

    The file, and with it PyTorch or matplotlib, is imported at the first call, so that the list of
    exhibits needs neither.
    """

    def call(*arguments: Any) -> Any:
        return getattr(import_module(f"gladsr.paper.{file}"), name)(*first, *arguments)

    return call


def _table(name: str, title: str, needs: str, takes: str) -> Exhibit:
    """Return an exhibit whose functions are in the file of its name."""
    return Exhibit(name, title, needs, takes, _function(name, "measure"), _function(name, "sheets"))


def _figure(name: str, title: str, needs: str, takes: str) -> Exhibit:
    """Return an exhibit whose functions, `draw` among them, are in the file of its name."""
    return replace(_table(name, title, needs, takes), draw=_function(name, "draw"))


def _crops(name: str, title: str) -> Exhibit:
    """Return a figure of `crops.FIGURES`."""
    functions = (_function("crops", each, name) for each in ("measure", "sheets", "draw"))
    return Exhibit(name, title, _TEST_SETS, "1 min", *functions)


EXHIBITS = {
    exhibit.name: exhibit
    for exhibit in (
        _table("table1", "LSB, GGB and NDC on and off", _TRAINING, "4 h"),
        _table("table2", "costs and scores of the lightweight networks", _TEST_SETS, "15 min"),
        _table("table3", "costs and scores of the large networks", _TEST_SETS, "1 min"),
        _table("table4", "four upsamplers", _TRAINING, "75 min more"),
        _table("table5", "running time on Set5 ×4", "Set5", "5 min"),
        _table("table6", "trained on SR291 alone", "the zoo's gladsr-sr291, test sets", "5 min"),
        _table("table7", "the base network, deeper, with GLAM, with SPU", _TRAINING, "20 min more"),
        _crops("fig1", "crops of one picture"),
        _table("fig6", "guided masks and channel weights", "Set14", "1 min"),
        _figure("fig7", "refinement on and off, over the steps", _TRAINING, "30 min more"),
        _figure("fig8", "coarse, final and without refinement", "fig7 before, Set14", "1 min"),
        _figure("fig9", "parameters against PSNR for G and B", _TRAINING, "70 min more"),
        _crops("fig10", "crops at ×2"),
        _crops("fig11", "crops at ×3"),
        _crops("fig12", "crops at ×4"),
        _figure("fig13", "NIQE of real photographs at ×4", "RealWorld", "5 min"),
    )
}
"""In the paper's order."""
