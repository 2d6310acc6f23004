"""Who may add a picture: the slots of the queue, and unfinished uploads."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gladsr.web.limits import Limits
from gladsr.web.problem_kinds import ProblemKind
from gladsr.web.problems import Problem


class Slot:
    """A client's claim on one place in the queue, until it is released."""

    def __init__(self, taken: Counter[str], client: str) -> None:
        self._taken = taken
        self._client: str | None = client
        taken[client] += 1

    def release(self) -> None:
        """Free the place; a second call does nothing."""
        if self._client is not None:
            _decrement(self._taken, self._client)
            self._client = None


class Admission:
    """Counts pictures and uploads, for each client and in all."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._slots: Counter[str] = Counter()
        self._uploads: Counter[str] = Counter()

    def take_slot(self, client: str, *, retry_after: int) -> Slot:
        """Take a slot for a picture, from its upload until its work has ended.

        Args:
            client: Who sends the picture.
            retry_after: The seconds after which to try again, where there is no slot.

        Raises:
            Problem: There is none.
        """
        headers = {"Retry-After": str(retry_after)}
        if self._slots[client] >= self._limits.queue_per_client:
            raise Problem(
                ProblemKind.YOUR_QUEUE_FULL,
                f"{self._limits.queue_per_client} of your pictures are in the queue. "
                "Wait until one of them is done.",
                headers=headers,
            )
        if self._slots.total() >= self._limits.queue:
            raise Problem(
                ProblemKind.QUEUE_FULL, "The queue is full. Try again later.", headers=headers
            )
        return Slot(self._slots, client)

    @contextmanager
    def upload(self, client: str) -> Iterator[None]:
        """Count an upload for as long as the context lasts.

        Raises:
            Problem: The client has too many unfinished ones.
        """
        if self._uploads[client] >= self._limits.uploads_per_client:
            raise Problem(
                ProblemKind.YOUR_QUEUE_FULL,
                f"{self._limits.uploads_per_client} of your uploads are not finished. "
                "Wait until one of them is.",
                headers={"Retry-After": "1"},
            )
        self._uploads[client] += 1
        try:
            yield
        finally:
            _decrement(self._uploads, client)


def _decrement(counts: Counter[str], client: str) -> None:
    counts[client] -= 1
    if not counts[client]:
        del counts[client]  # so that the counts do not grow with every client ever seen
