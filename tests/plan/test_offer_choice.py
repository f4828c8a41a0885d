"""What an order takes of the offers that it is shown, and why it takes fewer than it wants."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringfleet.model import E164, Capability, Market, Money, NumberType, Offer, Price
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_order.order import OrderWant
from ringfleet.plan.offer_choice import Choice, choose_offers
from tests.plan.builders import a_price, an_offer, an_order_want, dollars, limits


def chosen(count: int, offered: list[Offer], **rest: object) -> list[int]:
    """The last digits of the numbers that an order takes."""
    choice = choose_offers(an_order_want(count, **rest), offered)
    return [int(offer.number[-4:]) for offer in choice.offers]


def test_preferred_area_codes_come_first_and_cheap_numbers_first_within_them() -> None:
    offered = [
        an_offer(1, 9, area_code="415"),
        an_offer(2, 3, area_code="628"),
        an_offer(3, 1, area_code="212"),
        an_offer(4, 5, area_code="415"),
        an_offer(5, 1, area_code=None),
    ]
    assert chosen(5, offered) == [5, 4, 1, 2]
    assert chosen(2, offered) == [5, 4]
    assert chosen(5, offered, market=Market("US", NumberType.GEOGRAPHIC)) == [3, 5, 2, 4, 1]


def test_setup_counts_as_much_as_the_first_month_and_the_number_decides_between_equals() -> None:
    assert chosen(3, [an_offer(3, 1, 4), an_offer(2, 4, 1), an_offer(1, 1, 5)]) == [2, 3, 1]


def test_a_number_offered_twice_is_taken_once_and_at_its_higher_price() -> None:
    choice = choose_offers(an_order_want(2), [an_offer(1, 3), an_offer(1, 9), an_offer(1, 4)])
    assert choice.offers == (an_offer(1, 9),)


@pytest.mark.parametrize(
    ("caps", "budget", "taken"),
    [
        ({}, None, [1, 2, 3]),
        ({"max_monthly": 2}, None, [1, 2]),
        ({"max_setup": 1}, None, [1, 3]),
        ({"max_monthly": 2, "max_setup": 1}, None, [1]),
        ({}, 3, [1]),
        ({}, 2, []),
        ({}, 8, [1, 2]),
        ({}, 12, [1, 2, 3]),
    ],
)
def test_caps_and_budget_are_never_exceeded(caps: dict[str, int], budget: int | None, taken: list[int]) -> None:
    offered = [an_offer(1, 2, 1), an_offer(2, 2, 2), an_offer(3, 4, 1)]
    money = None if budget is None else dollars(budget)
    assert chosen(3, offered, limits=limits(**caps), budget=money) == taken


@pytest.mark.parametrize("price", [a_price(currency="EUR"), Price(dollars(1), Money.parse(1, "EUR"))])
def test_an_offer_in_another_currency_is_not_taken(price: Price) -> None:
    assert chosen(2, [an_offer(1), replace(an_offer(2), price=price)]) == [1]


@pytest.mark.parametrize(
    ("want", "offered", "expected"),
    [
        pytest.param(an_order_want(1), [an_offer(1)], (None, ""), id="nothing is short"),
        pytest.param(
            an_order_want(1),
            [],
            (Reason.NO_STOCK, "default/main offers no more numbers for US Geographic 415, 628."),
            id="no stock",
        ),
        pytest.param(
            an_order_want(1, market=Market("GB", NumberType.MOBILE, (), frozenset({Capability.VOICE, Capability.SMS}))),
            [],
            (Reason.NO_STOCK, "default/main offers no more numbers for GB Mobile with SMS and Voice."),
            id="no stock of these capabilities",
        ),
        pytest.param(
            an_order_want(2, budget=dollars(3)),
            [an_offer(1), an_offer(2)],
            (Reason.BUDGET_EXHAUSTED, "The budget left for this order, 3 USD, buys no more."),
            id="no money",
        ),
        pytest.param(
            an_order_want(2, limits=limits(max_monthly=1)),
            [an_offer(1, 7, 2), an_offer(2, 6, 3)],
            (
                Reason.PRICE_ABOVE_CAP,
                "The other offers of default/main for US Geographic 415, 628 are above spec.limits.maxMonthlyPrice or "
                "maxSetupPrice, or not in USD: the cheapest is 7 USD a month and 2 USD once.",
            ),
            id="too dear",
        ),
    ],
)
def test_a_choice_says_why_it_is_short(
    want: OrderWant, offered: list[Offer], expected: tuple[Reason | None, str]
) -> None:
    choice = choose_offers(want, offered)
    assert (choice.shortage, choice.message) == expected


WISH = Market("US", NumberType.GEOGRAPHIC, ("415", "628"), frozenset({Capability.SMS}))
FITS = an_offer(1, capabilities=frozenset({Capability.SMS, Capability.VOICE}))


@pytest.mark.parametrize(
    "offer",
    [
        pytest.param(replace(FITS, country="GB"), id="of another country"),
        pytest.param(replace(FITS, type=NumberType.MOBILE), id="of another type"),
        pytest.param(replace(FITS, area_code="212"), id="of another area code"),
        pytest.param(replace(FITS, area_code=None, number=E164("+12125550101")), id="of one that is not told"),
        pytest.param(replace(FITS, capabilities=frozenset({Capability.VOICE})), id="without what it must have"),
    ],
)
def test_an_offer_that_is_not_what_the_market_asks_for_is_refused_whatever_the_carrier_says(offer: Offer) -> None:
    choice = choose_offers(an_order_want(1, market=WISH), [offer])
    said = (
        "default/main offers no more numbers for US Geographic 415, 628 with SMS: what it offers besides is of another "
        "country, type, area code or place, or can't do what the pool's market, or a claim that it is ordered for, "
        "asks for."
    )
    assert choice == Choice((), Reason.NO_STOCK, said)


@pytest.mark.parametrize(
    "offer",
    [
        pytest.param(FITS, id="it can do more"),
        pytest.param(replace(FITS, area_code="628"), id="the second area code"),
        pytest.param(replace(FITS, area_code=None), id="the number itself tells its area code"),
    ],
)
def test_an_offer_that_is_what_the_market_asks_for_is_taken(offer: Offer) -> None:
    assert choose_offers(an_order_want(1, market=WISH), [offer]) == Choice((offer,))


def test_nothing_wanted_is_nothing_short() -> None:
    assert choose_offers(an_order_want(0), [an_offer()]) == Choice(())
