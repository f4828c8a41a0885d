"""What is put off: one open deferral a recipient and set, redeemed once it is due; its room does not stay taken."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.types import (
    Cancelled,
    Deferral,
    Deferred,
    Exhausted,
    KeyReused,
    Picked,
    Suppressed,
    UnknownDeferral,
    Why,
)
from ringfleet.model.rotation import StickyMode
from tests.dispatch.ledger.builders import (
    BRAND_SCOPE,
    DAY,
    HOUR,
    NOON,
    SET,
    SET_SCOPE,
    TODAY,
    OpenLedger,
    a_member,
    a_number,
    a_roster,
    an_ask,
    an_opt_out,
    deferred,
    fill,
    picked,
    somebody,
    used,
)

MIDNIGHT = NOON + 12 * HOUR
TOMORROW = 12 * HOUR
ONE, TWO = a_number(1), a_number(2)


async def full(ledger: Ledger, tomorrow: int = 2) -> None:
    """One number, whose day is used up; the next has room for so many."""
    await ledger.enlist(a_roster(a_member(1, daily=1, daily_tomorrow=tomorrow, hourly=100)))
    await fill(ledger, ("n0",))


async def next_day(ledger: Ledger, daily: int = 2, days: int = 1) -> None:
    member = a_member(1, daily=daily, daily_tomorrow=daily, hourly=100)
    await ledger.enlist(a_roster(member, day=TODAY + days))


async def waiting(ledger: Ledger) -> list[Deferral]:
    return list((await ledger.deferrals(SET, TODAY)).first)


# At most one.


async def test_one_recipient_takes_one_place_however_often_it_asks(ledger: Ledger) -> None:
    await full(ledger, tomorrow=20)
    told = [await deferred(ledger, an_ask(after=n, key=f"k{n}", fingerprint=b"f")) for n in range(150)]
    assert {one.id for one in told} == {told[0].id}
    assert (await ledger.deferrals(SET, TODAY)).by_day == ((TODAY + 1, 1),)
    await next_day(ledger, daily=20)
    served = [await ledger.pick(an_ask(f"m{n}", TOMORROW)) for n in range(19)]
    assert all(isinstance(one, Picked) for one in served)


async def test_who_is_put_off_and_asks_again_is_told_the_same(ledger: Ledger) -> None:
    await full(ledger)
    first = await deferred(ledger, an_ask())
    again = await deferred(ledger, an_ask(after=HOUR))
    assert (again.id, again.number, again.not_before) == (first.id, first.number, first.not_before)
    assert again.reasons == ("not-due",)
    dry = await deferred(ledger, an_ask(after=HOUR, dry_run=True))
    assert dry.id == first.id


async def test_who_is_known_by_an_older_key_has_one_deferral_too(ledger: Ledger) -> None:
    await full(ledger)
    first = await deferred(ledger, an_ask("old"))
    again = await deferred(ledger, an_ask("new", 1, known_as=(somebody("old"),)))
    assert again.id == first.id
    assert len(await waiting(ledger)) == 1


async def test_each_set_has_its_own_deferral_of_a_recipient(ledger: Ledger) -> None:
    await full(ledger)
    await ledger.enlist(a_roster(a_member(2, daily=0), set_="shop/other"))
    first = await deferred(ledger, an_ask())
    other = await deferred(ledger, an_ask(set="shop/other"))
    assert first.id != other.id
    assert len(await waiting(ledger)) == 1


# Redeemed.


async def test_twenty_who_were_put_off_and_come_back_without_the_id_are_served(ledger: Ledger) -> None:
    member = a_member(1, daily=1, daily_tomorrow=20, hourly=100)
    await ledger.enlist(a_roster(member))
    await fill(ledger, ("n0",))
    people = [f"m{n}" for n in range(20)]
    for name in people:
        await deferred(ledger, an_ask(name, key=name, fingerprint=b"f"))
    await next_day(ledger, daily=20)
    for name in people:
        out = await picked(ledger, an_ask(name, TOMORROW + 60, key=f"again-{name}", fingerprint=b"f"))
        assert (out.number, out.reasons) == (ONE, ("deferred-earlier",))
    assert await used(ledger, TODAY + 1) == {ONE: 20}
    assert await waiting(ledger) == []


async def test_once_due_it_is_redeemed_under_the_same_key(ledger: Ledger) -> None:
    await full(ledger)
    ask = an_ask(key="k", fingerprint=b"f")
    first = await deferred(ledger, ask)
    assert await ledger.pick(replace(ask, now=ask.now + HOUR)) == first
    await next_day(ledger)
    due = an_ask(after=TOMORROW + 60, key="k", fingerprint=b"f")
    out = await picked(ledger, due)
    assert out.reasons == ("deferred-earlier",)
    assert await ledger.pick(replace(due, now=due.now + 60)) == out, "and that is its answer from then on"
    assert await ledger.pick(replace(due, deferral=first.id)) == out, "with the id too"
    assert await used(ledger, TODAY + 1) == {ONE: 1}


async def test_the_same_key_with_the_id_redeems_it(ledger: Ledger) -> None:
    await full(ledger)
    first = await deferred(ledger, an_ask(key="k", fingerprint=b"f"))
    await next_day(ledger)
    out = await picked(ledger, an_ask(after=TOMORROW, key="k", fingerprint=b"f", deferral=first.id))
    assert out.reasons == ("deferred-earlier",)
    assert await ledger.pick(an_ask(after=TOMORROW, key="k", fingerprint=b"other")) == KeyReused()


async def test_the_key_that_was_put_off_is_answered_by_the_pick_that_went_out_under_another(
    open_ledger: OpenLedger,
) -> None:
    """Else a late repetition would be one more contact."""
    ledger = await open_ledger()
    await full(ledger)
    await deferred(ledger, an_ask(key="first", fingerprint=b"f"))
    await next_day(ledger)
    out = await picked(ledger, an_ask(after=TOMORROW, key="second", fingerprint=b"f"))
    late = an_ask(after=TOMORROW + 60, key="first", fingerprint=b"f")
    assert await ledger.pick(late) == out
    again = await open_ledger()
    assert await again.pick(late) == out
    assert await used(again, TODAY + 1) == {ONE: 1}


async def test_a_redeemed_deferral_is_redeemed_once(ledger: Ledger) -> None:
    await full(ledger)
    later = await deferred(ledger, an_ask())
    await next_day(ledger)
    await picked(ledger, an_ask(after=TOMORROW))
    assert await ledger.pick(an_ask(after=TOMORROW + 1, deferral=later.id)) == UnknownDeferral()


async def test_one_that_was_put_off_before_a_restart_is_redeemed_after_it(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await full(ledger)
    later = await deferred(ledger, an_ask(key="k", fingerprint=b"f"))
    again = await open_ledger()
    assert [(one.id, one.key) for one in await waiting(again)] == [(later.id, "k")]
    assert (await deferred(again, an_ask(after=HOUR))).id == later.id
    await next_day(again)
    assert (await picked(again, an_ask(after=TOMORROW))).reasons == ("deferred-earlier",)


# Taken back.


async def test_a_deferral_that_is_not_wanted_is_cancelled(ledger: Ledger) -> None:
    await full(ledger, tomorrow=1)
    later = await deferred(ledger, an_ask(key="k", fingerprint=b"f"))
    assert (await deferred(ledger, an_ask("bob"))).not_before == MIDNIGHT + DAY
    assert await ledger.cancel(SET, later.id) is Cancelled.FREED
    assert await ledger.cancel(SET, later.id) is Cancelled.FREED
    assert (await deferred(ledger, an_ask("cid"))).not_before == MIDNIGHT
    assert await ledger.pick(an_ask(after=1, deferral=later.id)) == UnknownDeferral()
    assert (await deferred(ledger, an_ask(after=2, key="k", fingerprint=b"f"))).id != later.id


async def test_one_that_was_used_is_not_cancelled(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await full(ledger)
    later = await deferred(ledger, an_ask())
    await next_day(ledger)
    await picked(ledger, an_ask(after=TOMORROW))
    assert await ledger.cancel(SET, later.id) is Cancelled.USED
    again = await open_ledger()
    assert await again.cancel(SET, later.id) is Cancelled.USED


@pytest.mark.parametrize(("set_", "id_"), [(SET, "d999"), (SET, "nonsense"), ("shop/other", "d2")])
async def test_an_unknown_deferral_is_not_cancelled(ledger: Ledger, set_: str, id_: str) -> None:
    await full(ledger)
    assert (await deferred(ledger, an_ask())).id == "d2"
    assert await ledger.cancel(set_, id_) is Cancelled.UNKNOWN
    assert len(await waiting(ledger)) == 1


async def test_a_cancelled_deferral_stays_cancelled_after_a_restart(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await full(ledger, tomorrow=1)
    later = await deferred(ledger, an_ask())
    await ledger.cancel(SET, later.id)
    again = await open_ledger()
    assert await waiting(again) == []
    assert await again.cancel(SET, later.id) is Cancelled.FREED
    assert (await deferred(again, an_ask("bob"))).not_before == MIDNIGHT


@pytest.mark.parametrize("scope", [SET_SCOPE, BRAND_SCOPE])
async def test_an_opt_out_frees_its_room(ledger: Ledger, scope: str) -> None:
    await full(ledger, tomorrow=1)
    await ledger.enlist(a_roster(a_member(1, daily=1, daily_tomorrow=1, hourly=100), scopes=(SET_SCOPE, BRAND_SCOPE)))
    await deferred(ledger, an_ask(key="k", fingerprint=b"f"))
    await ledger.suppress([an_opt_out(scope=scope)])
    assert await waiting(ledger) == []
    assert (await deferred(ledger, an_ask("bob"))).not_before == MIDNIGHT
    assert await ledger.pick(an_ask(key="k", fingerprint=b"f")) == Suppressed(scope)


async def test_an_opt_out_from_elsewhere_frees_nothing(ledger: Ledger) -> None:
    await full(ledger)
    await deferred(ledger, an_ask())
    await ledger.suppress([an_opt_out(scope="set:shop/other")])
    assert len(await waiting(ledger)) == 1


# Lapsed.


async def test_room_lapses_when_nobody_comes_for_it(ledger: Ledger) -> None:
    await full(ledger, tomorrow=1)
    await deferred(ledger, an_ask("bob"))
    await next_day(ledger, daily=1)
    held = await ledger.pick(an_ask("new", TOMORROW + 2 * HOUR - 1, dry_run=True, defers=False))
    assert held == Exhausted(MIDNIGHT + DAY, ((Why.RESERVED, 1),))
    assert (await picked(ledger, an_ask("new", TOMORROW + 2 * HOUR))).number == ONE
    assert await waiting(ledger) == []


async def test_how_long_room_is_kept_is_the_sets_to_say(ledger: Ledger) -> None:
    await full(ledger, tomorrow=1)
    await deferred(ledger, an_ask("bob", room_kept=600.0))
    await next_day(ledger, daily=1)
    assert isinstance(await ledger.pick(an_ask("new", TOMORROW + 599, dry_run=True)), Deferred)
    assert (await picked(ledger, an_ask("new", TOMORROW + 600))).number == ONE


async def test_who_comes_after_that_is_a_contact_like_any_other(ledger: Ledger) -> None:
    await full(ledger)
    later = await deferred(ledger, an_ask(key="k", fingerprint=b"f"))
    await next_day(ledger)
    for ask in (
        an_ask(after=TOMORROW + 3 * HOUR, deferral=later.id),
        an_ask(after=TOMORROW + 3 * HOUR),
        an_ask(after=TOMORROW + 3 * HOUR, key="k", fingerprint=b"f"),
    ):
        assert (await picked(ledger, replace(ask, dry_run=True))).reasons == ("same-number",)
    await picked(ledger, an_ask(after=TOMORROW + 3 * HOUR, key="k", fingerprint=b"f"))
    assert await ledger.pick(an_ask(after=TOMORROW + 3 * HOUR, deferral=later.id)) == UnknownDeferral()


async def test_room_that_has_lapsed_is_not_taken_again_by_a_restart(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await full(ledger, tomorrow=1)
    await deferred(ledger, an_ask("bob"))
    await next_day(ledger, daily=1)
    await picked(ledger, an_ask("new", TOMORROW + 2 * HOUR, dry_run=True))
    again = await open_ledger()
    assert (await picked(again, an_ask("new", TOMORROW + 2 * HOUR))).number == ONE


async def test_room_begins_when_the_recipient_may_be_called(ledger: Ledger) -> None:
    """Else it would lapse before the night is over."""
    await full(ledger, tomorrow=1)
    morning = MIDNIGHT + 8 * HOUR
    ask = an_ask("bob", opens=lambda moment: max(moment, morning))
    assert (await deferred(ledger, ask)).not_before == morning
    await next_day(ledger, daily=1)
    assert isinstance(await ledger.pick(an_ask("new", TOMORROW + 9 * HOUR, dry_run=True)), Deferred)
    out = await picked(ledger, an_ask("bob", TOMORROW + 9 * HOUR))
    assert out.reasons == ("deferred-earlier",)


# Told.


async def test_who_waits_is_told_what_is_due_by_id_and_key(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, hourly=1, daily_tomorrow=9)))
    await picked(ledger, an_ask("n0", mode=StickyMode.NONE))
    first = await deferred(ledger, an_ask("ann", key="k-ann", fingerprint=b"f"))
    await deferred(ledger, an_ask("bob", key="k-bob", fingerprint=b"f"))
    await deferred(ledger, an_ask("bob", 5, key="k-bob-2", fingerprint=b"f"))
    assert first.not_before == NOON + HOUR
    assert await ledger.due(SET, NOON + HOUR - 1) == ()
    due = await ledger.due(SET, NOON + HOUR)
    assert [(one.id, one.key) for one in due] == [(first.id, "k-ann"), (due[1].id, "k-bob-2")]
    assert await ledger.due(SET, NOON + HOUR, limit=1) == due[:1]
    await ledger.enlist(a_roster(a_member(1, hourly=9, daily_tomorrow=9)))
    await picked(ledger, an_ask("ann", HOUR))
    assert [one.key for one in await ledger.due(SET, NOON + HOUR)] == ["k-bob-2"]
    assert await ledger.due(SET, NOON + 3 * HOUR) == (), "its room has lapsed"


async def test_who_waits_for_a_deferral_is_woken_when_there_is_one_more(ledger: Ledger) -> None:
    await full(ledger)
    before = ledger.put_off
    waking = asyncio.create_task(ledger.more_put_off(before, within=3600.0))
    await deferred(ledger, an_ask())
    await waking
    await ledger.more_put_off(before, within=3600.0)  # at once: there was one more since
    assert ledger.put_off == before + 1
