"""A ledger knows by which keys its recipients are hashed: where one is missing, nobody is picked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringfleet.dispatch.ledger.interface import KeysUnknown, Ledger
from ringfleet.dispatch.ledger.types import Picked, Suppressed
from tests.dispatch.ledger.builders import (
    SET_SCOPE,
    OpenLedger,
    a_member,
    a_roster,
    an_ask,
    an_opt_out,
    deferred,
    heard_from,
    somebody,
)

OLD, NEW = {b"check-of-the-old": "2026-11"}, {b"check-of-the-new": "2027-01"}


async def test_what_a_ledger_has_met_is_missed_when_it_is_not_there(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    assert await ledger.meet_keys(OLD) == ()
    assert await ledger.meet_keys(OLD | NEW) == ()
    again = await open_ledger()
    assert await again.meet_keys(NEW) == ("2026-11",)
    assert await again.meet_keys({}) == ("2026-11", "2027-01")
    assert await again.meet_keys(OLD | NEW) == ()


async def test_a_key_for_a_while_is_not_remembered(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    assert await ledger.meet_keys(NEW, remember=False) == ()
    again = await open_ledger()
    assert await again.meet_keys(OLD) == ()


async def test_guardrail_nothing_is_decided_without_a_key_that_rows_are_under(ledger: Ledger) -> None:
    """Another process, which had the key, was the owner until now."""
    await ledger.meet_keys(OLD)
    await ledger.meet_keys(OLD | NEW)
    ledger._checks = frozenset(OLD)  # type: ignore[attr-defined]  # as of a process that has not read the new one yet
    with pytest.raises(KeysUnknown, match="under the key 2027-01, which this dispatcher has not"):
        await ledger.pick(an_ask())
    await ledger.meet_keys(OLD | NEW)
    assert isinstance(await ledger.pick(an_ask()), Picked)


async def test_an_opt_out_is_written_under_every_key(ledger: Ledger) -> None:
    old, new = somebody("under-the-old"), somebody("under-the-new")
    assert await ledger.suppress([an_opt_out(recipient=new, also=(old,))]) == 1
    assert await ledger.suppress([an_opt_out(recipient=new, also=(old,))]) == 0
    for ask in (an_ask(recipient=new), an_ask(recipient=old), an_ask(recipient=new, known_as=(old,))):
        assert await ledger.pick(ask) == Suppressed(SET_SCOPE)
    assert len(await ledger.suppressions(SET_SCOPE)) == 1, "it is listed once"
    assert await ledger.allow(SET_SCOPE, [new, old]) == 1
    assert isinstance(await ledger.pick(an_ask(recipient=old)), Picked)


async def test_one_of_before_the_key_is_the_same_opt_out(ledger: Ledger) -> None:
    old, new = somebody("under-the-old"), somebody("under-the-new")
    assert await ledger.suppress([an_opt_out(recipient=old)]) == 1
    assert await ledger.suppress([an_opt_out(recipient=new, also=(old,))]) == 0
    assert [one.recipient for one in await ledger.suppressions(SET_SCOPE)] == [old]
    assert await ledger.pick(an_ask(recipient=new)) == Suppressed(SET_SCOPE)
    assert await ledger.allow(SET_SCOPE, [new, old]) == 1


async def test_a_stop_is_written_under_every_key_too(ledger: Ledger) -> None:
    old, new = somebody("under-the-old"), somebody("under-the-new")
    stop = an_opt_out(recipient=new, also=(old,), by_word=True)
    await ledger.ingest([replace(heard_from(), sender=(new, old), opt_outs=(stop,))])
    assert await ledger.pick(an_ask(recipient=old)) == Suppressed(SET_SCOPE)


async def test_it_frees_the_room_under_each_of_them(ledger: Ledger) -> None:
    old, new = somebody("under-the-old"), somebody("under-the-new")
    await ledger.enlist(a_roster(a_member(1, daily=0, daily_tomorrow=1)))
    await deferred(ledger, an_ask(recipient=old))
    await ledger.suppress([an_opt_out(recipient=new, also=(old,))])
    first = await deferred(ledger, an_ask("bob"))
    assert first.not_before == an_ask().tomorrow
