"""Room: when a number that may not be used now may be used again, and which of all such numbers has room first.

A set whose budget is used up is asked as often as one that has some, so the seats are looked at once an hour and kind
of ask, and those that change after that. The first room is the top of a lazy heap::

    a seat changes      why it is out and its first room are looked at again; its entry is pushed, the old one is stale
    a top is stale      it is dropped
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from ringfleet.dispatch.ledger.law.member import Seat
from ringfleet.dispatch.ledger.types import Ask, Why

DAY = 86400.0
IN_TIME = frozenset(
    {Why.DAILY_CAP, Why.HOURLY_CAP, Why.CONCURRENT, Why.RESERVED, Why.RESTING}
    | {Why.BRAND_LIMIT, Why.CAMPAIGN_RATE, Why.RESTORED}
)
"""What time alone mends."""


@dataclass(frozen=True, slots=True)
class Room:
    """Room so many days ahead; 0: today, in the next hour."""

    ahead: int

    def day(self, ask: Ask) -> int:
        return ask.day + self.ahead

    def not_before(self, ask: Ask) -> float:
        return ask.opens(ask.tomorrow + (self.ahead - 1) * DAY if self.ahead else ask.hour_ends)


def first_room(seat: Seat, ask: Ask, objection: Why) -> Room | None:
    """The first room for a contact that the seat can't have now, because of `objection`."""
    if objection not in IN_TIME:
        return None
    if objection in (Why.HOURLY_CAP, Why.CONCURRENT) and _opens_today(ask):
        return Room(0)
    for ahead in range(1, ask.horizon + 1):
        if seat.registered and ahead in ask.full:
            continue
        if seat.reserved.get(ask.day + ahead, 0) < seat.daily_tomorrow:
            return Room(ahead)
    return None


def _opens_today(ask: Ask) -> bool:
    """Whether the contact may go out on the same day, in a later hour."""
    return ask.hour_ends < ask.tomorrow and ask.opens(ask.hour_ends) < ask.tomorrow


class Entry(NamedTuple):
    """A seat among those that wait; the least is the first. `rank`: of the first of the ask's tiers it is near to."""

    ahead: int
    rank: int
    taken: float
    digits: int


class Rooms:
    """The seats of a set as asks see them that look in the same `tiers`, for the same account, in the same hour.

    `changes` is the list to which whoever changes a seat appends it.
    """

    def __init__(self, seats: Iterable[Seat], changes: Sequence[Seat], ask: Ask) -> None:
        self._changes = changes
        self._seen = len(changes)
        self._tiers, self._account = ask.tiers, ask.account
        self._seats: dict[int, Seat] = {}
        self._why: dict[int, Why | None] = {}
        self._entries: dict[int, Entry] = {}
        self._count: Counter[Why] = Counter()
        for seat in seats:
            if self._account not in (None, seat.account):
                self._count[Why.OTHER_ACCOUNT] += 1
            elif not any(tier in seat.tiers for tier in self._tiers):
                self._count[Why.ELSEWHERE] += 1
            else:
                self._seats[seat.digits] = seat
                self._look(seat, ask)
        self._heap = list(self._entries.values())
        heapify(self._heap)

    @staticmethod
    def kind(ask: Ask) -> tuple[object, ...]:
        """Asks of the same kind see the same."""
        limits = ask.limited, ask.full
        return ask.tiers, ask.account, ask.horizon, ask.tomorrow, ask.hour_ends, _opens_today(ask), limits

    def catch_up(self, ask: Ask) -> None:
        """Look again at what has changed."""
        changed = set(self._changes[self._seen :])
        self._seen = len(self._changes)
        for seat in changed:
            if seat.digits in self._seats and (entry := self._look(seat, ask)) is not None:
                heappush(self._heap, entry)

    def excluded(self) -> tuple[tuple[Why, int], ...]:
        """How many seats are out for which reason, sorted."""
        return tuple(sorted((why, count) for why, count in self._count.items() if count))

    def first(self, ask: Ask, own: Seat | None = None) -> tuple[Seat, Room] | None:
        """The seat that has room first. `own`: one on which the ask has room of today that it gives up."""
        while self._heap and self._entries.get(self._heap[0].digits) is not self._heap[0]:
            heappop(self._heap)
        found = self._heap[:1]
        if own is not None and own.digits in self._seats and (mine := self._entry(own, ask, 1)) is not None:
            found.append(mine)
        if not found:
            return None
        entry = min(found)
        return self._seats[entry.digits], Room(entry.ahead)

    def _look(self, seat: Seat, ask: Ask) -> Entry | None:
        before, why = self._why.get(seat.digits), seat.objection(ask)
        if before is not None:
            self._count[before] -= 1
        if why is not None:
            self._count[why] += 1
        self._why[seat.digits] = why
        entry = self._entry(seat, ask, 0) if why is not None else None
        if entry is None:
            self._entries.pop(seat.digits, None)
        else:
            self._entries[seat.digits] = entry
        return entry

    def _entry(self, seat: Seat, ask: Ask, own_room: int) -> Entry | None:
        objection = seat.objection(ask, own_room)
        room = first_room(seat, ask, objection) if objection is not None else None
        if room is None:
            return None
        rank = next(rank for rank, tier in enumerate(self._tiers) if tier in seat.tiers)
        day = room.day(ask)
        used, daily = (0, seat.daily_tomorrow) if room.ahead else (seat.used_on(day), seat.daily)
        return Entry(room.ahead, rank, (used + seat.reserved.get(day, 0) - own_room) / daily, seat.digits)
