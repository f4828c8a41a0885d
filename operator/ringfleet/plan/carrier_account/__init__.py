"""What pools, orders and numbers know of a carrier account: whether it can be called now, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass

from ringfleet.plan.conditions import Reason


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """`blocked` is why the account can't be called now, None when it can; `message` says it to a person.

    `stale`: its search is down, and offers come from memory.
    """

    blocked: Reason | None = None
    message: str = ""
    stale: bool = False
