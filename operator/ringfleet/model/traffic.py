"""The nouns of traffic: what a carrier tells of calls and messages while they happen.

Beside `model/__init__.py`, under the same law: frozen values, the standard library only. Numbers of third parties are
personal data: they are kept out of every repr, and nothing here ever prints them.
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
    """One event of a carrier account."""

    id: str
    """The carrier's id of the event: the same id is the same event, however often it arrives."""
    happening: Happening
    """What happened."""
    at: datetime
    """When it happened, by the carrier's clock."""
    number: E164
    """The number of ours that the event is about."""
    subject: str = ""
    """The carrier's id of the call or message, by which its events belong together; empty for events of a number."""
    direction: Direction = Direction.OUTBOUND
    """Whether our number was the caller or sender, or the called or receiving side."""
    peer: E164 | None = field(default=None, repr=False)
    """The other side's number, which is personal data; None for events of a number, and for who withholds it or has
    none that can be read, such as a short code."""
    label: str | None = None
    """What a NUMBER_LABELLED event shows for the number, such as `Spam Likely`; None for every other event."""
    text: str | None = field(default=None, repr=False)
    """What a MESSAGE_RECEIVED event brought, which is personal data; None for every other event."""
    pick: str | None = None
    """The id of the dispatcher's answer that the contact used; None when the caller did not pass the id on to the
    carrier."""
    undirected: bool = False
    """True: the carrier does not say which side is ours. `number` is the calling side, and `peer` the called one."""
    streamed: bool = False
    """True: the carrier tells it of every number of the account, whoever uses it."""


@dataclass(frozen=True, slots=True)
class RecordsPage:
    """One page of a carrier's detail records: what the numbers of an account were used for."""

    events: tuple[CarrierEvent, ...] = ()
    """What the records say, as the events that a webhook would have told, under the same ids."""
    unfinished: datetime | None = None
    """When the earliest of those calls and messages on the page began whose end is not known yet; None: all have
    ended."""
    unreadable: int = 0
    """How many records can't be read, such as those of a short code."""
