"""Findings of ablations, made without training."""

from typing import Any

from gladsr.paper.orderings import Claim

CLAIM = Claim("gladsr", "gladsr-nr", {})


def findings_on(scored_on: dict[str, tuple[str, ...]], claims: list[Claim]) -> dict[str, Any]:
    """Return findings of the networks in claims, scored on these sets or else on B100."""
    names = sorted({name for claim in claims for name in (claim.better, claim.worse)})
    runs = {
        name: {
            "validation": 30 + number / 10,
            "scores": dict.fromkeys(scored_on.get(name, ("B100",)), (30 + number, 0.9)),
        }
        for number, name in enumerate(names)
    }
    return {
        "budget": {"steps": 4, "patch": 8, "batch": 1, "learning_rate": 1e-3},
        "networks": {
            name: {
                "parameters": 1000 * names.index(name),
                "mult_adds": 10**9,
                "curve": [],
                "precisions": ["fp32"],
                "origins": [None],
                "by_seed": [run],
                **run,
            }
            for name, run in runs.items()
        },
        "absent": [],
    }


def cells(markdown: str) -> list[list[str]]:
    """Return the cells of a page's tables."""
    lines = (line for line in markdown.splitlines() if "|" in line)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
