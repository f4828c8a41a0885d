"""The law of a pick, sentence by sentence (operator/ringfleet/dispatch/ledger/law/decision.py)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ringfleet.dispatch.ledger.interface import KEPT, Ledger
from ringfleet.dispatch.ledger.types import (
    Deferred,
    Exhausted,
    GivenBack,
    KeyReused,
    NoNumber,
    Picked,
    Quiet,
    Suppressed,
    TooOften,
    UnknownDeferral,
    Why,
)
from ringfleet.model.rotation import StickyMode
from ringfleet.model.traffic import Direction, Happening
from ringfleet.plan.rotation_set.roster import State
from tests.dispatch.ledger.builders import (
    BRAND_SCOPE,
    DAY,
    EAST,
    HOUR,
    NOON,
    SET,
    SET_SCOPE,
    TODAY,
    US,
    WEST,
    OpenLedger,
    a_member,
    a_number,
    a_roster,
    an_ask,
    an_event,
    an_opt_out,
    deferred,
    fill,
    heard_from,
    picked,
    somebody,
    used,
)

MIDNIGHT = NOON + 12 * HOUR
TOMORROW = 12 * HOUR
ONE, TWO = a_number(1), a_number(2)


async def test_a_set_without_a_roster_picks_nothing(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    assert await ledger.pick(an_ask()) == NoNumber(())


# 0. The key.


async def test_the_same_request_is_answered_as_before(ledger: Ledger) -> None:
    ask = an_ask(key="k1", fingerprint=b"f")
    first = await picked(ledger, ask)
    assert await ledger.pick(replace(ask, now=ask.now + 60)) == first
    assert sum((await used(ledger)).values()) == 1


async def test_a_deferral_is_replayed_too(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, daily=0), a_member(2, daily=0)))
    ask = an_ask(key="k1", fingerprint=b"f")
    first = await deferred(ledger, ask)
    assert await ledger.pick(ask) == first
    assert (await ledger.deferrals(SET, TODAY)).by_day == ((TODAY + 1, 1),)


async def test_the_same_key_with_another_request_is_refused(ledger: Ledger) -> None:
    await picked(ledger, an_ask(key="k1", fingerprint=b"f"))
    assert await ledger.pick(an_ask(key="k1", fingerprint=b"g")) == KeyReused()


async def test_a_refusal_is_judged_anew(ledger: Ledger) -> None:
    await ledger.suppress([an_opt_out()])
    ask = an_ask(key="k1", fingerprint=b"f")
    assert await ledger.pick(ask) == Suppressed(SET_SCOPE)
    await ledger.allow(SET_SCOPE, [somebody("ann")])
    assert isinstance(await ledger.pick(ask), Picked)


async def test_a_key_is_its_sets_own(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(3), set_="shop/other"))
    await picked(ledger, an_ask(key="k1", fingerprint=b"f"))
    assert (await picked(ledger, an_ask(key="k1", fingerprint=b"g", set="shop/other"))).number == a_number(3)


async def test_a_replay_outlives_a_restart(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.enlist(a_roster(a_member(1), a_member(2)))
    first = await picked(ledger, an_ask(key="k1", fingerprint=b"f"))
    again = await open_ledger()
    assert await again.pick(an_ask(key="k1", fingerprint=b"f")) == first


@pytest.mark.parametrize("daily", [pytest.param(9, id="picked"), pytest.param(0, id="deferred")])
async def test_guardrail_no_number_is_told_again_to_who_calls_somebody_that_has_opted_out(
    ledger: Ledger, daily: int
) -> None:
    await ledger.enlist(a_roster(a_member(1, daily=daily)))
    ask = an_ask(key="k1", fingerprint=b"f")
    first = await ledger.pick(ask)
    await ledger.suppress([an_opt_out()])
    assert await ledger.pick(ask) == Suppressed(SET_SCOPE)
    await ledger.allow(SET_SCOPE, [somebody("ann")])
    again = await ledger.pick(ask)
    assert again == first if daily else isinstance(again, Deferred)  # its room was given up, so it is put off anew


async def test_a_day_later_the_same_key_is_another_request(ledger: Ledger) -> None:
    ask = an_ask(key="k1", fingerprint=b"f")
    await picked(ledger, ask)
    late = replace(ask, fingerprint=b"g")
    assert await ledger.pick(replace(late, now=ask.now + KEPT - 1)) == KeyReused()
    assert isinstance(await ledger.pick(replace(late, now=ask.now + KEPT)), Picked)


async def test_a_dry_run_says_the_same_and_leaves_nothing(ledger: Ledger) -> None:
    dry = await picked(ledger, an_ask(dry_run=True))
    assert dry.id == ""
    assert sum((await used(ledger)).values()) == 0
    wet = await picked(ledger, an_ask())
    assert (wet.number, wet.sticky) == (dry.number, False)


# 1. Opt-outs.


@pytest.mark.parametrize("scope", [SET_SCOPE, BRAND_SCOPE])
async def test_guardrail_suppression_is_checked_in_the_pick(ledger: Ledger, scope: str) -> None:
    assert await ledger.suppress([an_opt_out(scope=scope)]) == 1
    assert await ledger.pick(an_ask()) == Suppressed(scope)
    assert isinstance(await ledger.pick(an_ask("bob")), Picked)


async def test_an_opt_out_from_another_brand_is_no_matter(ledger: Ledger) -> None:
    await ledger.suppress([an_opt_out(scope="brand:shop/other")])
    assert isinstance(await ledger.pick(an_ask()), Picked)


async def test_of_several_opt_outs_the_first_by_name_is_told(ledger: Ledger) -> None:
    await ledger.suppress([an_opt_out(scope=SET_SCOPE), an_opt_out(scope=BRAND_SCOPE)])
    assert await ledger.pick(an_ask(scopes=(SET_SCOPE, BRAND_SCOPE))) == Suppressed(BRAND_SCOPE)


async def test_every_scope_of_an_ask_is_looked_at(ledger: Ledger) -> None:
    await ledger.suppress([an_opt_out(scope="z")])
    assert await ledger.pick(an_ask(scopes=(SET_SCOPE, BRAND_SCOPE, "a", "z"))) == Suppressed("z")


async def test_an_opt_out_outweighs_a_reply_and_a_deferral(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, daily=1)))
    await picked(ledger, an_ask())
    later = await deferred(ledger, an_ask("bob"))
    await ledger.suppress([an_opt_out(), an_opt_out("bob")])
    assert await ledger.pick(an_ask(reply=True)) == Suppressed(SET_SCOPE)
    assert await ledger.pick(an_ask("bob", TOMORROW, deferral=later.id)) == Suppressed(SET_SCOPE)


async def test_an_opt_out_under_an_older_key_still_holds(ledger: Ledger) -> None:
    await ledger.suppress([an_opt_out("ann-under-the-old-key")])
    ask = an_ask("ann-under-the-new-key", known_as=(somebody("ann-under-the-old-key"),))
    assert await ledger.pick(ask) == Suppressed(SET_SCOPE)


async def test_opt_outs_are_counted_once_and_listed(ledger: Ledger) -> None:
    entries = [an_opt_out(name) for name in ("ann", "bob", "cid")]
    assert await ledger.suppress(entries) == 3
    assert await ledger.suppress(entries[:1]) == 0
    listed = await ledger.suppressions(SET_SCOPE)
    assert sorted(one.recipient for one in entries) == [one.recipient for one in listed]
    assert await ledger.suppressions(SET_SCOPE, limit=2) == listed[:2]
    assert await ledger.suppressions(SET_SCOPE, after=listed[1].recipient) == listed[2:]
    assert await ledger.allow(SET_SCOPE, [somebody("ann"), somebody("nobody")]) == 1


# 2. Frequency.


async def test_guardrail_recipient_frequency_across_the_set(ledger: Ledger) -> None:
    """Three in a day, whatever numbers are used; the fourth when the first is a day old."""
    often = {"frequency": (3, DAY), "mode": StickyMode.NONE}
    for n in range(3):
        await picked(ledger, an_ask(after=n * HOUR, **often))
    assert await ledger.pick(an_ask(after=3 * HOUR, **often)) == TooOften(NOON + DAY)
    assert isinstance(await ledger.pick(an_ask("bob", 3 * HOUR, **often)), Picked)
    assert isinstance(await ledger.pick(an_ask(after=DAY, **often)), Picked)


async def test_a_contact_that_was_given_back_was_none(ledger: Ledger) -> None:
    often = {"frequency": (1, DAY)}
    first = await picked(ledger, an_ask(**often))
    await ledger.give_back(SET, first.id, TODAY)
    assert isinstance(await ledger.pick(an_ask(after=60, **often)), Picked)


async def test_guardrail_quiet_hours_are_the_recipients(ledger: Ledger) -> None:
    await picked(ledger, an_ask())
    await ledger.ingest([heard_from()])
    night = {"quiet_until": MIDNIGHT}
    assert await ledger.pick(an_ask(**night)) == Quiet(MIDNIGHT)
    assert (await picked(ledger, an_ask(reply=True, **night))).sticky


async def test_what_was_answered_before_the_night_is_replayed_in_it(ledger: Ledger) -> None:
    first = await picked(ledger, an_ask(key="k1", fingerprint=b"f"))
    assert await ledger.pick(an_ask(key="k1", fingerprint=b"f", quiet_until=MIDNIGHT)) == first


async def test_of_two_contacts_at_the_same_moment_one_is_given_back(ledger: Ledger) -> None:
    often = {"frequency": (2, DAY)}
    first = await picked(ledger, an_ask(**often))
    await picked(ledger, an_ask(**often))
    await ledger.give_back(SET, first.id, TODAY)
    assert isinstance(await ledger.pick(an_ask(after=60, **often)), Picked)
    assert await ledger.pick(an_ask(after=60, **often)) == TooOften(NOON + DAY)


async def test_a_deferral_counts_as_a_contact_when_it_goes_out(ledger: Ledger) -> None:
    often = {"frequency": (1, HOUR)}
    await full(ledger)
    later = await deferred(ledger, an_ask(**often))
    await ledger.enlist(a_roster(a_member(1), day=TODAY + 1))
    out = an_ask(after=TOMORROW, deferral=later.id, **often)
    assert isinstance(await ledger.pick(out), Picked)
    assert await ledger.pick(an_ask(after=TOMORROW + 60, **often)) == TooOften(MIDNIGHT + HOUR)


async def test_a_reply_is_not_asked_about_frequency(ledger: Ledger) -> None:
    often = {"frequency": (1, DAY)}
    await picked(ledger, an_ask(**often))
    await ledger.ingest([heard_from()])
    assert (await picked(ledger, an_ask(after=60, reply=True, **often))).sticky


# 3. Deferrals.


async def full(ledger: Ledger, count: int = 1) -> None:
    """One number, whose day is used up."""
    await ledger.enlist(a_roster(a_member(1, daily=count, daily_tomorrow=2, hourly=100)))
    await fill(ledger, (f"n{n}" for n in range(count)))


async def test_beyond_the_budget_a_contact_is_put_off_to_tomorrow(ledger: Ledger) -> None:
    await full(ledger)
    later = await deferred(ledger, an_ask())
    assert (later.number, later.not_before) == (ONE, MIDNIGHT)
    listed = await ledger.deferrals(SET, TODAY)
    assert (listed.by_day, listed.first[0].id) == (((TODAY + 1, 1),), later.id)


async def test_a_deferral_that_is_not_due_is_told_again(ledger: Ledger) -> None:
    await full(ledger)
    later = await deferred(ledger, an_ask())
    again = await deferred(ledger, an_ask(after=HOUR, deferral=later.id))
    assert (again.id, again.not_before) == (later.id, later.not_before)
    assert len((await ledger.deferrals(SET, TODAY)).first) == 1


async def test_what_was_put_off_has_room_before_what_comes_new(ledger: Ledger) -> None:
    """Tomorrow has room for two, both reserved: a new contact is put off, and the two go out."""
    await full(ledger)
    waiting = [await deferred(ledger, an_ask(name)) for name in ("ann", "bob")]
    await ledger.enlist(a_roster(a_member(1, daily=2, daily_tomorrow=2), day=TODAY + 1))
    new = await deferred(ledger, an_ask("new", TOMORROW))
    assert new.not_before == MIDNIGHT + DAY
    for name, later in zip(("ann", "bob"), waiting, strict=True):
        assert (await picked(ledger, an_ask(name, TOMORROW, deferral=later.id))).number == ONE
    assert (await ledger.deferrals(SET, TODAY + 1)).by_day == ((TODAY + 2, 1),)


async def test_room_beyond_tomorrow_is_reserved_on_the_day_after(ledger: Ledger) -> None:
    await full(ledger)
    days = [(await deferred(ledger, an_ask(f"m{n}"))).not_before for n in range(5)]
    assert days == [MIDNIGHT, MIDNIGHT, MIDNIGHT + DAY, MIDNIGHT + DAY, MIDNIGHT + 2 * DAY]


async def test_beyond_the_horizon_nothing_is_put_off(ledger: Ledger) -> None:
    await full(ledger)
    for name in ("ann", "bob"):
        await deferred(ledger, an_ask(name, horizon=1))
    assert isinstance(await ledger.pick(an_ask("cid", horizon=1)), Exhausted)


async def test_where_nothing_is_put_off_the_budget_is_exhausted(ledger: Ledger) -> None:
    await full(ledger)
    assert await ledger.pick(an_ask(defers=False)) == Exhausted(MIDNIGHT, ((Why.DAILY_CAP, 1),))


@pytest.mark.parametrize("change", [{"deferral": "d999"}, {"deferral": "nonsense"}, {"recipient": somebody("eve")}])
async def test_an_unknown_or_anothers_deferral_is_refused(ledger: Ledger, change: dict[str, Any]) -> None:
    await full(ledger)
    later = await deferred(ledger, an_ask())
    ask = replace(an_ask(after=TOMORROW, deferral=later.id), **change)
    assert await ledger.pick(ask) == UnknownDeferral()


async def test_a_deferral_is_used_once(ledger: Ledger) -> None:
    await full(ledger)
    later = await deferred(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(1), day=TODAY + 1))
    await picked(ledger, an_ask(after=TOMORROW, deferral=later.id))
    assert await ledger.pick(an_ask(after=TOMORROW + 1, deferral=later.id)) == UnknownDeferral()


async def test_a_deferral_whose_number_has_gone_is_judged_anew(ledger: Ledger) -> None:
    await full(ledger)
    later = await deferred(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(2), day=TODAY + 1))
    assert (await picked(ledger, an_ask(after=TOMORROW, deferral=later.id))).number == TWO
    assert (await ledger.deferrals(SET, TODAY)).first == ()


async def test_a_deferral_whose_number_is_another_accounts_now_is_judged_anew(ledger: Ledger) -> None:
    await full(ledger)
    later = await deferred(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(1, account="shop/other"), a_member(2), day=TODAY + 1))
    ask = an_ask(after=TOMORROW, deferral=later.id, account="shop/sandbox")
    assert (await picked(ledger, ask)).number == TWO


async def test_a_recipient_keeps_the_number_when_a_deferral_goes_out_from_another(ledger: Ledger) -> None:
    await picked(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(1, state=State.RESTING, daily_tomorrow=0), a_member(2, daily=0)))
    later = await deferred(ledger, an_ask(after=60))
    assert later.number == TWO
    await ledger.enlist(a_roster(a_member(1), a_member(2), day=TODAY + 1))
    out = await picked(ledger, an_ask(after=TOMORROW, deferral=later.id))
    assert (out.number, out.sticky, out.tier) == (TWO, False, WEST)
    assert (await picked(ledger, an_ask(after=TOMORROW + 60))).number == ONE


async def test_a_deferral_that_meets_the_hours_cap_goes_out_the_next_hour(ledger: Ledger) -> None:
    """Its own room of today is free for it, though the day has none for others."""
    await full(ledger)
    waiting = [await deferred(ledger, an_ask(name)) for name in ("ann", "bob")]
    await ledger.enlist(a_roster(a_member(1, daily=2, hourly=1, daily_tomorrow=2), day=TODAY + 1))
    await picked(ledger, an_ask("ann", TOMORROW, deferral=waiting[0].id))
    again = await deferred(ledger, an_ask("bob", TOMORROW, deferral=waiting[1].id))
    assert (again.number, again.not_before) == (ONE, MIDNIGHT + HOUR)
    assert (await picked(ledger, an_ask("bob", TOMORROW + HOUR, deferral=again.id))).number == ONE
    assert (await ledger.deferrals(SET, TODAY)).first == ()


async def test_without_stickiness_a_deferral_that_meets_the_hours_cap_keeps_its_day(ledger: Ledger) -> None:
    await full(ledger)
    waiting = [await deferred(ledger, an_ask(name)) for name in ("ann", "bob")]
    await ledger.enlist(a_roster(a_member(1, daily=2, hourly=1, daily_tomorrow=2), day=TODAY + 1))
    await picked(ledger, an_ask("ann", TOMORROW, deferral=waiting[0].id, mode=StickyMode.NONE))
    again = await deferred(ledger, an_ask("bob", TOMORROW, deferral=waiting[1].id, mode=StickyMode.NONE))
    assert (again.number, again.not_before) == (ONE, MIDNIGHT + HOUR)


async def test_room_that_was_not_used_is_free_the_day_after(ledger: Ledger) -> None:
    await full(ledger)
    await deferred(ledger, an_ask("ann"))
    await ledger.enlist(a_roster(a_member(1, daily=1), day=TODAY + 2))
    await picked(ledger, an_ask("bob", TOMORROW + DAY))


async def test_an_hours_cap_puts_off_to_the_next_hour(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, hourly=1)))
    await picked(ledger, an_ask())
    later = await deferred(ledger, an_ask("bob", 600))
    assert later.not_before == NOON + HOUR
    assert (await picked(ledger, an_ask("bob", HOUR, deferral=later.id))).number == ONE


async def test_in_the_last_hour_of_a_day_an_hours_cap_puts_off_to_the_next_day(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, hourly=1)))
    late = TOMORROW - 1800
    await picked(ledger, an_ask(after=late))
    later = await deferred(ledger, an_ask("bob", late))
    assert (await ledger.deferrals(SET, TODAY)).by_day == ((TODAY + 1, 1),)
    assert later.not_before == MIDNIGHT


async def test_room_is_on_the_nearest_member_with_the_least_of_its_day_taken(ledger: Ledger) -> None:
    far = a_member(1, daily=0, daily_tomorrow=9, tiers=(EAST, US, ""))
    near = [a_member(2, daily=0, daily_tomorrow=1), a_member(3, daily=0, daily_tomorrow=2)]
    await ledger.enlist(a_roster(far, *near))
    found = [(await deferred(ledger, an_ask(f"n{n}"))) for n in range(4)]
    assert [one.number for one in found] == [TWO, a_number(3), a_number(3), ONE]
    assert {one.not_before for one in found} == {MIDNIGHT}


async def test_an_earlier_room_comes_before_a_nearer_one(ledger: Ledger) -> None:
    far, near = a_member(1, hourly=0, tiers=(EAST, US, "")), a_member(2, daily=0)
    await ledger.enlist(a_roster(far, near))
    later = await deferred(ledger, an_ask())
    assert (later.number, later.not_before) == (ONE, NOON + HOUR)
    assert later.reasons == ("all-out:daily-cap", "all-out:hourly-cap")


async def test_who_was_put_off_keeps_the_number_that_was_reserved(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, daily=1), a_member(2, daily=1)))
    await fill(ledger, ("n1", "n2"))
    later = await deferred(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(1), a_member(2), day=TODAY + 1))
    assert (await picked(ledger, an_ask(after=TOMORROW + HOUR))).number == later.number


# 4. The recipient's number.


async def test_the_same_recipient_sees_the_same_number(ledger: Ledger) -> None:
    first = await picked(ledger, an_ask())
    await fill(ledger, (f"n{n}" for n in range(6)))
    again = await picked(ledger, an_ask(after=60))
    assert (again.number, again.sticky, first.sticky) == (first.number, True, False)


async def test_without_stickiness_the_least_used_is_taken(ledger: Ledger) -> None:
    numbers = [(await picked(ledger, an_ask(after=n, mode=StickyMode.NONE))).number for n in range(4)]
    assert numbers == [ONE, TWO, ONE, TWO]


async def test_without_stickiness_a_reply_still_goes_out_from_the_number_that_was_used_last(ledger: Ledger) -> None:
    off = {"mode": StickyMode.NONE}
    await picked(ledger, an_ask(**off))
    last = await picked(ledger, an_ask(after=1, **off))
    await fill(ledger, ("n1", "n2"))
    await ledger.enlist(a_roster(a_member(2), a_member(3)))
    await ledger.ingest([heard_from()])
    assert (await picked(ledger, an_ask(after=2, reply=True, **off))).number == last.number


async def test_a_recipient_is_forgotten_after_the_time_to_live(ledger: Ledger) -> None:
    await picked(ledger, an_ask(sticky_ttl=HOUR))
    assert not (await picked(ledger, an_ask(after=HOUR + 1, sticky_ttl=HOUR))).sticky


async def test_a_recipient_is_known_by_an_older_key(ledger: Ledger) -> None:
    """The row moves: the older hash is needed once."""
    await picked(ledger, an_ask("old"))
    await fill(ledger, ("n1", "n2", "n3"))
    assert (await picked(ledger, an_ask("new", 1, known_as=(somebody("old"),)))).number == ONE
    assert (await picked(ledger, an_ask("new", 2))).sticky
    assert not (await picked(ledger, an_ask("old", 3))).sticky


STANDINGS = {
    "quarantined": {"state": State.QUARANTINED},
    "draining": {"state": State.DRAINING},
    "another account": {"account": "shop/other"},
    "gone": None,
}


@pytest.mark.parametrize("standing", STANDINGS)
async def test_prefer_takes_another_number_for_one_that_will_not_come_back(ledger: Ledger, standing: str) -> None:
    await picked(ledger, an_ask())
    change = STANDINGS[standing]
    ones = [] if change is None else [a_member(1, **change)]
    await ledger.enlist(a_roster(*ones, a_member(2)))
    ask = an_ask(after=60, account="shop/sandbox")
    again = await picked(ledger, ask)
    assert (again.number, again.reassigned, again.sticky) == (TWO, True, False)
    await ledger.enlist(a_roster(a_member(1), a_member(2)))
    assert (await picked(ledger, an_ask(after=120))).number == TWO, "the row is rewritten"


async def test_guardrail_never_a_quarantined_number(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, state=State.QUARANTINED)))
    for ask in (an_ask(), an_ask(reply=True), an_ask(mode=StickyMode.STRICT)):
        assert await ledger.pick(ask) == NoNumber(((Why.QUARANTINED, 1),))


async def test_strict_waits_for_a_person_when_its_number_is_quarantined(ledger: Ledger) -> None:
    await picked(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(1, state=State.QUARANTINED), a_member(2)))
    assert await ledger.pick(an_ask(mode=StickyMode.STRICT)) == NoNumber(((Why.QUARANTINED, 1),))


async def test_strict_goes_on_with_a_draining_number(ledger: Ledger) -> None:
    await picked(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(1, state=State.DRAINING), a_member(2)))
    assert (await picked(ledger, an_ask(after=1, mode=StickyMode.STRICT))).number == ONE
    assert (await picked(ledger, an_ask("new", 1))).number == TWO


async def test_strict_waits_an_hour_for_a_draining_number_too(ledger: Ledger) -> None:
    await picked(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(1, hourly=1, state=State.DRAINING), a_member(2)))
    later = await deferred(ledger, an_ask(after=1, mode=StickyMode.STRICT))
    assert (later.number, later.not_before) == (ONE, NOON + HOUR)


CAPPED = {
    "day": {"daily": 1},
    "hour": {"hourly": 1},
    "rest": {"daily": 0, "state": State.RESTING},
}


@pytest.mark.parametrize("cap", CAPPED)
async def test_strict_is_put_off_on_the_same_number(ledger: Ledger, cap: str) -> None:
    await picked(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(1, **CAPPED[cap]), a_member(2)))
    later = await deferred(ledger, an_ask(after=60, mode=StickyMode.STRICT))
    assert (later.number, later.not_before) == (ONE, NOON + HOUR if cap == "hour" else MIDNIGHT)


@pytest.mark.parametrize("cap", CAPPED)
async def test_prefer_takes_another_number_meanwhile_and_keeps_the_row(ledger: Ledger, cap: str) -> None:
    await picked(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(1, **CAPPED[cap]), a_member(2)))
    other = await picked(ledger, an_ask(after=60, max_wait=60.0))
    assert (other.number, other.reassigned) == (TWO, False)
    await ledger.enlist(a_roster(a_member(1), a_member(2), day=TODAY + 1))
    assert (await picked(ledger, an_ask(after=TOMORROW + HOUR))).number == ONE


async def test_prefer_waits_a_little_for_the_same_number(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, hourly=1), a_member(2)))
    await picked(ledger, an_ask())
    later = await deferred(ledger, an_ask(after=1800, max_wait=HOUR))
    assert (later.number, later.not_before) == (ONE, NOON + HOUR)


async def test_where_nothing_is_put_off_prefer_does_not_wait_and_strict_is_refused(ledger: Ledger) -> None:
    await picked(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(1, hourly=1), a_member(2)))
    strict = await ledger.pick(an_ask(after=60, mode=StickyMode.STRICT, defers=False))
    assert strict == Exhausted(NOON + HOUR, ((Why.HOURLY_CAP, 1),))
    assert (await picked(ledger, an_ask(after=60, defers=False))).number == TWO
    assert (await picked(ledger, an_ask(after=HOUR, defers=False))).number == ONE


# 5. A new number.


async def test_the_nearest_place_comes_first(ledger: Ledger) -> None:
    near, far = a_member(1, tiers=(EAST, US, "")), a_member(2, daily=1)
    await ledger.enlist(a_roster(near, far))
    first = await picked(ledger, an_ask(tiers=(WEST, US)))
    second = await picked(ledger, an_ask("bob", tiers=(WEST, US)))
    assert [(one.number, one.tier) for one in (first, second)] == [(TWO, WEST), (ONE, US)]


async def test_guardrail_fail_closed_never_past_the_places_of_the_set(ledger: Ledger) -> None:
    assert await ledger.pick(an_ask(tiers=("c:DE",))) == NoNumber(((Why.ELSEWHERE, 2),))


async def test_guardrail_only_numbers_of_the_account_that_originates(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1), a_member(2, account="shop/other")))
    for n in range(4):
        assert (await picked(ledger, an_ask(f"n{n}", account="shop/other"))).number == TWO
    assert await ledger.pick(an_ask(account="shop/none")) == NoNumber(((Why.OTHER_ACCOUNT, 2),))


async def test_the_least_used_share_of_its_cap_comes_first(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, daily=2), a_member(2, daily=8, hourly=100)))
    await fill(ledger, (f"n{n}" for n in range(10)))
    assert await used(ledger) == {ONE: 2, TWO: 8}
    await ledger.enlist(a_roster(a_member(1, daily=10, hourly=100), a_member(2, daily=40, hourly=100)))
    await fill(ledger, (f"m{n}" for n in range(20)))
    assert await used(ledger) == {ONE: 6, TWO: 24}


async def test_of_equals_the_one_that_was_idle_longest_comes_first(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(*(a_member(n) for n in (1, 2, 3))))
    numbers = [(await picked(ledger, an_ask(f"n{n}", after=float(n)))).number for n in range(6)]
    assert numbers == [ONE, TWO, a_number(3)] * 2


async def test_a_number_not_used_today_comes_before_one_that_was(ledger: Ledger) -> None:
    await fill(ledger, ("n1", "n2", "n3"))
    await ledger.enlist(a_roster(a_member(1), a_member(2), day=TODAY + 1))
    assert (await picked(ledger, an_ask("m1", TOMORROW))).number == TWO
    assert (await picked(ledger, an_ask("m2", TOMORROW + 1))).number == ONE


async def test_what_remains_is_told(ledger: Ledger) -> None:
    assert (await picked(ledger, an_ask())).remaining == 19
    assert (await picked(ledger, an_ask("bob"))).remaining == 18


async def test_a_new_day_has_new_budgets_and_needs_no_reset(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, daily=1)))
    await picked(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(1, daily=1), day=TODAY + 1))
    assert (await picked(ledger, an_ask("bob", TOMORROW))).number == ONE


async def test_an_ask_that_comes_late_is_judged_by_its_own_day(ledger: Ledger) -> None:
    """Yesterday's reservations stand against yesterday only, whichever of two asks around midnight comes first."""
    await ledger.enlist(a_roster(a_member(1, daily=1, hourly=0)))
    await deferred(ledger, an_ask("ann", room_kept=DAY))
    await ledger.enlist(a_roster(a_member(1, daily=1), day=TODAY + 1))
    await picked(ledger, an_ask("early", TOMORROW, dry_run=True))
    late = await ledger.pick(an_ask("late", TOMORROW - 1, dry_run=True, defers=False))
    assert late == Exhausted(MIDNIGHT, ((Why.RESERVED, 1),))
    assert (await picked(ledger, an_ask("bob", TOMORROW + 1))).number == ONE


async def test_a_busy_number_is_passed_over_until_its_call_ends(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, concurrent=1)))
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED)])
    assert (await deferred(ledger, an_ask("bob", 60))).not_before == NOON + HOUR
    await ledger.ingest([an_event("e2", Happening.CALL_ENDED, 90)])
    assert (await picked(ledger, an_ask("cid", 120))).number == ONE


async def test_a_call_whose_end_is_never_told_does_not_hold_its_line_for_ever(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, concurrent=1)))
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED)])
    assert (await picked(ledger, an_ask(after=5 * HOUR))).number == ONE


# Replies.


async def test_a_reply_uses_the_same_number_and_does_not_count(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, daily=1)))
    await picked(ledger, an_ask())
    await ledger.ingest([heard_from()])
    for state in (State.ACTIVE, State.RESTING, State.DRAINING):
        await ledger.enlist(a_roster(a_member(1, daily=1, state=state)))
        assert (await picked(ledger, an_ask(after=60, reply=True))).number == ONE
    assert await used(ledger) == {ONE: 1}


async def test_a_reply_to_a_stranger_is_a_contact_like_any_other(ledger: Ledger) -> None:
    await picked(ledger, an_ask(reply=True))
    assert sum((await used(ledger)).values()) == 1


NIGHT = {"quiet_until": MIDNIGHT}
UNHEARD = {
    "nobody has called or written": [],
    "it was too long ago": [heard_from(after=-DAY)],
    "somebody else has": [heard_from("bob")],
    "it was to a number of another set": [heard_from(n=9)],
    "we have": [heard_from(happening=Happening.MESSAGE_SENT, direction=Direction.OUTBOUND)],
}


@pytest.mark.parametrize("before", UNHEARD)
async def test_guardrail_what_answers_nobody_is_no_reply(ledger: Ledger, before: str) -> None:
    """Else one word of the caller's would end caps, quiet hours and frequency."""
    await ledger.enlist(a_roster(a_member(1, daily=2)))
    await picked(ledger, an_ask())
    await ledger.ingest(UNHEARD[before])
    assert await ledger.pick(an_ask(reply=True, **NIGHT)) == Quiet(MIDNIGHT)
    assert await ledger.pick(an_ask(reply=True, frequency=(1, DAY))) == TooOften(NOON + DAY)
    await picked(ledger, an_ask(reply=True))
    assert isinstance(await ledger.pick(an_ask(reply=True)), Deferred)
    assert await used(ledger) == {ONE: 2}


async def test_a_reply_goes_out_from_the_number_that_was_written_to(ledger: Ledger) -> None:
    await picked(ledger, an_ask())
    await ledger.ingest([heard_from(n=1, after=10), heard_from(n=2, after=20)])
    out = await picked(ledger, an_ask(after=60, reply=True))
    assert (out.number, out.sticky, out.reasons) == (TWO, False, ("reply",))
    assert (await picked(ledger, an_ask(after=60))).number == ONE, "the recipient keeps the number"


async def test_who_calls_us_first_is_answered_from_the_number_called(ledger: Ledger) -> None:
    await ledger.ingest([heard_from(n=2, happening=Happening.CALL_STARTED, subject="call-1")])
    out = await picked(ledger, an_ask(after=60, reply=True, **NIGHT))
    assert (out.number, await used(ledger)) == (TWO, {ONE: 0, TWO: 0})
    assert (await picked(ledger, an_ask(after=60))).number == TWO, "and keeps it"


async def test_replies_end_with_their_window(ledger: Ledger) -> None:
    await picked(ledger, an_ask())
    await ledger.ingest([heard_from()])
    night = {"reply": True, "reply_window": HOUR, **NIGHT}
    assert (await picked(ledger, an_ask(after=HOUR - 1, **night))).sticky
    assert await ledger.pick(an_ask(after=HOUR, **night)) == Quiet(MIDNIGHT)


async def test_who_has_written_is_known_by_an_older_key_and_after_a_restart(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.enlist(a_roster(a_member(1)))
    await ledger.ingest([heard_from("old")])
    again = await open_ledger()
    assert (await picked(again, an_ask("new", 1, known_as=(somebody("old"),), reply=True, **NIGHT))).number == ONE


async def test_replies_are_counted_apart(ledger: Ledger) -> None:
    await picked(ledger, an_ask())
    await ledger.ingest([heard_from()])
    outs = [await picked(ledger, an_ask(after=60 + n, reply=True)) for n in range(3)]
    await ledger.give_back(SET, outs[0].id, TODAY)
    rollup = await ledger.rollup(SET, NOON, TODAY)
    assert [(one.used, sum(hour.replies for hour in one.hours)) for one in rollup.tallies] == [(1, 2), (0, 0)]


# Giving back.


async def test_what_was_not_used_is_free_again(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, daily=1, hourly=1)))
    first = await picked(ledger, an_ask())
    assert await ledger.give_back(SET, first.id, TODAY) is GivenBack.RETURNED
    assert await ledger.give_back(SET, first.id, TODAY) is GivenBack.RETURNED
    assert (await picked(ledger, an_ask("bob"))).number == ONE
    assert isinstance(await ledger.pick(an_ask("cid")), Deferred)


async def test_who_asks_again_after_giving_back_is_judged_anew(ledger: Ledger) -> None:
    """Under the same key: nothing is left of the first answer, and what is used now counts."""
    await ledger.enlist(a_roster(a_member(1, daily=1, hourly=1)))
    ask = an_ask(key="k", fingerprint=b"f" * 16)
    first = await picked(ledger, ask)
    await ledger.give_back(SET, first.id, TODAY)
    second = await picked(ledger, replace(ask, now=ask.now + 1))
    assert second.id != first.id
    assert await used(ledger) == {ONE: 1}
    assert await ledger.pick(ask) == second
    await ledger.give_back(SET, second.id, TODAY)
    await ledger.suppress([an_opt_out()])
    assert await ledger.pick(ask) == Suppressed(SET_SCOPE)


async def test_a_reply_uses_up_no_deferral(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, daily=1, hourly=1)))
    await picked(ledger, an_ask())
    bobs = await deferred(ledger, an_ask("bob"))
    await ledger.ingest([heard_from()])
    assert (await picked(ledger, an_ask(reply=True, deferral=bobs.id))).sticky
    assert (await picked(ledger, an_ask("bob", DAY, deferral=bobs.id))).number == ONE


async def test_a_pick_of_yesterday_is_not_taken_back(ledger: Ledger) -> None:
    first = await picked(ledger, an_ask())
    assert await ledger.give_back(SET, first.id, TODAY + 1) is GivenBack.TOO_LATE


async def test_a_pick_that_the_carrier_has_told_of_is_not_taken_back(ledger: Ledger) -> None:
    first = await picked(ledger, an_ask())
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED, pick=first.id)])
    assert await ledger.give_back(SET, first.id, TODAY) is GivenBack.IN_USE


async def test_an_event_of_another_number_says_nothing_of_a_pick(ledger: Ledger) -> None:
    first = await picked(ledger, an_ask())
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED, n=2, pick=first.id)])
    assert await ledger.give_back(SET, first.id, TODAY) is GivenBack.RETURNED


@pytest.mark.parametrize("id_", ["p999", "", "nonsense", "p"])
async def test_an_unknown_pick_is_not_taken_back(ledger: Ledger, id_: str) -> None:
    assert await ledger.give_back(SET, id_, TODAY) is GivenBack.UNKNOWN


async def test_a_pick_of_another_set_is_unknown(ledger: Ledger) -> None:
    first = await picked(ledger, an_ask())
    assert await ledger.give_back("shop/other", first.id, TODAY) is GivenBack.UNKNOWN


# Rosters.


async def test_the_latest_roster_holds_though_it_is_of_an_earlier_day(ledger: Ledger) -> None:
    """Only the owner enlists, one after the other: what comes later is what is so."""
    await ledger.enlist(a_roster(a_member(2), day=TODAY + 1))
    await ledger.enlist(a_roster(a_member(1)))
    assert (await picked(ledger, an_ask(after=TOMORROW))).number == ONE


async def test_a_number_that_comes_back_has_not_forgotten_its_day(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, daily=1)))
    await picked(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(2)))
    await ledger.enlist(a_roster(a_member(1, daily=1)))
    assert isinstance(await ledger.pick(an_ask("bob")), Deferred)


async def test_counts_rooms_and_labels_outlive_a_restart(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    roster = a_roster(a_member(1, daily=1, daily_tomorrow=1), a_member(2), a_member(3, concurrent=1))
    await ledger.enlist(roster)
    await picked(ledger, an_ask("n1", tiers=(WEST,)))
    await ledger.ingest([an_event("e1", Happening.NUMBER_LABELLED, n=2, label="Spam Likely", subject="")])
    await ledger.ingest([an_event("e2", Happening.CALL_STARTED, n=3)])
    again = await open_ledger()
    await again.enlist(roster)
    verdict = await again.pick(an_ask("bob", defers=False))
    expected = ((Why.CONCURRENT, 1), (Why.DAILY_CAP, 1), (Why.QUARANTINED, 1))
    assert isinstance(verdict, Exhausted)
    assert verdict.excluded == expected
