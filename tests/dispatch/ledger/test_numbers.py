"""What a ledger knows of numbers by themselves, in whatever set they are, or in none."""

from __future__ import annotations

from dataclasses import replace

from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.types import Hour, NumbersKnown, NumberTally
from ringfleet.model.traffic import Direction, Happening
from tests.dispatch.ledger.builders import DAY, HOUR, NOON, OpenLedger, a_number, an_event

NOW = int(NOON // HOUR)
WEEK = (NOW + 1 - 7 * 24, NOW + 1)
MINE, OTHERS = "shop/sandbox", "shop/other"


async def known(ledger: Ledger, *owned: tuple[int, str], now: float = NOON) -> NumbersKnown:
    return await ledger.numbers([(a_number(n), account) for n, account in owned], now, [WEEK])


async def test_a_number_that_is_in_no_set_is_known_by_what_its_carrier_tells(ledger: Ledger) -> None:
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED, n=7), an_event("e2", Happening.CALL_ANSWERED, 5, n=7)])
    await ledger.ingest([an_event("l1", Happening.NUMBER_LABELLED, 60, n=7, label="Spam Likely", subject="")])
    traffic = Hour(WEEK[0], calls=1, answered=1)
    tally = NumberTally(a_number(7), MINE, 1, "Spam Likely", NOON + 60, NOW, (traffic,))
    assert await known(ledger, (7, MINE), (8, MINE)) == NumbersKnown((tally,), ((MINE, NOW, NOW),))


async def test_of_a_number_that_was_used_last_in_the_first_hour_of_a_span_that_use_is_told(ledger: Ledger) -> None:
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED, (WEEK[0] - NOW) * HOUR, n=7)])
    assert (await known(ledger, (7, MINE))).tallies[0].sums == (Hour(WEEK[0], calls=1),)


async def test_of_a_number_at_rest_nothing_is_told_and_no_row_is_looked_for(ledger: Ledger) -> None:
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED, -10 * DAY, n=7)])
    asked: list[object] = []
    store = ledger.store  # type: ignore[attr-defined]  # the one that both engines have
    store.sum_traffic = lambda *given: asked.append(given)
    found = await known(ledger, (7, MINE), (8, MINE))
    assert asked == []
    then = NOW - 10 * 24
    assert found == NumbersKnown(
        (NumberTally(a_number(7), MINE, last_hour=then, sums=(Hour(WEEK[0]),)),), ((MINE, then, then),)
    )


async def test_who_is_called_and_who_is_written_to_is_traffic_too(ledger: Ledger) -> None:
    told = ((Happening.MESSAGE_RECEIVED, -2 * HOUR), (Happening.CALL_STARTED, -HOUR))
    inbound = [
        an_event(f"i{n}", what, after, n=7, direction=Direction.INBOUND, subject=f"s{n}")
        for n, (what, after) in enumerate(told)
    ]
    await ledger.ingest(inbound)
    (tally,) = (await known(ledger, (7, MINE))).tallies
    assert (tally.last_hour, tally.sums) == (NOW - 1, (Hour(WEEK[0], received=2),))


async def test_when_a_number_was_last_used_is_known_when_its_traffic_is_forgotten(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED, n=7), an_event("e2", Happening.CALL_ENDED, n=7)])
    later = NOON + 40 * DAY
    await ledger.prune(later, NOON)
    before = await known(ledger, (7, MINE), now=later)
    again = await open_ledger()
    assert await known(again, (7, MINE), now=later) == before, "a new owner knows it too"
    assert [tally.last_hour for tally in before.tallies] == [NOW]
    assert before.accounts == ((MINE, NOW, NOW),)


async def test_a_label_and_the_time_of_use_are_those_of_the_account_that_owns_the_number(ledger: Ledger) -> None:
    await ledger.ingest([an_event("l1", Happening.NUMBER_LABELLED, n=7, label="Spam Likely", subject="")])
    await ledger.ingest([an_event("e1", Happening.CALL_ENDED, n=7)])
    assert await known(ledger, (7, OTHERS)) == NumbersKnown((), ())
    theirs = replace(an_event("e1", Happening.CALL_ENDED, HOUR, n=8), account=OTHERS)
    await ledger.ingest([theirs])
    assert await known(ledger, (7, OTHERS)) == NumbersKnown((), ((OTHERS, NOW + 1, NOW + 1),))


async def test_the_time_of_use_is_written_once_an_hour(ledger: Ledger) -> None:
    """However much traffic there is, and in whatever order it is told."""
    written: list[object] = []
    store = ledger.store  # type: ignore[attr-defined]  # the one that both engines have
    commit = store.commit

    async def watched(changes: object, wishes: int) -> object:
        written.extend(row for table, rows in changes.rows.items() if table.name == "activity" for row in rows.values())  # type: ignore[attr-defined]
        return await commit(changes, wishes)

    store.commit = watched
    for n, after in enumerate((0, 60, 120, HOUR, 30)):
        await ledger.ingest([an_event(f"e{n}", Happening.MESSAGE_SENT, after, n=7)])
    number = int(a_number(7)[1:])
    assert written == [(number, MINE, NOW, NOW), (number, MINE, NOW, NOW + 1)]
