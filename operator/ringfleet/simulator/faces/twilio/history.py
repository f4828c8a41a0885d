"""Messages and calls at the Twilio face, the newest first. Their filters by time go by whole days, UTC, as documented,
whatever moment they name. While a call rings or goes on it has no end; one that nobody has answered never has one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.webhooks import contact_sid
from ringfleet.simulator.faces.twilio.wire import (
    API,
    Json,
    account_of,
    account_sid,
    mail_time,
    page_size,
    page_token,
    v2010_page,
)
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.traffic.history import Contact
from ringfleet.simulator.traffic.notifications import call_id, message_id

_DELIVERY: Final = 3.0


def messages(exchange: Exchange, asked: Asked) -> Answer:
    found = exchange.history.newest(account_of(asked), "message", *_days(asked, "DateSent"))
    return _page(asked, "messages", "Messages", _between(asked, found), lambda one: _message(asked, one))


def calls(exchange: Exchange, asked: Asked) -> Answer:
    now = exchange.clock.now()
    found = exchange.history.newest(account_of(asked), "call", *_days(asked, "StartTime"))
    rows = [one for one in _between(asked, found) if asked.query.get("Status") in (None, _state(one, now))]
    return _page(asked, "calls", "Calls", rows, lambda one: _call(asked, one, now))


def _days(asked: Asked, field: str) -> tuple[float, float | None]:
    """From when, and until when; None: until now."""
    query, day = asked.query, timedelta(days=1)
    only, since, until = (_day(query.get(name), name) for name in (field, f"{field}>", f"{field}<"))
    first, last = only or since, only or until
    return first.timestamp() if first else 0.0, (last + day).timestamp() if last else None


def _day(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text[:10]).replace(tzinfo=UTC)
    except ValueError as error:
        raise BadField(name, f"{text!r} is no date such as 2026-01-01") from error


def _between(asked: Asked, found: Sequence[Contact]) -> list[Contact]:
    from_, to = asked.query.get("From"), asked.query.get("To")
    return [one for one in found if from_ in (None, _parties(one)[0]) and to in (None, _parties(one)[1])]


def _parties(one: Contact) -> tuple[str, str]:
    return (one.number, one.peer) if one.outbound else (one.peer, one.number)


def _page(asked: Asked, key: str, path: str, found: Sequence[Contact], row: Callable[[Contact], Json]) -> Answer:
    """The token of a page says how many are before it: what comes meanwhile moves rows on, so that some come twice."""
    query = Fields(asked.query, "query")
    start, end = page_token(query), page_token(query) + page_size(query)
    url = f"/2010-04-01/Accounts/{account_sid(asked.customer.account.id)}/{path}.json"
    return v2010_page(asked, key, url, [row(one) for one in found[start:end]], end if len(found) > end else None)


def _message(asked: Asked, one: Contact) -> Json:
    sid, (from_, to) = contact_sid("SM", message_id(one.id)), _parties(one)
    path = _path(asked, "Messages", sid)
    return {
        "sid": sid,
        "account_sid": account_sid(asked.customer.account.id),
        "messaging_service_sid": None,
        "api_version": "2010-04-01",
        "direction": "outbound-api" if one.outbound else "inbound",
        "status": ("delivered" if one.ok else "undelivered") if one.outbound else "received",
        "from": from_,
        "to": to,
        "body": one.text or "",
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": asked.customer.account.currency,
        "error_code": None if one.ok else 30005,
        "error_message": None if one.ok else "Unknown destination handset",
        "date_created": mail_time(one.at),
        "date_sent": mail_time(one.at),
        "date_updated": mail_time(one.at + (_DELIVERY if one.outbound else 0)),
        "uri": f"{path}.json",
        "subresource_uris": {"media": f"{path}/Media.json", "feedback": f"{path}/Feedback.json"},
    }


def _call(asked: Asked, one: Contact, now: float) -> Json:
    sid, (from_, to), state = contact_sid("CA", call_id(one.id)), _parties(one), _state(one, now)
    path = _path(asked, "Calls", sid)
    return {
        "sid": sid,
        "account_sid": account_sid(asked.customer.account.id),
        "api_version": "2010-04-01",
        "direction": "outbound-api" if one.outbound else "inbound",
        "status": state,
        "from": from_,
        "from_formatted": from_,
        "to": to,
        "to_formatted": to,
        "start_time": mail_time(one.at),
        "end_time": mail_time(one.ended_at) if state == "completed" else None,
        "duration": str(one.seconds) if state == "completed" else None,
        "date_created": mail_time(one.at),
        "date_updated": mail_time(min(now, one.ended_at)),
        "price": None,
        "price_unit": asked.customer.account.currency,
        "answered_by": None,
        "stir_verstat": None,
        "caller_name": None,
        "forwarded_from": None,
        "group_sid": None,
        "parent_call_sid": None,
        "phone_number_sid": "",
        "queue_time": "0",
        "trunk_sid": None,
        "uri": f"{path}.json",
        "subresource_uris": {"recordings": f"{path}/Recordings.json", "events": f"{path}/Events.json"},
    }


def _state(one: Contact, now: float) -> str:
    if now < one.at + one.rings:
        return "ringing"
    if not one.seconds:
        return "no-answer"
    return "completed" if now >= one.ended_at else "in-progress"


def _path(asked: Asked, what: str, sid: str) -> str:
    return f"/2010-04-01/Accounts/{account_sid(asked.customer.account.id)}/{what}/{sid}"


ROUTES: Final = (
    ("GET", f"{API}/Messages.json", Operation.MESSAGES_LIST, messages),
    ("GET", f"{API}/Calls.json", Operation.CALLS_LIST, calls),
)
