"""What a ledger can't hold is refused to who asks for it, and to nobody else: not once, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from ringfleet.dispatch.ledger.interface import Ledger, LedgerUnavailable, Unwritable
from ringfleet.dispatch.ledger.owner.groups import OwnedLedger
from ringfleet.dispatch.ledger.shared import PostgresLedger
from ringfleet.dispatch.ledger.store import Outcome
from ringfleet.dispatch.ledger.tables import Changes
from ringfleet.dispatch.ledger.types import Heard, Picked, Suppressed
from ringfleet.model.traffic import Happening
from tests.dispatch.ledger.builders import (
    DAY,
    OpenLedger,
    a_member,
    a_roster,
    an_ask,
    an_event,
    an_opt_out,
    fill,
    picked,
    used,
)

LONG = "".join(map(str, range(2000)))
NUL, HALF = "a\0b", "a\ud800b"
Said = Callable[[Ledger], Coroutine[Any, Any, int]]


def told(id_: str = "e", happening: Happening = Happening.CALL_STARTED, **changes: Any) -> Said:
    return lambda ledger: ledger.ingest([an_event(id_, happening, **changes)])


def opted_out(reason: str) -> Said:
    return lambda ledger: ledger.suppress([an_opt_out("eve", reason=reason)])


SAID: dict[str, Said] = {
    "a reason with a NUL": opted_out(NUL),
    "a reason with half a pair": opted_out(HALF),
    "an id with a NUL": told(NUL),
    "an id with half a pair": told(HALF),
    "a long id": told(LONG),
    "a call with a NUL": told(subject=NUL),
    "a long call": told(subject=LONG),
    "a label with a NUL": told(happening=Happening.NUMBER_LABELLED, subject="", label=NUL),
    "the reason of a STOP": lambda ledger: ledger.ingest([a_stop("m1", reason=NUL)]),
}


def a_stop(id_: str, **changes: Any) -> Heard:
    event = an_event(id_, Happening.MESSAGE_RECEIVED, subject=id_)
    return replace(event, opt_outs=(an_opt_out("eve", by_word=True, **changes),))


@pytest.mark.parametrize("what", SAID)
async def test_a_text_that_no_store_can_hold_is_refused_and_a_pick_beside_it_goes_out(
    ledger: Ledger, what: str
) -> None:
    ledger.forward_events()
    asked = asyncio.gather(SAID[what](ledger), ledger.pick(an_ask(key="k")), return_exceptions=True)
    refused, answer = await asked
    assert (type(refused), type(answer)) == (Unwritable, Picked)
    assert await ledger.outbox(9) == ()


async def test_a_stop_holds_whatever_its_carrier_calls_it(ledger: Ledger) -> None:
    """It is not counted, for that goes by its id."""
    assert await ledger.ingest([replace(a_stop(LONG), counts=False)]) == 1
    assert isinstance(await ledger.pick(an_ask("eve")), Suppressed)


async def test_one_that_can_not_be_written_fails_alone(ledger: Ledger) -> None:
    """No day has such a number: whatever it is that a store refuses, it is searched for."""
    names = [f"n{n}" for n in range(13)]
    asks = [an_ask(name, day=2**70 if name == "n7" else an_ask().day, key=name) for name in names]
    answers = await asyncio.gather(*(ledger.pick(ask) for ask in asks), return_exceptions=True)
    assert [name for name, one in zip(names, answers, strict=True) if not isinstance(one, Picked)] == ["n7"]
    assert isinstance(answers[7], LedgerUnavailable)
    assert sum((await used(ledger)).values()) == 12
    assert (await picked(ledger, an_ask("ann"))).remaining == 7


async def test_no_wish_that_the_owner_can_not_write_is_taken_in_by_another_replica(postgres_dsn: str) -> None:
    """It would be the first of each group of the owner's from then on."""
    async with PostgresLedger(postgres_dsn, migrates=True) as owner:
        await owner.enlist(a_roster(a_member(1)))
        async with PostgresLedger(postgres_dsn) as other:
            assert not other.is_ours
            for said in SAID.values():
                with pytest.raises(Unwritable):
                    await said(other)
        assert isinstance(await owner.pick(an_ask()), Picked)


async def test_a_store_that_can_not_be_written_is_not_tried_again_and_again(
    open_ledger: OpenLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though there is something to fold: it is, with the next who asks."""
    ledger = await open_ledger()
    assert isinstance(ledger, OwnedLedger)
    await ledger.enlist(a_roster(a_member(1, daily=999, hourly=999)))
    await fill(ledger, [f"n{n}" for n in range(400)])
    commit, tried = ledger.store.commit, 0

    async def fails(_: Changes, __: int) -> Outcome:
        nonlocal tried
        tried += 1
        raise LedgerUnavailable("no space left")

    monkeypatch.setattr("ringfleet.dispatch.ledger.owner.folding.FOLD_AT", 1)
    await picked(ledger, an_ask("ann"))  # from now on it folds
    monkeypatch.setattr(ledger.store, "commit", fails)
    with pytest.raises(LedgerUnavailable):
        await ledger.pick(an_ask("bob"))
    async with asyncio.timeout(60):
        await ledger._idle.wait()
    before = tried
    for _ in range(100):
        await asyncio.sleep(0)
    assert (tried, before <= 2) == (before, True)
    monkeypatch.setattr(ledger.store, "commit", commit)
    assert isinstance(await ledger.pick(an_ask("cid", DAY)), Picked)
