"""What a group has done to memory, and how it is taken back."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, TypeVar

from ringfleet.dispatch.ledger.law.member import Seat
from ringfleet.dispatch.ledger.law.members import Bench
from ringfleet.plan.rotation_set.roster import Member

K = TypeVar("K")
V = TypeVar("V")

_GONE: Any = object()


class Undo:
    """What a group has done to memory, to be taken back."""

    def __init__(self) -> None:
        self._before: list[tuple[MutableMapping[Any, Any], Any, Any]] = []
        self._seats: dict[Seat, tuple[Bench, tuple[Any, ...]]] = {}
        self._seated: list[tuple[Bench, Seat, Member | None]] = []
        self._days: list[tuple[Bench, int]] = []

    def put(self, mapping: MutableMapping[K, V], key: K, value: V) -> None:
        self._before.append((mapping, key, mapping.get(key, _GONE)))
        mapping[key] = value

    def drop(self, mapping: MutableMapping[K, V], key: K) -> None:
        if key in mapping:
            self._before.append((mapping, key, mapping.pop(key)))

    def touch(self, bench: Bench, seat: Seat) -> None:
        """The seat is about to change."""
        if seat not in self._seats:
            self._seats[seat] = (bench, seat.counts())

    def seating(self, bench: Bench, seat: Seat, member: Member | None) -> None:
        """The seat is about to be another member, or none. `member`: what it is now."""
        self._seated.append((bench, seat, member))

    def day(self, bench: Bench) -> None:
        """The roster is about to be another day's."""
        self._days.append((bench, bench.day))

    def take_back(self) -> None:
        for mapping, key, value in reversed(self._before):
            if value is _GONE:
                mapping.pop(key, None)
            else:
                mapping[key] = value
        for seat, (bench, counts) in self._seats.items():
            bench.restore(seat, counts)
        for bench, seat, member in reversed(self._seated):
            if member is None:
                bench.unseat(seat)
            else:
                bench.reseat(seat, member)
        for bench, day in reversed(self._days):
            bench.day = day
