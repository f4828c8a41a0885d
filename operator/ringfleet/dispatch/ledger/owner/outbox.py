"""Carriers' events on their way to somebody's analytics: put down in the group that counts them, so none is lost.

An event is written as a CloudEvent. It tells of our own numbers only: the other side's number and a message's text are
nobody's business there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC

import msgspec

from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.tables import OUTBOX
from ringfleet.dispatch.ledger.types import Heard
from ringfleet.model.traffic import Happening

_OF_A_NUMBER = frozenset({Happening.NUMBER_LABELLED, Happening.NUMBER_CLEARED})
_encode = msgspec.json.Encoder().encode


def post(heard: Sequence[Heard], group: Group) -> None:
    """Put the events into the outbox, when they are forwarded at all."""
    if not group.memory.forwards:
        return
    for one in heard:
        id_ = group.memory.marks["outbox"] + 1
        group.undo.put(group.memory.marks, "outbox", id_)
        group.changes.put(OUTBOX, (id_,), (id_, one.event.at.timestamp(), write_event(one)))


def take_out(ids: Iterable[int], group: Group) -> None:
    """They have arrived."""
    for id_ in ids:
        group.changes.drop(OUTBOX, (id_,))


def write_event(heard: Heard) -> bytes:
    """A CloudEvent 1.0 in JSON. With the same source and id it is the same event, however often it comes."""
    event = heard.event
    data = {"account": heard.account, "number": str(event.number)}
    if event.happening not in _OF_A_NUMBER:
        data |= {"direction": event.direction.value, "contact": event.subject}
    data |= {name: said for name, said in (("label", event.label), ("pick", event.pick)) if said is not None}
    return _encode(
        {
            "specversion": "1.0",
            "id": event.id,
            "source": f"/ringfleet/accounts/{heard.account}",
            "type": f"dev.ringfleet.{event.happening.value}",
            "subject": str(event.number),
            "time": event.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": data,
        }
    )
