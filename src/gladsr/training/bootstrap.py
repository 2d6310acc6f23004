"""Run a bundle: ``python run.py check`` or ``python run.py run -o FOLDER [--minutes N]``.

A bundle holds a copy of this file as ``run.py``. It needs nothing but Python's standard library,
and starts ``python -m gladsr.training`` with the bundle's packages, data and queue.
"""

import os
import subprocess
import sys
from pathlib import Path


def main(command: str, *arguments: str) -> int:
    """Run a command of ``gladsr.training`` on the queue of the bundle; return its exit code."""
    bundle = Path(__file__).resolve().parent
    paths = [str(bundle / "package"), str(bundle / "site"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    data = bundle / "data"
    environment |= {folder.name: str(folder) for folder in data.iterdir()}
    absolute = [
        str(Path(argument).absolute()) if before in {"-o", "--output"} else argument
        for before, argument in zip(("", *arguments), arguments, strict=False)
    ]
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "gladsr.training", command, str(bundle / "queue.json"), *absolute],
        cwd=data / "relative",
        env=environment,
        check=False,
    ).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
