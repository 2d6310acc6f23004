"""The queue of the ablations: small networks, trained with one equal budget.

Each has a folder of its own, and all tables and figures share the results. The queue can be stopped
at any time; measuring the same tables and figures again continues it.
"""

from functools import partial
from typing import Any

from gladsr.paper.background import in_background
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.orderings import Claim, mean, over_common_seeds
from gladsr.paper.runs import Run, budget, complete_all

CLOSE = 0.03
"""Two networks whose validation PSNR differs by less, in dB, are trained with a second seed."""

SEEDS = (0, 1)

Results = dict[str, list[Findings]]
"""Results of each network by seed."""


def measure(
    names: tuple[str, ...], claims: list[Claim], request: Request, *, close: float = CLOSE
) -> Findings:
    """Train and score the networks that are not complete yet, and collect the results.

    Args:
        names: Keys of `runs.VARIANTS`.
        claims: The orderings of these networks that the paper prints.
        request: Where the data and the results are.
        close: Both networks of a claim are trained with a second seed if their validation PSNR
            differs by less, in dB. A second seed trained for another table counts too.

    Raises:
        KeyboardInterrupt: Ctrl-C; the network in training has left a checkpoint.
        ExhibitError: The training process was stopped.
        SettingsError: The settings are wrong, or a stored result is of other settings.
        DataError: No training image is large enough.
        PictureError: There are no training images, or one cannot be read.
    """
    first, second = SEEDS
    runs = [Run(name, first, request) for name in names]
    seconds = [Run(name, second, request) for name in names]
    results = _results(runs + [run for run in seconds if run.result_file.is_file()], request)
    while pair := lying_close(claims, results, close):
        for name, found in _results([Run(name, second, request) for name in pair], request).items():
            results[name] += found
    networks = {name: _network(results[name]) for name in names}
    scored = {name for network in networks.values() for name in network["scores"]}
    return {
        "budget": budget(request),
        "networks": networks,
        "absent": [name for name in request.absent() if name not in scored],
    }


def _results(runs: list[Run], request: Request) -> Results:
    """Complete runs in a process of their own, and return their results."""
    incomplete = [(run.name, run.seed) for run in runs if not run.is_complete()]
    if incomplete:
        apart = Request(
            request.folder, request.data, threads=request.threads, settings=request.settings
        )
        try:
            used = in_background(partial(complete_all, incomplete, apart), request.progress)
        except KeyboardInterrupt:
            request.progress("stopped; the same command continues from the last checkpoint")
            raise
        request.used |= used
    results: Results = {}
    for run in runs:
        if found := run.result():
            results.setdefault(run.name, []).append(found)
    return results


def lying_close(claims: list[Claim], results: Results, close: float) -> list[str]:
    """Return the networks of a claim that need a second seed for it; none if no claim needs one."""
    for claim in claims:
        pair = {name: results[name] for name in (claim.better, claim.worse)}
        one_seed = [name for name, found in pair.items() if len(found) < len(SEEDS)]
        better, worse = over_common_seeds(*pair.values())
        if one_seed and abs(better["validation"] - worse["validation"]) < close:
            return one_seed
    return []


def _network(results: list[Findings]) -> dict[str, Any]:
    """Return the findings on a network: the mean over its seeds, and each seed's own."""
    first = results[0]
    return {
        "parameters": first["parameters"],
        "mult_adds": first["mult_adds"],
        "curve": first["curve"],
        "precisions": sorted({result["settings"]["precision"] for result in results}),
        "origins": [result.get("origin") for result in results],
        "by_seed": [{key: result[key] for key in ("validation", "scores")} for result in results],
        **mean(results),
    }
