"""What carriers tell, counted in a SQLite ledger: each event once, in whatever order they come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ringfleet.dispatch.ledger.law.member import hour_of
from ringfleet.dispatch.ledger.sqlite.members import LABELLED, Seats
from ringfleet.dispatch.ledger.sqlite.picks import IN_USE, parse_id
from ringfleet.dispatch.ledger.sqlite.rows import Rows
from ringfleet.dispatch.ledger.types import Heard, Suppression
from ringfleet.model.traffic import CarrierEvent, Direction, Happening

_SUPPRESS = "INSERT INTO suppression (scope, recipient, since, reason, by_word)"
_GIVE_WAY = (
    "ON CONFLICT (recipient, scope) DO UPDATE SET since = excluded.since, reason = excluded.reason, "
    "by_word = excluded.by_word WHERE by_word AND (excluded.since > since OR NOT excluded.by_word)"
)
_TAKE_BACK = "DELETE FROM suppression WHERE scope = ? AND recipient = ? AND by_word AND since <= ?"


def suppress(rows: Rows, entries: Sequence[Suppression]) -> int:
    """Record opt-outs; returns how many are new. One by word gives way to a younger one by word, and to any other."""
    written = [(one.scope, one.recipient, one.since, one.reason, one.by_word) for one in entries]
    before = rows.connection.total_changes()
    rows.insert(_SUPPRESS, written, "ON CONFLICT DO NOTHING")
    new = rows.connection.total_changes() - before
    if new < len(written):
        rows.insert(_SUPPRESS, written, _GIVE_WAY)
    return new


class Events:
    """See the module."""

    def __init__(self, rows: Rows, seats: Seats) -> None:
        self._rows = rows
        self._seats = seats

    def ingest(self, heard: Sequence[Heard]) -> int:
        new = [one for one in heard if self._is_new(one)]
        for one in new:
            self._hear(one.account, one.event)
        suppress(self._rows, [opt_out for one in new for opt_out in one.opt_outs])
        for back in (opt_in for one in new for opt_in in one.opt_ins):
            self._rows.execute(_TAKE_BACK, (back.scope, back.recipient, back.at))
        return len(new)

    def _is_new(self, one: Heard) -> bool:
        row = (one.account, one.event.id, one.event.at.timestamp())
        return self._rows.change("INSERT OR IGNORE INTO event (account, id, at) VALUES (?, ?, ?)", row) > 0

    def _hear(self, account: str, event: CarrierEvent) -> None:
        number = int(event.number.digits)
        if event.pick is not None and (pick := parse_id(event.pick, "p")) is not None:
            told = "UPDATE pick SET state = ? WHERE id = ? AND number = ? AND state = 0"
            self._rows.execute(told, (IN_USE, pick, number))
        outbound = event.direction is Direction.OUTBOUND
        match event.happening:
            case Happening.CALL_STARTED:
                self._count(number, event.at, "calls" if outbound else "received")
                self._call(account, number, event, "started")
            case Happening.CALL_ANSWERED:
                if outbound:
                    self._count(number, event.at, "answered")
                self._call(account, number, event, "answered")
            case Happening.CALL_ENDED:
                self._call(account, number, event, "ended")
            case Happening.MESSAGE_SENT:
                self._count(number, event.at, "messages")
            case Happening.MESSAGE_DELIVERED:
                self._count(number, event.at, "delivered")
            case Happening.MESSAGE_FAILED:
                self._count(number, event.at, "failed")
            case Happening.MESSAGE_RECEIVED:
                self._count(number, event.at, "received")
            case Happening.NUMBER_LABELLED | Happening.NUMBER_CLEARED:
                self._label(number, event)

    def _count(self, number: int, at: datetime, what: str, by: int = 1) -> None:
        self._rows.execute(
            f"INSERT INTO traffic (number, hour, {what}) VALUES (?, ?, ?) "  # noqa: S608 - a column's name, from above
            f"ON CONFLICT DO UPDATE SET {what} = {what} + excluded.{what}",
            (number, hour_of(at.timestamp()), by),
        )

    def _call(self, account: str, number: int, event: CarrierEvent, what: str) -> None:
        """One more moment of a call is known; the first that is told holds. Its length is counted once, when both its
        ends are known."""
        key = (account, event.subject)
        moments = "SELECT started, answered, ended FROM call WHERE account = ? AND subject = ?"
        before = self._rows.first(moments, key) or (None, None, None)
        self._rows.execute(
            f"INSERT INTO call (account, subject, number, {what}) VALUES (?, ?, ?, ?) "  # noqa: S608 - the same
            f"ON CONFLICT DO UPDATE SET {what} = ifnull({what}, excluded.{what})",
            (*key, number, event.at.timestamp()),
        )
        started, answered, ended = self._rows.first(moments, key) or before
        is_whole = answered is not None and ended is not None
        if is_whole and None in before[1:] and event.direction is Direction.OUTBOUND:
            self._count(
                number, datetime.fromtimestamp(ended, event.at.tzinfo), "seconds", max(0, int(ended - answered))
            )
        if ended is None:
            self._seats.open_call(number, key, answered or started)
        else:
            self._seats.end_call(number, key)

    def _label(self, number: int, event: CarrierEvent) -> None:
        column = "labelled" if event.happening is Happening.NUMBER_LABELLED else "cleared"
        self._rows.execute(
            f"INSERT INTO label (number, label, {column}) VALUES (?1, ?2, ?3) "  # noqa: S608 - the same
            f"ON CONFLICT DO UPDATE SET {column} = max(ifnull({column}, 0), ?3), "
            "label = CASE WHEN ?2 != '' THEN ?2 ELSE label END",
            (number, event.label or "", event.at.timestamp()),
        )
        shown = self._rows.one(f"SELECT count(*) FROM ({LABELLED}) WHERE number = ?", (number,))  # noqa: S608 - the same
        self._seats.label(number, bool(shown))
