"""The nouns of traffic: what a carrier tells of calls and messages while they happen.

Beside `model.py`, under the same law: frozen values, the standard library only. Numbers of third parties are personal
data: they are kept out of every repr, and nothing here ever prints them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ringfleet.model import E164


class Happening(StrEnum):
    """What happened. The events of one call or message come in any order, late, and more than once."""

    CALL_STARTED = "call.started"
    CALL_ANSWERED = "call.answered"
    CALL_ENDED = "call.ended"
    MESSAGE_SENT = "message.sent"
    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_FAILED = "message.failed"
    MESSAGE_RECEIVED = "message.received"
    NUMBER_LABELLED = "number.labelled"
    NUMBER_CLEARED = "number.cleared"


class Direction(StrEnum):
    """As the number of ours sees it."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


@dataclass(frozen=True, slots=True)
class CarrierEvent:
    """One event of a carrier account. `id` is the carrier's: the same id is the same event.

    `number` is ours, `peer` the other side's. `subject` is the carrier's id of the call or message, by which its events
    belong together; empty for events of a number. `label`: of NUMBER_LABELLED, such as "Spam Likely". `text`: of
    MESSAGE_RECEIVED. `pick`: the id of the dispatcher's answer, where the caller has passed it on to the carrier.
    """

    id: str
    happening: Happening
    at: datetime
    number: E164
    subject: str = ""
    direction: Direction = Direction.OUTBOUND
    peer: E164 | None = field(default=None, repr=False)
    label: str | None = None
    text: str | None = field(default=None, repr=False)
    pick: str | None = None
