"""What the operator has read of carriers' detail records: who may tell it, and that it counts as webhooks do, once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ringfleet.dispatch.auth import Act
from ringfleet.dispatch.ledger.types import Heard
from ringfleet.model.traffic import CarrierEvent, Direction, Happening
from ringfleet.plan.rotation_set.guardrails import everywhere_in
from tests.controllers.rig import HERE
from tests.dispatch.test_numbers import AT, Office, office
from tests.plan.builders import digits

__all__ = ["office"]
PATH = f"/v1/namespaces/{HERE}/carrieraccounts/main/events"
PEER = "+12125550123"
EVERYWHERE = everywhere_in(HERE)


def a_message(text: str = "STOP", id_: str = "SM1:message.received", **changes: Any) -> dict[str, Any]:
    told = {"id": id_, "happening": "message.received", "at": AT.isoformat(), "number": digits(1), "subject": "SM1"}
    return told | {"direction": "inbound", "peer": PEER, "text": text} | changes


async def tell(office: Office, *events: dict[str, Any]) -> httpx.Response:
    return await office.client.post(PATH, json={"events": events})


async def told(office: Office, *events: dict[str, Any]) -> dict[str, int]:
    reply = await tell(office, *events)
    assert reply.status_code == 200, reply.text
    counts: dict[str, int] = reply.json()
    return {word: count for word, count in counts.items() if count}


async def opted_out(office: Office) -> int:
    """How many people have opted out, of the namespace or of the brands of its sets."""
    kept = 0
    for scope in (EVERYWHERE, f"brand:{HERE}/acme", f"set:{HERE}/calls"):
        kept += len(await office.ledger.suppressions(scope))
    return kept


async def test_a_stop_that_no_webhook_has_told_is_kept_once(office: Office) -> None:
    assert await told(office, a_message()) == {"counted": 1}
    assert await opted_out(office) == 1
    assert await told(office, a_message()) == {"known": 1}
    assert await opted_out(office) == 1
    (number,) = (await office.ask())["numbers"]
    assert number["month"]["received"] == 1
    assert office.door.asked[0] == Act("create", "events", HERE, "main", "carrieraccounts")


async def test_what_a_webhook_has_told_already_is_known(office: Office) -> None:
    event = CarrierEvent(
        "SM1:message.received", Happening.MESSAGE_RECEIVED, AT, digits(1), "SM1", Direction.INBOUND, text="STOP"
    )
    await office.ledger.ingest([Heard(f"{HERE}/main", event)])
    assert await told(office, a_message()) == {"known": 1}


async def test_in_one_batch_the_last_word_holds(office: Office) -> None:
    batch = (
        a_message("STOP", "SM1", at=AT.isoformat()),
        a_message("START", "SM2", at=AT.replace(minute=40).isoformat()),
    )
    assert await told(office, *batch) == {"counted": 2}
    assert await opted_out(office) == 0
    assert await told(office, a_message("STOP", "SM3", at=AT.replace(minute=50).isoformat())) == {"counted": 1}
    assert await opted_out(office) == 1


async def test_a_call_counts_with_its_answer(office: Office) -> None:
    call = {"number": digits(1), "subject": "CA1", "direction": "outbound", "peer": PEER, "at": AT.isoformat()}
    moments = [call | {"id": f"CA1:{one}", "happening": one} for one in ("call.started", "call.answered", "call.ended")]
    assert await told(office, *moments, *moments[:1]) == {"counted": 3, "known": 1}
    (number,) = (await office.ask())["numbers"]
    assert (number["month"]["calls"], number["month"]["answered"]) == (1, 1)


async def test_an_event_that_will_never_be_taken_holds_up_no_other(office: Office) -> None:
    nobody = a_message("STOP", "SM1", peer=None)
    tomorrow = a_message("hello", "SM2", at=AT.replace(day=28).isoformat())
    assert await told(office, nobody, tomorrow, a_message("STOP", "SM3")) == {"counted": 1, "refused": 2}
    assert await opted_out(office) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"happening": "message.read"},
        {"at": "2026-11-24T17:30:00"},
        {"number": "4155550100"},
        {"direction": "sideways"},
        {"id": ""},
        {"label": "Spam"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_what_is_not_an_event_is_refused_whole(office: Office, wrong: dict[str, Any]) -> None:
    reply = await tell(office, a_message(), a_message("STOP", "SM2") | wrong)
    assert reply.status_code == 400
    assert PEER not in reply.text
    assert await opted_out(office) == 0


async def test_more_than_500_events_are_too_many(office: Office) -> None:
    reply = await tell(office, *(a_message("hello", f"SM{n}") for n in range(501)))
    assert reply.status_code == 400
