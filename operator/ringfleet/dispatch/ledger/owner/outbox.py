"""What carriers have told, on its way to somebody else: in a queue for each target, from which it goes when it arrived.

An event for the user's analytics is put down in the group that counts it, so none is lost. It is written as a
CloudEvent, and tells of our own numbers only: the other side's number and a message's text are nobody's business there.
A letter is a carrier's request as it came, for the program that the carrier would have called without us.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC

import msgspec

from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.tables import OUTBOX
from ringfleet.dispatch.ledger.types import ANALYTICS, Heard, Letter
from ringfleet.model.traffic import Happening

_OF_A_NUMBER = frozenset({Happening.NUMBER_LABELLED, Happening.NUMBER_CLEARED})
_encode = msgspec.json.Encoder().encode


def post(heard: Sequence[Heard], group: Group) -> None:
    """Put the events into the outbox, when they are forwarded at all."""
    if group.memory.forwards:
        for one in heard:
            _put(ANALYTICS, write_event(one), one.event.at.timestamp(), b"", group)


def post_letters(letters: Sequence[Letter], at: float, group: Group) -> int:
    """Put the letters into the outbox; returns how many there were."""
    for one in letters:
        _put(one.target, one.entry, at, one.recipient, group)
    return len(letters)


def _put(target: str, entry: bytes, at: float, recipient: bytes, group: Group) -> None:
    id_ = group.memory.marks["outbox"] + 1
    group.undo.put(group.memory.marks, "outbox", id_)
    group.changes.put(OUTBOX, (id_,), (id_, at, entry, target, recipient))


def take_out(ids: Iterable[int], group: Group) -> None:
    """They have arrived."""
    for id_ in ids:
        group.changes.drop(OUTBOX, (id_,))


def letters_of(hashes: Collection[bytes], group: Group) -> dict[int, tuple[str, float]]:
    """By id, what waits of the words of a recipient: for which URL, and when it came. Those of this very group too."""
    found = dict(group.letters)
    for id_, at, _, target, recipient in group.changes.rows.get(OUTBOX, {}).values():
        if recipient in hashes:
            found[id_] = (target, at)
    return found


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
