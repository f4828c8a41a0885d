"""The part of the control endpoint that is about traffic and webhooks; what each does is in the table of `control`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from ringfleet.simulator.clock import DAY, format_time
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.webhook_sender import Courier
from ringfleet.simulator.selling.holdings import Holding
from ringfleet.simulator.traffic.notifications import Attempt, call_id, message_id
from ringfleet.simulator.traffic.traffic import Outcome

Json = dict[str, Any]
Act = Callable[[Fields, Fields], object]

_LONGEST_WAIT: Final = 60.0
_HOUR: Final = 3600


class TrafficControl:
    def __init__(self, exchange: Exchange, courier: Courier, faces: tuple[str, ...]) -> None:
        self._exchange = exchange
        self._courier = courier
        self._faces = faces

    def table(self) -> list[tuple[str, str, Act]]:
        return [
            ("POST", "traffic/calls", self.calls),
            ("POST", "traffic/messages", self.messages),
            ("POST", "traffic/inbound", self.inbound),
            ("GET", "traffic/numbers", self.numbers),
            ("POST", "webhooks", self.put_webhook),
        ]

    def calls(self, body: Fields, _query: Fields) -> object:
        account = self._exchange.accounts.find(body.required_text("account")).id
        outcomes = [self._exchange.traffic.call(account, attempt) for attempt in self._attempts(body, "calls")]
        return {"calls": [_call(outcome) for outcome in outcomes]}

    def messages(self, body: Fields, _query: Fields) -> object:
        account = self._exchange.accounts.find(body.required_text("account")).id
        outcomes = [self._exchange.traffic.message(account, attempt) for attempt in self._attempts(body, "messages")]
        return {"messages": [_message(outcome, "delivered") for outcome in outcomes]}

    def inbound(self, body: Fields, _query: Fields) -> object:
        kind = body.required_choice("kind", ("call", "message"))
        from_, to = body.required_text("from"), body.required_text("to")
        attempt = Attempt(to, from_, self._at(body), text=body.text("text"))
        if kind == "call":
            return _call(self._exchange.traffic.receive_call(attempt), inbound=True)
        return _message(self._exchange.traffic.receive_message(attempt), "received", inbound=True)

    def numbers(self, _body: Fields, query: Fields) -> object:
        """By default since midnight, UTC."""
        now, account = self._exchange.clock.now(), query.text("account")
        since = _time(query, "since", now - now % DAY)
        held = [one for one in self._exchange.holdings.everyone() if account in (None, one.account)]
        return [self._number(one, since, now) for one in held]

    def put_webhook(self, body: Fields, _query: Fields) -> object:
        account = self._exchange.accounts.find(body.required_text("account")).id
        url = body.text("url")
        if url is None:
            self._exchange.webhooks.remove(account)
            return {"account": account, "url": None}
        face = body.choice("face", self._faces) or self._faces[0]
        webhook = self._exchange.webhooks.put(account, url, body.required_text("secret"), face)
        return {"account": account, "url": webhook.url}

    async def pending(self, query: Fields) -> Json:
        """Not a turn at the exchange: it may wait."""
        account = query.text("account")
        wait = query.integer("wait", 0, int(_LONGEST_WAIT)) or 0
        return asdict(await self._courier.all_told(wait, account)) | {"failures": self._courier.failures}

    def _attempts(self, body: Fields, field: str) -> Iterator[Attempt]:
        listed = body.any(field)
        if not isinstance(listed, list):
            raise BadField(field, "is a list")
        for one in listed:
            fields = Fields(one, field)
            from_, to = fields.required_text("from"), fields.required_text("to")
            yield Attempt(from_, to, self._at(fields), fields.text("pick"), fields.text("text"))

    def _at(self, fields: Fields) -> float:
        return _time(fields, "at", self._exchange.clock.now())

    def _number(self, held: Holding, since: float, now: float) -> Json:
        rows = self._exchange.store.rows(
            "SELECT CAST(at AS INTEGER) / ?1, count(*), sum(answered) FROM traffic "
            "WHERE number = ?2 AND kind = 'call' AND outbound AND at >= ?3 GROUP BY 1 ORDER BY 1",
            _HOUR,
            held.number,
            since,
        )
        label = self._exchange.labels.of(held.number)
        return {
            "number": held.number,
            "account": held.account,
            "calls": sum(calls for _, calls, _ in rows),
            "answered": sum(answered for _, _, answered in rows),
            "velocity": self._exchange.traffic.velocity(held.number, now),
            "label": label.label if label else None,
            "labelled_at": format_time(label.since) if label else None,
            "attestation": held.attestation,
            "hours": [
                {"hour": format_time(hour * _HOUR), "calls": calls, "answered": answered}
                for hour, calls, answered in rows
            ],
        }


def _time(fields: Fields, field: str, default: float) -> float:
    text = fields.text(field)
    if text is None:
        return default
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadField(field, f"{text!r} is not an RFC 3339 time") from error
    return at.replace(tzinfo=at.tzinfo or UTC).timestamp()


def _call(outcome: Outcome, inbound: bool = False) -> Json:
    told = _message(outcome, "answered", inbound)
    return told | {"id": call_id(outcome.id) if outcome.id else None, "seconds": outcome.seconds}


def _message(outcome: Outcome, word: str, inbound: bool = False) -> Json:
    ours, theirs = ("to", "from") if inbound else ("from", "to")
    return {
        "id": message_id(outcome.id) if outcome.id else None,
        ours: outcome.attempt.number,
        theirs: outcome.attempt.peer,
        word: outcome.ok,
        "refused": outcome.refusal,
        "velocity": outcome.velocity,
        "label": outcome.label,
        "attestation": outcome.attestation,
    }
