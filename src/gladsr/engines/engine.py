"""The interface of all engines: a network that can be run on an array."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from gladsr.errors import EngineError, OutOfMemoryError

Precision = Literal["fp32", "bf16", "int8"]
PrecisionChoice = Literal["auto", "fp32", "bf16", "int8"]
"""A precision, or the fastest one that loses next to nothing: see `load`."""
ChannelWeights = NDArray[np.float32]
"""The channel weights R_c (Eq. 8) of U selective units for their K channels, U×K; U is 0 for a
network of another kind."""

# In messages of the C++ library, PyTorch ("not enough memory", "CUDA out of memory") and oneDNN.
_OUT_OF_MEMORY = ("bad_alloc", "bad allocation", "memory", "allocate")

logger = logging.getLogger(__name__)


class Engine(Protocol):
    """Whatever upscales a picture, complete or tile by tile."""

    def run(
        self,
        x: NDArray[np.float32],
        *,
        draft: bool = False,
        channel_weights: ChannelWeights | None = None,
    ) -> NDArray[np.float32]:
        """Upscale one picture.

        Args:
            x: The picture, h×w×3, RGB in [0, 1].
            draft: Return the coarse output y_c (Eq. 3) without computing the refine net, which
                takes about half the time.
            channel_weights: Those of the picture that ``x`` is a part of; its own if None.

        Returns:
            The upscaled picture, s·h×s·w×3, RGB, not clipped.

        Raises:
            OutOfMemoryError: There is not enough memory for a picture of this size.
            EngineError: The network does not run on a picture of this size, or has no coarse
                output.
        """
        ...

    def channel_weights(self, x: NDArray[np.float32], *, draft: bool = False) -> ChannelWeights:
        """Compute the channel weights R_c of a complete picture.

        Args:
            x: The picture, h×w×3, RGB in [0, 1].
            draft: Compute only those that the coarse output depends on.

        Raises:
            OutOfMemoryError: There is not enough memory for a picture of this size.
        """
        ...


class LoadedEngine(Engine, Protocol):
    """A network loaded into an engine; its string names the library, device and precision.

    Attributes:
        device: The device that it runs on, by the engine's own name.
        precision: The precision that it computes in, which may not be the requested one.
    """

    @property
    def device(self) -> str: ...  # noqa: D102 - see the class
    @property
    def precision(self) -> Precision: ...  # noqa: D102 - see the class

    def masks(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the guided masks R_s (Eq. 9) of a picture.

        Args:
            x: The picture, h×w×3, RGB in [0, 1].

        Returns:
            A mask for each GLAM, G×h×w in (0, 1), those of the basic net first.

        Raises:
            OutOfMemoryError: There is not enough memory for a picture of this size.
            EngineError: The network has no guided masks.
        """
        ...


@contextmanager
def memory_errors_translated() -> Iterator[None]:
    """Turn whatever a library raises when memory runs out into an `OutOfMemoryError`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        text = str(error).lower()
        if isinstance(error, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY):
            raise OutOfMemoryError("there is not enough memory") from error
        raise


@contextmanager
def run_errors_translated(origin: str, x: NDArray[np.float32]) -> Iterator[None]:
    """Turn a library's failure to run a network on a picture, h×w×3, into an `EngineError`.

    Args:
        origin: What the message calls the network.
        x: The picture.
    """
    try:
        with memory_errors_translated():
            yield
    except EngineError:
        raise
    except RuntimeError as error:
        height, width = x.shape[:2]
        raise EngineError(
            f"{origin} does not run on a picture of {width}×{height}: {last_line(error)}"
        ) from error


def last_line(error: Exception) -> str:
    """Return the end of a library's message, where the reason is."""
    return str(error).strip().rpartition("\n")[2]


class FiniteEngine:
    """An engine of low precision that recomputes results in fp32 where they are not finite.

    Args:
        engine: The engine of low precision.
        load_exact: Loads the same network in fp32; called when it is first needed.
    """

    def __init__(self, engine: LoadedEngine, load_exact: Callable[[], LoadedEngine]) -> None:
        self.device = engine.device
        self.precision = engine.precision
        self._engine = engine
        self._load_exact = load_exact
        self._exact: LoadedEngine | None = None

    def __str__(self) -> str:
        """Return the string of the engine."""
        return str(self._engine)

    def run(
        self,
        x: NDArray[np.float32],
        *,
        draft: bool = False,
        channel_weights: ChannelWeights | None = None,
    ) -> NDArray[np.float32]:
        """Upscale; see `Engine`."""
        y = self._engine.run(x, draft=draft, channel_weights=channel_weights)
        if _finite(y):
            return y
        return self._in_fp32().run(x, draft=draft, channel_weights=channel_weights)

    def channel_weights(self, x: NDArray[np.float32], *, draft: bool = False) -> ChannelWeights:
        """Compute the channel weights; see `Engine`."""
        r_c = self._engine.channel_weights(x, draft=draft)
        return r_c if _finite(r_c) else self._in_fp32().channel_weights(x, draft=draft)

    def masks(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the guided masks; see `LoadedEngine`."""
        r_s = self._engine.masks(x)
        return r_s if _finite(r_s) else self._in_fp32().masks(x)

    def _in_fp32(self) -> LoadedEngine:
        if self._exact is None:
            logger.warning("%s returned non-finite values; they are recomputed in fp32", self)
            self._exact = self._load_exact()
        return self._exact


def _finite(values: NDArray[np.float32]) -> bool:
    return math.isfinite(values.sum(dtype=np.float64))  # one NaN or infinity is enough
