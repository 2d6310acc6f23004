"""Limits that keep the cost of a file in proportion to its size."""

MAX_METADATA = 2**24
"""The most bytes of one kind of metadata that are copied from a file to another."""


class Budget:
    """Bytes of metadata that may still be copied.

    Tags that all refer to the same bytes would otherwise multiply them.

    Args:
        size: The length of the file that they are copied from.
    """

    def __init__(self, size: int) -> None:
        self._left = min(size, MAX_METADATA)

    def spend(self, nbytes: int) -> None:
        """Take bytes off the budget.

        Raises:
            ValueError: There are too few left.
        """
        if nbytes > self._left:
            raise ValueError("the metadata are larger than the file that they are in")
        self._left -= nbytes
