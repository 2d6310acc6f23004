"""The wording of `gladsr.errors` for clients of the service."""

import logging

from gladsr.errors import (
    EngineError,
    Error,
    OutOfMemoryError,
    PictureError,
    SizeError,
    StorageError,
    TooLargeError,
)
from gladsr.web.messages import Failed
from gladsr.web.problem_kinds import ProblemKind

logger = logging.getLogger(__name__)

# The first class that an error is an instance of decides.
KINDS: tuple[tuple[type[Exception], ProblemKind], ...] = (
    (TooLargeError, ProblemKind.TOO_LARGE),
    (StorageError, ProblemKind.STORAGE),
    (PictureError, ProblemKind.PICTURE),
    (OutOfMemoryError, ProblemKind.STORAGE),
    (MemoryError, ProblemKind.STORAGE),
    (SizeError, ProblemKind.OPTIONS),
    (Exception, ProblemKind.INTERNAL),
)


def failure(error: Exception, subject: str) -> Failed:
    """Return what a client is told about an error.

    Args:
        error: The error. Its paths stay in the service's log.
        subject: What the client knows the file as, such as "The picture".
    """
    kind = next(kind for class_, kind in KINDS if isinstance(error, class_))
    if kind in {ProblemKind.STORAGE, ProblemKind.INTERNAL}:
        is_ours = isinstance(error, Error | MemoryError)
        logger.error("a picture failed: %s", error, exc_info=None if is_ours else error)
    return Failed(kind, _detail(error, subject))


def _detail(error: Exception, subject: str) -> str:
    match error:
        case TooLargeError():  # the remedies name options of the command
            detail = f"{subject}: {error.reason}. Send a smaller one."
        case StorageError():
            detail = "The service cannot store the picture. Try again later."
        case PictureError():
            reason = error.reason or "it cannot be read or written"
            detail = f"{subject}: {reason}. {error.remedy}".rstrip()
        case MemoryError() | OutOfMemoryError():
            detail = "The service does not have enough memory for the picture. Send a smaller one."
        case SizeError():
            detail = f"The requested size is not possible: {error}."
        case EngineError():
            detail = (
                "The service cannot run this model at this scale; its log has the reason. "
                "Choose another."
            )
        case _:
            detail = "The service failed to process the picture; its log has the reason."
    return detail
