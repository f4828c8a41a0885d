"""The seats of all sets in memory, as a SQLite ledger remembers them: counts, rooms, labels, open lines.

Read from the file when they are asked for first; written back once a commit, those that have changed.
"""

from __future__ import annotations

from ringfleet.dispatch.ledger.interface import LONGEST_CALL
from ringfleet.dispatch.ledger.law.member import Seat, hour_of
from ringfleet.dispatch.ledger.law.members import Bench
from ringfleet.dispatch.ledger.sqlite.rows import Rows
from ringfleet.dispatch.ledger.types import Roster

LABELLED = "SELECT number FROM label WHERE labelled IS NOT NULL AND labelled > ifnull(cleared, 0)"
_OPEN = "SELECT account, subject, number, ifnull(answered, started) FROM call WHERE ended IS NULL"
_ROOM = "SELECT day, count(*) FROM deferral WHERE used = 0 AND set_id = ? AND number = ? GROUP BY day"
_COUNTS = "SELECT day, used, hour, in_hour, last FROM seat WHERE set_id = ? AND number = ?"
_WRITE = "INSERT OR REPLACE INTO seat (set_id, number, day, used, hour, in_hour, last)"

Call = tuple[str, str]
"""An account, and its id of a call."""


class Seats:
    """See the module."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._benches: dict[str, Bench] = {}
        self._ids: dict[str, int] = {}
        self._rosters: dict[str, Roster] = {}
        self._labelled = {number for (number,) in rows.all(LABELLED)}
        self._open: dict[int, dict[Call, float]] = {}
        self._hung_up = 0
        for account, subject, number, since in rows.all(_OPEN):
            self._open.setdefault(number, {})[account, subject] = since

    def bench(self, set_: str) -> tuple[Bench, int]:
        """The seats of a set, and the set's id in the file."""
        bench = self._benches.get(set_)
        if bench is None:
            self._rows.execute("INSERT OR IGNORE INTO rotation_set (key) VALUES (?)", (set_,))
            self._ids[set_] = self._rows.one("SELECT id FROM rotation_set WHERE key = ?", (set_,))
            bench = self._benches[set_] = Bench()
        return bench, self._ids[set_]

    def seat(self, set_: str, digits: int) -> Seat:
        """The seat of a number that is, was or becomes a member, with what is remembered of it."""
        bench, id_ = self.bench(set_)
        seat = bench.known.get(digits)
        if seat is not None:
            return seat
        seat = bench.known[digits] = Seat(digits, f"+{digits}", "", ())
        counts = self._rows.first(_COUNTS, (id_, digits))
        if counts:
            seat.day, seat.used, seat.hour, seat.in_hour, seat.last = counts
        seat.reserved = dict(self._rows.all(_ROOM, (id_, digits)))
        seat.open_calls = len(self._open.get(digits, ()))
        seat.labelled = digits in self._labelled
        return seat

    def enlist(self, roster: Roster) -> None:
        bench, _ = self.bench(roster.set)
        if roster.day < bench.day:
            return
        members = [(self.seat(roster.set, int(member.number[1:])), member) for member in roster.members]
        for seat, member in members:
            seat.take(member)
        bench.seat_all(roster.day, (seat for seat, _ in members))
        self._rosters[roster.set] = roster

    def members_of(self, set_: str) -> tuple[int, ...]:
        """The digits of the set's members. Safe from another thread: seats are replaced whole."""
        bench = self._benches.get(set_)
        return tuple(bench.seats) if bench else ()

    def rosters(self) -> tuple[Roster, ...]:
        return tuple(self._rosters.values())

    def write(self) -> None:
        for set_, bench in self._benches.items():
            if bench.changed:
                id_ = self._ids[set_]
                rows = [(id_, s.digits, s.day, s.used, s.hour, s.in_hour, s.last) for s in bench.changed]
                self._rows.insert(_WRITE, rows)
                bench.changed.clear()

    # What carriers tell of numbers, whatever sets they are in.

    def open_call(self, number: int, call: Call, since: float) -> None:
        self._open.setdefault(number, {})[call] = since
        self._tell_lines(number)

    def end_call(self, number: int, call: Call) -> None:
        if self._open.get(number, {}).pop(call, None) is not None:
            self._tell_lines(number)

    def hang_up(self, now: float) -> None:
        """Calls whose end was never told do not hold a line for ever; looked at once an hour."""
        hour = hour_of(now)
        if hour <= self._hung_up:
            return
        self._hung_up = hour
        for number, lines in list(self._open.items()):
            for call in [call for call, since in lines.items() if since < now - LONGEST_CALL]:
                del lines[call]
            self._tell_lines(number)

    def label(self, number: int, labelled: bool) -> None:
        """The number has a spam label, or has none any more."""
        (self._labelled.add if labelled else self._labelled.discard)(number)
        for bench in self._benches.values():
            if (seat := bench.known.get(number)) is not None:
                bench.label(seat, labelled)

    def _tell_lines(self, number: int) -> None:
        lines = len(self._open.get(number, ()))
        if not lines:
            self._open.pop(number, None)
        for bench in self._benches.values():
            seat = bench.known.get(number)
            if seat is not None and seat.open_calls != lines:
                bench.open_calls(seat, lines)
