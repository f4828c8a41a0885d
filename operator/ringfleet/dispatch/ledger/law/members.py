"""The members of one set in memory, and the least used of each place at hand.

For each place (and account) that is asked for there is a `Ranking` of the seats that may be used. One that may not is
left out there: it is told when it gets free, and when an hour begins, with which hourly caps are free again, all are
made anew. So a pick costs O(log n) however many seats are at their caps, and one that needs no search costs nothing.
Seats are counted here and nowhere else; who writes them down asks for those that have changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from ringfleet.dispatch.ledger.law.member import Seat, hour_of
from ringfleet.dispatch.ledger.law.ranking import Ranking
from ringfleet.dispatch.ledger.law.reservations import Rooms
from ringfleet.dispatch.ledger.types import Ask
from ringfleet.plan.rotation_set.roster import Member, State

KINDS_AT_HAND = 256
"""So many kinds of ask are answered without a look at all seats, when none may be used."""


class Moment(Protocol):
    """When something is asked, or was decided."""

    @property
    def now(self) -> float: ...

    @property
    def day(self) -> int: ...


class Bench:
    """The seats of one set, by digits. `day` is that of its roster; `known` are its members and those that were;
    `changed` those to be written down. `left`: what may still be done today, by all together; `registered_left`: by
    those for which the limits that sets share are."""

    def __init__(self) -> None:
        self.day = 0
        self.seats: dict[int, Seat] = {}
        self.known: dict[int, Seat] = {}
        self.changed: set[Seat] = set()
        self.left = self.registered_left = 0
        self._rankings: dict[tuple[str, str | None], Ranking] = {}
        self._rooms: dict[object, Rooms] = {}
        self._changes: list[Seat] = []
        self._window = (0, 0)

    def seat_all(self, day: int, seats: Iterable[Seat]) -> None:
        """From now on these are the seats."""
        self.day = day
        self.seats = {seat.digits: seat for seat in seats}
        self.known |= self.seats
        self._begin_window(self._window)

    # Looking.

    def least(self, tier: str, ask: Ask) -> Seat | None:
        """The seat of `tier` that may be used and has least used of its cap."""
        if self._enter_window(ask) or ask.limited is not None:
            return self._scan(tier, ask)  # a limit ends at any moment: no ranking may leave out who is out for it
        return self._ranking(tier, ask.account).least(self.seats, ask)

    def rooms(self, ask: Ask) -> Rooms:
        """What there is when no seat may be used."""
        if self._enter_window(ask):
            return Rooms(self.seats.values(), (), ask)
        kind = Rooms.kind(ask)
        rooms = self._rooms.get(kind)
        if rooms is not None:
            rooms.catch_up(ask)
            return rooms
        if len(self._rooms) >= KINDS_AT_HAND:
            self._forget_rooms()
        rooms = self._rooms[kind] = Rooms(self.seats.values(), self._changes, ask)
        return rooms

    def remaining(self, ask: Ask, shared: int | None = None) -> int:
        """What the seats that are picked may still do on the day of the ask, all together. `shared`: what the limits
        that sets share leave to the registered ones; None: as much as they like."""
        self._enter_window(ask)
        return self.left if shared is None else self.left - max(0, self.registered_left - shared)

    # Counting.

    def count(self, seat: Seat, ask: Moment) -> None:
        """The seat was used once."""
        self._enter_window(ask)
        before = self.left_of(seat)
        hour = hour_of(ask.now)
        seat.used, seat.day = seat.used_on(ask.day) + 1, max(seat.day, ask.day)
        seat.in_hour, seat.hour = seat.used_in(hour) + 1, max(seat.hour, hour)
        seat.last = max(seat.last, ask.now)
        self._changed(seat, before)

    def give_back(self, seat: Seat, day: int, hour: int) -> None:
        """A use on that day, in that hour, was none."""
        before = self.left_of(seat)
        if seat.day == day and seat.used:
            seat.used -= 1
        if seat.hour == hour and seat.in_hour:
            seat.in_hour -= 1
        self._changed(seat, before, freed=True)

    def reserve(self, seat: Seat, day: int, by: int = 1) -> None:
        """Put room aside (or give it up: `by` -1)."""
        before = self.left_of(seat)
        rest = seat.reserved.get(day, 0) + by
        if rest > 0:
            seat.reserved[day] = rest
        else:
            seat.reserved.pop(day, None)
        self._changed(seat, before, freed=by < 0)

    def open_calls(self, seat: Seat, lines: int) -> None:
        """So many of its lines are busy now."""
        freed = lines < seat.open_calls
        seat.open_calls = lines
        self._changed(seat, self.left_of(seat), freed=freed)

    def label(self, seat: Seat, labelled: bool) -> None:
        """The seat has a spam label, or has none any more."""
        before = self.left_of(seat)
        seat.labelled = labelled
        self._changed(seat, before, freed=not labelled)

    def restore(self, seat: Seat, counts: tuple[Any, ...]) -> None:
        """What was done to it since it had these counts was none."""
        before = self.left_of(seat)
        seat.set_counts(counts)
        self._changed(seat, before, freed=True)

    def reseat(self, seat: Seat, member: Member) -> None:
        """The seat is this member from now on: one seat changes, whatever the size of the set."""
        self._count_left(seat, -self.left_of(seat))
        seat.take(member)
        self.seats[seat.digits] = self.known[seat.digits] = seat
        self._count_left(seat, self.left_of(seat))
        seat.version += 1
        self._forget_rooms()
        for ranking in self._rankings.values():
            if ranking.has(seat):
                ranking.tell(seat)

    def unseat(self, seat: Seat) -> None:
        """It is no member any more; its counts stay."""
        if seat.digits in self.seats:
            self._count_left(seat, -self.left_of(seat))
            del self.seats[seat.digits]
            seat.version += 1
            self._forget_rooms()

    def _changed(self, seat: Seat, before: int, *, freed: bool = False) -> None:
        """`before`: what was left of it. `freed`: it may have come forward."""
        self._count_left(seat, self.left_of(seat) - before)
        seat.version += 1
        self.changed.add(seat)
        if self._rooms:
            self._note(seat)
        if freed and seat.standing is State.ACTIVE and seat.digits in self.seats:
            for tier in seat.tiers:
                for account in (None, seat.account):
                    if (ranking := self._rankings.get((tier, account))) is not None:
                        ranking.tell(seat)

    def _count_left(self, seat: Seat, more: int) -> None:
        self.left += more
        if seat.registered:
            self.registered_left += more

    def left_of(self, seat: Seat) -> int:
        """What the seat may still do on the day that is under way; 0 when it is no member."""
        return seat.left_on(self._window[0]) if seat.digits in self.seats else 0

    # Keeping.

    def _enter_window(self, ask: Moment) -> bool:
        """Go with the time. True: the ask is of an hour that is over, and came late. What is earlier than the hour or
        day before did not come late: a clock that was ahead was set right, and its hour may be years away."""
        window = (ask.day, hour_of(ask.now))
        if window == self._window:
            return False
        if window > self._window or any(now < then - 1 for now, then in zip(window, self._window, strict=True)):
            self._begin_window(window)
        return window < self._window

    def _begin_window(self, window: tuple[int, int]) -> None:
        """An hour begins, or the seats are others: all rankings are made anew when they are asked for."""
        self._window = window
        self._set_right(*window)
        self._rankings.clear()
        self._forget_rooms()
        self.left = self.registered_left = 0
        for seat in self.seats.values():
            self._count_left(seat, self.left_of(seat))

    def _set_right(self, day: int, hour: int) -> None:
        """What was counted by a clock that was ahead was done today; what had been done today before, nobody knows any
        more: it counts as all. Else a number would have its whole cap again when the clock is right again, and what it
        did then would count on a day that may be years away."""
        for seat in self.known.values():
            if seat.day > day > 0 and hour_of(seat.last) > hour + 1:
                seat.day, seat.used = day, max(seat.used, seat.daily)
                seat.hour, seat.last = hour, hour * 3600.0
                seat.version += 1
                self.changed.add(seat)

    def _ranking(self, tier: str, account: str | None) -> Ranking:
        ranking = self._rankings.get((tier, account))
        if ranking is None:
            ranking = self._rankings[tier, account] = Ranking(tier, account, self.seats.values())
        return ranking

    def _scan(self, tier: str, ask: Ask) -> Seat | None:
        """For an ask that came late, so that the rankings are of another hour, or is limited."""
        near = Ranking(tier, ask.account, ()).has
        free = (seat for seat in self.seats.values() if near(seat) and seat.objection(ask) is None)
        return min(free, key=Seat.rank, default=None)

    def _note(self, seat: Seat) -> None:
        """Let `Rooms` look at it again; when too much has changed, at all of them."""
        if len(self._changes) > 10 * len(self.seats) + 1000:
            self._forget_rooms()
        else:
            self._changes.append(seat)

    def _forget_rooms(self) -> None:
        self._rooms.clear()
        self._changes.clear()
