"""Events in a ledger: counted once, in any order; labels, opt-outs, the rollup, and what is forgotten."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from ringfleet.dispatch.ledger.interface import KEPT, LONGEST_CALL, Ledger
from ringfleet.dispatch.ledger.types import Heard, Hour, NoNumber, OptIn, Picked, Suppressed, Suppression, Why
from ringfleet.model.traffic import Direction, Happening
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
    an_event,
    an_opt_out,
    picked,
)

NOW = int(NOON // HOUR)
CALL = (
    an_event("e1", Happening.CALL_STARTED),
    an_event("e2", Happening.CALL_ANSWERED, 5),
    an_event("e3", Happening.CALL_ENDED, 65),
)


async def hours_of(ledger: Ledger, n: int = 1) -> tuple[Hour, ...]:
    rollup = await ledger.rollup(SET, NOON + HOUR, TODAY)
    return next(tally.hours for tally in rollup.tallies if tally.number == a_number(n))


@pytest.mark.parametrize("order", list(permutations(CALL)), ids=lambda order: " ".join(one.event.id for one in order))
async def test_a_call_is_counted_alike_in_any_order(ledger: Ledger, order: tuple[Heard, ...]) -> None:
    for one in order:
        assert await ledger.ingest([one]) == 1
    assert await hours_of(ledger) == (Hour(NOW, calls=1, answered=1, seconds=60),)


async def test_an_event_that_comes_again_is_counted_once(ledger: Ledger) -> None:
    assert await ledger.ingest([*CALL, *CALL]) == 3
    assert await ledger.ingest(CALL) == 0
    assert await hours_of(ledger) == (Hour(NOW, calls=1, answered=1, seconds=60),)


async def test_the_length_of_a_call_is_counted_once_though_its_end_is_told_twice(ledger: Ledger) -> None:
    again = replace(CALL[2], event=replace(CALL[2].event, id="e4"))
    await ledger.ingest([*CALL, again])
    assert (await hours_of(ledger))[0].seconds == 60


async def test_the_same_id_at_another_account_is_another_event(ledger: Ledger) -> None:
    assert await ledger.ingest([CALL[0], replace(CALL[0], account="shop/other")]) == 2


async def test_messages_are_counted_by_what_became_of_them(ledger: Ledger) -> None:
    happenings = (Happening.MESSAGE_SENT, Happening.MESSAGE_DELIVERED, Happening.MESSAGE_FAILED)
    await ledger.ingest([an_event(f"m{n}", what) for n, what in enumerate(happenings)])
    await ledger.ingest([an_event("m9", Happening.MESSAGE_RECEIVED, direction=Direction.INBOUND)])
    assert await hours_of(ledger) == (Hour(NOW, messages=1, delivered=1, failed=1, received=1),)


async def test_a_call_from_outside_is_no_call_of_ours(ledger: Ledger) -> None:
    await ledger.ingest(
        [an_event(f"i{n}", one.event.happening, direction=Direction.INBOUND) for n, one in enumerate(CALL)]
    )
    assert await hours_of(ledger) == (Hour(NOW, received=1),)


async def test_a_stop_is_an_opt_out_when_it_is_acknowledged(ledger: Ledger) -> None:
    stop = replace(an_event("s1", Happening.MESSAGE_RECEIVED), opt_outs=(an_opt_out(),))
    await ledger.ingest([stop])
    assert await ledger.pick(an_ask()) == Suppressed(SET_SCOPE)


async def test_a_stop_that_comes_again_does_not_undo_a_start(ledger: Ledger) -> None:
    stop = replace(an_event("s1", Happening.MESSAGE_RECEIVED), opt_outs=(an_opt_out(),))
    await ledger.ingest([stop])
    await ledger.allow(SET_SCOPE, [an_opt_out().recipient])
    await ledger.ingest([stop])
    assert isinstance(await ledger.pick(an_ask()), Picked)


STOP = an_opt_out(since=NOON + 10, reason="STOP", by_word=True)


def a_start(after: float, opt_out: Suppression = STOP, id_: str = "s9") -> Heard:
    opt_ins = (OptIn(opt_out.scope, opt_out.recipient, NOON + after),)
    return replace(an_event(id_, Happening.MESSAGE_RECEIVED, after), opt_ins=opt_ins)


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        pytest.param([STOP], 10, [], id="a-stop"),
        pytest.param([STOP], 9, [STOP], id="younger"),
        pytest.param([STOP, replace(STOP, since=NOON + 20)], 15, [replace(STOP, since=NOON + 20)], id="two-stops"),
        pytest.param([replace(STOP, since=NOON + 20), STOP], 15, [replace(STOP, since=NOON + 20)], id="late-stop"),
        pytest.param([an_opt_out()], 15, [an_opt_out()], id="a-list"),
        pytest.param([an_opt_out(), STOP], 15, [an_opt_out()], id="list-stop"),
        pytest.param([STOP, an_opt_out()], 15, [an_opt_out()], id="stop-list"),
        pytest.param([an_opt_out("bob", by_word=True)], 15, [an_opt_out("bob", by_word=True)], id="bobs"),
        pytest.param([replace(STOP, scope=BRAND_SCOPE)], 15, [], id="another-scope"),
    ],
)
@pytest.mark.parametrize("at_once", [pytest.param(True, id="at-once"), pytest.param(False, id="one-by-one")])
async def test_a_start_takes_back_what_a_word_has_said_before(
    ledger: Ledger, before: list[Suppression], after: float, left: list[Suppression], at_once: bool
) -> None:
    """A list's opt-out stays, and so does a word's that is younger, in whatever order they came."""
    new = [await ledger.suppress(some) for some in ([before] if at_once else [[one] for one in before])]
    assert sum(new) == 1
    assert await ledger.ingest([a_start(after)]) == 1
    assert list(await ledger.suppressions(SET_SCOPE)) == left


async def test_of_what_is_heard_together_a_start_takes_back_the_older_stop(ledger: Ledger) -> None:
    stops = [replace(an_event(f"s{n}", Happening.MESSAGE_RECEIVED), opt_outs=(STOP,)) for n in range(2)]
    assert await ledger.ingest([a_start(20), *stops]) == 3
    assert await ledger.suppressions(SET_SCOPE) == ()


async def test_a_start_that_comes_again_does_nothing(ledger: Ledger) -> None:
    await ledger.ingest([a_start(15)])
    await ledger.suppress([STOP])
    assert await ledger.ingest([a_start(15)]) == 0
    assert await ledger.suppressions(SET_SCOPE) == (STOP,)


async def test_guardrail_a_flagged_number_is_used_for_nobody(ledger: Ledger) -> None:
    """At once, whatever its roster still says; and nothing takes its place."""
    await ledger.enlist(a_roster(a_member(1)))
    await ledger.ingest([an_event("l1", Happening.NUMBER_LABELLED, label="Spam Likely", subject="")])
    assert await ledger.pick(an_ask()) == NoNumber(((Why.QUARANTINED, 1),))
    (tally,) = (await ledger.rollup(SET, NOON, TODAY)).tallies
    assert (tally.label, tally.labelled_at) == ("Spam Likely", NOON)


async def test_a_label_that_has_gone_frees_its_number(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1)))
    late = an_event("l2", Happening.NUMBER_CLEARED, HOUR, subject="")
    await ledger.ingest([late, an_event("l1", Happening.NUMBER_LABELLED, label="Spam Likely", subject="")])
    assert (await picked(ledger, an_ask())).number == a_number(1)
    (tally,) = (await ledger.rollup(SET, NOON, TODAY)).tallies
    assert (tally.label, tally.cleared_at) == (None, NOON + HOUR)


async def test_a_label_counts_for_the_account_that_owns_the_number_then(ledger: Ledger) -> None:
    """A number was given back with its label, and is bought again at another account, whose carrier shows none."""
    await ledger.ingest([an_event("l1", Happening.NUMBER_LABELLED, label="Spam Likely", subject="")])
    await ledger.enlist(a_roster(a_member(1, account="shop/other")))
    assert (await picked(ledger, an_ask())).number == a_number(1)
    (tally,) = (await ledger.rollup(SET, NOON, TODAY)).tallies
    assert (tally.label, tally.labelled_at) == (None, None)
    again = replace(an_event("l1", Happening.NUMBER_LABELLED, 60, label="Scam", subject=""), account="shop/other")
    await ledger.ingest([again])
    assert await ledger.pick(an_ask("bob", 120)) == NoNumber(((Why.QUARANTINED, 1),))
    (tally,) = (await ledger.rollup(SET, NOON, TODAY)).tallies
    assert tally.label == "Scam"


async def test_a_number_that_comes_back_to_the_account_of_its_label_has_it_still(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.enlist(a_roster(a_member(1)))
    await ledger.ingest([an_event("l1", Happening.NUMBER_LABELLED, label="Spam Likely", subject="")])
    await ledger.enlist(a_roster(a_member(1, account="shop/other")))
    assert (await picked(ledger, an_ask())).number == a_number(1)
    await ledger.enlist(a_roster(a_member(1)))
    assert await ledger.pick(an_ask("bob")) == NoNumber(((Why.QUARANTINED, 1),))
    again = await open_ledger()
    assert await again.pick(an_ask("cid")) == NoNumber(((Why.QUARANTINED, 1),)), "a new owner knows it too"
    await again.ingest([replace(an_event("l2", Happening.NUMBER_CLEARED, 60, subject=""), account="shop/other")])
    assert await again.pick(an_ask("cid", 61)) == NoNumber(((Why.QUARANTINED, 1),)), "not its own carrier has said so"


async def test_a_set_at_a_glance(ledger: Ledger) -> None:
    await ledger.enlist(a_roster(a_member(1, daily=1), a_member(2, daily=1)))
    for name in ("ann", "bob", "cid"):
        await ledger.pick(an_ask(name))
    await ledger.ingest(CALL[:2])
    rollup = await ledger.rollup(SET, NOON, TODAY)
    assert (rollup.used, rollup.deferred, len(rollup.tallies)) == (2, 1, 2)
    one = rollup.tallies[0]
    assert (one.number, one.used, one.open_calls, one.last_pick) == (a_number(1), 1, 1, NOON)
    (tomorrow,) = [tally for tally in (await ledger.rollup(SET, NOON, TODAY + 1)).tallies if tally.reserved]
    assert (tomorrow.used, tomorrow.reserved) == (0, 1)
    assert sum(tally.reserved for tally in rollup.tallies) == 1, "room of a later day is room"
    assert not any(tally.reserved for tally in (await ledger.rollup(SET, NOON, TODAY + 2)).tallies)


async def test_a_call_whose_end_was_never_told_is_not_open_for_ever(ledger: Ledger) -> None:
    await ledger.ingest(CALL[:2])
    for after, lines in ((LONGEST_CALL, 1), (LONGEST_CALL + 60, 0)):
        assert (await ledger.rollup(SET, NOON + after, TODAY)).tallies[0].open_calls == lines


async def test_old_traffic_is_not_told(ledger: Ledger) -> None:
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED, -3 * DAY)])
    assert [one.hours for one in (await ledger.rollup(SET, NOON, TODAY, days=2)).tallies] == [(), ()]


async def test_what_no_promise_needs_is_forgotten(ledger: Ledger) -> None:
    ask = an_ask(key="k1", fingerprint=b"f")
    await picked(ledger, ask)
    assert await ledger.prune(NOON + KEPT - 1, NOON - DAY) == 0
    assert await ledger.prune(NOON + KEPT + 1, NOON + 1) == 2
    assert not (await picked(ledger, replace(ask, fingerprint=b"g", now=NOON + KEPT + 1))).sticky
