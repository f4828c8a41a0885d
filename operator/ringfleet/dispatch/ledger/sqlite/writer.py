"""What is written, one transaction at a time. Nothing here waits or locks: there is one writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import apsw

from ringfleet.dispatch.ledger.interface import KEPT
from ringfleet.dispatch.ledger.law.member import hour_of
from ringfleet.dispatch.ledger.sqlite.events import Events, suppress
from ringfleet.dispatch.ledger.sqlite.members import Seats
from ringfleet.dispatch.ledger.sqlite.picks import Picks
from ringfleet.dispatch.ledger.sqlite.rows import Row, Rows
from ringfleet.dispatch.ledger.types import Ask, GivenBack, Heard, Roster, Suppression, Verdict

DAY = 86400.0
KEPT_LONG = 35 * DAY
"""Seconds for which picks, events and traffic are kept."""
FORGOTTEN_AT_ONCE = 2000
"""Rows that are looked at in one step of forgetting: picks wait for no more."""


class Writer:
    """See the module. Between transactions, memory says what the file says."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._rows = Rows(connection)
        self._remember(Seats(self._rows))

    def _remember(self, seats: Seats) -> None:
        self._seats = seats
        self._picks = Picks(self._rows, seats)
        self._events = Events(self._rows, seats)

    def begin(self) -> None:
        self._rows.execute("BEGIN IMMEDIATE")

    def write_seats(self) -> None:
        """The last of a transaction: the counts that it has changed."""
        self._seats.write()

    def commit(self) -> None:
        self._rows.execute("COMMIT")

    def roll_back(self) -> None:
        """Nothing of this transaction has been; what is in memory is read from the file again. May be called again
        when it fails."""
        if self._rows.connection.in_transaction:
            self._rows.execute("ROLLBACK")
        rosters = self._seats.rosters()
        seats = Seats(self._rows)
        for roster in rosters:
            seats.enlist(roster)
        self._remember(seats)

    def members_of(self, set_: str) -> tuple[int, ...]:
        """Safe from another thread."""
        return self._seats.members_of(set_)

    def enlist(self, roster: Roster) -> None:
        self._seats.enlist(roster)

    def pick_all(self, asks: Sequence[Ask]) -> list[Verdict]:
        return self._picks.run(asks)

    def give_back(self, set_: str, pick: str, day: int) -> GivenBack:
        return self._picks.give_back(set_, pick, day)

    def ingest(self, heard: Sequence[Heard]) -> int:
        return self._events.ingest(heard)

    def suppress(self, entries: Sequence[Suppression]) -> int:
        return suppress(self._rows, entries)

    def allow(self, scope: str, recipients: Sequence[bytes]) -> int:
        delete = "DELETE FROM suppression WHERE scope = ? AND recipient = ?"
        return sum(self._rows.change(delete, (scope, recipient)) for recipient in recipients)

    # Forgetting.

    def forgetting(self, now: float, contacts_before: float) -> Iterator[int]:
        """Steps of forgetting, each for a transaction of its own: how many rows went."""
        yield from self._forget_answers(now - KEPT)
        for statement, moment in (
            (_FORGET_PICKS, now - KEPT_LONG),
            (_FORGET_EVENTS, now - KEPT_LONG),
            (_FORGET_CALLS, now - KEPT_LONG),
            (_FORGET_TRAFFIC, hour_of(now - KEPT_LONG)),
            (_FORGET_DEFERRALS, now - 2 * DAY),
        ):
            while gone := self._rows.change(statement, (FORGOTTEN_AT_ONCE, moment)):
                yield gone
        yield from self._forget_contacts(contacts_before)

    def _forget_answers(self, before: float) -> Iterator[int]:
        """An answer goes with what finds it, if that has not come to mean a later one."""
        while True:
            rows = self._rows.all("SELECT id, key, at FROM answer ORDER BY id LIMIT ?", (FORGOTTEN_AT_ONCE,))
            old = [(id_, key) for id_, key, at in rows if at <= before]
            for id_, key in old:
                self._rows.execute("DELETE FROM replay WHERE key = ? AND answer = ?", (key, id_))
                self._rows.execute("DELETE FROM answer WHERE id = ?", (id_,))
            if not old:
                return
            yield len(old)

    def _forget_contacts(self, before: float) -> Iterator[int]:
        """They are in no order of age, so all are looked at."""
        after: Row = (0, b"")
        while True:
            rows = self._rows.all(
                "SELECT set_id, recipient, last FROM contact WHERE (set_id, recipient) > (?, ?) "
                "ORDER BY set_id, recipient LIMIT ?",
                (*after, FORGOTTEN_AT_ONCE),
            )
            if not rows:
                return
            old = [row[:2] for row in rows if row[2] < before]
            for row in old:
                self._rows.execute("DELETE FROM contact WHERE set_id = ? AND recipient = ?", row)
            after = rows[-1][:2]
            yield len(old)


# Rows in the order of their coming are looked at from the oldest on, until none of those looked at is old. The last
# pick and the last deferral stay, so that no id is given twice.
_FORGET_PICKS = (
    "DELETE FROM pick WHERE id IN (SELECT id FROM (SELECT id, at FROM pick ORDER BY id LIMIT ?1) WHERE at < ?2) "
    "AND id < (SELECT max(id) FROM pick)"
)
_FORGET_EVENTS = (
    "DELETE FROM event WHERE rowid IN "
    "(SELECT rowid FROM (SELECT rowid, at FROM event ORDER BY rowid LIMIT ?1) WHERE at < ?2)"
)
_FORGET_CALLS = (
    "DELETE FROM call WHERE rowid IN "
    "(SELECT rowid FROM (SELECT rowid, * FROM call ORDER BY rowid LIMIT ?1) "
    "WHERE coalesce(ended, answered, started) < ?2)"
)
_FORGET_TRAFFIC = (
    "DELETE FROM traffic WHERE (number, hour) IN "
    "(SELECT number, hour FROM traffic WHERE hour < ?2 ORDER BY hour LIMIT ?1)"
)
_FORGET_DEFERRALS = (
    "DELETE FROM deferral WHERE id IN (SELECT id FROM deferral WHERE not_before < ?2 "
    "AND id < (SELECT max(id) FROM deferral) ORDER BY not_before LIMIT ?1)"
)
