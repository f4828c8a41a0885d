"""What pools, orders and numbers know of a carrier account: whether it can be called now, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass

from ringfleet.plan.conditions import Reason


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """What an object may know of a carrier account before it calls it."""

    blocked: Reason | None = None
    """Why the account can't be called now; None: it can."""
    message: str = ""
    """A sentence for a person about why the account can't be called; empty while it can."""
    stale: bool = False
    """Whether the account's search is down, so that offers come from what was remembered."""
