import pytest
from hypothesis import given
from hypothesis import strategies as st

from gladsr.web.fair_queue import FairQueue

ITEMS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 100)), max_size=40)


def filled(items: list[tuple[str, int]]) -> FairQueue[tuple[int, str, int]]:
    queue: FairQueue[tuple[int, str, int]] = FairQueue()
    for number, (client, cost) in enumerate(items):
        queue.push(client, (number, client, cost), cost=cost)
    return queue


@given(ITEMS)
def test_everything_comes_out_once_and_each_clients_items_in_their_order(
    items: list[tuple[str, int]],
):
    queue = filled(items)
    order = queue.order()
    out = [queue.pop() for _ in items]
    assert out == order
    assert sorted(out) == [(number, *item) for number, item in enumerate(items)]
    for client in "abcd":
        numbers = [number for number, name, _ in out if name == client]
        assert numbers == sorted(numbers)


@given(ITEMS)
def test_no_client_that_waits_gets_more_than_one_item_behind_another(
    items: list[tuple[str, int]],
):
    """The bound of start-time fair queueing: work differs by at most one item of each client."""
    queue = filled(items)
    largest = dict.fromkeys("abcd", 0)
    left = dict.fromkeys("abcd", 0)
    for client, cost in items:
        largest[client] = max(largest[client], cost)
        left[client] += 1
    waiting = {client for client in "abcd" if left[client]}
    done = dict.fromkeys("abcd", 0)
    while len(queue) and all(left[client] for client in waiting):
        _, client, cost = queue.pop()
        done[client] += cost
        left[client] -= 1
        for a in waiting:
            for b in waiting:
                assert done[a] - done[b] <= largest[a] + largest[b]


def test_a_small_picture_waits_for_one_of_another_clients_many():
    queue: FairQueue[str] = FairQueue()
    for number in range(10):
        queue.push("many", f"many {number}", cost=1000)
    assert queue.pop() == "many 0"
    queue.push("one", "one", cost=1)
    assert queue.pop() == "one"


def test_what_is_removed_does_not_come():
    queue: FairQueue[str] = FairQueue()
    queue.push("a", "first", cost=1)
    assert queue.remove("first")
    assert not queue.remove("first")
    assert len(queue) == 0
    with pytest.raises(IndexError, match="empty"):
        queue.pop()
