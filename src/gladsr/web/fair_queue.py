"""A queue that is fair between clients."""

from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class FairQueue(Generic[Item]):
    """Serves clients in turn by the work they ask for, and each client's items in their order.

    This is start-time fair queueing (Goyal, Vin and Cheng, 1996): an item begins, in virtual time,
    when its client's previous one ends; the item that begins first is next. So a client with one
    small picture waits for no more than the one that is being computed and its equals, however
    much work others have queued.

    Example:
        >>> queue = FairQueue()
        >>> for item in ("a1", "a2", "a3"):
        ...     queue.push("a", item, cost=10)
        >>> queue.push("b", "b1", cost=1)
        >>> [queue.pop() for _ in range(4)]
        ['a1', 'b1', 'a2', 'a3']
    """

    def __init__(self) -> None:
        # Of each client: when its items begin, in virtual time, what they cost, and the items.
        self._waiting: dict[str, deque[tuple[float, float, Item]]] = {}
        self._ends: dict[str, float] = {}  # when each client's last item ends, in virtual time
        self._now = 0.0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def push(self, client: str, item: Item, *, cost: float) -> None:
        """Add an item that takes work of ``cost``, in any unit."""
        start = max(self._now, self._ends.get(client, 0.0))
        self._waiting.setdefault(client, deque()).append((start, cost, item))
        self._ends[client] = start + cost

    def pop(self) -> Item:
        """Take the next item out.

        Raises:
            IndexError: There is none.
        """
        if not self._waiting:
            raise IndexError("the queue is empty")
        client = min(self._waiting, key=lambda name: self._waiting[name][0][0])
        self._now, _, item = self._waiting[client].popleft()
        if not self._waiting[client]:
            del self._waiting[client]
        self._ends = {  # forget clients that owe nothing
            name: end for name, end in self._ends.items() if end > self._now
        }
        return item

    def remove(self, item: Item) -> bool:
        """Take an item out of its turn, as if it had never waited; return whether it was there."""
        for client, entries in self._waiting.items():
            for place, (_, _, waiting) in enumerate(entries):
                if waiting is item:
                    self._withdraw(client, place)
                    return True
        return False

    def order(self) -> list[Item]:
        """Return the items in the order in which they would be taken out."""
        entries = [entry for items in self._waiting.values() for entry in items]
        return [item for _, _, item in sorted(entries, key=lambda entry: entry[0])]

    def _withdraw(self, client: str, place: int) -> None:
        """Take an item out; those of its client behind it move up by what it costs."""
        entries = self._waiting[client]
        behind = [entries.pop() for _ in range(place + 1, len(entries))]
        self._ends[client], _, _ = entries.pop()
        for _, cost, item in reversed(behind):
            self.push(client, item, cost=cost)
        if not entries:
            del self._waiting[client]
