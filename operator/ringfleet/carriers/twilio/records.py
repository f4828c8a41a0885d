"""What Twilio lists of an account's messages and calls.

Both lists come newest first. Their filters by time are documented for days, and Twilio's own library sends moments:
what is older than asked for is left out, and the pages end with the first whose last row is. A message that comes in is
told by one webhook, which is not repeated; a number can't be set to report the calls that are made from it. A record
has no moment of the answer: who was talked to for so many seconds was reached so many seconds before the end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Container
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final

from ringfleet.carriers.detail_records import Record, is_past, page_of
from ringfleet.carriers.json_fields import Fields, number_in, read_rows
from ringfleet.carriers.traffic_events import call_ended, message_received
from ringfleet.carriers.twilio.api import Api
from ringfleet.carriers.twilio.webhook import CALLS
from ringfleet.carriers.twilio.wire import mail_time
from ringfleet.model.traffic import Direction, Happening, RecordsPage

CIRCUIT: Final = "records"
_INBOUND: Final = frozenset({"inbound", "trunking-originating"})
"""To Twilio, calls from the telephone network originate on a trunk, and those from a PBX terminate there."""
_COMING: Final = "receiving"
_REACHED: Final = "completed"


class Records:
    """See `DetailRecords`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def messages(self, since: datetime, known: Container[str] = ()) -> AsyncIterator[RecordsPage]:
        return self._pages("messages", "DateSent>", _message, since, known)

    def calls(self, since: datetime, known: Container[str] = ()) -> AsyncIterator[RecordsPage]:
        return self._pages("calls", "StartTime>", _call, since, known)

    async def _pages(
        self, what: str, filter_: str, parse: Callable[[object], Record], since: datetime, known: Container[str]
    ) -> AsyncIterator[RecordsPage]:
        """`filter_`: `>` is a part of its name, and `>=` what it means."""
        params = {filter_: f"{since:%Y-%m-%dT%H:%M:%SZ}"}
        path = self._api.of_account(f"/{what.title()}.json")
        async with aclosing(self._api.pages("api", path, what, params, CIRCUIT)) as pages:
            async for rows in pages:
                records, unreadable = read_rows(rows, parse)
                yield page_of(records, len(unreadable), since, known)
                if is_past(records, since):
                    return


def _message(json: object) -> Record:
    row = Fields(json, "message")
    began = mail_time(row, "date_sent") or _created(row)
    if row.text("direction") != "inbound":
        return Record(began, ())
    if row.maybe_text("status") == _COMING:
        return Record(began, None)
    number, sender, text = row.number("to"), row.maybe_text("from"), row.maybe_text("body")
    return Record(began, (message_received(row.text("sid"), began, number, sender, text),))


def _call(json: object) -> Record:
    """A call of whom has no number on our side, as a browser has none, says nothing of any."""
    row = Fields(json, "call")
    status, began = row.text("status"), mail_time(row, "start_time") or _created(row)
    if CALLS.get(status) is not Happening.CALL_ENDED:
        return Record(began, None)
    direction = Direction.INBOUND if row.text("direction") in _INBOUND else Direction.OUTBOUND
    ours, other = ("to", "from") if direction is Direction.INBOUND else ("from", "to")
    number, sid = number_in(row, ours), row.text("sid")
    if number is None:
        return Record(began, ())
    ended = max(began, mail_time(row, "end_time") or began)
    answered = max(began, ended - timedelta(seconds=_seconds(row))) if status == _REACHED else None
    peer = row.maybe_text(other)
    return Record(began, call_ended(sid, number, direction, peer, began=began, answered=answered, ended=ended))


def _seconds(row: Fields) -> int:
    text = row.maybe_text("duration") or "0"
    if not (text.isascii() and text.isdigit()):
        raise row.wrong("duration", "seconds as text")
    return int(text)


def _created(row: Fields) -> datetime:
    created = mail_time(row, "date_created")
    if created is None:
        raise row.wrong("date_created", "a time such as Thu, 30 Jul 2015 23:19:04 +0000")
    return created
