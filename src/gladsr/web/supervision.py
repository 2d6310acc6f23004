"""Starting worker processes again until they run."""

import asyncio
import logging
from typing import Any

from gladsr.errors import EngineError
from gladsr.web.worker_process import WorkerDiedError, WorkerProcess, WorkerUnusableError

logger = logging.getLogger(__name__)

WATCH_SECONDS = 1
"""How often to check that a process is alive."""

_LONGEST_PAUSE = 60  # seconds between two attempts


async def keep_trying(
    process: WorkerProcess[Any, Any], work: str, *, fail_if_unusable: bool = False
) -> None:
    """Start a process, trying again until it is ready.

    Args:
        process: The process.
        work: What it does, for the log.
        fail_if_unusable: Whether to give up if it cannot do its work on this machine.

    Raises:
        EngineError: It cannot do its work on this machine.
    """
    pause = 1
    while True:
        try:
            await process.start()
        except (WorkerDiedError, WorkerUnusableError) as error:
            if fail_if_unusable and isinstance(error, WorkerUnusableError):
                raise EngineError(str(error)) from error
            logger.warning(
                "the process that %s cannot start (%s); trying again in %d s", work, error, pause
            )
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            return
