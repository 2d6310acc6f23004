"""The best rate that a processor reaches: a large matrix product and a large 3×3 convolution.

A network cannot be faster than its multiply-adds at this rate. Each engine has its own kernels, and
some are slow on some processors, so the best of all engines counts.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gladsr.engines import ENGINES, Precision
from gladsr.errors import EngineError

Kind = Literal["matrix product", "convolution"]
Shapes = tuple[tuple[int, ...], tuple[int, ...]]

SIDE = 2048  # of the matrices
CHANNELS, PIXELS = 128, 192  # of the convolution, in and out, and its picture's side

MULT_ADDS: dict[Kind, int] = {
    "matrix product": SIDE**3,
    "convolution": 9 * CHANNELS**2 * PIXELS**2,
}

_SHAPES: dict[Kind, Shapes] = {
    "matrix product": ((SIDE, SIDE), (SIDE, SIDE)),
    "convolution": ((1, CHANNELS, PIXELS, PIXELS), (CHANNELS, CHANNELS, 3, 3)),
}


@dataclass(frozen=True)
class Ceiling:
    """A matrix product or a convolution in an engine and a precision.

    Attributes:
        engine: The engine's name.
        kind: What is computed.
        precision: The precision to compute in.
        threads: The number of CPU threads.
        shapes: Those of the two operands, of the input and the weights; the default for None.
    """

    engine: str
    kind: Kind
    precision: Precision
    threads: int
    shapes: Shapes | None = None

    def __str__(self) -> str:
        """Return the engine, the operation and the precision."""
        return f"{self.engine} {self.kind} {self.precision}"

    @property
    def mult_adds(self) -> int:
        """The multiply-adds of one run, with the default shapes."""
        return MULT_ADDS[self.kind]

    def load(self) -> Callable[[NDArray[np.float32]], object]:
        """Return the function that computes it once, for whatever picture.

        Raises:
            MissingExtraError: The engine's library is not installed.
            EngineError: The processor does not compute in bf16.
        """
        if self.precision == "bf16":
            from gladsr.engines.openvino import capabilities  # noqa: PLC0415 - slow to import

            if "BF16" not in capabilities("CPU"):
                raise EngineError("this processor does not compute in bf16")
        x_shape, w_shape = self.shapes or _SHAPES[self.kind]
        random = np.random.default_rng(0)
        x = random.uniform(-1, 1, x_shape).astype(np.float32)
        w = random.uniform(-1, 1, w_shape).astype(np.float32) / np.float32(math.sqrt(SIDE))
        operation = ENGINES[self.engine].code().operation
        compute = operation(self.kind, x, w, self.precision, self.threads)
        return lambda _picture: compute()
