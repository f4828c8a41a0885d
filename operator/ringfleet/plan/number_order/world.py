"""What else an order depends on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from ringfleet.model import AccountKey
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.purchase_rate import PurchaseRoom


class Listed(Enum):
    """Why nobody knows what an account has under the mark of an order's pool."""

    BLOCKED = auto()
    """The account can't be called, so it can't be asked."""
    BROKEN = auto()
    """A listing was tried, and came to no end that can be believed."""
    NOT_YET = auto()
    """The first listing goes on, or is to come."""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """One account of an order's pool of which nobody knows what it has under the pool's mark."""

    account: AccountKey
    """The account."""
    how: Listed
    """Why nobody knows."""
    message: str = ""
    """The sentence in which an account that can't be called says why."""
    hides: bool = False
    """Whether it had numbers of the pool, when it was last listed, that the cluster does not know."""
    unseen: bool = False
    """Whether it was well when an operator last saw it, and was not to be had since the next one began: the cluster may
    be restored, and not know what was bought there."""

    @property
    def must_be_listed(self) -> bool:
        """Whether it is waited for even by an order of the pool of today."""
        return self.hides or self.unseen or self.how is Listed.NOT_YET

    @property
    def words(self) -> str:
        """Who it is, and what keeps it from being listed."""
        if self.how is Listed.BLOCKED:
            return self.message.rstrip(".")
        why = "the listing breaks off, see its conditions" if self.how is Listed.BROKEN else "it is about to be listed"
        return f"CarrierAccount {self.account}: {why}"


@dataclass(frozen=True, slots=True)
class AwaitedProfile:
    """A routing profile that the order's account is being told, and until when that is waited for."""

    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class OrderWorld:
    """What else the order depends on."""

    account: AccountSeen
    """Its carrier account."""
    purchase_lock_taken: bool = False
    """Whether another order has the purchase lock of the account; never where orders buy side by side."""
    alternatives: bool = False
    """Whether the pool could order from another carrier."""
    pool_suspended: bool = False
    """Whether the pool buys nothing for now."""
    pool_gone: bool = False
    """Whether the pool that made the order is deleted, or is being so; another one may have its name."""
    pool_awaited: bool = False
    """Whether a person has written the order, it has chosen nothing, and there is no such pool: it may come yet, as
    when both are applied together."""
    account_id: str = ""
    """The carrier's own id of the account that the CarrierAccount opens now; empty: it is not known."""
    account_deleted: bool = False
    """Whether the CarrierAccount is being deleted."""
    to_choose: PurchaseRoom | None = None
    """What others that have chosen leave of the account's purchases of this hour; None: there is no such limit."""
    to_send: PurchaseRoom | None = None
    """What others that were sent leave of them; None: there is no such limit."""
    frozen: str | None = None
    """Why nothing may be bought, by a person's word; None: nobody has frozen anything."""
    unpaid: str | None = None
    """Why nothing is bought for the pool's namespace, whose bills are not paid; None: they are."""
    other_market: str | None = None
    """Why its numbers would be no stock of the pool, whose market is another one now; None: they would."""
    unlisted: tuple[Unlisted, ...] = ()
    """The accounts of the pool of which nobody knows what they have of it, sorted."""
    profile: AwaitedProfile | None = None
    """The routing profile that the purchase is to give its numbers, while the account does not know it yet; None: it
    does, the carrier can't, or none is wanted."""
    has_past: bool = False
    """Whether the pool may have numbers at its carriers that the cluster does not know any more: another pool of its
    name was there before it, as after a restore."""
