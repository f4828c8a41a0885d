"""What ledgers are asked in tests. The clock is a number: noon of a day in UTC, and what a test adds to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.types import Ask, Deferred, Heard, Picked, Roster, Suppression, Terms
from ringfleet.model import E164
from ringfleet.model.traffic import CarrierEvent, Direction, Happening
from ringfleet.plan.rotation_set.roster import Member

SET = "shop/calls"
TODAY = date(2026, 11, 24).toordinal()
DAY = 86400.0
HOUR = 3600.0
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()
WEST, EAST, US = "a:US:415", "a:US:212", "c:US"
SET_SCOPE, BRAND_SCOPE = f"set:{SET}", "brand:shop/"

OpenLedger = Callable[[], Awaitable[Ledger]]


def a_number(n: int) -> str:
    return f"+1415555{n:04}"


def a_member(n: int = 1, **changes: Any) -> Member:
    return replace(Member(a_number(n), "shop/sandbox", (WEST, US, ""), 10, 10, 10), **changes)


def a_roster(*members: Member, day: int = TODAY, set_: str = SET, **terms: Any) -> Roster:
    return Roster(set_, day, members, Terms(**terms))


def somebody(name: str) -> bytes:
    return sha256(name.encode()).digest()[:16]


def an_ask(name: str = "ann", after: float = 0.0, **changes: Any) -> Ask:
    """Somebody is to be called `after` so many seconds from noon."""
    now = NOON + after
    day = datetime.fromtimestamp(now, UTC).date().toordinal()
    midnight = (day - TODAY) * DAY + NOON - 12 * HOUR
    plain = Ask(
        set=SET,
        recipient=somebody(name),
        now=now,
        day=day,
        tomorrow=midnight + DAY,
        hour_ends=(now // HOUR + 1) * HOUR,
        tiers=(WEST, US),
        scopes=(SET_SCOPE, BRAND_SCOPE),
    )
    return replace(plain, **changes)


def an_opt_out(name: str = "ann", scope: str = SET_SCOPE, **changes: Any) -> Suppression:
    return replace(Suppression(scope, somebody(name), NOON, "imported"), **changes)


def an_event(id_: str, happening: Happening, after: float = 0.0, n: int = 1, **changes: Any) -> Heard:
    at = datetime.fromtimestamp(NOON + after, UTC)
    event = replace(CarrierEvent(id_, happening, at, E164(a_number(n)), subject="call-1"), **changes)
    return Heard("shop/sandbox", event)


def heard_from(name: str = "ann", n: int = 1, after: float = 0.0, **changes: Any) -> Heard:
    """Somebody has written to a number of ours."""
    told = {"direction": Direction.INBOUND, "subject": ""} | changes
    happening = told.pop("happening", Happening.MESSAGE_RECEIVED)
    one = an_event(f"in-{name}-{n}-{after}", happening, after, n, **told)
    return replace(one, sender=(somebody(name),))


async def picked(ledger: Ledger, ask: Ask) -> Picked:
    verdict = await ledger.pick(ask)
    assert isinstance(verdict, Picked), verdict
    return verdict


async def deferred(ledger: Ledger, ask: Ask) -> Deferred:
    verdict = await ledger.pick(ask)
    assert isinstance(verdict, Deferred), verdict
    return verdict


async def used(ledger: Ledger, day: int = TODAY, set_: str = SET) -> dict[str, int]:
    """By number: what the ledger says was used on the day."""
    rollup = await ledger.rollup(set_, NOON, day)
    return {tally.number: tally.used for tally in rollup.tallies}


async def fill(ledger: Ledger, names: Iterable[str], **changes: Any) -> None:
    """Each of these is called once."""
    for name in names:
        await picked(ledger, an_ask(name, **changes))
