"""The queue of waiting pictures, which is fair between clients."""

from collections import deque
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")


class _Entry(NamedTuple, Generic[Item]):
    start: float  # in virtual time
    cost: float
    item: Item


class FairQueue(Generic[Item]):
    """Serves clients in turn by the cost of their items, and each client's items in their order.

    This is start-time fair queueing (Goyal, Vin and Cheng, 1996): an item starts, in virtual time,
    when its client's previous one ends; the item that starts first is next. So a client with one
    small picture waits only for the one that is being computed and its equals, however much work
    others have queued.

    Example:
        >>> queue = FairQueue()
        >>> for item in ("a1", "a2", "a3"):
        ...     queue.push("a", item, cost=10)
        >>> queue.push("b", "b1", cost=1)
        >>> [queue.pop() for _ in range(4)]
        ['a1', 'b1', 'a2', 'a3']
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[_Entry[Item]]] = {}
        self._ends: dict[str, float] = {}  # when each client's last item ends, in virtual time
        self._now = 0.0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def push(self, client: str, item: Item, *, cost: float) -> None:
        """Add an item; costs may have any unit."""
        start = max(self._now, self._ends.get(client, 0.0))
        self._waiting.setdefault(client, deque()).append(_Entry(start, cost, item))
        self._ends[client] = start + cost

    def pop(self) -> Item:
        """Take the next item out.

        Raises:
            IndexError: The queue is empty.
        """
        if not self._waiting:
            raise IndexError("the queue is empty")
        client = min(self._waiting, key=lambda name: self._waiting[name][0].start)
        self._now, _, item = self._waiting[client].popleft()
        if not self._waiting[client]:
            del self._waiting[client]
        self._ends = {  # forget clients without outstanding work
            name: end for name, end in self._ends.items() if end > self._now
        }
        return item

    def remove(self, item: Item) -> bool:
        """Take an item out as if it had never been added; return whether it was there."""
        for client, entries in self._waiting.items():
            for index, entry in enumerate(entries):
                if entry.item is item:
                    self._withdraw(client, index)
                    return True
        return False

    def charge(self, client: str, cost: float) -> None:
        """Correct the cost of an item that was taken out: add what it took beyond its estimate.

        The client's waiting items start later by this, or earlier where it is negative.
        """
        entries = self._waiting.get(client)
        served = entries[0].start if entries else self._ends.get(client, self._now)
        self._ends[client] = max(self._now, served) + cost
        for _ in range(len(entries or ())):
            _, waiting_cost, item = self._waiting[client].popleft()
            self.push(client, item, cost=waiting_cost)

    def order(self) -> list[Item]:
        """Return the items in the order in which they would be taken out."""
        entries = [entry for items in self._waiting.values() for entry in items]
        return [entry.item for entry in sorted(entries, key=lambda entry: entry.start)]

    def _withdraw(self, client: str, index: int) -> None:
        """Take an item out; its client's later items move up by its cost."""
        entries = self._waiting[client]
        behind = [entries.pop() for _ in range(index + 1, len(entries))]
        self._ends[client] = entries.pop().start
        for entry in reversed(behind):
            self.push(client, entry.item, cost=entry.cost)
        if not entries:
            del self._waiting[client]
