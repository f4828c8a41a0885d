"""Which numbers of an order that names its own are bought, and why each of the others is not.

::

    ours already, or on another order           AlreadyHeld, and where it is
    for sale no more, or never was              NotOffered
    not what the market asks for                NotOfMarket
    dearer than the price caps or a quota let   PriceAboveCap
    beyond what pool, quota or account leave    LimitReached
    else                                        bought, by the protocol of all orders

Each number is judged by itself, in the order in which they were named: one that can't be had keeps no other from being
bought. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ringfleet.model import E164, ItemState, Limits, Money, Offer, Outcome, Price
from ringfleet.model.failures import FailureReason
from ringfleet.plan.number_order.items import Item
from ringfleet.plan.number_order.order import OrderWant
from ringfleet.plan.offer_choice import is_of_market, within_caps


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of one named number."""

    offer: Offer | None = None
    """The offer of it; None: it is not for sale."""
    held: str = ""
    """A sentence that says where it is, when it is ours already or on another order; empty: it is neither."""
    absent: str = ""
    """Why it has no offer, as a sentence; empty: it is simply not for sale."""


def name_items(want: OrderWant, caps: Limits, found: Mapping[E164, Found], limit: str) -> tuple[Item, ...]:
    """An item for each number of the order: Pending with its offer, or Failed with the reason.

    `want.count` and `want.budget` are what pool, quotas and account leave; `limit`: the sentence that says which of
    them leaves no more. `caps`: the pool's, which hold beside those of an order that a person has written.
    """
    items: list[Item] = []
    room, left = want.count, want.budget
    for number in want.numbers:
        known = found.get(number, Found())
        refusal = _refuse(want, caps, number, known, room, left, limit)
        offer = known.offer
        if refusal or offer is None:
            items.append(_failed(want, number, offer, *(refusal or (FailureReason.NOT_OFFERED, ""))))
            continue
        items.append(Item(offer))
        room -= 1
        left = None if left is None else left - offer.price.first_month
    return tuple(items)


def _refuse(
    want: OrderWant, caps: Limits, number: E164, known: Found, room: int, left: Money | None, limit: str
) -> tuple[FailureReason, str] | None:
    offer = known.offer
    if known.held:
        return FailureReason.ALREADY_HELD, known.held
    if offer is None:
        gone = f"{want.account} does not offer {number}: it is sold, or was never for sale there."
        return FailureReason.NOT_OFFERED, known.absent or gone
    if not is_of_market(want.market, offer):
        return FailureReason.NOT_OF_MARKET, _unfit(want, offer)
    if not (within_caps(want.limits, offer.price) and within_caps(caps, offer.price)):
        return FailureReason.PRICE_ABOVE_CAP, _dear(
            offer, "above spec.limits of order or pool, or not in their currency"
        )
    if want.left is not None and not offer.price.monthly <= want.left:
        return FailureReason.PRICE_ABOVE_CAP, _dear(offer, f"and the namespace's quota leaves {want.left} a month")
    if room <= 0:
        return FailureReason.LIMIT_REACHED, limit
    if left is not None and not offer.price.first_month <= left:
        return FailureReason.LIMIT_REACHED, _dear(offer, f"and {left} is left for the order's first month")
    return None


def _unfit(want: OrderWant, offer: Offer) -> str:
    missing = sorted(want.market.capabilities - offer.capabilities)
    if missing:
        return f"{offer.number} can't do what the market asks for: {', '.join(missing)}."
    place = f" in {offer.region}" if offer.region else ""
    return f"{offer.number} is a {offer.country} {offer.type} number{place}, and the market is {want.market}."


def _dear(offer: Offer, why: str) -> str:
    return f"{offer.number} costs {offer.price.monthly} a month and {offer.price.setup} once, {why}."


def _failed(want: OrderWant, number: E164, offer: Offer | None, reason: FailureReason, message: str) -> Item:
    nothing = Money.zero(want.limits.currency)
    shown = offer or Offer(number, want.market.country, want.market.type, Price(nothing, nothing))
    return Item(shown, ItemState.FAILED, Outcome(number, ItemState.FAILED, reason, message))
