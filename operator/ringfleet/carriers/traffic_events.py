"""Calls and messages as events, alike for every carrier: whoever counts each id once may be told by a webhook, a stream
and a record of the same thing."""

from __future__ import annotations

from datetime import datetime

from ringfleet.model import E164
from ringfleet.model.senders import read_sender
from ringfleet.model.traffic import CarrierEvent, Direction, Happening


def event_id(subject: str, happening: Happening) -> str:
    """The id of what has happened to a call, a call's leg or a message, by the carrier's own id of that."""
    return f"{subject}:{happening.value}"


def message_received(id_: str, at: datetime, number: E164, sender: str | None, text: str | None = None) -> CarrierEvent:
    """A message to `number`, from whoever the carrier calls so."""
    return CarrierEvent(
        id=event_id(id_, Happening.MESSAGE_RECEIVED),
        happening=Happening.MESSAGE_RECEIVED,
        at=at,
        number=number,
        subject=id_,
        direction=Direction.INBOUND,
        peer=read_sender(sender or "", number),
        text=text,
    )


def call_ended(
    id_: str,
    number: E164,
    direction: Direction,
    other: str | None,
    *,
    began: datetime,
    answered: datetime | None,
    ended: datetime,
) -> tuple[CarrierEvent, ...]:
    """A call that is over, from its beginning on. `answered`: None, nobody did."""
    moments = {Happening.CALL_STARTED: began, Happening.CALL_ENDED: ended}
    if answered is not None:
        moments[Happening.CALL_ANSWERED] = answered
    peer = read_sender(other or "", number)
    return tuple(
        CarrierEvent(event_id(id_, happening), happening, at, number, id_, direction, peer)
        for happening, at in moments.items()
    )
