"""Detail records: what an account's numbers were used for, as its carrier lists it afterwards. The protocol that
adapters implement beside `Carrier`, where the carrier has such lists.

A record is read as the events that the carrier's webhook would have told of the same call or message, under the same
ids: whoever counts each id once may be told by both. That heals what a webhook has lost, and it is all that is known of
calls which no webhook tells of, because another program makes them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ringfleet.model.traffic import CarrierEvent, RecordsPage


class DetailRecords(Protocol):
    """One account's. Events whose ids are in `known` are left out. Both raise CarrierError; each page stands by itself,
    so what was read before counts."""

    def messages(self, since: datetime, known: Container[str] = ()) -> AsyncIterator[RecordsPage]:
        """The messages that came in since then, page by page."""
        ...

    def calls(self, since: datetime, known: Container[str] = ()) -> AsyncIterator[RecordsPage]:
        """The calls that began since then, either way, page by page: of those that have ended how they went."""
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """One call or message, as an adapter has read it."""

    began: datetime
    """When it began, or was sent."""
    events: tuple[CarrierEvent, ...] | None
    """What happened; empty: nothing that concerns us; None: it goes on, and its record is to be read again."""


def page_of(records: Sequence[Record], unreadable: int, since: datetime, known: Container[str]) -> RecordsPage:
    """What the records since then say."""
    fresh = [one for one in records if one.began >= since]
    events = tuple(event for one in fresh for event in one.events or () if event.id not in known)
    return RecordsPage(events, min((one.began for one in fresh if one.events is None), default=None), unreadable)


def is_past(records: Sequence[Record], since: datetime) -> bool:
    """Whether this page is the last that has any since then: the newest come first, and the last one here is older. A
    page in another order says nothing of those behind it."""
    began = [one.began for one in records]
    return bool(began) and began == sorted(began, reverse=True) and began[-1] < since
