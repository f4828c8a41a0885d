"""What the exchange tells its customers of: events, kept from the moment they happen until a customer has said yes.

An event is written in the transaction in which it happens, for each that its account has then: its one webhook, and
the sinks that it is streamed to. It is
*ripe* when the exchange's clock has come to it: a call that begins now tells of its end when it ends. `courier` carries
ripe ones out, as often as it must; `retry_at` is of the real clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ringfleet.simulator.clock import Clock
from ringfleet.simulator.faults.faults import Faults
from ringfleet.simulator.faults.rules import Fault, Operation
from ringfleet.simulator.store import Store

_RETRIES: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between the tries; the last goes on for ever."""
_WEBHOOK: Final = "SELECT account, url, secret, face, 0 FROM webhooks WHERE account = ?1"


@dataclass(frozen=True, slots=True)
class Webhook:
    """`secret` is what its face signs with; `face` the name of the wire face that tells the events. `sink`: the id of
    the sink that this is; 0: it is the account's webhook."""

    account: str
    url: str
    secret: str
    face: str
    sink: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """`number` is the account's; `data` what is to be told of it, which a wire face puts into its own words."""

    id: int
    account: str
    type: str
    number: str
    at: float
    data: Mapping[str, Any]
    attempts: int
    sink: int = 0
    """Where it is told: see `Webhook`."""


@dataclass(frozen=True, slots=True)
class Pending:
    """`ripe`: to be told now. `later`: of calls that go on. Both not told yet, or not known to be."""

    ripe: int
    later: int
    delivered: int


def _nobody() -> None:
    """Nobody waits for events."""


class Webhooks:
    """`wake` is called whenever there may be something to deliver."""

    def __init__(self, store: Store, clock: Clock, faults: Faults) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self.wake: Callable[[], None] = _nobody

    def put(self, account: str, url: str, secret: str, face: str) -> Webhook:
        """Tell the account's events there from now on, as that face does, those too that wait already."""
        self._store.write(
            "INSERT INTO webhooks VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET url = excluded.url, "
            "secret = excluded.secret, face = excluded.face",
            account,
            url,
            secret,
            face,
        )
        self._store.write("UPDATE events SET retry_at = 0 WHERE account = ? AND NOT delivered", account)
        self.wake()
        return Webhook(account, url, secret, face)

    def remove(self, account: str) -> None:
        """Nothing more is told, nor what waits."""
        self._store.write("DELETE FROM webhooks WHERE account = ?", account)
        self._store.write("DELETE FROM events WHERE account = ? AND sink = 0 AND NOT delivered", account)

    def get(self, account: str, sink: int = 0) -> Webhook | None:
        told = "SELECT account, url, secret, face, id FROM sinks WHERE account = ? AND id = ?"
        row = self._store.row(told if sink else f"{_WEBHOOK} AND ?2 = 0", account, sink)
        return None if row is None else Webhook(*row)

    def put_sink(self, webhook: Webhook) -> None:
        """Tell the account's events there too, from now on."""
        row = (webhook.sink, webhook.account, webhook.url, webhook.secret, webhook.face)
        self._store.write("INSERT OR REPLACE INTO sinks VALUES (?, ?, ?, ?, ?)", *row)

    def remove_sink(self, sink: int) -> None:
        """Nothing more is told there, nor what waits."""
        self._store.write("DELETE FROM sinks WHERE id = ?", sink)
        self._store.write("DELETE FROM events WHERE sink = ? AND NOT delivered", sink)

    def queue(self, account: str, type_: str, number: str, at: float, data: Mapping[str, Any]) -> None:
        """Something happens, or will at `at`. Within the transaction that makes it happen."""
        for sink in [0] * (self.get(account) is not None) + self._sinks(account):
            self.queue_at(sink, account, type_, number, at, data)

    def _sinks(self, account: str) -> list[int]:
        return [id_ for (id_,) in self._store.rows("SELECT id FROM sinks WHERE account = ? ORDER BY id", account)]

    def queue_at(self, sink: int, account: str, type_: str, number: str, at: float, data: Mapping[str, Any]) -> None:
        """The same for one sink only, or with 0 for the webhook."""
        late = self._faults.strike(Fault.EVENT_DELAYED, Operation.WEBHOOK, account, number)
        self._store.write(
            "INSERT INTO events (account, type, number, at, data, ripe_at, sink) VALUES (?, ?, ?, ?, ?, ?, ?)",
            account,
            type_,
            number,
            at,
            json.dumps(data),
            max(at, self._clock.now()) + late.seconds if late else at,
            sink,
        )
        self.wake()

    def ripe(self, limit: int) -> list[Event]:
        """Events to tell now, in the order in which they happened."""
        rows = self._store.rows(
            "SELECT id, account, type, number, at, data, attempts, sink FROM events "
            "WHERE NOT delivered AND ripe_at <= ? AND retry_at <= ? ORDER BY ripe_at, id LIMIT ?",
            self._clock.now(),
            self._clock.real(),
            limit,
        )
        return [
            Event(id_, account, type_, number, at, json.loads(data), attempts, sink)
            for id_, account, type_, number, at, data, attempts, sink in rows
        ]

    def next_in(self) -> float | None:
        """Seconds until one is ripe, or is to be tried again; None when nothing waits."""
        now, real = self._clock.now(), self._clock.real()
        row = self._store.row("SELECT min(max(ripe_at - ?, retry_at - ?)) FROM events WHERE NOT delivered", now, real)
        return None if row is None or row[0] is None else max(0.0, row[0])

    def settle(self, told: Iterable[Event], failed: Iterable[Event], held: Iterable[Event]) -> None:
        """Write down what became of a round: what was told, what failed, what was not tried. Within one transaction."""
        self._store.write_all("UPDATE events SET delivered = 1 WHERE id = ?", [(event.id,) for event in told])
        again = [(self._again(event), 1, event.id) for event in failed] + [
            (self._again(event), 0, event.id) for event in held
        ]
        self._store.write_all("UPDATE events SET retry_at = ?, attempts = attempts + ? WHERE id = ?", again)

    def _again(self, event: Event) -> float:
        return self._clock.real() + _RETRIES[min(event.attempts, len(_RETRIES) - 1)]

    def pending(self, account: str | None = None) -> Pending:
        row = self._store.row(
            "SELECT count(*) FILTER (WHERE NOT delivered AND ripe_at <= ?1), "
            "count(*) FILTER (WHERE NOT delivered AND ripe_at > ?1), count(*) FILTER (WHERE delivered) "
            "FROM events WHERE ?2 IS NULL OR account = ?2",
            self._clock.now(),
            account,
        )
        assert row is not None
        return Pending(*row)
