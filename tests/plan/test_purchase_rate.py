"""No hour, wherever it begins, sees more purchases than the account's limit."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfleet.plan.purchase_rate import HOUR, PurchaseRoom, purchase_room
from tests.examples import examples
from tests.plan.builders import NOW


def ago(*minutes: float) -> list[datetime]:
    return [NOW - timedelta(minutes=one) for one in minutes]


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("limit", "bought", "under_way", "room", "left"),
    [
        pytest.param(3, ago(), 0, PurchaseRoom(3, 0), 3, id="nothing was bought"),
        pytest.param(3, ago(50, 10), 0, PurchaseRoom(3, 2), 1, id="room for one more"),
        pytest.param(3, ago(60, 61, 600), 0, PurchaseRoom(3, 0), 3, id="an hour ago does not count"),
        pytest.param(3, ago(-60, -1440), 0, PurchaseRoom(3, 0), 3, id="nor what a clock ahead has written"),
        pytest.param(2, ago(-1, 10), 0, PurchaseRoom(2, 2, at(50)), 0, id="two clocks need not be quite the same"),
        pytest.param(2, ago(10, 50), 0, PurchaseRoom(2, 2, at(10)), 0, id="full until the first is an hour old"),
        pytest.param(2, ago(10), 1, PurchaseRoom(2, 2, at(50)), 0, id="what is under way counts"),
        pytest.param(2, ago(), 5, PurchaseRoom(2, 5), 0, id="all of it is under way: nobody knows when"),
        pytest.param(1, ago(10, 30, 50), 0, PurchaseRoom(1, 3, at(50)), 0, id="the limit was lowered"),
    ],
)
def test_what_is_left_of_the_hour_and_when_it_goes_on(
    limit: int, bought: list[datetime], under_way: int, room: PurchaseRoom, left: int
) -> None:
    found = purchase_room(limit, bought, under_way, NOW)
    assert (found, found.left) == (room, left)


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 45), st.integers(1, 9), st.integers(0, 20)), max_size=25))
def test_who_buys_what_is_left_never_buys_more_in_any_hour(limit: int, wishes: list[tuple[int, int, int]]) -> None:
    """Each wish waits so many minutes, asks for so many numbers, and gets its answer so many minutes later."""
    now, bought, answered = NOW, [], []
    for wait, count, takes in wishes:
        now += timedelta(minutes=wait)
        for _ in range(min(count, purchase_room(limit, answered, 0, now).left)):
            bought.append(now)
            answered.append(now + timedelta(minutes=takes))
        now += timedelta(minutes=takes)
    for start in bought:
        assert sum(start <= one < start + HOUR for one in bought) <= limit


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(1, 5), st.lists(st.integers(0, 59), min_size=1, max_size=12), st.integers(0, 3))
def test_at_the_time_that_is_said_there_is_room_and_not_before(limit: int, minutes: list[int], under_way: int) -> None:
    room = purchase_room(limit, ago(*minutes), under_way, NOW)
    if room.again is None:
        return
    assert purchase_room(limit, ago(*minutes), under_way, room.again).left > 0
    assert purchase_room(limit, ago(*minutes), under_way, room.again - timedelta(seconds=1)).left == 0
