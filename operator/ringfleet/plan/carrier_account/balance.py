"""When a balance that moves is worth a write.

The balance of an account with live traffic moves all the time. Written at each move, it makes nothing but history at
the API server, and each write would be one more reason to look::

    it was never said, or in another currency     -> said at once
    it crosses zero: nothing can be bought now    -> said at once
    it moved by a hundredth of what was said      -> said at once
    else                                          -> said when a minute has passed since it was said last
"""

from __future__ import annotations

from ringfleet.model import Money

AFTER = 60.0
"""Seconds after which any move is said."""
SHARE = 100
"""A move of one part in so many is said at once."""


def is_news(said: Money | None, now: Money, since: float | None) -> bool:
    """Whether the balance is to be said. `since`: seconds since it was said last; None: not by this process."""
    if said is None or said.currency != now.currency:
        return True
    if said == now:
        return False
    if since is None or since >= AFTER or (said.amount > 0) is not (now.amount > 0):
        return True
    return abs(now.amount - said.amount) * SHARE >= abs(said.amount)
