"""The reference page of the settings, which ``python -m gladsr.training.reference`` prints."""

from dataclasses import MISSING, fields
from typing import Any

from pydantic import BaseModel

from gladsr.network import GladsrConfig
from gladsr.training.settings import TrainingSettings

_HEAD = """\
# Settings of a training run

`gladsr train CONFIG.toml [KEY=VALUE]...` reads these from a TOML file; a key of a table is \
written `table.key=value` on the command line. Unknown keys are rejected. A file may begin with \
`extends = "other.toml"`, a file beside it whose values it overrides. \
`python -m gladsr.training.reference` prints this page.
"""


def reference() -> str:
    """Return the page as Markdown."""
    tables = [("", "The model and the machine.", _rows(TrainingSettings))]
    for name, field in TrainingSettings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            tables.append((name, kind.__doc__ or "", _rows(kind)))
        elif kind is GladsrConfig:
            tables.append((name, "The network.", _network_rows()))
    return "\n".join([_HEAD, *(_table(*table) for table in tables)])


def _table(name: str, about: str, rows: list[tuple[str, str, str]]) -> str:
    lines = [f"## `[{name}]`\n" if name else "## Top level\n", f"{about}\n"]
    lines += ["| key | default | meaning |", "|---|---|---|"]
    lines += [f"| `{key}` | {default} | {meaning} |" for key, default, meaning in rows]
    return "\n".join(lines) + "\n"


def _rows(settings: type[BaseModel]) -> list[tuple[str, str, str]]:
    return [
        (name, "required" if field.is_required() else _shown(field.default), field.description)
        for name, field in settings.model_fields.items()
        if field.description
    ]


def _network_rows() -> list[tuple[str, str, str]]:
    """Return the fields of the network's configuration, as its docstring describes them."""
    text = (GladsrConfig.__doc__ or "").partition("Attributes:")[2]
    meanings = dict(line.strip().split(": ", 1) for line in text.splitlines() if ": " in line)
    return [
        (field.name, _shown(field.default), meanings[field.name])
        for field in fields(GladsrConfig)
        if field.default is not MISSING
    ]


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201 - the purpose of the module
