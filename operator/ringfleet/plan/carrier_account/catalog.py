"""When a carrier is searched only so that its offers are remembered, and what memory is good for while search is down.

::

    a search that a pool would make --asked live--> remembered --half of the TTL--> due again
                                                      |
                                                      '--search is down--> ordered from, up to the TTL --> forgotten

An order searches by itself, and what it is told counts likewise: of a pool that orders, nothing is asked besides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ringfleet.model import AccountKey, Query
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Reason

BETWEEN_SEARCHES = timedelta(seconds=5)
"""The shortest time between two searches of one account that are made for the memory only."""
BETWEEN_WRITES = timedelta(minutes=1)
"""The shortest time between two writes of what is remembered, where half of the TTL is less."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Refresh:
    """The search to make now, None when none is due, and how long after it one is looked for again."""

    query: Query | None
    wait: timedelta


def next_refresh(
    wanted: Collection[Query],
    seen_at: Mapping[Query, datetime],
    last_search: timedelta | None,
    ttl: timedelta,
    now: datetime,
) -> Refresh:
    """Of the searches that are wanted, the one that was answered longest ago, if that is half of `ttl` or more.

    `last_search`: how long ago the account was last searched for the memory only; None: never.
    """
    if not wanted:
        return Refresh(None, ttl / 2)
    query = min(wanted, key=lambda query: (seen_at.get(query, _NEVER), _place(query)))
    due = seen_at[query] + ttl / 2 - now if query in seen_at else timedelta(0)
    paced = timedelta(0) if last_search is None else BETWEEN_SEARCHES - last_search
    wait = max(due, paced)
    return Refresh(None, wait) if wait > timedelta(0) else Refresh(query, BETWEEN_SEARCHES)


def _place(query: Query) -> tuple[str, str, str, list[str]]:
    return query.country, query.type, query.area_code or "", sorted(query.capabilities)


def save_in(saved_at: datetime | None, opened: timedelta, refresh: Refresh, ttl: timedelta, now: datetime) -> timedelta:
    """How long until what is remembered may be written: half of `ttl` after it was written last; the first time when no
    search is due, or the account was `opened` for so long ago."""
    pause = max(ttl / 2, BETWEEN_WRITES)
    if saved_at is not None:
        return max(timedelta(0), min(saved_at, now) + pause - now)
    round_has_ended = refresh.query is None and refresh.wait > BETWEEN_SEARCHES
    return timedelta(0) if round_has_ended else max(timedelta(0), pause - opened)


def as_searched_by(
    account: AccountKey, seen: AccountSeen, queries: Collection[Query], remembered: Collection[Query], fresh_for: str
) -> AccountSeen:
    """The account for a pool that would search it by `queries`: while search is down, and none of these is
    `remembered`, nothing can be ordered there, and no order goes on from memory."""
    if not seen.stale:
        return seen
    if any(query in remembered for query in queries):
        return replace(seen, fresh_for=fresh_for)
    known = replace(seen, stale=False)
    return known if seen.blocked else replace(known, blocked=Reason.SEARCH_UNAVAILABLE, message=_unavailable(account))


def _unavailable(account: AccountKey) -> str:
    return (
        f"Search at {account} is down, and no offers for this pool are remembered that are fresh enough: nothing is "
        "ordered there until it answers, for which it is asked again by itself."
    )
