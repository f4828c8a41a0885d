"""Which of a carrier's offers an order takes: those that are what the market asks for, within price caps and budget.

What a carrier offers is believed in nothing: country, type, area code and capabilities are looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from ringfleet.model import Limits, Market, Money, Offer, Price
from ringfleet.model.numbering import area_code_of
from ringfleet.model.places import place_of
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order.order import OrderWant


@dataclass(frozen=True, slots=True)
class Choice:
    """The offers that an order takes. `shortage` says why there are fewer than it wants, None when there are enough."""

    offers: tuple[Offer, ...]
    shortage: Reason | None = None
    message: str = ""


def choose_offers(want: OrderWant, offers: Iterable[Offer]) -> Choice:
    """Take offers in the order of the market's area codes, wished ones before, cheapest first, within caps and budget.

    What is not what the market asks for is refused: a carrier may overlook a filter, and the numbers would be paid for.
    The order in which `offers` arrive does not matter, and a number that is offered twice is taken once, at the higher
    price.
    """
    offered = _each_once(offers)
    ranked = rank_offers(want.market, offered)
    dear = [offer for offer in ranked if not within_caps(want.limits, offer.price)]
    payable = [offer for offer in ranked if within_caps(want.limits, offer.price)]
    fitting = [offer for offer in payable if want.left is None or offer.price.monthly <= want.left]
    chosen, broke = _within_budget(fitting[: want.count], want.budget)
    if len(chosen) == want.count:
        return Choice(chosen)
    if broke:
        return Choice(chosen, Reason.BUDGET_EXHAUSTED, f"The budget left for this order, {want.budget}, buys no more.")
    if len(fitting) < len(payable):
        return Choice(chosen, Reason.PRICE_ABOVE_CAP, _unpaid(want, payable))
    if dear:
        return Choice(chosen, Reason.PRICE_ABOVE_CAP, _too_dear(want, dear))
    short = f"{want.account} offers no more numbers for {want.market}{_capable(want.market)}"
    return Choice(chosen, Reason.NO_STOCK, short + (_UNFIT if len(ranked) < len(offered) else "."))


def rank_offers(market: Market, offers: Iterable[Offer]) -> list[Offer]:
    """Those that are what the market asks for, in the order in which an order takes them, each number once."""
    fitting = (offer for offer in _each_once(offers) if is_of_market(market, offer))
    return sorted(fitting, key=lambda offer: _preference(market, offer))


def _each_once(offers: Iterable[Offer]) -> list[Offer]:
    """A number that is offered twice once, at the higher price."""
    return list({offer.number: offer for offer in sorted(offers, key=_dearest_last)}.values())


_UNFIT = (
    ": what it offers besides is of another country, type, area code or place, or can't do what the pool's market, or "
    "a claim that it is ordered for, asks for."
)


def is_of_market(market: Market, offer: Offer) -> bool:
    """Whether the offer is what the market asks for, whatever was searched."""
    if (offer.country, offer.type) != (market.country, market.type) or not market.capabilities <= offer.capabilities:
        return False
    if market.area_codes and area_code_of(offer.number, offer.area_code, market.area_codes) is None:
        return False
    return _rank_of_place(market, offer) is not None


def _rank_of_place(market: Market, offer: Offer) -> tuple[int, int] | None:
    """How far behind its state and its city stand in the market's lists, 0 is the preferred one; None: it is in none of
    those that it must be in."""
    if not (market.regions or market.localities):
        return (0, 0)
    place = place_of(offer.number, offer.region)
    places = product(enumerate(market.regions or (None,)), enumerate(market.localities or (None,)))
    return next(((at, then) for (at, state), (then, city) in places if place.is_in(state, city)), None)


def _dearest_last(offer: Offer) -> tuple[str, object, object, str]:
    return (str(offer.number), _sum(offer.price), offer.price.monthly.amount, offer.token)


def _sum(price: Price) -> Decimal:
    """For comparing only: it adds even what a carrier bills in two currencies, which no order takes."""
    return price.monthly.amount + price.setup.amount


def _preference(market: Market, offer: Offer) -> tuple[int, tuple[int, int], object, str]:
    codes = (*market.wished, *market.area_codes)
    code = area_code_of(offer.number, offer.area_code, codes)
    rank = len(codes) if code is None else codes.index(code)
    return (rank, _rank_of_place(market, offer) or (0, 0), _sum(offer.price), str(offer.number))


def within_caps(limits: Limits, price: Price) -> bool:
    """Whether the price is in the currency of the limits, and no higher than they let it be."""
    if price.monthly.currency != limits.currency or price.setup.currency != limits.currency:
        return False
    if limits.max_monthly is not None and not price.monthly <= limits.max_monthly:
        return False
    return limits.max_setup is None or price.setup <= limits.max_setup


def _within_budget(offers: list[Offer], budget: Money | None) -> tuple[tuple[Offer, ...], bool]:
    if budget is None:
        return tuple(offers), False
    chosen: list[Offer] = []
    left = budget
    for offer in offers:
        if offer.price.first_month <= left:
            chosen.append(offer)
            left -= offer.price.first_month
    return tuple(chosen), len(chosen) < len(offers)


def _too_dear(want: OrderWant, dear: list[Offer]) -> str:
    cheapest = min(dear, key=lambda offer: (_sum(offer.price), str(offer.number))).price
    return (
        f"The other offers of {want.account} for {want.market} are above spec.limits.maxMonthlyPrice or maxSetupPrice, "
        f"or not in {want.limits.currency}: the cheapest is {cheapest.monthly} a month and {cheapest.setup} once."
    )


def _unpaid(want: OrderWant, payable: list[Offer]) -> str:
    cheapest = min(payable, key=lambda offer: (offer.price.monthly.amount, str(offer.number))).price.monthly
    return (
        f"The other offers of {want.account} for {want.market}{_capable(want.market)} cost more a month than "
        "spec.limits.monthlySpend leaves in the NumberQuotas of the namespace whose claims the order is for: the "
        f"cheapest is {cheapest}."
    )


def _capable(market: Market) -> str:
    return f" with {' and '.join(sorted(market.capabilities))}" if market.capabilities else ""
