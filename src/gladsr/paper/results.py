"""The stored results of tables and figures, which are shown without measuring again."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gladsr
from gladsr.atomic import atomic_write
from gladsr.engines.processor import processor
from gladsr.errors import ExhibitError
from gladsr.paper.exhibit import Exhibit, Findings, Request
from gladsr.scoring import images_in


@dataclass(frozen=True)
class Result:
    """The findings of a measurement and their origin.

    Attributes:
        name: The exhibit's.
        findings: The measurements.
        gladsr: The version of the package.
        commit: The source's, with a + where files had been changed; None outside a checkout.
        machine: Processor, cores, system and Python.
        date: When it was measured, in UTC.
        seconds: How long measuring took.
        data: A digest of the images of each test set, by its name.
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
        """A sentence to print below a table."""
        machine = self.machine
        return (
            f"Measured {self.date[:16].replace('T', ' ')} UTC, commit {self.commit or 'unknown'}, "
            f"on {machine['processor']}, {machine['cores']} cores."
        )


def reproduce(exhibit: Exhibit, request: Request, *, again: bool = False) -> Result:
    """Return the result of a table or figure, and leave its files in the request's folder.

    The files are NAME.json, NAME.md and, for a figure, NAME.png. Where there is a NAME.json, that
    result is returned and nothing is measured.

    Args:
        exhibit: The table or figure.
        request: What to measure it with.
        again: Measure even if there is a result.

    Raises:
        ExhibitError: The stored result is damaged, or something needed for measuring is missing.
        Error: Whatever measuring raises.
        KeyboardInterrupt: Ctrl-C; ablations have written a checkpoint.
    """
    request.folder.mkdir(parents=True, exist_ok=True)
    file = request.folder / f"{exhibit.name}.json"
    if again or not file.is_file():
        write_json(file, asdict(_measure(exhibit, request)))
    else:
        request.progress(f"{exhibit.name} is shown from a stored result; --again measures it again")
    result = _read(file)
    text = "\n\n".join(sheet.markdown() for sheet in exhibit.sheets(result.findings))
    with atomic_write(file.with_suffix(".md")) as opened:
        opened.write(f"{text}\n\n{result.origin}\n".encode())
    return result


def _measure(exhibit: Exhibit, request: Request) -> Result:
    began = time.monotonic()
    findings = exhibit.measure(request)
    seconds = time.monotonic() - began
    exhibit.sheets(findings)  # findings that cannot be shown or drawn are not stored
    if exhibit.draw:
        exhibit.draw(findings, request.folder)
    return Result(
        name=exhibit.name,
        findings=findings,
        **origin(),
        seconds=round(seconds, 1),
        data={folder.name: digest(folder) for folder in sorted(request.used)},
    )


def _read(file: Path) -> Result:
    try:
        return Result(**json.loads(file.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise ExhibitError(f"{file} is damaged; measure again with --again") from error


def write_json(file: Path, values: Any) -> None:
    """Write values to a JSON file."""
    text = json.dumps(values, indent=2, ensure_ascii=False)
    with atomic_write(file) as opened:
        opened.write(f"{text}\n".encode())


def origin() -> dict[str, Any]:
    """Return the version, commit, machine and date of a measurement that is made now."""
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


def digest(folder: Path) -> str:
    """Return one SHA-256 of the names and contents of a folder's images."""
    digest = hashlib.sha256()
    for file in images_in(folder):
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        digest.update(f"{file.name} {content}\n".encode())
    return digest.hexdigest()


def _commit() -> str | None:
    git = shutil.which("git")
    if not git or "site-packages" in Path(__file__).parts:  # an installed package
        return None
    described = subprocess.run(  # noqa: S603 - no part of it is input
        [git, "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or None
