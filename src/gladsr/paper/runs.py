"""One network of the ablations: its settings, its training and its result."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from gladsr.atomic import atomic_write
from gladsr.errors import ExhibitError
from gladsr.network import Gladsr, mult_adds, parameters
from gladsr.network.weights import CHECKPOINT
from gladsr.paper.background import Progress
from gladsr.paper.exhibit import Findings, Request, Scores
from gladsr.paper.results import digest, origin, write_json
from gladsr.rivals.published import SETS
from gladsr.scoring import Upscale, evaluate
from gladsr.scoring.networks import in_torch, upscale_with
from gladsr.training import TrainingSettings, TrainingStoppedError, read_settings, train
from gladsr.training.release import load_run
from gladsr.training.settings import PLACES, check_same, expand
from gladsr.training.setup import validation_pairs
from gladsr.training.validate import validate

BASE = Path(__file__).with_name("ablation.toml")

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
"""All networks by name: the differences of their configuration from GLADSR (G4B4)."""

CURVES = ("gladsr", "gladsr-nr")
"""The networks that Fig. 7 follows over the steps, on ``CURVE_SETS``."""

CURVE_SETS = ("Set5", "Set14")


@dataclass(frozen=True)
class Run:
    """One of ``VARIANTS``, trained with one seed.

    Attributes:
        name: A key of ``VARIANTS``.
        seed: The seed of the training.
        request: Where the data and the results are.
    """

    name: str
    seed: int
    request: Request

    @property
    def folder(self) -> Path:
        """The folder for settings, checkpoint and result."""
        return self.request.folder / "ablations" / f"{self.name}-seed{self.seed}"

    @property
    def result_file(self) -> Path:
        """The file that is written once the network is trained and scored."""
        return self.folder / "result.json"

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint; a stored result may lack one."""
        return (self.folder / CHECKPOINT).is_file()

    def settings(self) -> TrainingSettings:
        """Return the settings for the training.

        Raises:
            SettingsError: A change of the request's is wrong.
        """
        changes = [f"network.{key}={json.dumps(value)}" for key, value in self._variant.items()]
        cache = f"data.cache={json.dumps(str(self.request.folder / 'cache'))}"
        return read_settings(BASE, (f"seed={self.seed}", *changes, cache, *self.request.settings))

    @property
    def _variant(self) -> dict[str, Any]:
        return VARIANTS[self.name]

    def result(self) -> Findings | None:
        """Return the stored result, or None.

        Raises:
            SettingsError: It is of other settings.
        """
        if not self.result_file.is_file():
            return None
        found: Findings = _read(self.result_file)
        check_same(self.settings(), found["settings"], self.folder)
        return found

    def is_complete(self) -> bool:
        """Return whether the network is trained and scored, as far as it can be scored here.

        Raises:
            SettingsError: The stored result is of other settings.
        """
        found = self.result()
        return found is not None and not (self.has_checkpoint and self._unscored(found))

    def _unscored(self, found: Findings) -> list[str]:
        """Return the test sets that are present but have no scores."""
        absent = self.request.absent()
        return [name for name in SETS if name not in found["scores"] and name not in absent]

    def complete(self) -> None:
        """Train the network, from its checkpoint if there is one, score it and store the result.

        Raises:
            ExhibitError: SIGTERM or SIGINT has ended the training, after writing a checkpoint.
            DataError: No training image is large enough.
            PictureError: There are no training images, or one cannot be read.
        """
        found = self.result()
        if found is None:
            self._train()
        network, checkpoint = load_run(self.folder)
        if found is None:
            found = self._unscored_result(network, checkpoint["seconds"])
        found["scores"] |= self._scores(network, self._unscored(found))
        write_json(self.result_file, found)

    def _train(self) -> None:
        settings = self.settings()
        self._write_config()
        steps = settings.schedule.steps
        self.request.progress(
            f"training {self.name}, seed {self.seed}, {steps} steps, in {self.folder}"
        )
        try:
            for report in train(settings, self.folder, resume=self.has_checkpoint):
                self.request.progress(
                    f"{self.name}: step {report.step} of {steps}, PSNR "
                    f"{report.validation.psnr:.3f} dB, {round(report.seconds_left / 60)} min left"
                )
                if self.name in CURVES and self.seed == 0:
                    self._extend_curve(report.step)
        except TrainingStoppedError as error:
            raise ExhibitError(f"{self.name} {error}; the same command continues it") from None

    def _unscored_result(self, network: Gladsr, seconds: float) -> Findings:
        settings = self.settings()
        return {
            "settings": settings.model_dump(mode="json", exclude=PLACES),
            "origin": origin() | {"seconds": round(seconds)},
            "data": {
                str(folder): digest(expand(folder))
                for folder in (*settings.data.train, *settings.data.validation)
            },
            "parameters": parameters(network),
            "mult_adds": mult_adds(network, settings.network.scale),
            "validation": _validation(network, settings),
            "scores": {},
            "curve": _read(self._curve_file) if self._curve_file.is_file() else [],
        }

    def _write_config(self) -> None:
        """Write the settings for `gladsr train`, which the training itself does not read."""
        lines = [f'extends = "{BASE.as_posix()}"', f"seed = {self.seed}", "", "[network]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in self._variant.items()]
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(self.folder / "config.toml") as file:
            file.write("\n".join([*lines, ""]).encode())

    @property
    def _curve_file(self) -> Path:
        return self.folder / "curve.json"

    def _extend_curve(self, step: int) -> None:
        """Add a point of Fig. 7: the scores of the checkpoint, if it is of this step."""
        if not self.has_checkpoint:  # the first may come later than the first report
            return
        network, checkpoint = load_run(self.folder)
        if checkpoint["step"] != step:
            return
        curve = _read(self._curve_file) if self._curve_file.is_file() else []
        scores = {
            folder.name: evaluate(fine(network), folder, network.config.scale).psnr
            for folder in filter(None, map(self.request.test_set, CURVE_SETS))
        }
        before = [point for point in curve if point["step"] < step]
        write_json(self._curve_file, [*before, {"step": step, **scores}])

    def _scores(self, network: Gladsr, sets: Collection[str]) -> Scores:
        label = f"{self.name}, seed {self.seed}"
        return self.request.scores(label, fine(network), network.config.scale, sets)

    def network(self) -> Gladsr:
        """Return the network, which has to be fully trained.

        Raises:
            ExhibitError: It is not fully trained, or its checkpoint is missing.
            SettingsError: It was trained with other settings.
        """
        to_train = "gladsr reproduce fig7 fig8 --again"
        if not self.has_checkpoint:
            if self.result_file.is_file():
                raise ExhibitError(
                    f"{self.folder} holds a result without its checkpoint; remove that folder, or "
                    f"choose another --output, and train {self.name} again: {to_train}"
                )
            raise ExhibitError(f"{self.name} of fig7 is not trained yet: {to_train}")
        network, checkpoint = load_run(self.folder)
        settings = self.settings()
        check_same(settings, checkpoint["settings"], self.folder)
        if checkpoint["step"] < settings.schedule.steps:
            raise ExhibitError(
                f"{self.name} of fig7 is trained to step {checkpoint['step']} of "
                f"{settings.schedule.steps}; to continue: {to_train}"
            )
        return network


def complete_all(
    runs: Iterable[tuple[str, int]], request: Request, progress: Progress
) -> set[Path]:
    """Complete runs, by name and seed; return the folders of the test sets used for it."""
    request = replace(request, progress=progress)
    if request.threads:
        torch.set_num_threads(request.threads)
    for name, seed in runs:
        Run(name, seed, request).complete()
    return request.used


def budget(request: Request) -> Findings:
    """Return the training budget that all networks share."""
    settings = read_settings(BASE, request.settings)
    return {
        "steps": settings.schedule.steps,
        "patch": settings.data.patch,
        "batch": settings.data.batch,
        "learning_rate": settings.optimizer.learning_rate,
    }


def fine(network: Gladsr) -> Upscale:
    """Return the function that upscales a picture to y."""
    return upscale_with(in_torch(network, "GLADSR", network.config.scale))


def coarse(network: Gladsr) -> Upscale:
    """Return the function that upscales a picture to y_c."""
    return upscale_with(in_torch(network, "GLADSR", network.config.scale), draft=True)


def _validation(network: Gladsr, settings: TrainingSettings) -> float:
    """Return PSNR on all validation images, not only on those that training watches."""
    data = settings.data.model_copy(update={"validation_images": 10**9})
    pairs = validation_pairs(settings.model_copy(update={"data": data}))
    return validate(network, pairs, settings.network.scale, "cpu").psnr


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))
