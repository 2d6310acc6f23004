"""One run: everything in turn, several times round, and what comes out of it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from statistics import median, quantiles
from typing import Any, Self

from gladsr.benchmark.ceiling import Ceiling
from gladsr.benchmark.contenders import Contender
from gladsr.benchmark.startup import Startup, startup
from gladsr.benchmark.workers import Job, NotMeasuredError, Timing, Worker

Progress = Callable[[str], None]
"""Is told what is done next."""


@dataclass(frozen=True)
class Spread:
    """Several timings of the same: the median and the quartiles, in seconds."""

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
    """The best rate that was reached in a precision, and by what."""

    mult_adds_per_second: float
    by: str


@dataclass(frozen=True)
class Result:
    """A network, in an engine and a precision, on pictures of one size.

    Attributes:
        contender: What was run.
        size: The input's side in pixels.
        seconds: Of a run.
        best: The best rate of its precision; None if nothing reached one.
        memory: The most that the process had in bytes; None where it is not told.
    """

    contender: Contender
    size: int
    seconds: Spread
    best: Best | None
    memory: int | None

    @property
    def output_pixels(self) -> int:
        """Of the upscaled picture."""
        return (self.contender.scale * self.size) ** 2

    @property
    def seconds_per_megapixel(self) -> float:
        """Of the output."""
        return 1e6 * self.seconds.median / self.output_pixels

    @property
    def mult_adds_per_second(self) -> float:
        """Of the plain network, however it is computed."""
        return self.contender.mult_adds * self.output_pixels / self.seconds.median

    @property
    def share_of_best(self) -> float | None:
        """The rate over the best one."""
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
    """What a run measured.

    Attributes:
        best: By precision.
        results: In the order of the contenders and sizes.
        startups: By contender.
        skipped: What could not be measured, with the reason.
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
) -> Benchmark:
    """Measure all in turn, ``rounds`` times, after each has run once on every size.

    Args:
        contenders: The networks.
        ceilings: What their rates are compared with.
        sizes: The inputs' sides in pixels, in rising order.
        rounds: How many timings the medians are of.
        with_startup: Time the start of the command for the contenders of the zoo too.
        progress: Is told what is done next, as often as `steps` says.
    """
    with _Turns(sizes) as turns:
        jobs: list[Contender | Ceiling] = [*ceilings, *contenders]
        for _, job in product(range(1 + rounds), jobs):
            progress(str(job))
            turns.take(job)
    best = _best(turns.timings)
    results = [
        Result(
            job,
            size,
            Spread.of([timing.seconds for timing in timings[1:]]),
            best.get(job.precision),
            timings[0].memory,
        )
        for (job, size), timings in turns.timings.items()
        if isinstance(job, Contender)
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
    """What takes turns, each in its process until the end.

    Attributes:
        timings: By job and size; the first is to warm up.
        skipped: Why a job takes no more turns. It has no timings then.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = sizes
        self._workers: dict[Job, Worker] = {}
        self.timings: dict[tuple[Job, int], list[Timing]] = {}
        self.skipped: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers.values():
            worker.close()

    def take(self, job: Contender | Ceiling) -> None:
        """Run a job once on every size; note it if that cannot be done."""
        if str(job) in self.skipped:
            return
        try:
            if job not in self._workers:
                self._workers[job] = Worker(job)
            for size in self._sizes if isinstance(job, Contender) else self._sizes[:1]:
                timing = self._workers[job].run(size)
                self.timings.setdefault((job, size), []).append(timing)
        except NotMeasuredError as error:
            self.skipped[str(job)] = str(error)
            for size in self._sizes:
                self.timings.pop((job, size), None)


def steps(
    contenders: Sequence[Contender],
    ceilings: Sequence[Ceiling],
    *,
    rounds: int,
    with_startup: bool,
) -> int:
    """Return how often `measure` tells of its progress, if nothing is skipped."""
    jobs = len(contenders) + len(ceilings)
    return jobs * (1 + rounds) + with_startup * sum(job.of_zoo for job in contenders)


def _best(timings: dict[tuple[Job, int], list[Timing]]) -> dict[str, Best]:
    best: dict[str, Best] = {}
    for (job, _), taken in timings.items():
        if isinstance(job, Ceiling):
            rate = job.mult_adds / median(timing.seconds for timing in taken[1:])
            if job.precision not in best or rate > best[job.precision].mult_adds_per_second:
                best[job.precision] = Best(rate, f"{job.engine}, {job.kind}")
    return best
