"""One number for one person: over all sets that are the same caller, and over the end of a set that was renamed."""

from __future__ import annotations

from typing import Any

import pytest

from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.types import Exhausted, GivenBack, NoNumber, Suppressed, TooOften, Why
from ringfleet.model.rotation import StickyMode
from ringfleet.model.traffic import Happening
from ringfleet.plan.rotation_set.roster import State
from tests.dispatch.ledger.builders import (
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
    an_event,
    an_opt_out,
    deferred,
    heard_from,
    picked,
    somebody,
    used,
)

OTHER = "shop/later"
ONE, TWO = a_number(1), a_number(2)
ACME: dict[str, Any] = {"people": "people:Voice:shop/acme"}
STRICT: dict[str, Any] = {"mode": StickyMode.STRICT}
THERE: dict[str, Any] = {"set": OTHER}


async def two_sets(ledger: Ledger, others: dict[str, Any] = ACME, day: int = TODAY, **changes: Any) -> None:
    """The first has number 1, as `changes` has it, the other number 2."""
    await ledger.enlist(a_roster(a_member(1, **changes), day=day, **ACME))
    await ledger.enlist(a_roster(a_member(2), day=day, set_=OTHER, **others))


async def test_a_person_keeps_the_number_over_all_sets_of_the_brand(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await two_sets(ledger)
    first = await picked(ledger, an_ask())
    for turn in range(2):
        opened = await open_ledger() if turn else ledger
        later = await picked(opened, an_ask(after=60, **THERE))
        assert (later.number, later.sticky, later.reasons) == (ONE, True, ("same-number", "of-another-set"))
        assert (first.number, (await picked(opened, an_ask("bob", **THERE, dry_run=True))).number) == (ONE, TWO)


async def test_a_set_that_is_by_itself_knows_nobody_of_the_others(ledger: Ledger) -> None:
    await two_sets(ledger, {})
    await picked(ledger, an_ask())
    assert (await picked(ledger, an_ask(after=60, **THERE))).number == TWO


async def test_the_pick_counts_in_both_sets_and_is_given_back_in_both(ledger: Ledger) -> None:
    await two_sets(ledger, daily=2)
    await picked(ledger, an_ask())
    out = await picked(ledger, an_ask(after=60, **THERE, frequency=(1, DAY)))
    assert await used(ledger) == {ONE: 2}
    assert (await ledger.rollup(OTHER, NOON, TODAY)).used == 1
    assert await ledger.pick(an_ask(after=90, **THERE, frequency=(1, DAY))) == TooOften(NOON + 60 + DAY)
    assert await ledger.give_back(OTHER, out.id, TODAY) is GivenBack.RETURNED
    assert await used(ledger) == {ONE: 1}
    assert (await ledger.rollup(OTHER, NOON, TODAY)).used == 0


async def test_guardrail_the_caps_of_the_set_that_has_the_number_hold_for_it(ledger: Ledger) -> None:
    await two_sets(ledger, daily=1)
    await picked(ledger, an_ask())
    prefer = await picked(ledger, an_ask(after=60, **THERE, dry_run=True))
    assert (prefer.number, prefer.reassigned) == (TWO, False)
    strict = await ledger.pick(an_ask(after=60, **THERE, **STRICT))
    assert strict == Exhausted(NOON + 12 * HOUR, ((Why.DAILY_CAP, 1),))
    await two_sets(ledger, day=TODAY + 1)
    assert (await picked(ledger, an_ask(after=DAY, **THERE, **STRICT))).number == ONE


async def test_its_day_is_that_of_its_set(ledger: Ledger) -> None:
    """Where it is tomorrow already the number has a new day, though the set that is asked has none."""
    east = {**ACME, "zone": "Asia/Tokyo"}
    await ledger.enlist(a_roster(a_member(1, daily=1), **east))
    await ledger.enlist(a_roster(a_member(2), set_=OTHER, **ACME))
    await picked(ledger, an_ask())
    assert isinstance(await ledger.pick(an_ask(after=2 * HOUR, **THERE, **STRICT)), Exhausted)
    assert (await picked(ledger, an_ask(after=4 * HOUR, **THERE, **STRICT))).number == ONE


@pytest.mark.parametrize("state", [State.QUARANTINED, State.DRAINING])
async def test_guardrail_its_health_holds(ledger: Ledger, state: State) -> None:
    await two_sets(ledger)
    await picked(ledger, an_ask())
    await two_sets(ledger, state=state)
    if state is State.QUARANTINED:
        assert await ledger.pick(an_ask(after=60, **THERE, **STRICT)) == NoNumber(((Why.QUARANTINED, 1),))
    else:
        assert (await picked(ledger, an_ask(after=60, **THERE, **STRICT, dry_run=True))).number == ONE
    again = await picked(ledger, an_ask(after=60, **THERE))
    assert (again.number, again.reassigned) == (TWO, True)
    assert (await picked(ledger, an_ask(after=90))).number != ONE if state is State.QUARANTINED else True


async def test_guardrail_a_label_of_it_holds(ledger: Ledger) -> None:
    await two_sets(ledger)
    await picked(ledger, an_ask())
    await ledger.ingest([an_event("e1", Happening.NUMBER_LABELLED, label="Spam Likely", subject="")])
    assert (await picked(ledger, an_ask(after=60, **THERE))).number == TWO


async def test_the_opt_outs_of_the_set_that_is_asked_hold(ledger: Ledger) -> None:
    await two_sets(ledger)
    await picked(ledger, an_ask())
    await ledger.suppress([an_opt_out(scope=f"set:{OTHER}")])
    asked = an_ask(after=60, **THERE, scopes=(f"set:{OTHER}",))
    assert await ledger.pick(asked) == Suppressed(f"set:{OTHER}")
    await ledger.suppress([an_opt_out("bob", scope=SET_SCOPE)])
    assert (await picked(ledger, an_ask("bob", 60, **THERE, scopes=(f"set:{OTHER}",)))).number == TWO


async def test_a_number_of_an_account_that_the_set_does_not_use_is_not_lent(ledger: Ledger) -> None:
    await two_sets(ledger, account="shop/other")
    await picked(ledger, an_ask())
    assert (await picked(ledger, an_ask(after=60, **THERE))).number == TWO


async def test_a_number_that_has_left_all_of_them_is_another_one_from_then_on(ledger: Ledger) -> None:
    await two_sets(ledger)
    await picked(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(3), **ACME))
    again = await picked(ledger, an_ask(after=60, **THERE))
    assert (again.number, again.reassigned) == (TWO, True)
    assert (await picked(ledger, an_ask(after=90))).number == TWO, "in every set"


async def test_a_person_is_known_there_by_an_older_key(ledger: Ledger) -> None:
    await two_sets(ledger)
    await picked(ledger, an_ask("old"))
    again = await picked(ledger, an_ask("new", 60, **THERE, known_as=(somebody("old"),)))
    assert again.number == ONE


async def test_a_set_that_comes_to_share_its_people_keeps_its_own(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1), a_member(2)))
    mine = (await picked(ledger, an_ask())).number
    await ledger.enlist(a_roster(a_member(1), a_member(2), **ACME))
    await ledger.enlist(a_roster(a_member(3), set_=OTHER, **ACME))
    assert (await picked(ledger, an_ask(after=60))).number == mine
    assert (await picked(ledger, an_ask(after=90, **THERE))).number == mine


async def test_a_set_that_was_renamed_keeps_its_people(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.enlist(a_roster(a_member(1), a_member(2)))
    mine = (await picked(ledger, an_ask(frequency=(2, DAY)))).number
    await picked(ledger, an_ask("bob"))
    await ledger.enlist(a_roster())
    new = {"set": "shop/renamed", "frequency": (2, DAY)}
    members = (a_member(1), a_member(2))
    await ledger.enlist(a_roster(*members, set_="shop/renamed", heir_of=(SET,)))
    assert (await picked(ledger, an_ask(after=60, **new))).number == mine
    assert await ledger.pick(an_ask(after=90, **new)) == TooOften(NOON + DAY), "whom it has contacted is known too"
    again = await open_ledger()
    await again.enlist(a_roster(*members, set_="shop/renamed"))
    assert (await picked(again, an_ask("bob", 60, **new))).sticky, "also when nothing tells of the old set any more"


async def test_a_member_that_is_claimed_anew_keeps_its_people(ledger: Ledger) -> None:
    mine = (await picked(ledger, an_ask())).number
    await ledger.enlist(a_roster(a_member(1 if mine == TWO else 2)))
    await ledger.enlist(a_roster(a_member(1), a_member(2)))
    assert (await picked(ledger, an_ask(after=60))).number == mine


async def test_what_was_put_off_in_a_set_is_that_sets_own(ledger: Ledger) -> None:
    await two_sets(ledger)
    await ledger.enlist(a_roster(a_member(2, daily=0), set_=OTHER, **ACME))
    later = await deferred(ledger, an_ask(**THERE))
    assert later.number == TWO
    assert (await picked(ledger, an_ask(after=60))).number == ONE


async def test_what_goes_out_from_another_number_leaves_the_person_the_one_of_another_set(ledger: Ledger) -> None:
    await two_sets(ledger, daily=1)
    await picked(ledger, an_ask())
    await ledger.enlist(a_roster(a_member(2, daily=0), set_=OTHER, **ACME))
    assert (await deferred(ledger, an_ask(after=60, **THERE))).number == TWO
    await two_sets(ledger, day=TODAY + 1)
    assert (await picked(ledger, an_ask(after=12 * HOUR + 60, **THERE))).reasons == ("deferred-earlier",)
    await ledger.ingest([heard_from(n=2, after=12 * HOUR)])
    assert (await picked(ledger, an_ask(after=13 * HOUR, **THERE, reply=True))).number == TWO
    assert (await picked(ledger, an_ask(after=14 * HOUR, **THERE))).number == ONE
