"""What carriers tell, counted in a SQLite ledger: each event once, in whatever order they come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ringfleet.dispatch.ledger.seat import hour_of
from ringfleet.dispatch.ledger.sqlite_picks import IN_USE, parse_id
from ringfleet.dispatch.ledger.sqlite_rows import Rows
from ringfleet.dispatch.ledger.sqlite_seats import LABELLED, Seats
from ringfleet.dispatch.ledger.values import Heard, Suppression
from ringfleet.traffic import CarrierEvent, Direction, Happening


def suppress(rows: Rows, entries: Sequence[Suppression]) -> int:
    """Record opt-outs; returns how many are new."""
    statement = "INSERT OR IGNORE INTO suppression (scope, recipient, since, reason)"
    before = rows.connection.total_changes()
    rows.insert(statement, [(one.scope, one.recipient, one.since, one.reason) for one in entries])
    return rows.connection.total_changes() - before


class Events:
    """See the module."""

    def __init__(self, rows: Rows, seats: Seats) -> None:
        self._rows = rows
        self._seats = seats

    def ingest(self, heard: Sequence[Heard]) -> int:
        new = 0
        for one in heard:
            event = one.event
            key = (one.account, event.id, event.at.timestamp())
            if self._rows.change("INSERT OR IGNORE INTO event (account, id, at) VALUES (?, ?, ?)", key):
                new += 1
                suppress(self._rows, one.opt_outs)
                self._hear(one.account, event)
        return new

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
