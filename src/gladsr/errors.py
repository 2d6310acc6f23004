"""Every error that gladsr raises on purpose, in one tree under `Error`.

Each carries what happened in its attributes, so that the command, the service and other programs
can word it for their own readers; ``str(error)`` is one complete message.

Error:
├── PictureError            a picture or film file
│   ├── TooLargeError       more pixels, pages or frames than the limit, or than memory
│   ├── StorageError        the operating system refused to read or write the file
│   └── OutputExistsError   the output exists already
├── EngineError             running a network
│   ├── DeviceError
│   ├── OutOfMemoryError
│   ├── MissingExtraError
│   └── NetworkFileError    a file of weights or an exported network
├── UnknownModelError
├── SizeError
├── EncodingError
├── PlanError
├── ComparisonError
├── SettingsError
├── DataError
└── ExhibitError            a table or figure of the paper
"""

from os import PathLike
from pathlib import Path


class Error(Exception):
    """The root of everything that gladsr raises on purpose."""


class PictureError(Error):
    """A picture, a film or a folder of them cannot be read, upscaled or written.

    Args:
        path: The file or folder.
        reason: What is wrong, as a clause without a capital and without a full stop, which does not
            repeat the path: "it is an animated PNG".
        remedy: What to do about it, as one or more sentences; empty if there is nothing.

    Attributes:
        path: As above.
        reason: As above.
        remedy: As above.

    Example:
        >>> print(PictureError("in.png", "it is empty", "Copy it again."))
        in.png: it is empty. Copy it again.
    """

    def __init__(self, path: str | PathLike[str], reason: str, remedy: str = "") -> None:
        super().__init__(path, reason, remedy)
        self.path = Path(path)
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        """Return the path, the reason and the remedy as one message."""
        return " ".join(filter(None, (f"{self.path}: {self.reason}.", self.remedy)))


class TooLargeError(PictureError):
    """A file has more pixels, pages or frames than the limit, or than fit into memory."""


class StorageError(PictureError):
    """The operating system refused to read or write a file: no space, no permission, no folder."""


class OutputExistsError(PictureError, FileExistsError):
    """An output exists already and was not to be overwritten."""


class EngineError(Error, RuntimeError):
    """An engine cannot do what it was asked to do."""


class DeviceError(EngineError):
    """The requested device is not available."""


class OutOfMemoryError(EngineError):
    """There is not enough memory; a smaller picture may fit."""


class MissingExtraError(EngineError):
    """An optional dependency is not installed.

    Args:
        library: The name under which it is imported.
        requirement: What pip installs it by, such as ``gladsr[torch]``.
    """

    def __init__(self, library: str, requirement: str) -> None:
        super().__init__(library, requirement)
        self.library = library
        self.requirement = requirement

    def __str__(self) -> str:
        """Return the message with the command that installs it."""
        return f'{self.library} is not installed; install it with: pip install "{self.requirement}"'


class NetworkFileError(EngineError):
    """A file of weights, or of an exported network, cannot be used."""


class UnknownModelError(Error, ValueError):
    """There is no model of that name, or not at that scale."""


class SizeError(Error, ValueError):
    """A picture cannot be upscaled to the requested size or by the requested scale."""


class EncodingError(Error, ValueError):
    """A film cannot be encoded with the requested codec, quality or preset."""


class PlanError(Error, ValueError):
    """Inputs and output do not fit together."""


class ComparisonError(Error, ValueError):
    """Pictures cannot be compared with one another."""


class SettingsError(Error, ValueError):
    """The settings of a training run are wrong."""


class DataError(Error, ValueError):
    """Training data, or a training run, cannot be used."""


class ExhibitError(Error, RuntimeError):
    """A table or figure of the paper cannot be measured or shown."""
