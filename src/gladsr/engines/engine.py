"""What every engine is: a trained model that can be run on an array."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, Protocol, cast, get_args

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gladsr.zoo import Card

EngineName = Literal["auto", "openvino", "onnxruntime", "torch"]
Precision = Literal["fp32", "bf16"]
Attention = NDArray[np.float32]
"""The weights R_c (Eq. 8) of a network's U selective units for their K channels, U×K."""

# As the C++ library, PyTorch ("not enough memory", "CUDA out of memory") and oneDNN put it.
_OUT_OF_MEMORY = ("bad_alloc", "bad allocation", "memory", "allocate")
_PIP_NAMES = {
    "openvino": "openvino",
    "onnxruntime": "gladsr[onnxruntime]",
    "torch": "gladsr[torch]",
}


class Engine(Protocol):
    """A trained model, loaded and ready to run."""

    def run(
        self, x: NDArray[np.float32], *, draft: bool = False, attention: Attention | None = None
    ) -> NDArray[np.float32]:
        """Upscale one picture.

        Args:
            x: The picture, h×w×3, RGB in [0, 1].
            draft: Return the coarse output y_c (Eq. 3) and leave the refine net out, which takes
                about half the time.
            attention: What `attention` gave for the picture that ``x`` is a part of; ``x`` is a
                whole picture if None.

        Returns:
            The upscaled picture, s·h×s·w×3, RGB, not clipped.

        Raises:
            OutOfMemoryError: The memory does not suffice for a picture of this size.
        """
        ...

    def attention(self, x: NDArray[np.float32], *, draft: bool = False) -> Attention:
        """Read the channel attention that a picture has as a whole.

        Args:
            x: The picture, h×w×3, RGB in [0, 1].
            draft: Read no more than the coarse output needs.

        Raises:
            OutOfMemoryError: The memory does not suffice for a picture of this size.
        """
        ...


class EngineError(RuntimeError):
    """An engine cannot do what it was asked; the message says what and why."""


class OutOfMemoryError(EngineError):
    """There is not enough memory; a smaller picture may fit."""


@contextmanager
def out_of_memory_named() -> Iterator[None]:
    """Raise an `OutOfMemoryError` for whatever a library raises when memory runs out."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        text = str(error).lower()
        if isinstance(error, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY):
            raise OutOfMemoryError("there is not enough memory") from error
        raise


class MissingExtraError(EngineError):
    """A library is not installed; the message has the pip command that installs it."""

    def __init__(self, library: str, pip_name: str) -> None:
        super().__init__(f'{library} is not installed; install it with: pip install "{pip_name}"')


def load(
    card: "Card",
    engine: EngineName = "auto",
    *,
    device: str | None = None,
    precision: Precision = "fp32",
    threads: int | None = None,
) -> Engine:
    """Load a model of the zoo into an engine.

    Args:
        card: The model's card.
        engine: The engine's name; "auto" is the first installed of OpenVINO, ONNX Runtime, PyTorch.
        device: The device by the engine's own name for it ("GPU", "cuda:1"); the CPU if None.
        precision: "bf16" is faster where the processor computes in it. Where it, or the engine,
            does not, a line in the log says so and fp32 is used.
        threads: The number of CPU threads; the engine's own choice if None.

    Raises:
        MissingExtraError: The engine's library is not installed.
        EngineError: There is no such engine, precision or device, or fewer than one thread.
    """
    if engine not in get_args(EngineName):
        raise EngineError(
            f"there is no engine {engine!r}; there are {', '.join(get_args(EngineName))}"
        )
    if precision not in get_args(Precision):
        raise EngineError(f"there is no precision {precision!r}; there are fp32, bf16")
    if threads is not None and threads < 1:
        raise EngineError(f"threads is {threads}, but must be 1 or more")
    library: str = engine
    if engine == "auto":
        library = next(filter(find_spec, _PIP_NAMES), "openvino")
    try:
        module = import_module(f"gladsr.engines.{library}")
    except ModuleNotFoundError as error:
        raise MissingExtraError(library, _PIP_NAMES[library]) from error
    loaded = module.load(card, device=device, precision=precision, threads=threads)
    return cast("Engine", loaded)
