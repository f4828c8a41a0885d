"""What pools, orders and numbers know of a carrier account: whether it can be called now, and if not, why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ringfleet.model import AccountKey, Offer
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
    fresh_for: str = ""
    """How old offers from memory may be, as a person writes it: `15m`; empty while none are ordered from."""
    until: datetime | None = None
    """When time alone lets the account be used again; None: something else has to change, or nothing blocks it."""
    purchases_left: int | None = None
    """How many more numbers may be bought through the account in this hour; None: there is no such limit."""
    offered: tuple[Offer, ...] | None = None
    """What its search has shown lately of the pool's market, as an order would take it; None: nobody has asked, or it
    did not tell."""
    same_as: frozenset[AccountKey] = frozenset()
    """The other CarrierAccounts that are this very account at the carrier, whose numbers are its numbers."""
    prices_awaited: bool = False
    """Whether that is being asked, because the pool chooses by price."""
