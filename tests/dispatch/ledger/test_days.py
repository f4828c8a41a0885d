"""Days and hours of budget as clocks have them: zones, the days of a clock change, half hours.

The windows come from `plan/rotation_set/calendar.py`, as the dispatcher's do.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.types import Ask, Deferred, Exhausted, Limit, Per
from ringfleet.plan.rotation_set.calendar import window
from ringfleet.plan.rotation_set.roster import State
from tests.dispatch.ledger.builders import (
    TODAY,
    OpenLedger,
    a_member,
    a_number,
    a_roster,
    an_ask,
    deferred,
    fill,
    picked,
)

NEW_YORK, ADELAIDE, TONGA = "America/New_York", "Australia/Adelaide", "Pacific/Tongatapu"


def at(text: str, zone: str, name: str = "ann", **changes: object) -> Ask:
    """An ask when the clocks of the zone show `text`."""
    now = window(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp(), zone)
    windows = {"now": now.now, "day": now.day.toordinal(), "tomorrow": now.tomorrow, "hour_ends": now.hour_ends}
    return replace(an_ask(name), **windows, **changes)


def clock(moment: float, zone: str) -> str:
    return datetime.fromtimestamp(moment, ZoneInfo(zone)).isoformat(timespec="minutes")


async def enlist(ledger: Ledger, ask: Ask, **caps: int) -> None:
    await ledger.enlist(a_roster(a_member(1, **{"daily": 1, "daily_tomorrow": 1, **caps}), day=ask.day))


@pytest.fixture
async def ledger(open_ledger: OpenLedger) -> Ledger:
    return await open_ledger()


async def test_the_day_is_the_zones(ledger: Ledger) -> None:
    """At 23:00 in New York it is tomorrow in UTC, and still the day whose budget is used up."""
    await enlist(ledger, at("2026-11-24T09:00", NEW_YORK))
    await picked(ledger, at("2026-11-24T09:00", NEW_YORK))
    later = await deferred(ledger, at("2026-11-24T23:00", NEW_YORK, "bob"))
    assert clock(later.not_before, NEW_YORK) == "2026-11-25T00:00-05:00"
    due = at("2026-11-25T00:00", NEW_YORK, "bob", deferral=later.id)
    await enlist(ledger, due)
    assert (await picked(ledger, due)).number == a_number(1)


@pytest.mark.parametrize(
    ("morning", "evening", "midnight", "hours"),
    [
        ("2026-03-08T00:30", "2026-03-08T23:30", "2026-03-09T00:00-04:00", 22),
        ("2026-11-01T00:30", "2026-11-01T23:30", "2026-11-02T00:00-05:00", 24),
    ],
)
async def test_the_day_of_a_clock_change_is_one_day(
    ledger: Ledger, morning: str, evening: str, midnight: str, hours: int
) -> None:
    """It has 23 or 25 hours (`hours`: all but one of them) and one budget; room is from the next midnight on."""
    first, last = at(morning, NEW_YORK), at(evening, NEW_YORK, "bob")
    assert last.now - first.now == hours * 3600
    await enlist(ledger, first)
    await picked(ledger, first)
    later = await deferred(ledger, last)
    assert clock(later.not_before, NEW_YORK) == midnight
    next_day = at(midnight[:16], NEW_YORK, "bob", deferral=later.id)
    assert next_day.now == later.not_before
    await enlist(ledger, next_day)
    await picked(ledger, next_day)


@pytest.mark.parametrize(("early", "late"), [("00:10", "23:10"), ("23:05", "23:10")])
async def test_a_brands_limit_holds_for_all_of_a_day_of_25_hours(ledger: Ledger, early: str, late: str) -> None:
    """In the last hour nothing counted: 24 hours from midnight were over."""
    limits = (Limit("brand:shop/acme", Per.DAY, 2),)
    first, second, third = (
        replace(at(f"2026-11-01T{time}", NEW_YORK, name), begins=at("2026-11-01T00:00", NEW_YORK).now)
        for name, time in (("ann", early), ("bob", late), ("cid", "23:50"))
    )
    sender = a_member(1, daily=9, hourly=9, registered=True)
    await ledger.enlist(a_roster(sender, day=first.day, zone=NEW_YORK, limits=limits))
    assert [(await picked(ledger, one)).remaining for one in (first, second)] == [1, 0]
    assert isinstance(await ledger.pick(replace(third, defers=False)), Exhausted)


async def test_the_hour_that_comes_twice_has_a_cap_for_each(ledger: Ledger) -> None:
    """1:30 in the morning, before and after the clocks go back: two hours of the world, two hourly caps."""
    first = at("2026-11-01T01:30", NEW_YORK)
    second = replace(at("2026-11-01T01:30", NEW_YORK, "bob"), now=first.now + 3600, hour_ends=first.hour_ends + 3600)
    await enlist(ledger, first, daily=5, hourly=1)
    await picked(ledger, first)
    assert (await deferred(ledger, at("2026-11-01T01:40", NEW_YORK, "cid"))).not_before == first.hour_ends
    await picked(ledger, second)


async def test_room_of_the_day_after_a_clock_change_is_found_though_told_an_hour_off(ledger: Ledger) -> None:
    """Days after tomorrow are told as 24 hours each. Who comes at the told time is of that day all the same, or is told
    the true midnight then."""
    ask = at("2026-10-31T12:00", NEW_YORK)
    await enlist(ledger, ask, daily=0)
    told = [await deferred(ledger, replace(ask, recipient=bytes([n]) * 16)) for n in range(2)]
    assert [clock(one.not_before, NEW_YORK) for one in told] == ["2026-11-01T00:00-04:00", "2026-11-01T23:00-05:00"]
    early = at("2026-11-01T23:00", NEW_YORK, recipient=bytes([1]) * 16, deferral=told[1].id)
    await enlist(ledger, early)
    again = await ledger.pick(early)
    assert isinstance(again, Deferred)
    assert clock(again.not_before, NEW_YORK) == "2026-11-02T00:00-05:00"
    due = at("2026-11-02T00:00", NEW_YORK, recipient=bytes([1]) * 16, deferral=again.id)
    await enlist(ledger, due)
    await picked(ledger, due)


async def test_a_zone_off_by_half_an_hour_ends_its_day_within_an_hour_of_the_world(ledger: Ledger) -> None:
    """Half an hour before midnight, an hourly cap puts off to the next day: the hour ends in that one."""
    late = at("2026-11-24T23:45", ADELAIDE)
    await enlist(ledger, late, daily=5, hourly=1)
    await picked(ledger, late)
    later = await deferred(ledger, at("2026-11-24T23:50", ADELAIDE, "bob"))
    assert clock(later.not_before, ADELAIDE) == "2026-11-25T00:00+10:30"


async def test_two_sets_may_have_different_days_at_the_same_moment(ledger: Ledger) -> None:
    there = at("2026-11-25T08:00", TONGA)
    here = replace(at("2026-11-24T14:00", NEW_YORK), set="shop/other", scopes=())
    assert (there.now, there.day) == (here.now, here.day + 1)
    await enlist(ledger, there)
    await ledger.enlist(a_roster(a_member(2, daily=1), day=here.day, set_="shop/other"))
    assert {(await picked(ledger, there)).number, (await picked(ledger, here)).number} == {a_number(1), a_number(2)}


async def test_who_is_quarantined_is_not_picked_though_the_roster_is_of_an_earlier_day(open_ledger: OpenLedger) -> None:
    """The clock was a year ahead when the last roster came, and was set right; or the set's zone has moved to the west.
    Whoever starts then knows nothing of that day."""
    ledger = await open_ledger()
    await ledger.enlist(a_roster(a_member(1), a_member(2), a_member(3), day=TODAY + 365))
    ledger = await open_ledger()
    await ledger.enlist(a_roster(a_member(1, state=State.QUARANTINED), a_member(2, daily=1)))
    assert (await picked(ledger, an_ask("ann"))).number == a_number(2)
    assert isinstance(await ledger.pick(an_ask("bob")), Deferred)
    await ledger.enlist(a_roster(a_member(4)))
    assert (await picked(ledger, an_ask("cid", 60))).number == a_number(4)


async def test_a_clock_that_was_ahead_gives_no_number_its_day_again(open_ledger: OpenLedger) -> None:
    """What had been used before was forgotten, and the whole cap was there again. What is put off then waits for the
    next day, and not for the one that the clock had come to."""
    ledger, ahead = await open_ledger(), 40 * 86400.0
    await ledger.enlist(a_roster(a_member(1, daily=3, daily_tomorrow=3)))
    await fill(ledger, ("ann", "bob", "cid"))
    await picked(ledger, an_ask("dan", ahead))
    put_off = await deferred(ledger, an_ask("eve", 60))
    assert put_off.not_before == an_ask().tomorrow
    ledger = await open_ledger()
    assert (await deferred(ledger, an_ask("fay", 120))).not_before == put_off.not_before
    assert isinstance(await ledger.pick(an_ask("gil", 180, defers=False)), Exhausted)
    for name in ("eve", "fay", "hal"):
        await picked(ledger, an_ask(name, 86400.0))
    assert isinstance(await ledger.pick(an_ask("ida", 86400.0, defers=False)), Exhausted)


async def test_a_clock_that_was_ahead_leaves_what_is_told_as_it_is(ledger: Ledger) -> None:
    """Else what is left, and who has least, would be those of a day that is a year away."""
    await ledger.enlist(a_roster(a_member(1), a_member(2)))
    await fill(ledger, ("ann", "bob", "cid"))
    await ledger.pick(an_ask("dan", 365 * 86400.0, dry_run=True))
    told = [(await picked(ledger, an_ask(name, 60))) for name in ("eve", "fay")]
    assert [(one.number, one.remaining) for one in told] == [(a_number(2), 16), (a_number(1), 15)]
