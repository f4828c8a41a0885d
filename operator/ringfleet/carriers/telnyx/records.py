"""What Telnyx lists of an account's messages and calls: detail records.

A list is of one kind of record and of a range of days, `today` or `last_N_days`; whether the second has today in it is
nowhere said, so that both are read, each with its newest record first and no further than asked for. The record of a
message has its id and no text: each one that is new is looked up, which Telnyx does for ten days. Calls have two kinds,
those of SIP trunks and those of applications. Their fields are not typed in Telnyx' library, which names the times
only; the others are as Telnyx' page on the records of WebRTC calls shows them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Container, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from ringfleet.carriers.detail_records import Record, is_past, page_of
from ringfleet.carriers.errors import RequestRejected
from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields, number_in, read_rows
from ringfleet.carriers.telnyx import wire
from ringfleet.carriers.telnyx.listing import pages
from ringfleet.carriers.telnyx.webhook import DIRECTIONS
from ringfleet.carriers.traffic_events import call_ended, message_received
from ringfleet.model.traffic import CarrierEvent, Direction, RecordsPage

CIRCUIT: Final = "records"
LAG: Final = timedelta(minutes=15)
"""For how long a message may be listed that can't be looked up yet."""
PAGE: Final = 50
"""Rows of a page: the most that Telnyx gives of detail records."""
_RANGES: Final = ("today", "last_10_days")
_MESSAGES: Final = {"filter[record_type]": "messaging", "filter[direction]": "inbound", "sort": "-created_at"}
_CALLS: Final = tuple({"filter[record_type]": kind, "sort": "-started_at"} for kind in ("sip-trunking", "call-control"))
_LEGS: Final = ("call_leg_id", "telnyx_leg_id", "id")
"""The fields that may have the id of a call's leg, by which webhooks know it: the first that is there."""

log = structlog.get_logger(__name__)


class Records:
    """See `DetailRecords`. `name` is the account's, for the log."""

    def __init__(self, name: str, http: AccountClient) -> None:
        self._name = name
        self._http = http

    async def messages(self, since: datetime, known: Container[str] = ()) -> AsyncIterator[RecordsPage]:
        async for page in self._pages(_MESSAGES, _message, since, known):
            yield await self._looked_up(page)

    async def calls(self, since: datetime, known: Container[str] = ()) -> AsyncIterator[RecordsPage]:
        for wanted in _CALLS:
            async for page in self._pages(wanted, _call, since, known):
                yield page

    async def _pages(
        self, wanted: Mapping[str, str], parse: Callable[[object], Record], since: datetime, known: Container[str]
    ) -> AsyncGenerator[RecordsPage, None]:
        """One kind of record since then: today's, and those of the days before if today's do not reach so far."""
        seen = Seen(known)
        for days in _RANGES:
            asked = {**wanted, "filter[date_range]": days, "page[size]": str(PAGE)}
            async with aclosing(pages(self._http, "detail records", asked, CIRCUIT)) as found:
                async for page in found:
                    records, unreadable = read_rows(page.items("data"), parse, "cld")
                    told = page_of(records, len(unreadable), since, seen)
                    seen.ids.update(event.id for event in told.events)
                    yield told
                    if is_past(records, since):
                        return

    async def _looked_up(self, page: RecordsPage) -> RecordsPage:
        """The messages of a page with their texts. Of one that is not found: it will be, while it is young."""
        found = [await self._look_up(event) for event in page.events]
        missing = [event for event, told in zip(page.events, found, strict=True) if told is None]
        young = [event.at for event in missing if event.at > datetime.now(UTC) - LAG]
        unreadable = page.unreadable + len(missing) - len(young)
        return RecordsPage(tuple(filter(None, found)), min(young, default=None), unreadable)

    async def _look_up(self, event: CarrierEvent) -> CarrierEvent | None:
        """The message with its text; None: Telnyx does not know it, not yet or not any more."""
        call = Call("GET", wire.path("message", event.subject), circuit=CIRCUIT)
        try:
            told = Fields(await self._http.call(call), "message").inside("data")
        except RequestRejected as error:
            if error.code != wire.NOT_FOUND:
                raise
            log.warning("message not found", account=self._name, message_id=event.subject)
            return None
        return replace(event, text=told.maybe_text("text"))


@dataclass(slots=True)
class Seen:
    """The ids of events that were told before, or by an earlier page: a list moves on while it is read."""

    before: Container[str]
    ids: set[str] = field(default_factory=set)

    def __contains__(self, id_: object) -> bool:
        return id_ in self.ids or id_ in self.before


def _message(json: object) -> Record:
    row = Fields(json, "record")
    began = row.moment("created_at")
    if row.choice("direction", DIRECTIONS) is not Direction.INBOUND:
        return Record(began, ())
    number = row.number("cld")
    return Record(began, (message_received(row.text("uuid"), began, number, row.maybe_text("cli")),))


def _call(json: object) -> Record:
    """A record comes when the call has ended. One of a SIP account has no number on our side, and says nothing of
    any."""
    row = Fields(json, "record")
    began, direction = row.moment("started_at"), row.choice("direction", DIRECTIONS)
    ours, other = ("cld", "cli") if direction is Direction.INBOUND else ("cli", "cld")
    number, leg = number_in(row, ours), next((id_ for field in _LEGS if (id_ := row.maybe_text(field))), None)
    if number is None:
        return Record(began, ())
    if leg is None:
        raise row.wrong("id", "a text")
    answered, ended = row.maybe_moment("answered_at"), row.maybe_moment("finished_at")
    if ended is None:
        return Record(began, None)
    peer = row.maybe_text(other)
    return Record(began, call_ended(leg, number, direction, peer, began=began, answered=answered, ended=ended))
