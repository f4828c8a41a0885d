"""When a carrier is searched for the memory's sake, when that is written down, and what memory is good for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ringfleet.model import NumberType, Query
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.carrier_account.catalog import Refresh, as_searched_by, next_refresh, save_in
from ringfleet.plan.conditions import Reason
from tests.plan.builders import MAIN, NOW

TTL = timedelta(minutes=15)
HALF = timedelta(minutes=7, seconds=30)
PAUSE = timedelta(seconds=5)
SECOND = timedelta(seconds=1)
WEST, NORTH = (Query("US", NumberType.GEOGRAPHIC, code) for code in ("415", "628"))


@pytest.mark.parametrize(
    ("wanted", "ages", "last_search", "expected"),
    [
        pytest.param({WEST}, {}, None, Refresh(WEST, PAUSE), id="never seen"),
        pytest.param({WEST, NORTH}, {}, None, Refresh(WEST, PAUSE), id="of two, one at once"),
        pytest.param({WEST, NORTH}, {WEST: HALF}, None, Refresh(NORTH, PAUSE), id="what was never seen goes first"),
        pytest.param({WEST, NORTH}, {WEST: HALF, NORTH: TTL}, None, Refresh(NORTH, PAUSE), id="then the oldest"),
        pytest.param({WEST}, {}, 2 * SECOND, Refresh(None, 3 * SECOND), id="too soon after the last search"),
        pytest.param({WEST}, {}, PAUSE, Refresh(WEST, PAUSE), id="long enough after it"),
        pytest.param({WEST}, {WEST: HALF - SECOND}, None, Refresh(None, SECOND), id="fresh for another second"),
        pytest.param({WEST}, {WEST: -HALF}, None, Refresh(None, TTL), id="seen by a clock that was ahead"),
        pytest.param((), {NORTH: TTL}, None, Refresh(None, HALF), id="nobody would search"),
    ],
)
def test_one_search_is_made_when_its_answer_has_lived_half_its_life(
    wanted: set[Query], ages: dict[Query, timedelta], last_search: timedelta | None, expected: Refresh
) -> None:
    seen_at = {query: NOW - age for query, age in ages.items()}
    assert next_refresh(wanted, seen_at, last_search, TTL, NOW) == expected


SETTLED, AT_WORK = Refresh(None, HALF), Refresh(WEST, PAUSE)


@pytest.mark.parametrize(
    ("saved", "opened", "refresh", "ttl", "expected"),
    [
        pytest.param(None, SECOND, SETTLED, TTL, timedelta(0), id="at first, when all is asked"),
        pytest.param(None, SECOND, AT_WORK, TTL, HALF - SECOND, id="at first, not before"),
        pytest.param(None, HALF, AT_WORK, TTL, timedelta(0), id="at first, or when there is no end of it"),
        pytest.param(SECOND, TTL, SETTLED, TTL, HALF - SECOND, id="not twice in half of the TTL"),
        pytest.param(HALF, TTL, AT_WORK, TTL, timedelta(0), id="once in half of the TTL"),
        pytest.param(-TTL, TTL, SETTLED, TTL, HALF, id="saved by a clock that was ahead"),
        pytest.param(SECOND, TTL, SETTLED, PAUSE, 59 * SECOND, id="a short TTL makes no stream of writes"),
    ],
)
def test_what_is_remembered_is_written_once_in_half_its_life(
    saved: timedelta | None, opened: timedelta, refresh: Refresh, ttl: timedelta, expected: timedelta
) -> None:
    assert save_in(None if saved is None else NOW - saved, opened, refresh, ttl, NOW) == expected


def test_search_that_works_needs_no_memory() -> None:
    assert as_searched_by(MAIN, AccountSeen(), {WEST}, (), "15m") == AccountSeen()


def test_while_search_is_down_a_pool_orders_from_what_is_remembered_of_any_of_its_searches() -> None:
    seen = as_searched_by(MAIN, AccountSeen(stale=True), (WEST, NORTH), {NORTH}, "15m")
    assert seen == AccountSeen(stale=True, fresh_for="15m")


def test_what_is_remembered_of_other_searches_is_of_no_use_to_a_pool() -> None:
    seen = as_searched_by(MAIN, AccountSeen(stale=True), {WEST}, {NORTH}, "15m")
    assert (seen.blocked, seen.stale) == (Reason.SEARCH_UNAVAILABLE, False)
    assert seen.message.startswith("Search at default/main is down, and no offers for this pool are remembered")


def test_what_stands_in_the_way_before_search_is_said_and_memory_is_not() -> None:
    down = AccountSeen(Reason.CARRIER_UNAVAILABLE, "It does not answer.", stale=True)
    said = as_searched_by(MAIN, down, {WEST}, (), "15m")
    assert said == AccountSeen(Reason.CARRIER_UNAVAILABLE, "It does not answer.")
