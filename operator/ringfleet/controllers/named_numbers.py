"""The numbers that an order names, looked for at its carrier and among what is ours already. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from ringfleet.api import NumberOrder
from ringfleet.carriers.abilities import SearchFilter
from ringfleet.carriers.carrier import Carrier
from ringfleet.carriers.errors import ReplyUnreadable
from ringfleet.carriers.search_filters import MOST_LOOKED_THROUGH
from ringfleet.controllers.services import Services
from ringfleet.model import E164, GONE, Holding, ItemState, Market, Offer, Phase, Query
from ringfleet.model.digit_pattern import DigitPattern
from ringfleet.model.geography import locate
from ringfleet.model.numbering import national_digits
from ringfleet.plan.named_numbers import Found
from ringfleet.plan.number_order.order import OrderWant


async def find_named(services: Services, carrier: Carrier, order: NumberOrder, want: OrderWant) -> dict[E164, Found]:
    """What is known of each number that the order names: whether it is ours, or else whether it is for sale.

    Raises CarrierError: not all could be asked for.
    """
    held = {number: why for number in want.numbers if (why := whereabouts(services, order, number))}
    others = [number for number in want.numbers if number not in held]
    offers = await find_offers(carrier, want.market, others)
    found = {number: Found(held=why) for number, why in held.items()}
    for number in others:
        offer = offers.get(number)
        found[number] = Found(offer) if offer else await _look_why(services, carrier, number)
    return found


async def find_offers(carrier: Carrier, market: Market, numbers: Iterable[E164]) -> dict[E164, Offer]:
    """The offers of these numbers, whatever they can do: by their digits where the carrier can be asked for those, else
    among all that it offers of their area codes."""
    by_code = sorted(numbers, key=lambda number: (_area_code(market, number) or "", number))
    found: dict[E164, Offer] = {}
    for code, group in groupby(by_code, key=lambda number: _area_code(market, number)):
        wanted = frozenset(group)
        for query, count in _queries(carrier, market, code, sorted(wanted)):
            catalog = await carrier.search(query, count)
            found |= {offer.number: offer for offer in catalog.offers if offer.number in wanted}
    return found


def _queries(carrier: Carrier, market: Market, code: str | None, numbers: list[E164]) -> Iterable[tuple[Query, int]]:
    whole = Query(market.country, market.type, code)
    if SearchFilter.CONTAINS not in carrier.abilities.search_filters:
        return [(whole, MOST_LOOKED_THROUGH)]
    patterns = (DigitPattern(national_digits(number), at_end=True) for number in numbers)
    return [(Query(market.country, market.type, code, contains=pattern), 1) for pattern in patterns]


def _area_code(market: Market, number: E164) -> str | None:
    """The number's area code in North America, where every carrier means the same by it. None: it is not asked for."""
    where = locate(number)
    return where.area_code if number.startswith("+1") and where.country == market.country else None


async def _look_why(services: Services, carrier: Carrier, number: E164) -> Found:
    """A number that nobody offers may be in the account itself."""
    try:
        holding = await carrier.find(number)
    except ReplyUnreadable as error:
        return Found(held=str(error))
    return Found() if holding is None else Found(held=_in_account(services, holding))


def _in_account(services: Services, holding: Holding) -> str:
    mark = holding.mark
    if mark is None:
        return f"{holding.number} is in the account already, without our mark: `kubectl ringfleet adopt` takes it in."
    if mark.installation == services.fleet.installation:
        return f"{holding.number} is in the account already, under our mark: the account's next sweep makes its object."
    return f"{holding.number} is in the account already, under the mark of another installation."


def whereabouts(services: Services, order: NumberOrder, number: E164) -> str:
    """Where a number is that is ours already, or that another order has chosen; "" when neither. Of another namespace
    no name is told."""
    namespace = order.metadata.namespace
    for record in services.fleet.numbers.by("number", number):
        if record.state.phase not in GONE - {Phase.RELEASED}:
            where = f"PhoneNumber {record.name} of pool {record.pool or '(none)'}"
            return f"{number} is ours already: {where if record.namespace == namespace else _ELSEWHERE}."
    for other in services.fleet.all(NumberOrder):
        if other.metadata.uid != order.metadata.uid and not other.status.done and _has_chosen(other, number):
            same = other.metadata.namespace == namespace
            return f"{number} is being bought by {f'NumberOrder {other.metadata.name}' if same else _ELSEWHERE}."
    return ""


_ELSEWHERE = "another namespace of this cluster"


def _has_chosen(order: NumberOrder, number: E164) -> bool:
    return any(item.number == number and item.state is not ItemState.FAILED for item in order.status.items or ())
