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
def test_all_items_come_out_once_and_those_of_a_client_in_order(
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
def test_no_waiting_client_falls_behind_by_more_than_one_item(
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


def test_a_small_item_waits_for_only_one_of_another_client():
    queue: FairQueue[str] = FairQueue()
    for number in range(10):
        queue.push("many", f"many {number}", cost=1000)
    assert queue.pop() == "many 0"
    queue.push("one", "one", cost=1)
    assert queue.pop() == "one"


@given(ITEMS, ITEMS, st.data())
def test_a_removed_item_counts_as_if_it_had_never_been_added(
    before: list[tuple[str, int]], after: list[tuple[str, int]], data: st.DataObject
):
    removed = data.draw(st.sets(st.sampled_from(range(len(after))))) if after else set()
    served = data.draw(st.integers(0, len(before)))
    queue, other = filled(before), filled(before)
    for each in (queue, other):
        for _ in range(served):
            each.pop()
        for client in "abcd":  # so that both have the clients in the same order
            each.push(client, (999, client, 1), cost=1)
    items = [(number, client, cost) for number, (client, cost) in enumerate(after, 1000)]
    for index, item in enumerate(items):
        queue.push(item[1], item, cost=item[2])
        if index not in removed:
            other.push(item[1], item, cost=item[2])
    for index in data.draw(st.permutations(sorted(removed))):
        assert queue.remove(items[index])
    for each in (queue, other):
        for client in "abcd":  # later items are treated alike, too
            each.push(client, (2000, client, 5), cost=5)
    assert queue.order() == other.order()
    assert [queue.pop() for _ in range(len(queue))] == [other.pop() for _ in range(len(other))]


def test_a_removed_large_item_does_not_delay_a_small_one():
    queue: FairQueue[str] = FairQueue()
    queue.push("a", "a, large", cost=1000)
    queue.push("a", "a, small", cost=1)
    queue.push("b", "b 1", cost=10)
    queue.push("b", "b 2", cost=10)
    assert queue.remove("a, large")
    queue.push("a", "a, another", cost=1)
    assert queue.order() == ["a, small", "b 1", "a, another", "b 2"]


def test_served_items_still_count_when_another_is_removed():
    queue: FairQueue[str] = FairQueue()
    queue.push("a", "a 1", cost=100)
    queue.push("a", "a 2", cost=100)
    assert queue.pop() == "a 1"
    queue.push("b", "b 1", cost=50)
    queue.push("b", "b 2", cost=50)
    assert queue.remove("a 2")
    queue.push("a", "a 3", cost=100)
    assert queue.order() == ["b 1", "b 2", "a 3"]


def test_a_removed_item_does_not_come_out():
    queue: FairQueue[str] = FairQueue()
    queue.push("a", "first", cost=1)
    assert queue.remove("first")
    assert not queue.remove("first")
    assert len(queue) == 0
    with pytest.raises(IndexError, match="empty"):
        queue.pop()


@given(ITEMS)
def test_items_that_cost_more_than_estimated_count_as_if_the_cost_had_been_known(
    items: list[tuple[str, int]],
):
    """With exact charges after every item, no waiting client falls behind by more than one item."""
    queue: FairQueue[tuple[str, int]] = FairQueue()
    largest, left, done = (dict.fromkeys("abcd", 0) for _ in range(3))
    for client, cost in items:
        queue.push(client, (client, cost), cost=1)  # the estimate
        largest[client] = max(largest[client], cost)
        left[client] += 1
    waiting = {client for client in "abcd" if left[client]}
    while len(queue) and all(left[client] for client in waiting):
        client, cost = queue.pop()
        queue.charge(client, cost - 1)
        done[client] += cost
        left[client] -= 1
        for a in waiting:
            for b in waiting:
                assert done[a] - done[b] <= largest[a] + largest[b]


def test_a_client_without_waiting_items_pays_later():
    queue: FairQueue[str] = FairQueue()
    queue.push("a", "a 1", cost=1)
    assert queue.pop() == "a 1"
    queue.charge("a", 99)
    queue.push("a", "a 2", cost=1)
    queue.push("b", "b 1", cost=50)
    queue.push("b", "b 2", cost=1)
    assert queue.order() == ["b 1", "b 2", "a 2"]


def test_a_client_that_used_less_than_estimated_gets_it_back():
    queue: FairQueue[str] = FairQueue()
    for item in ("a 1", "a 2", "a 3"):
        queue.push("a", item, cost=100)
    assert queue.pop() == "a 1"
    queue.charge("a", -99)
    queue.push("b", "b 1", cost=10)
    assert queue.order() == ["b 1", "a 2", "a 3"] or queue.order()[0] == "b 1"
    assert queue.pop() == "b 1"
    queue.push("b", "b 2", cost=10)
    assert queue.order() == ["a 2", "b 2", "a 3"]
