"""What this process knows of who is who among the CarrierAccounts: `plan/carrier_account/identity.py` has the law.

An open account's identity is what its own client was told; that of one which is not open is in its status, which an
operator before this one may have written. So a restart knows the duplicates before it has asked anybody.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

from ringfleet.carriers.pace import Pace
from ringfleet.model import E164, AccountKey
from ringfleet.plan.carrier_account.identity import Identity, Standing, first_of
from ringfleet.plan.carrier_account.loss import Roll


@dataclass(slots=True)
class Reading:
    """How far one list of the carrier's detail records has been read, and handed to the dispatcher."""

    until: datetime | None = None
    """Until when; None: not by anybody that is known of."""
    due: float = 0.0
    """When it is to be read again, in monotonic seconds."""
    failures: int = 0
    """How many readings have failed in a row."""
    error: str = ""
    """Why the last one has; empty: it has not."""
    told: dict[str, datetime] = field(default_factory=dict)
    """The ids and times of the events that were handed over, and that a listing may show again."""


@dataclass(slots=True)
class AtCarrier:
    """What this process knows of one account at the carrier: its objects and clients come and go, and share it."""

    purchase_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Lets one purchase at a time begin in this process, where orders buy in turn; a Lease does so between
    processes."""
    purchases: int = 0
    """How many orders are buying."""
    pace: Pace = field(default_factory=Pace)
    """How hard the carrier is pressed, by all clients of the account together."""
    roll: Roll = field(default_factory=Roll)
    """What the listings have shown, and left out, number by number, and what we have let go."""
    elsewhere: dict[E164, str | None] = field(default_factory=dict)
    """The carrier's id of the other account that each lost number was found in, once that was asked; None: in none."""
    counted_at: float | None = None
    """When a listing last counted as a look for lost numbers, in monotonic seconds; None before the first."""
    readings: dict[str, Reading] = field(default_factory=dict)
    """Of each list of detail records how far it was read."""


class Identities:
    """See the module."""

    def __init__(self) -> None:
        self._standings: dict[AccountKey, Standing] = {}
        self._same: dict[Identity, dict[AccountKey, Standing]] = {}
        self._known: dict[Identity, AtCarrier] = {}

    def learn(self, standing: Standing) -> frozenset[AccountKey]:
        """Note who an account is; the other accounts that this concerns: those it was one with, and is one with now."""
        if self._standings.get(standing.account) == standing:
            return frozenset()
        concerned = self.forget(standing.account)
        self._standings[standing.account] = standing
        same = self._same.setdefault(standing.identity, {})
        concerned |= same.keys()
        same[standing.account] = standing
        return concerned

    def forget(self, account: AccountKey) -> frozenset[AccountKey]:
        """The account is gone, or nobody knows any more who it is; the other accounts that this concerns."""
        standing = self._standings.pop(account, None)
        if standing is None:
            return frozenset()
        same = self._same[standing.identity]
        del same[account]
        if not same:
            del self._same[standing.identity]
        return frozenset(same)

    def of(self, account: AccountKey) -> Identity | None:
        """Which account at the carrier it is; None: nobody knows."""
        standing = self._standings.get(account)
        return standing.identity if standing else None

    def first(self, account: AccountKey) -> AccountKey:
        """The account that works in place of this one: itself, unless it is a duplicate."""
        standing = self._standings.get(account)
        return first_of(self._same[standing.identity].values()) if standing else account

    def home(self, account: AccountKey) -> AccountKey:
        """The object that was there first, whichever one works now: where it is, is what all of them share."""
        standing = self._standings.get(account)
        if standing is None:
            return account
        return first_of(replace(one, useless=False) for one in self._same[standing.identity].values())

    def same_as(self, account: AccountKey) -> tuple[AccountKey, ...]:
        """All objects of the same account at the carrier, this one included."""
        standing = self._standings.get(account)
        same = self._same[standing.identity] if standing else (account,)
        return tuple(sorted(same, key=str))

    def at_carrier(self, identity: Identity) -> AtCarrier:
        """What this process knows of the account, whichever of its objects is asked."""
        return self._known.setdefault(identity, AtCarrier())
