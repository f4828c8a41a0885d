"""The seats near one place, the least used first. Lazy: a seat that is used goes on standing where it stood::

    a seat is used          it belongs further back now; that is seen when it comes to the top
    the top is stale        it is put where it belongs
    the top may not be used it is left out, until it is told that it may be again
    a seat comes forward    it stands twice; the entry that holds is the younger, and the other is dropped at the top

So each seat has one entry that holds, and none holds further back than its seat belongs. A line that gets free moves
nobody: entries of calls that come and go would pile up at the top, and each pick would put all of them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush, heapreplace

from ringfleet.dispatch.ledger.law.member import Seat
from ringfleet.dispatch.ledger.types import Ask
from ringfleet.plan.rotation_set.roster import State

SPARE = 64
"""Entries that no longer hold, beside one a seat, before they are cleared away."""

Entry = tuple[int, float, int, int]
"""A seat's rank, whose last part is its digits, and the version that had it."""


class Ranking:
    """Of the seats near `tier` that `account` owns, or anybody when it is None."""

    __slots__ = ("_account", "_entries", "_holds", "_tier")

    def __init__(self, tier: str, account: str | None, seats: Iterable[Seat]) -> None:
        self._tier, self._account = tier, account
        self._entries: list[Entry] = [_entry(seat) for seat in seats if self.has(seat)]
        self._holds = {entry[2]: entry for entry in self._entries}
        heapify(self._entries)

    def __len__(self) -> int:
        """How many entries there are, those that no longer hold included."""
        return len(self._entries)

    def has(self, seat: Seat) -> bool:
        """Whether the seat is for whoever asks here."""
        return self._is_near(seat) and seat.standing is State.ACTIVE

    def tell(self, seat: Seat) -> None:
        """The seat may be used again, or has come forward."""
        before, now = self._holds.get(seat.digits), _entry(seat)
        if before is not None and before[:3] <= now[:3]:
            return  # it stands far enough in front
        self._holds[seat.digits] = now
        if len(self._entries) > 2 * len(self._holds) + SPARE:
            self._entries = list(self._holds.values())
            heapify(self._entries)
        else:
            heappush(self._entries, now)

    def least(self, seats: Mapping[int, Seat], ask: Ask) -> Seat | None:
        """The first of the `seats` that may be used."""
        entries, holds = self._entries, self._holds
        while entries:
            top = entries[0]
            if holds.get(top[2]) is not top:
                heappop(entries)
                continue
            seat = seats.get(top[2])
            if seat is None or seat.objection(ask) is not None or not self._is_near(seat):
                heappop(entries)
                del holds[top[2]]
            elif seat.version != top[3]:
                holds[top[2]] = now = _entry(seat)
                heapreplace(entries, now)
            else:
                return seat
        return None

    def _is_near(self, seat: Seat) -> bool:
        return self._tier in seat.tiers and self._account in (None, seat.account)


def _entry(seat: Seat) -> Entry:
    return *seat.rank(), seat.version
