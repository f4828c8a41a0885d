"""Limits of a brand and a campaign: carriers count them over all sets, so the ledger does, in the group that picks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.types import Deferred, Exhausted, Limit, Per, Picked, Why
from ringfleet.model.rotation import StickyMode
from ringfleet.plan.rotation_set.roster import Member
from tests.dispatch.ledger.builders import (
    DAY,
    HOUR,
    NOON,
    SET,
    TODAY,
    OpenLedger,
    a_member,
    a_number,
    a_roster,
    an_ask,
    deferred,
    heard_from,
    picked,
)

MIDNIGHT = NOON + 12 * HOUR
TOMORROW = 12 * HOUR
MINUTE = 60.0
OTHER = "shop/texts"


def brand(most: int) -> dict[str, Any]:
    return {"limits": (Limit("brand:shop/acme", Per.DAY, most),)}


def campaign(most: int) -> dict[str, Any]:
    return {"limits": (Limit("campaign:shop/acme/c1", Per.MINUTE, most),)}


def a_sender(n: int = 1, **changes: Any) -> Member:
    return a_member(n, **{"daily": 1000, "hourly": 1000, "daily_tomorrow": 1000, "registered": True, **changes})


async def two_sets(
    ledger: Ledger, terms: dict[str, Any], others: dict[str, Any] | None = None, day: int = TODAY
) -> None:
    await ledger.enlist(a_roster(a_sender(1), day=day, **terms))
    await ledger.enlist(a_roster(a_sender(2), day=day, set_=OTHER, **(terms if others is None else others)))


async def ask_all(ledger: Ledger, count: int, after: float = 0.0, **changes: Any) -> list[type]:
    """So many people, by turns from both sets, all at once."""
    asks = (an_ask(f"m{after}-{n}", after, set=(SET, OTHER)[n % 2], **changes) for n in range(count))
    return [type(one) for one in await asyncio.gather(*map(ledger.pick, asks))]


async def test_guardrail_a_brands_day_is_exact_over_all_sets_that_name_it(ledger: Ledger) -> None:
    await two_sets(ledger, brand(10))
    assert (await ask_all(ledger, 40)).count(Picked) == 10
    assert (await ask_all(ledger, 10, HOUR, defers=False)) == [Exhausted] * 10


async def test_the_least_that_any_set_says_of_a_brand_holds(ledger: Ledger) -> None:
    await two_sets(ledger, brand(10), brand(4))
    assert (await ask_all(ledger, 20)).count(Picked) == 4
    await two_sets(ledger, brand(6), brand(6))
    assert (await ask_all(ledger, 20, 60)).count(Picked) == 2


async def test_a_message_counts_its_segments(ledger: Ledger) -> None:
    await two_sets(ledger, {**brand(10), "units": 3})
    assert (await ask_all(ledger, 20)).count(Picked) == 3


async def test_beyond_the_brands_day_a_message_is_put_off_and_the_next_day_has_room_for_as_many(ledger: Ledger) -> None:
    await two_sets(ledger, brand(2))
    await ask_all(ledger, 2)
    told = [await deferred(ledger, an_ask(f"w{n}", set=(SET, OTHER)[n % 2])) for n in range(3)]
    assert [one.not_before for one in told] == [MIDNIGHT, MIDNIGHT, MIDNIGHT + DAY]
    assert told[0].reasons == ("all-out:brand-limit",)
    await two_sets(ledger, brand(2), day=TODAY + 1)
    assert (await ask_all(ledger, 4, TOMORROW, defers=False)) == [Exhausted] * 4, "its room is taken"
    for n in range(2):
        await picked(ledger, an_ask(f"w{n}", TOMORROW, set=(SET, OTHER)[n % 2]))
    assert (await ask_all(ledger, 4, TOMORROW + 1, defers=False)) == [Exhausted] * 4


async def test_room_of_the_brand_that_nobody_comes_for_is_free(ledger: Ledger) -> None:
    await two_sets(ledger, brand(1))
    await ask_all(ledger, 1)
    await deferred(ledger, an_ask("ann"))
    await two_sets(ledger, brand(1), day=TODAY + 1)
    assert (await ask_all(ledger, 2, TOMORROW + HOUR, defers=False)).count(Picked) == 0
    assert (await ask_all(ledger, 2, TOMORROW + 2 * HOUR, defers=False)).count(Picked) == 1


@pytest.mark.parametrize("mode", [StickyMode.PREFER, StickyMode.STRICT, StickyMode.NONE])
async def test_guardrail_a_campaigns_messages_a_minute_hold_over_all_its_sets(ledger: Ledger, mode: StickyMode) -> None:
    await two_sets(ledger, campaign(5))
    assert (await ask_all(ledger, 20, mode=mode)).count(Picked) == 5
    assert await ledger.pick(an_ask("m0.0-0", 1.0, mode=mode)) == Exhausted(NOON + MINUTE, ((Why.CAMPAIGN_RATE, 1),)), (
        "nothing is put off for less than a minute"
    )
    assert (await ask_all(ledger, 20, MINUTE, mode=mode)).count(Picked) == 5


async def test_what_remains_today_is_what_the_brand_leaves_to_all_its_sets(ledger: Ledger) -> None:
    """The same as picks: no set tells of more than can be picked."""
    await two_sets(ledger, {**brand(20), "units": 2})
    assert [(await picked(ledger, an_ask(f"m{n}", n, set=(SET, OTHER)[n % 2]))).remaining for n in range(4)] == [
        *(9, 8, 7, 6)
    ]
    first = await picked(ledger, an_ask("given", 5))
    await ledger.give_back(SET, first.id, TODAY)
    assert (await picked(ledger, an_ask("dry", 6, dry_run=True))).remaining == 6
    assert (await ask_all(ledger, 40, 7)).count(Picked) == 6


async def test_what_remains_today_is_what_the_campaign_has_minutes_for(ledger: Ledger) -> None:
    """12 hours are left at noon; this minute has one message more, and each other three."""
    await two_sets(ledger, campaign(3))
    await picked(ledger, an_ask("ann", set=OTHER))
    await ledger.enlist(a_roster(a_sender(1, daily=10_000, hourly=10_000), **campaign(3)))
    assert (await picked(ledger, an_ask("bob"))).remaining == 1 + 3 * (12 * 60 - 1)


async def test_what_is_not_registered_remains_beside_the_brands_rest(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_sender(1), a_sender(2, registered=False), **brand(5)))
    asks = [an_ask(f"m{n}", n, mode=StickyMode.NONE) for n in range(2)]
    assert sorted((one.number, one.remaining) for one in [await picked(ledger, ask) for ask in asks]) == [
        (a_number(1), 1000 + 4),
        (a_number(2), 999 + 4),
    ]
    await ledger.enlist(a_roster(a_sender(1, registered=False), a_sender(2, registered=False), **brand(5)))
    assert (await picked(ledger, an_ask("new", 9))).remaining == 1997


async def test_what_is_not_registered_is_not_limited(ledger: Ledger) -> None:
    """Toll-free numbers and those of other countries have rules of their own."""
    await ledger.enlist(a_roster(a_sender(1), a_sender(2, registered=False), **brand(1)))
    outs = [await picked(ledger, an_ask(f"m{n}", n, mode=StickyMode.NONE)) for n in range(6)]
    assert [one.number for one in outs].count(a_number(1)) == 1
    assert [one.number for one in outs].count(a_number(2)) == 5


async def test_another_brand_has_its_own_day(ledger: Ledger) -> None:
    await two_sets(ledger, brand(3), {"limits": (Limit("brand:shop/other", Per.DAY, 3),)})
    assert (await ask_all(ledger, 20)).count(Picked) == 6


async def test_what_was_given_back_is_free_for_the_brand(ledger: Ledger) -> None:
    await two_sets(ledger, brand(1))
    out = await picked(ledger, an_ask())
    assert (await ask_all(ledger, 2, defers=False)).count(Picked) == 0
    await ledger.give_back(SET, out.id, TODAY)
    assert (await ask_all(ledger, 2, 1.0, defers=False)).count(Picked) == 1


async def test_a_reply_counts_for_the_brand_and_is_not_refused(ledger: Ledger) -> None:
    await two_sets(ledger, brand(2))
    await ledger.ingest([heard_from()])
    await picked(ledger, an_ask(reply=True))
    assert (await ask_all(ledger, 4, defers=False)).count(Picked) == 1
    assert isinstance(await ledger.pick(an_ask(after=1, reply=True)), Picked)


@pytest.mark.parametrize("fold", [False, True])
async def test_what_is_used_and_put_aside_outlives_a_restart(open_ledger: OpenLedger, fold: bool) -> None:
    ledger = await open_ledger()
    await two_sets(ledger, brand(3))
    await ask_all(ledger, 2)
    if fold:
        await ledger.prune(NOON, 0.0)
    await ask_all(ledger, 1, 60)
    await deferred(ledger, an_ask("ann", 61))
    again = await open_ledger()
    assert (await ask_all(again, 4, 120, defers=False)) == [Exhausted] * 4
    await two_sets(again, brand(3), day=TODAY + 1)
    assert (await ask_all(again, 8, TOMORROW, defers=False)).count(Picked) == 2
    assert isinstance(await again.pick(an_ask("ann", TOMORROW)), Picked)
    assert isinstance(await again.pick(an_ask("bob", TOMORROW)), Deferred)


async def test_a_day_of_the_brand_is_that_of_the_set_which_asks(ledger: Ledger) -> None:
    """Of two sets in two time zones each looks back to its own midnight."""
    await two_sets(ledger, brand(2))
    await picked(ledger, an_ask("early", -11 * HOUR))
    east = {"set": OTHER, "day": TODAY, "tomorrow": MIDNIGHT + 3 * HOUR, "begins": NOON - 9 * HOUR, "defers": False}
    assert (await picked(ledger, an_ask("a", 0, **east))).number == a_number(2)
    assert (await picked(ledger, an_ask("b", 1, **east))).number == a_number(2)
    assert isinstance(await ledger.pick(an_ask("c", 2, **east)), Exhausted)
    assert isinstance(await ledger.pick(an_ask("d", 3, defers=False)), Exhausted)


async def test_guardrail_room_of_yesterday_is_none_of_todays(ledger: Ledger) -> None:
    """Put off to the last hour of a day, and asked for after midnight."""
    late = TOMORROW - 1.5 * HOUR
    await ledger.enlist(a_roster(a_sender(1, hourly=1), **brand(2)))
    await picked(ledger, an_ask("n", late))
    assert (await deferred(ledger, an_ask("ann", late))).not_before == MIDNIGHT - HOUR
    await ledger.enlist(a_roster(a_sender(1), day=TODAY + 1, **brand(2)))
    for name in ("bob", "cid"):
        await picked(ledger, an_ask(name, TOMORROW + 600))
    assert isinstance(await ledger.pick(an_ask("ann", TOMORROW + 600, defers=False)), Exhausted)
