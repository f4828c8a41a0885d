"""A NumberOrder as the plan knows it: its spec and its status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ringfleet.model import E164, AccountKey, Limits, Market, Money
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order.items import SENT, Item


@dataclass(frozen=True, slots=True)
class OrderWant:
    """A NumberOrder's spec. `budget`: the first month's money that the pool set aside for it; None: no budget."""

    name: str
    account: AccountKey
    market: Market
    count: int
    limits: Limits
    budget: Money | None = None
    approved: bool = True
    numbers: tuple[E164, ...] = ()
    """The very numbers to buy, in this order; empty: any of the market."""
    left: Money | None = None
    """What each number may cost a month by the quotas of the claims' namespace; None: they set no limit."""


@dataclass(frozen=True, slots=True)
class OrderState:
    """A NumberOrder's status."""

    items: tuple[Item, ...] | None = None
    """The numbers of the order and what became of each; None until numbers are chosen."""
    key: str = ""
    """The idempotency key under which the numbers are bought; empty until numbers are chosen."""
    attempts: int = 0
    """How many calls to the carrier have failed in a row."""
    next_attempt: datetime | None = None
    """When the carrier is called again after a failed call; None: nothing is put off."""
    last_error: str = ""
    """What the last failed call met; empty when no call has failed."""
    from_catalog: bool = False
    """Whether the numbers were chosen from a remembered catalog because the carrier's search was down."""
    recorded: bool = False
    """Whether the order has ended, and every number that it bought has its PhoneNumber."""
    failure: Reason | None = None
    """The reason of a shortage or refusal that the pool must learn from when the order has ended; None: there was
    none."""
    message: str = ""
    """A sentence for a person that goes with the failure, or that says why nothing was needed; else empty."""
    bundle: str | None = None
    """The carrier's id of the approved bundle under which the numbers are bought that need documents; None: none, or
    they are not being bought yet."""
    chosen_for: str = ""
    """The uid of the pool that the numbers were chosen for; empty until then."""
    sent_to: str = ""
    """The carrier's own id of the account that they were sent to; empty until then, and where the carrier tells
    none."""
    abandoned_at: datetime | None = None
    """Since when what was sent is looked up for the last time, as pool or account are deleted; None: it is not."""


def is_sent(state: OrderState) -> bool:
    return any(item.state in SENT for item in state.items or ())
