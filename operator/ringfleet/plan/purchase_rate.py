"""How many more numbers may be bought through an account within the hour: `spec.limits.purchasesPerHour`. Pure.

What counts is what the cluster shows, so a restart forgets nothing: a number that was bought, for an hour from the
moment at which its outcome was written, which is no earlier than the purchase; and each number that may be bought
already, or is chosen and set aside, for as long as that lasts. So no hour, wherever it begins, sees more purchases. A
moment that is more than an hour ahead was written by a clock that was wrong, and does not count: for as long as that
clock was ahead nothing could be bought.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
LOOK_AGAIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class PurchaseRoom:
    """What is left of an account's hour."""

    limit: int
    """How many numbers may be bought in any hour."""
    used: int
    """How many numbers count now, those that are only set aside included."""
    again: datetime | None = None
    """When there is room for another number; None: there is some, or it depends on what is under way."""

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)

    def look_again(self, now: datetime) -> datetime:
        """When to look whether there is room: what is under way ends without a word to those who wait for it."""
        return self.again or now + LOOK_AGAIN


def purchase_room(limit: int, bought: Iterable[datetime], under_way: int, now: datetime) -> PurchaseRoom:
    """What is left. `bought`: when each number's outcome was written; `under_way`: how many have none yet."""
    recent = sorted(moment for moment in bought if abs(now - moment) < HOUR)
    used = len(recent) + under_way
    over = used - limit  # so many must be an hour old, and one more
    again = recent[over] + HOUR if 0 <= over < len(recent) else None
    return PurchaseRoom(limit, used, again)
