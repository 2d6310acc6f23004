"""The networks of the ablations: trained for one equal budget, in a queue that can be stopped.

Each network is a change of `ablation.toml` and has a folder of its own with its settings, its
checkpoint and, when it is done, its result, which all tables and figures share. To go on after a
stop is to run the same command again.
"""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from gladsr.errors import DataError, SettingsError
from gladsr.network import Gladsr, mult_adds, parameters
from gladsr.paper.exhibit import Findings, MissingError, Request, Scores, StoppedError, absent_note
from gladsr.paper.kept import digest, origin, write_json
from gladsr.paper.networks import on_torch
from gladsr.paper.sheet import Sheet
from gladsr.rivals.published import SETS
from gladsr.scoring import Upscale, evaluate
from gladsr.training import TrainingSettings, TrainingStoppedError, read_settings, train
from gladsr.training.release import load_run
from gladsr.training.settings import PLACES, check_same, expand
from gladsr.training.setup import CHECKPOINT, validation_pairs
from gladsr.training.validate import validate

BASE = Path(__file__).with_name("ablation.toml")
CLOSE = 0.03
"""Two networks whose validation PSNR differs by less, in dB, are trained with a second seed."""

SEEDS = (0, 1)

VARIANTS: dict[str, dict[str, Any]] = {
    "gladsr": {},
    # Table I
    "plain": {"csu": False, "sgu": False, "nested_dense": False},
    "ggb": {"csu": False, "nested_dense": False},
    "lsb": {"sgu": False, "nested_dense": False},
    "lsb-ggb": {"nested_dense": False},
    "ndc": {"csu": False, "sgu": False},
    "ggb-ndc": {"csu": False},
    "lsb-ndc": {"sgu": False},
    # Table IV
    "deconvolution": {"upsampler": "deconvolution"},
    "sub-pixel": {"upsampler": "sub-pixel"},
    "separable": {"upsampler": "separable"},
    # Table VII
    "base": {"csu": False, "sgu": False, "upsampler": "deconvolution"},
    "deeper-base": {"csu": False, "sgu": False, "upsampler": "deconvolution", "lsbs": 5},
    # Fig. 7
    "gladsr-nr": {"coarse_output": False},
    # Fig. 9
    "g2b4": {"glams": 2},
    "g6b4": {"glams": 6},
    "g4b2": {"lsbs": 2},
    "g4b6": {"lsbs": 6},
}
"""Every network by name: what differs from GLADSR (G4B4) in its configuration."""

RESULT = "result.json"
"""What a network's folder keeps of it when it is done."""

CURVES = ("gladsr", "gladsr-nr")
"""The networks that Fig. 7 follows over the steps, on ``CURVE_SETS``."""

CURVE_SETS = ("Set5", "Set14")


@dataclass(frozen=True)
class Claim:
    """An ordering that the paper prints: one network is better than another.

    Attributes:
        better: The better network's name.
        worse: The other's.
        paper: By how much, PSNR in dB by test set.
    """

    better: str
    worse: str
    paper: dict[str, float]


def measure(names: tuple[str, ...], claims: list[Claim], request: Request) -> Findings:
    """Train and score what is not done yet, and gather the results.

    Raises:
        StoppedError: The process was told to stop.
        MissingError: No training image is large enough, or the settings are wrong.
        PictureError: There are no training images, or one cannot be read.
    """
    give_way()
    try:
        done = _measured(names, claims, request)
    except (SettingsError, DataError) as error:
        raise MissingError(str(error)) from error
    networks = {name: _network(results) for name, results in done.items()}
    scored = {name for network in networks.values() for name in network["scores"]}
    return {
        "budget": budget(request),
        "networks": networks,
        "absent": [name for name in request.absent() if name not in scored],
    }


def _measured(
    names: tuple[str, ...], claims: list[Claim], request: Request
) -> dict[str, list[Findings]]:
    """Return each network's results, of two seeds where two that are compared lie close.

    A second seed that another table has asked for counts in all of them.
    """
    first, second = SEEDS
    done = {name: [trained(name, first, request)] for name in names}
    for name, results in done.items():
        if (run_folder(name, second, request) / RESULT).is_file():
            results.append(trained(name, second, request))
    while wanted := _lying_close(claims, done):
        done[wanted].append(trained(wanted, second, request))
    return done


def _lying_close(claims: list[Claim], done: dict[str, list[Findings]]) -> str | None:
    """Return a network that wants a second seed for one of the claims, if any does."""
    for claim in claims:
        pair = {name: done[name] for name in (claim.better, claim.worse)}
        one_seed = [name for name, results in pair.items() if len(results) < len(SEEDS)]
        better, worse = _alike(*pair.values())
        if one_seed and abs(better["validation"] - worse["validation"]) < CLOSE:
            return one_seed[0]
    return None


def _alike(better: list[Findings], worse: list[Findings]) -> tuple[Findings, Findings]:
    """Return the means of two networks over the seeds that both have."""
    both = min(len(better), len(worse))
    return mean(better[:both]), mean(worse[:both])


def give_way() -> None:
    """Let every other process of the machine go first."""
    if hasattr(os, "nice"):
        os.nice(19)


def trained(name: str, seed: int, request: Request) -> Findings:
    """Return a network's result; train and score it first where that is not done.

    A test set that was not there then is scored now, if the network's checkpoint is there still.
    """
    run = run_folder(name, seed, request)
    settings = _settings(name, seed, request)
    result = run / RESULT
    if result.is_file():
        found: Findings = _read(result)
        check_same(settings, found["settings"], run)
        missing = [one for one in SETS if one not in found["scores"]]
        if request.test_sets(missing) and (run / CHECKPOINT).is_file():
            found["scores"] |= _scores(load_run(run)[0], name, seed, request, missing)
            write_json(result, found)
        return found
    network, seconds = _train(name, settings, run, request)
    found = {
        "settings": settings.model_dump(mode="json", exclude=PLACES),
        "origin": origin() | {"seconds": round(seconds)},
        "data": {
            str(folder): digest(expand(folder))
            for folder in (*settings.data.train, *settings.data.validation)
        },
        "parameters": parameters(network),
        "mult_adds": mult_adds(network, settings.network.scale),
        "validation": _validation(network, settings),
        "scores": _scores(network, name, seed, request, SETS),
        "curve": _read(run / "curve.json") if (run / "curve.json").is_file() else [],
    }
    write_json(result, found)
    return found


def _scores(
    network: Gladsr, name: str, seed: int, request: Request, sets: Collection[str]
) -> Scores:
    return request.scores(f"{name}, seed {seed}", fine(network), network.config.scale, sets)


def finished(name: str, request: Request) -> Gladsr:
    """Return a network of Fig. 7, seed 0, that has been trained to its end.

    Raises:
        MissingError: It has not been, with these settings, or its weights are not kept.
    """
    run = run_folder(name, 0, request)
    to_train = "gladsr reproduce fig7 fig8 --again"
    if not (run / CHECKPOINT).is_file():
        if (run / RESULT).is_file():
            raise MissingError(
                f"{run} keeps a result without its checkpoint; remove that folder, or take "
                f"another --output, and train {name} again: {to_train}"
            )
        raise MissingError(f"{name} of fig7 is not trained yet: {to_train}")
    network, checkpoint = load_run(run)
    try:
        settings = _settings(name, 0, request)
        check_same(settings, checkpoint["settings"], run)
    except SettingsError as error:
        raise MissingError(str(error)) from error
    if checkpoint["step"] < settings.schedule.steps:
        raise MissingError(
            f"{name} of fig7 is trained to step {checkpoint['step']} of {settings.schedule.steps}; "
            f"to go on from there: {to_train}"
        )
    return network


def run_folder(name: str, seed: int, request: Request) -> Path:
    """Return the folder of a network's training run."""
    return request.folder / "ablations" / f"{name}-seed{seed}"


def fine(network: Gladsr) -> Upscale:
    """Return the function that upscales a picture to y."""
    return on_torch(_Output(network, 1), "GLADSR")


def coarse(network: Gladsr) -> Upscale:
    """Return the function that upscales a picture to y_c."""
    return on_torch(_Output(network, 0), "GLADSR")


class _Output(torch.nn.Module):
    """One of the two outputs of a network."""

    def __init__(self, network: Gladsr, number: int) -> None:
        super().__init__()
        self.network, self.number = network.eval(), number

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.network(x)[self.number]
        return y


def _settings(name: str, seed: int, request: Request) -> TrainingSettings:
    """Return a network's settings, of which a copy is left in its folder for `gladsr train`."""
    changes = [f'extends = "{BASE.as_posix()}"', f"seed = {seed}", "", "[network]"]
    changes += [f"{key} = {json.dumps(value)}" for key, value in VARIANTS[name].items()]
    config = run_folder(name, seed, request) / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("\n".join(changes) + "\n", encoding="utf-8")
    settings = read_settings(config, request.settings)
    if settings.data.cache == Path("runs/cache"):
        settings = read_settings(
            config, (*request.settings, f"data.cache={json.dumps(str(request.folder / 'cache'))}")
        )
    return settings


def _train(
    name: str, settings: TrainingSettings, run: Path, request: Request
) -> tuple[Gladsr, float]:
    """Train a network to its end, from the checkpoint if there is one; return it and the time."""
    if request.threads:
        torch.set_num_threads(request.threads)
    resume = (run / CHECKPOINT).exists()
    steps = settings.schedule.steps
    request.tell(f"training {name}, seed {settings.seed}, {steps} steps, in {run}")
    try:
        for report in train(settings, run, resume=resume):
            request.tell(
                f"{name}: step {report.step} of {steps}, PSNR {report.validation.psnr:.3f} dB, "
                f"{round(report.seconds_left / 60)} min left"
            )
            if name in CURVES and settings.seed == 0:
                _extend_curve(run, report.step, request)
    except TrainingStoppedError as error:
        raise StoppedError(f"{name} {error}; the same command goes on from there") from None
    network, checkpoint = load_run(run)
    return network, checkpoint["seconds"]


def _extend_curve(run: Path, step: int, request: Request) -> None:
    """Add a point of Fig. 7: the scores of the checkpoint that has just been written."""
    if not (run / CHECKPOINT).is_file():  # the first may come later than the first report
        return
    network, checkpoint = load_run(run)
    if checkpoint["step"] != step:
        return
    file = run / "curve.json"
    curve = [point for point in _read(file) if point["step"] < step] if file.is_file() else []
    scores = {
        folder.name: evaluate(fine(network), folder, network.config.scale).psnr
        for folder in request.test_sets(CURVE_SETS)
    }
    write_json(file, [*curve, {"step": step, **scores}])


def _validation(network: Gladsr, settings: TrainingSettings) -> float:
    """PSNR on all of the validation images, not only on those that training watches."""
    data = settings.data.model_copy(update={"validation_images": 10**9})
    pairs = validation_pairs(settings.model_copy(update={"data": data}))
    return validate(network, pairs, settings.network.scale, "cpu").psnr


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def budget(request: Request) -> Findings:
    """Return what all the networks were trained with."""
    settings = read_settings(BASE, request.settings)
    return {
        "steps": settings.schedule.steps,
        "patch": settings.data.patch,
        "batch": settings.data.batch,
        "learning_rate": settings.optimizer.learning_rate,
    }


def budget_note(found: Findings) -> str:
    """Return the sentence that states the budget."""
    return (
        f"Each network had {found['steps']} steps of {found['batch']} crops of {found['patch']} "
        f"LR pixels; the paper's had 300000 of 16 crops of 48. Trained by Muon, with a residual "
        f"around each nested dense group and γ = 0.1, which the paper has not."
    )


def _network(results: list[Findings]) -> Findings:
    """Return a network's findings: the mean over its seeds, and each seed's own."""
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


def mean(results: list[Findings]) -> Findings:
    """Return the mean of a network's results: validation PSNR, and scores by test set."""
    return {
        "validation": fmean(result["validation"] for result in results),
        "scores": {
            name: tuple(fmean(result["scores"][name][n] for result in results) for n in (0, 1))
            for name in common_sets(results)
        },
    }


def common_sets(networks: Collection[Findings]) -> list[str]:
    """Return those of the paper's test sets that all of these were scored on.

    A result that is kept may be from where other sets were.
    """
    return [name for name in SETS if all(name in network["scores"] for network in networks)]


def rising(table: Mapping[str, tuple[Any, ...]]) -> list[Claim]:
    """Return the claims of a table whose every row is better than the one above it.

    Args:
        table: Rows by the network's name; PSNR by test set comes last in each.
    """
    return [
        Claim(better, worse, {name: scores[name] - above[name] for name in scores})
        for (worse, (*_, above)), (better, (*_, scores)) in pairwise(table.items())
    ]


def printed_cells(printed: dict[str, float]) -> list[tuple[float, ...] | None]:
    """Return the PSNR that the paper prints for each of its sets, None where it prints none."""
    return [(printed[name],) if name in printed else None for name in SETS]


def psnr_cells(scores: Scores) -> list[tuple[float, ...] | None]:
    """Return the PSNR of each of the paper's sets, None where it is absent."""
    return [(scores[name][0],) if name in scores else None for name in SETS]


def orderings(claims: list[Claim], findings: Findings) -> Sheet:
    """Return the table of the paper's orderings: which hold here, and by how much."""
    networks = findings["networks"]
    rows = []
    for claim in claims:
        seeds = [networks[name]["by_seed"] for name in (claim.better, claim.worse)]
        better, worse = _alike(*seeds)
        deltas = {
            name: better["scores"][name][0] - worse["scores"][name][0]
            for name in common_sets((better, worse))
        }
        by_validation = better["validation"] - worse["validation"]
        rows.append(
            (
                f"{claim.better} > {claim.worse}",
                *(f"{claim.paper[name]:+.2f}" for name in claim.paper),
                *(f"{deltas[name]:+.3f}" if name in deltas else "" for name in SETS),
                f"{by_validation:+.3f}",
                "yes" if by_validation > 0 else "no",
                str(min(map(len, seeds))),
            )
        )
    held = sum(row[-2] == "yes" for row in rows)
    columns = [f"paper {name}" for name in claims[0].paper]
    return Sheet(
        f"The paper's orderings: {held} of {len(rows)} hold",
        ("PSNR", *columns, *SETS, "validation", "holds", "seeds"),
        tuple(rows),
        (
            (
                "An ordering holds where the mean over the validation images says so, of the seeds "
                "that both networks have."
            ),
            budget_note(findings["budget"]),
            *_precision_note(networks),
            *_origin_notes(networks),
            *absent_note(findings["absent"]),
            *_partly_note(networks, findings["absent"]),
        ),
    )


def _partly_note(networks: dict[str, Findings], absent: list[str]) -> tuple[str, ...]:
    """Return the sentence that names the test sets that some networks have no scores on."""
    everywhere = common_sets(networks.values())
    partly = [name for name in SETS if name not in everywhere and name not in absent]
    return (f"Not every network has been scored on {', '.join(partly)}.",) if partly else ()


def _origin_notes(networks: dict[str, Findings]) -> tuple[str, ...]:
    """Return the sentences that say when, where and from which source networks were trained."""
    known: dict[str, list[tuple[str, str, str]]] = {}
    unknown = []
    for name, network in networks.items():
        for seed, found in enumerate(network["origins"]):
            if found:
                trained_on = known.setdefault(found["machine"]["processor"], [])
                commit = found["commit"] or "unknown"
                trained_on.append((f"{name} (seed {seed})", found["date"][:10], commit))
            else:
                unknown.append(f"{name} (seed {seed})")
    notes = []
    for processor, runs in known.items():
        names, dates, commits = zip(*runs, strict=True)
        notes.append(
            f"Trained on {processor}, {min(dates)} to {max(dates)}, commit "
            f"{' and '.join(sorted(set(commits)))}: {', '.join(names)}."
        )
    if unknown:
        notes.append(f"When and where is not recorded of: {', '.join(unknown)}.")
    return tuple(notes)


def _precision_note(networks: dict[str, Findings]) -> tuple[str, ...]:
    """Return the sentence that tells the precisions apart, if they are not all the same."""
    by_precision: dict[str, list[str]] = {}
    for name, network in networks.items():
        by_precision.setdefault(" and ".join(network["precisions"]), []).append(name)
    if len(by_precision) == 1:
        return ()
    parts = (f"in {precision} {', '.join(names)}" for precision, names in by_precision.items())
    return (f"Trained on machines that differ: {'; '.join(parts)}.",)
