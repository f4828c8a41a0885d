"""Detail records at the Telnyx face, and the message that one of them is about.

`today` begins at midnight, UTC; `last_N_days` are the whole days before it. A call has its record when it has ended, a
message at once; a message is looked up for ten days.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from ringfleet.simulator.clock import DAY, format_time
from ringfleet.simulator.errors import invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.telnyx.webhooks import leg_id, message_uuid, session_id
from ringfleet.simulator.faces.telnyx.wire import V2, Json, filters, missing, paged, user_id
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.traffic.history import Contact
from ringfleet.simulator.traffic.notifications import call_id, message_id

LONGEST_PAGE: Final = 50
_LOOKED_UP: Final = 10 * DAY
_RANGE: Final = re.compile(r"last_([1-9][0-9]{0,2})_days")


def detail_records(exchange: Exchange, asked: Asked) -> Answer:
    wanted, account = filters(asked), asked.customer.account.id
    kind, now = wanted.pop(("record_type",), None), exchange.clock.now()
    since, until = _range(wanted.pop(("date_range",), None), now)
    direction = wanted.pop(("direction",), None)
    if kind == "messaging" and not wanted:
        found = exchange.history.newest(account, "message", since, until)
        rows = [one for one in found if direction in (None, _direction(one))]
        return paged(asked, rows, lambda one: _message_record(asked, one), longest=LONGEST_PAGE)
    if kind in ("sip-trunking", "call-control") and not wanted:
        calls = exchange.history.newest(account, "call", since, until) if kind == "sip-trunking" else []
        ended = [one for one in calls if one.ended_at <= now and direction in (None, _direction(one))]
        return paged(asked, ended, lambda one: _call_record(asked, one), longest=LONGEST_PAGE)
    raise invalid("filter", "record_type is none that is kept here, or has no such field")


def message(exchange: Exchange, asked: Asked) -> Answer:
    account, since = asked.customer.account.id, exchange.clock.now() - _LOOKED_UP
    found = exchange.history.newest(account, "message", since)
    one = next((one for one in found if message_uuid(message_id(one.id)) == asked.path["id"]), None)
    if one is None:
        raise missing(asked)
    return Answer(200, {"data": _message(one)})


def _range(text: str | None, now: float) -> tuple[float, float | None]:
    """From when, and until when; None: until now."""
    midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if text is None:
        return 0.0, None
    if text == "today":
        return midnight.timestamp(), None
    days = _RANGE.fullmatch(text)
    if days is None:
        raise invalid("filter[date_range]", f"{text!r} is no range")
    return (midnight - timedelta(days=int(days[1]))).timestamp(), midnight.timestamp()


def _direction(one: Contact) -> str:
    return "outbound" if one.outbound else "inbound"


def _parties(one: Contact) -> tuple[str, str]:
    return (one.number, one.peer) if one.outbound else (one.peer, one.number)


def _message_record(asked: Asked, one: Contact) -> Json:
    cli, cld = _parties(one)
    return {
        "record_type": "message_detail_record",
        "uuid": message_uuid(message_id(one.id)),
        "user_id": user_id(asked.customer.account.id),
        "direction": _direction(one),
        "cli": cli,
        "cld": cld,
        "message_type": "SMS",
        "parts": 1,
        "status": ("delivered" if one.ok else "failed") if one.outbound else "received",
        "currency": asked.customer.account.currency,
        "created_at": format_time(one.at),
        "sent_at": format_time(one.at),
        "updated_at": format_time(one.at),
        "errors": [],
    }


def _call_record(asked: Asked, one: Contact) -> Json:
    cli, cld = _parties(one)
    return {
        "record_type": "sip-trunking",
        "id": leg_id(call_id(one.id)),
        "call_leg_id": leg_id(call_id(one.id)),
        "call_session_id": session_id(call_id(one.id)),
        "user_id": user_id(asked.customer.account.id),
        "direction": _direction(one),
        "cli": cli,
        "cld": cld,
        "call_sec": one.seconds,
        "started_at": format_time(one.at),
        "answered_at": None if one.answered_at is None else format_time(one.answered_at),
        "finished_at": format_time(one.ended_at),
        "currency": asked.customer.account.currency,
    }


def _message(one: Contact) -> Json:
    from_, to = _parties(one)
    return {
        "record_type": "message",
        "id": message_uuid(message_id(one.id)),
        "direction": _direction(one),
        "type": "SMS",
        "from": {"phone_number": from_, "carrier": "", "line_type": "Wireless"},
        "to": [{"phone_number": to, "status": "delivered", "carrier": "", "line_type": "Wireless"}],
        "text": one.text or "",
        "media": [],
        "received_at": format_time(one.at),
    }


ROUTES: Final = (
    ("GET", f"{V2}/detail_records", Operation.CALLS_LIST, detail_records),
    ("GET", f"{V2}/messages/{{id}}", Operation.MESSAGE_GET, message),
)
