"""What is left of each set today, as this dispatcher knows it: counted by the database once a second, and by itself
between. Counting looks at every member, which takes longer than the pick whose answer it is for.

It is told and nothing else: no cap is compared with it. It is exact while no other dispatcher picks.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfleet.dispatch.ledger.types import Ask

TOLD_S = 1.0
"""Seconds of the asks' clock for which a count is trusted."""


@dataclass(slots=True)
class Count:
    day: int
    at: float
    left: int


class Left:
    """See the module."""

    def __init__(self) -> None:
        self._counts: dict[str, Count] = {}

    def take(self, ask: Ask) -> int | None:
        """What will be left when this ask has counted; None: it must be counted."""
        count = self._counts.get(ask.set)
        if ask.dry_run or count is None or count.day != ask.day or not 0 <= ask.now - count.at < TOLD_S:
            return None
        count.left = max(0, count.left - 1)
        return count.left

    def learn(self, ask: Ask, taken: int | None, remaining: int | None) -> None:
        """What came of it. `taken`: what `take` has said; `remaining`: what the answer says, None: nothing counted."""
        count = self._counts.get(ask.set)
        if ask.dry_run:
            return
        if taken is None and remaining is not None:
            self._counts[ask.set] = Count(ask.day, ask.now, remaining)
        elif taken is not None and count is not None and taken != remaining:
            count.left += 1

    def forget(self, set_: str | None = None) -> None:
        """A set's count (or any) has changed by something else than picks."""
        if set_ is None:
            self._counts.clear()
        else:
            self._counts.pop(set_, None)
