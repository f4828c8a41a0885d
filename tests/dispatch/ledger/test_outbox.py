"""Events on their way to somebody's analytics: each that counts is put down once, and stays until it has arrived."""

from __future__ import annotations

import json

from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.types import ANALYTICS, Letter
from ringfleet.model import E164
from ringfleet.model.traffic import Direction, Happening
from tests.dispatch.ledger.builders import DAY, NOON, OpenLedger, a_number, an_ask, an_event, picked, somebody

PEER = E164("+14155550199")


async def waiting(ledger: Ledger, limit: int = 100) -> list[str]:
    """The ids of the events in the outbox."""
    return [json.loads(one.entry)["id"] for one in await ledger.outbox(limit)]


async def test_nothing_is_kept_unless_somebody_wants_it(ledger: Ledger) -> None:
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED)])
    assert await waiting(ledger) == []


async def test_each_event_is_kept_once_in_the_order_of_its_coming_until_it_has_arrived(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    ledger.forward_events()
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED), an_event("e2", Happening.CALL_ANSWERED, 5)])
    await ledger.ingest([an_event("e2", Happening.CALL_ANSWERED, 5), an_event("e3", Happening.CALL_ENDED, 65)])
    first = await ledger.outbox(2)
    assert await waiting(ledger, 2) == ["e1", "e2"]
    await ledger.sent([one.id for one in first])
    again = await open_ledger()
    again.forward_events()
    assert await waiting(again) == ["e3"], "a new owner sends what the old one has not"
    await again.ingest([an_event("e4", Happening.CALL_STARTED, 90, subject="call-2")])
    assert await waiting(again) == ["e3", "e4"]
    await again.sent([one.id for one in await again.outbox(9)])
    assert await waiting(again) == []


async def test_an_event_is_told_as_a_cloud_event_without_anybody_elses_number_or_words(ledger: Ledger) -> None:
    ledger.forward_events()
    pick = await picked(ledger, an_ask(key="k"))
    written = {"peer": PEER, "text": "call me", "direction": Direction.INBOUND, "subject": "m7"}
    await ledger.ingest([an_event("m1", Happening.MESSAGE_RECEIVED, **written)])
    await ledger.ingest([an_event("c1", Happening.CALL_STARTED, peer=PEER, pick=pick.id)])
    await ledger.ingest([an_event("l1", Happening.NUMBER_LABELLED, label="Spam Likely", subject="")])
    told = [json.loads(one.entry) for one in await ledger.outbox(9)]
    same = {"specversion": "1.0", "datacontenttype": "application/json", "time": "2026-11-24T12:00:00Z"}
    same |= {"source": "/ringfleet/accounts/shop/sandbox", "subject": a_number(1)}
    data = {"account": "shop/sandbox", "number": a_number(1)}
    assert told == [
        same
        | {"id": "m1", "type": "dev.ringfleet.message.received"}
        | {"data": data | {"direction": "inbound", "contact": "m7"}},
        same
        | {"id": "c1", "type": "dev.ringfleet.call.started"}
        | {"data": data | {"direction": "outbound", "contact": "call-1", "pick": pick.id}},
        same | {"id": "l1", "type": "dev.ringfleet.number.labelled"} | {"data": data | {"label": "Spam Likely"}},
    ]
    assert PEER not in json.dumps(told)


async def test_whoever_waits_for_an_event_hears_when_it_comes(ledger: Ledger) -> None:
    ledger.forward_events()
    before = ledger.posted
    assert await ledger.outbox(9) == ()
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED)])
    await ledger.outbox_fills(before, 3600)
    assert await waiting(ledger) == ["e1"]


async def test_what_nobody_takes_is_forgotten_after_a_week(ledger: Ledger) -> None:
    ledger.forward_events()
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED), an_event("e2", Happening.CALL_ENDED, 2 * DAY)])
    await ledger.prune(NOON + 8 * DAY, NOON)
    assert await waiting(ledger) == ["e2"]


async def test_letters_wait_in_a_queue_for_each_target_beside_the_events(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    ledger.forward_events()
    await ledger.ingest([an_event("e1", Happening.CALL_STARTED)])
    here, there = "http://here/sms", "http://there/sms"
    await ledger.post([Letter(here, b"1"), Letter(there, b"2"), Letter(here, b"3")], NOON)
    again = await open_ledger()
    assert await again.targets() == {ANALYTICS, here, there}
    assert [(one.entry, one.at) for one in await again.outbox(9, here)] == [(b"1", NOON), (b"3", NOON)]
    assert [one.entry for one in await again.outbox(1, there)] == [b"2"]
    assert await waiting(again) == ["e1"]
    await again.sent([one.id for one in await again.outbox(9, here)])
    assert await again.targets() == {ANALYTICS, there}


async def test_a_letter_goes_with_the_person_whose_words_it_has(open_ledger: OpenLedger) -> None:
    ledger, here = await open_ledger(), "http://here/sms"
    ann, old, bob = somebody("ann"), somebody("ann-under-the-old-key"), somebody("bob")
    letters = [Letter(here, b"1", ann), Letter(here, b"2", bob), Letter(here, b"3"), Letter(here, b"4", old)]
    await ledger.post(letters, NOON)
    again = await open_ledger()
    assert (await again.recall([ann, old])).letters == ((here, NOON), (here, NOON))
    assert await again.erase([ann, old]) == 2
    assert [one.entry for one in await again.outbox(9, here)] == [b"2", b"3"]
    assert (await again.recall([ann, old])).letters == ()


async def test_a_letter_wakes_whoever_waits_and_is_forgotten_after_a_week(ledger: Ledger) -> None:
    before = ledger.posted
    await ledger.post([Letter("http://here/sms", b"1")], NOON)
    await ledger.outbox_fills(before, 3600)
    await ledger.prune(NOON + 6 * DAY, NOON)
    assert await ledger.targets() == {"http://here/sms"}
    await ledger.prune(NOON + 8 * DAY, NOON)
    assert await ledger.targets() == frozenset()
