"""Which of the paper's orderings of networks hold for the ablations, and by how much."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

from gladsr.paper.exhibit import Findings, absent_note
from gladsr.paper.sheet import Sheet
from gladsr.rivals.published import SETS


@dataclass(frozen=True)
class Claim:
    """An ordering that the paper prints: one network is better than another.

    Attributes:
        better: The better network's name.
        worse: The other's.
        paper: The difference of PSNR that the paper prints, in dB by test set.
    """

    better: str
    worse: str
    paper: dict[str, float]


def rising(table: Mapping[str, tuple[Any, ...]]) -> list[Claim]:
    """Return the claims of a table in which every row is better than the one above it.

    Args:
        table: Rows by the network's name; the last item of each is PSNR by test set.
    """
    return [
        Claim(better, worse, {name: psnr[name] - above[name] for name in psnr})
        for (worse, (*_, above)), (better, (*_, psnr)) in pairwise(table.items())
    ]


def mean(results: Collection[Findings]) -> Findings:
    """Return the mean of a network's results: validation PSNR, and scores by test set."""
    return {
        "validation": fmean(result["validation"] for result in results),
        "scores": {
            name: tuple(fmean(result["scores"][name][n] for result in results) for n in (0, 1))
            for name in common_sets(results)
        },
    }


def common_sets(results: Collection[Findings]) -> list[str]:
    """Return those of the paper's test sets that all results have scores on.

    Stored results may come from a machine with other sets.
    """
    return [name for name in SETS if all(name in result["scores"] for result in results)]


def over_common_seeds(better: list[Findings], worse: list[Findings]) -> tuple[Findings, Findings]:
    """Return the means of two networks over the seeds that both have.

    Args:
        better: The results of one network by seed.
        worse: The results of the other.
    """
    both = min(len(better), len(worse))
    return mean(better[:both]), mean(worse[:both])


def sheet(claims: list[Claim], findings: Findings) -> Sheet:
    """Return the table of the paper's orderings.

    Args:
        claims: The orderings.
        findings: What `ablations.measure` returned for their networks.
    """
    networks = findings["networks"]
    rows = [_row(claim, networks) for claim in claims]
    held = sum(holds == "yes" for *_, holds, _seeds in rows)
    return Sheet(
        f"The paper's orderings: {held} of {len(rows)} hold",
        (
            "PSNR",
            *(f"paper {name}" for name in claims[0].paper),
            *SETS,
            "validation",
            "holds",
            "seeds",
        ),
        tuple(rows),
        (
            "An ordering holds if it does for the mean over validation images and common seeds.",
            budget_note(findings["budget"]),
            *_precision_note(networks),
            *_origin_notes(networks),
            *absent_note(findings["absent"]),
            *_partly_note(networks, findings["absent"]),
        ),
    )


def _row(claim: Claim, networks: dict[str, Findings]) -> tuple[str, ...]:
    seeds = [networks[name]["by_seed"] for name in (claim.better, claim.worse)]
    better, worse = over_common_seeds(*seeds)
    by_set = {
        name: f"{better['scores'][name][0] - worse['scores'][name][0]:+.3f}"
        for name in common_sets((better, worse))
    }
    difference = better["validation"] - worse["validation"]
    return (
        f"{claim.better} > {claim.worse}",
        *(f"{psnr:+.2f}" for psnr in claim.paper.values()),
        *(by_set.get(name, "") for name in SETS),
        f"{difference:+.3f}",
        "yes" if difference > 0 else "no",
        str(min(map(len, seeds))),
    )


def budget_note(budget: Findings) -> str:
    """Return the note on the training budget that all networks share."""
    return (
        f"Each network had {budget['steps']} steps of {budget['batch']} crops of {budget['patch']} "
        "LR pixels; the paper's had 300000 of 16 crops of 48. Trained with Muon, a residual around "
        "each nested dense group and γ = 0.1, unlike the paper's."
    )


def _precision_note(networks: dict[str, Findings]) -> tuple[str, ...]:
    """Return the note that lists the precisions, if they differ."""
    by_precision: dict[str, list[str]] = {}
    for name, network in networks.items():
        by_precision.setdefault(" and ".join(network["precisions"]), []).append(name)
    if len(by_precision) == 1:
        return ()
    parts = (f"{', '.join(names)} in {precision}" for precision, names in by_precision.items())
    return (f"Trained in different precisions: {'; '.join(parts)}.",)


def _origin_notes(networks: dict[str, Findings]) -> list[str]:
    """Return the notes on when, where and from which commit networks were trained."""
    known: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
    unknown = []
    for name, network in networks.items():
        for seed, origin in enumerate(network["origins"]):
            label = f"{name} (seed {seed})"
            if origin:
                run = (label, origin["date"][:10], origin["commit"] or "unknown")
                known[origin["machine"]["processor"]].append(run)
            else:
                unknown.append(label)
    notes = []
    for processor, runs in known.items():
        labels, dates, commits = zip(*runs, strict=True)
        notes.append(
            f"Trained on {processor}, {min(dates)} to {max(dates)}, commit "
            f"{' and '.join(sorted(set(commits)))}: {', '.join(labels)}."
        )
    if unknown:
        notes.append(f"Trained at an unrecorded time and place: {', '.join(unknown)}.")
    return notes


def _partly_note(networks: dict[str, Findings], absent: list[str]) -> tuple[str, ...]:
    """Return the note that names the test sets that only some networks have scores on, if any."""
    everywhere = common_sets(networks.values())
    partly = [name for name in SETS if name not in everywhere and name not in absent]
    return (f"Not every network has been scored on {', '.join(partly)}.",) if partly else ()
