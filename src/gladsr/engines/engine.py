"""What every engine is: a trained model that can be run on an array."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, Protocol, cast, get_args

import numpy as np
from numpy.typing import NDArray

from gladsr.errors import DeviceError, EngineError, MissingExtraError, OutOfMemoryError

if TYPE_CHECKING:
    from gladsr.zoo import Card

EngineName = Literal["auto", "openvino", "onnxruntime", "torch"]
Precision = Literal["fp32", "bf16", "int8"]
ChannelWeights = NDArray[np.float32]
"""The weights R_c (Eq. 8) of a network's U selective units for their K channels, U×K."""

# As the C++ library, PyTorch ("not enough memory", "CUDA out of memory") and oneDNN put it.
_OUT_OF_MEMORY = ("bad_alloc", "bad allocation", "memory", "allocate")
_PIP_NAMES = {
    "openvino": "openvino",
    "onnxruntime": "gladsr[onnxruntime]",
    "torch": "gladsr[torch]",
}
# Which engines have a device, the best first; any other name is one of OpenVINO's.
_ENGINES_OF = {
    "cpu": ("openvino", "onnxruntime", "torch"),
    "cuda": ("torch", "onnxruntime"),
    "mps": ("torch",),
    "dml": ("onnxruntime",),
    "coreml": ("onnxruntime",),
}

logger = logging.getLogger(__name__)


class Engine(Protocol):
    """A trained model, loaded and ready to run. As a string it says what runs it, on what."""

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
            draft: Return the coarse output y_c (Eq. 3) and leave the refine net out, which takes
                about half the time.
            channel_weights: Those of the picture that ``x`` is a part of; its own if None.

        Returns:
            The upscaled picture, s·h×s·w×3, RGB, not clipped.

        Raises:
            OutOfMemoryError: The memory does not suffice for a picture of this size.
        """
        ...

    def channel_weights(self, x: NDArray[np.float32], *, draft: bool = False) -> ChannelWeights:
        """Compute the channel weights R_c of a complete picture.

        Args:
            x: The picture, h×w×3, RGB in [0, 1].
            draft: Compute only those that the coarse output needs.

        Raises:
            OutOfMemoryError: The memory does not suffice for a picture of this size.
        """
        ...


class LoadedEngine(Engine, Protocol):
    """A model of the zoo, which also shows what it attends to."""

    def masks(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Read the guided masks R_s (Eq. 9) of a picture.

        Args:
            x: The picture, h×w×3, RGB in [0, 1].

        Returns:
            A mask for each GLAM, G×h×w in (0, 1), those of the basic net first.

        Raises:
            OutOfMemoryError: The memory does not suffice for a picture of this size.
        """
        ...


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


class FiniteEngine:
    """An engine of a low precision that computes again in fp32 what does not come out finite.

    Args:
        engine: The engine of the low precision.
        load_exact: Loads the same model in fp32; called when it is first needed.
    """

    def __init__(self, engine: LoadedEngine, load_exact: Callable[[], LoadedEngine]) -> None:
        self._engine = engine
        self._load_exact = load_exact
        self._exact: LoadedEngine | None = None

    def __str__(self) -> str:
        """Return what the engine says of itself."""
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
        return (
            y
            if _finite(y)
            else self._in_fp32().run(x, draft=draft, channel_weights=channel_weights)
        )

    def channel_weights(self, x: NDArray[np.float32], *, draft: bool = False) -> ChannelWeights:
        """Compute the channel weights; see `Engine`."""
        r_c = self._engine.channel_weights(x, draft=draft)
        return r_c if _finite(r_c) else self._in_fp32().channel_weights(x, draft=draft)

    def masks(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Read the guided masks; see `Engine`."""
        r_s = self._engine.masks(x)
        return r_s if _finite(r_s) else self._in_fp32().masks(x)

    def _in_fp32(self) -> LoadedEngine:
        if self._exact is None:
            logger.warning("%s gave values that are not finite; they are computed in fp32", self)
            self._exact = self._load_exact()
        return self._exact


def _finite(values: NDArray[np.float32]) -> bool:
    return math.isfinite(values.sum(dtype=np.float64))  # one value that is not makes the sum so


def load(
    card: "Card",
    engine: EngineName = "auto",
    *,
    device: str | None = None,
    precision: Precision = "fp32",
    threads: int | None = None,
) -> LoadedEngine:
    """Load a model of the zoo into an engine.

    Args:
        card: The model's card.
        engine: The engine's name; "auto" is the first of those installed that has the device: on a
            CPU OpenVINO, ONNX Runtime, PyTorch in this order.
        device: "cpu", or by the engine: OpenVINO "GPU", "NPU", …; ONNX Runtime "cuda", "cuda:1",
            "dml", "coreml"; PyTorch "cuda", "cuda:1", "mps". The CPU if None.
        precision: "bf16" and "int8" are faster where the processor computes in them. Where it, or
            the engine, does not, a line in the log says so and fp32 is used.
        threads: The number of CPU threads; the engine's own choice if None.

    Raises:
        MissingExtraError: The engine's library is not installed.
        EngineError: There is no such engine, precision or device, or fewer than one thread; or the
            model has no file of that precision.
    """
    if engine not in get_args(EngineName):
        raise EngineError(
            f"there is no engine {engine!r}; there are {', '.join(get_args(EngineName))}"
        )
    if precision not in get_args(Precision):
        raise EngineError(
            f"there is no precision {precision!r}; there are {', '.join(get_args(Precision))}"
        )
    if threads is not None and threads < 1:
        raise EngineError(f"threads is {threads}, but must be 1 or more")
    libraries = _having(device) if engine == "auto" else (engine,)
    failures = list[DeviceError]()
    for library in libraries:
        load_in = partial(_loaded, library, card, device=device, threads=threads)
        try:
            loaded = load_in(precision=precision)
        except DeviceError as error:
            failures.append(error)
            continue
        logger.info("%s ×%d is run by %s", card.name, card.scale, loaded)
        if precision == "fp32":
            return loaded
        return FiniteEngine(loaded, partial(load_in, precision="fp32"))
    if len(failures) == 1:
        raise failures[0]
    raise EngineError("; ".join(map(str, failures)))


def _having(device: str | None) -> tuple[str, ...]:
    """Return the engines that have a device, those installed, or the first if none is."""
    kind = (device or "cpu").lower().partition(":")[0]
    engines = _ENGINES_OF.get(kind, ("openvino",))
    return tuple(filter(find_spec, engines)) or engines[:1]


def _loaded(
    library: str,
    card: "Card",
    *,
    device: str | None,
    precision: Precision,
    threads: int | None,
) -> LoadedEngine:
    try:
        module = import_module(f"gladsr.engines.{library}")
    except ModuleNotFoundError as error:
        raise MissingExtraError(library, _PIP_NAMES[library]) from error
    loaded = module.load(card, device=device, precision=precision, threads=threads)
    return cast("LoadedEngine", loaded)
