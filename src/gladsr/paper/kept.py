"""What a run of a table or figure leaves, so that it can be shown again without running again."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gladsr
from gladsr.atomic import atomic_write
from gladsr.engines.processor import processor
from gladsr.paper.exhibit import Findings, MissingError, Request
from gladsr.scoring import images_in


@dataclass(frozen=True)
class Kept:
    """A measurement and where it comes from.

    Attributes:
        name: Of the table or figure.
        findings: What was measured.
        gladsr: The version.
        commit: Of the source, with a + where files were changed since; None outside a checkout.
        machine: Processor, cores, system and Python.
        date: When it was done, in UTC.
        seconds: How long it took.
        data: A digest of each test set's images, by name.
    """

    name: str
    findings: Findings
    gladsr: str
    commit: str | None
    machine: dict[str, Any]
    date: str
    seconds: float
    data: dict[str, str]

    @property
    def origin(self) -> str:
        """A sentence for below a table."""
        machine = self.machine
        return (
            f"Measured {self.date[:16].replace('T', ' ')} UTC, commit {self.commit or 'unknown'}, "
            f"on {machine['processor']}, {machine['cores']} cores."
        )


def keep(name: str, findings: Findings, request: Request, *, seconds: float) -> Kept:
    """Write a measurement to NAME.json, whole or not at all, and return what was written."""
    kept = Kept(
        name=name,
        findings=findings,
        **origin(),
        seconds=round(seconds, 1),
        data={folder.name: digest(folder) for folder in sorted(request.used)},
    )
    file = request.folder / f"{name}.json"
    write_json(file, asdict(kept))
    return _read(file)


def origin() -> dict[str, Any]:
    """Return what measures, and where and when: the fields of `Kept` by these names."""
    return {
        "gladsr": gladsr.__version__,
        "commit": _commit(),
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "system": platform.platform(terse=True),
            "python": platform.python_version(),
        },
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def read_kept(name: str, folder: Path) -> Kept | None:
    """Return what a run has left in ``folder``, None where there was none.

    Raises:
        MissingError: What it left is damaged.
    """
    file = folder / f"{name}.json"
    return _read(file) if file.is_file() else None


def _read(file: Path) -> Kept:
    try:
        return Kept(**json.loads(file.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise MissingError(f"{file} is damaged; measure again with --again") from error


def write_json(file: Path, values: Any) -> None:
    """Write a JSON file such that it is there whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(values, indent=2, ensure_ascii=False)
    with atomic_write(file) as opened:
        opened.write(f"{text}\n".encode())


def digest(folder: Path) -> str:
    """One SHA-256 of the names and contents of a folder's images."""
    digest = hashlib.sha256()
    for file in images_in(folder):
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        digest.update(f"{file.name} {content}\n".encode())
    return digest.hexdigest()


def _commit() -> str | None:
    git = shutil.which("git")
    if not git or "site-packages" in Path(__file__).parts:  # in somebody's environment
        return None
    described = subprocess.run(  # noqa: S603 - nothing in it comes from outside
        [git, "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or None
