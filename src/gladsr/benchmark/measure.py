"""A benchmark: all workloads in turn, in several rounds, and the results."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from statistics import median, quantiles
from typing import Any, Self

from gladsr.benchmark.ceiling import Ceiling
from gladsr.benchmark.contenders import Contender
from gladsr.benchmark.processes import NotMeasuredError, TimedProcess, Timing, Workload
from gladsr.benchmark.startup import Startup, startup

Progress = Callable[[str], None]
"""Receives the name of the next step."""


@dataclass(frozen=True)
class Spread:
    """The median and the quartiles of several timings, in seconds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Spread":
        """Return the spread of one timing or more."""
        if len(seconds) == 1:
            return cls(seconds[0], seconds[0], seconds[0])
        low, _, high = quantiles(seconds, n=4, method="inclusive")
        return cls(median(seconds), low, high)


@dataclass(frozen=True)
class Best:
    """The best rate that was reached in a precision, and what reached it."""

    mult_adds_per_second: float
    by: str


@dataclass(frozen=True)
class Result:
    """A network, in an engine and a precision, on pictures of one size.

    Attributes:
        contender: What was run.
        size: The input's side in pixels.
        seconds: The time of a run.
        best: The best rate of its precision; None if none was measured.
        memory: The peak memory of the process in bytes; None if the system does not report it.
    """

    contender: Contender
    size: int
    seconds: Spread
    best: Best | None
    memory: int | None

    @property
    def output_pixels(self) -> int:
        """The pixels of the upscaled picture."""
        return (self.contender.scale * self.size) ** 2

    @property
    def seconds_per_megapixel(self) -> float:
        """The median time for a megapixel of output."""
        return 1e6 * self.seconds.median / self.output_pixels

    @property
    def mult_adds_per_second(self) -> float:
        """The rate, by the multiply-adds of the plain network, however it is computed."""
        return self.contender.mult_adds * self.output_pixels / self.seconds.median

    @property
    def share_of_best(self) -> float | None:
        """The rate divided by the best one."""
        if self.best is None:
            return None
        return self.mult_adds_per_second / self.best.mult_adds_per_second

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        contender = self.contender
        return {
            "model": contender.model,
            "scale": contender.scale,
            "engine": contender.engine,
            "precision": contender.precision,
            "size": self.size,
            "seconds": asdict(self.seconds),
            "seconds_per_megapixel": self.seconds_per_megapixel,
            "mult_adds_per_second": self.mult_adds_per_second,
            "share_of_best": self.share_of_best,
            "peak_memory": self.memory,
        }


@dataclass(frozen=True)
class Benchmark:
    """The results of a benchmark.

    Attributes:
        best: The best rates by precision.
        results: One for each contender and size, in their order.
        startups: The start-up times by contender.
        skipped: The reason by what could not be measured.
    """

    best: dict[str, Best]
    results: list[Result]
    startups: dict[Contender, Startup]
    skipped: dict[str, str]


def measure(
    contenders: Sequence[Contender],
    ceilings: Sequence[Ceiling],
    *,
    sizes: Sequence[int],
    rounds: int,
    with_startup: bool,
    progress: Progress,
    start: Callable[[Workload], TimedProcess] = TimedProcess,
) -> Benchmark:
    """Measure all workloads in turn, ``rounds`` times, after one run of each on every size.

    Args:
        contenders: The networks.
        ceilings: What their rates are compared with.
        sizes: The inputs' sides in pixels, in ascending order.
        rounds: The number of timings of each.
        with_startup: Time the start of the command too, for contenders of the zoo.
        progress: Receives the name of the next step, `steps` times.
        start: Starts the process of a workload.
    """
    with _Turns(sizes, start) as turns:
        workloads: list[Contender | Ceiling] = [*ceilings, *contenders]
        for _, workload in product(range(1 + rounds), workloads):
            progress(str(workload))
            turns.take(workload)
    best = _best(turns.timings)
    results = [
        Result(
            workload,
            size,
            Spread.of([timing.seconds for timing in timings[1:]]),
            best.get(workload.precision),
            timings[0].memory,
        )
        for (workload, size), timings in turns.timings.items()
        if isinstance(workload, Contender)
    ]
    startups = {}
    for contender in dict.fromkeys(result.contender for result in results):
        if with_startup and contender.of_zoo:
            progress(f"{contender}: start of the command")
            try:
                startups[contender] = startup(contender)
            except NotMeasuredError as error:
                turns.skipped[f"{contender}: start of the command"] = str(error)
    return Benchmark(best, results, startups, turns.skipped)


class _Turns:
    """Workloads that take turns, each in its own process until the end.

    Attributes:
        timings: The timings by workload and size; the first one is the warm-up.
        skipped: The reason by workload that failed; it has no timings.
    """

    def __init__(self, sizes: Sequence[int], start: Callable[[Workload], TimedProcess]) -> None:
        self._sizes = sizes
        self._start = start
        self._processes: dict[Workload, TimedProcess] = {}
        self.timings: dict[tuple[Workload, int], list[Timing]] = {}
        self.skipped: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.close()

    def take(self, workload: Contender | Ceiling) -> None:
        """Run a workload once on every size; a ceiling has only one."""
        if str(workload) in self.skipped:
            return
        try:
            if workload not in self._processes:
                self._processes[workload] = self._start(workload)
            for size in self._sizes if isinstance(workload, Contender) else self._sizes[:1]:
                timing = self._processes[workload].run(size)
                self.timings.setdefault((workload, size), []).append(timing)
        except NotMeasuredError as error:
            self.skipped[str(workload)] = str(error)
            for size in self._sizes:
                self.timings.pop((workload, size), None)


def steps(
    contenders: Sequence[Contender],
    ceilings: Sequence[Ceiling],
    *,
    rounds: int,
    with_startup: bool,
) -> int:
    """Return how often `measure` reports progress, if nothing is skipped."""
    workloads = len(contenders) + len(ceilings)
    return workloads * (1 + rounds) + with_startup * sum(each.of_zoo for each in contenders)


def _best(timings: dict[tuple[Workload, int], list[Timing]]) -> dict[str, Best]:
    best: dict[str, Best] = {}
    for (workload, _), taken in timings.items():
        if isinstance(workload, Ceiling):
            rate = workload.mult_adds / median(timing.seconds for timing in taken[1:])
            known = best.get(workload.precision)
            if known is None or rate > known.mult_adds_per_second:
                best[workload.precision] = Best(rate, f"{workload.engine}, {workload.kind}")
    return best
