"""In which turn a pool asks its carriers: by preference, and by price where that is equal."""

from __future__ import annotations

import inspect
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.api.number_pool import PoolCarrier
from ringfleet.model import AccountKey, Limits, Market, NumberType, Offer
from ringfleet.model.asking import Ask
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.number_pool.plan import PoolSeen, PoolWant, StartOrder, plan_pool
from ringfleet.plan.number_pool.preference import HORIZON, cost_of, costs_in, in_turn, ranks_of
from tests.plan.builders import MAIN, NOW, SPARE, a_pool, a_price, a_world, an_offer, dollars, limits, numbers

THIRD = AccountKey("default", "third")
ALL = (MAIN, SPARE, THIRD)
US = Market("US", NumberType.GEOGRAPHIC)
DOWN = AccountSeen(Reason.CIRCUIT_OPEN, "It does not answer.")
AWAITED = AccountSeen(prices_awaited=True)


def selling(*offers: Offer) -> AccountSeen:
    return AccountSeen(offered=offers)


DEAR, CHEAP = selling(an_offer(1, monthly=2)), selling(an_offer(2, monthly=1))
IN_EUROS = selling(an_offer(3, price=a_price("0.10", 0, "EUR")))


def turn(
    preferences: tuple[int, ...], *accounts: AccountSeen, count: int = 1, market: Market = US
) -> tuple[AccountKey, ...]:
    carriers = ALL[: len(accounts)]
    seen = dict(zip(carriers, accounts, strict=True))
    return in_turn(ranks_of(carriers, preferences), seen, market, Limits(), count)


@pytest.mark.parametrize(
    ("preferences", "accounts", "expected"),
    [
        pytest.param((), (DEAR, CHEAP), (MAIN, SPARE), id="no preference is given: the list counts, not the price"),
        pytest.param((2, 1), (CHEAP, DEAR), (SPARE, MAIN), id="the lower one first, whatever it costs"),
        pytest.param((1, 1), (DEAR, CHEAP), (SPARE, MAIN), id="equal: the cheaper one"),
        pytest.param((1, 1), (DEAR, DEAR), (MAIN, SPARE), id="equal in price too: the list counts"),
        pytest.param((1, 1, 2), (DEAR, CHEAP, CHEAP), (SPARE, MAIN, THIRD), id="only equal ones are compared"),
        pytest.param((1, 1), (AccountSeen(), DEAR), (SPARE, MAIN), id="of one nobody knows the price"),
        pytest.param((1, 1), (selling(), DEAR), (SPARE, MAIN), id="one offers nothing"),
        pytest.param((1, 1), (IN_EUROS, DEAR), (SPARE, MAIN), id="no amount of another currency is less"),
        pytest.param((1, 1), (CHEAP, AWAITED), (SPARE, MAIN), id="one whose prices are being asked is not passed over"),
    ],
)
def test_carriers_are_asked_by_preference_and_those_of_one_by_price(
    preferences: tuple[int, ...], accounts: tuple[AccountSeen, ...], expected: tuple[AccountKey, ...]
) -> None:
    assert turn(preferences, *accounts) == expected


@pytest.mark.parametrize(
    ("offers", "count", "expected"),
    [
        pytest.param([an_offer(1, "1.50", 6)], 1, "24.00", id="twelve months and the setup"),
        pytest.param([an_offer(1, 1, 0), an_offer(2, 3, 0)], 2, "24", id="the average of those that are taken"),
        pytest.param([an_offer(1, 1, 0), an_offer(2, 3, 0)], 1, "12", id="and of no others"),
        pytest.param([an_offer(1, 1, 0), an_offer(2, 9, 0)], 2, "12", id="what is above the price cap is not taken"),
        pytest.param(
            [an_offer(1, 2, 0), an_offer(2, 1, 0, area_code="628")], 1, "24", id="area codes go before prices"
        ),
        pytest.param([an_offer(1, price=a_price(1, 1, "EUR"))], 1, None, id="another currency"),
        pytest.param([an_offer(1, country="GB")], 1, None, id="another market"),
        pytest.param([], 1, None, id="nothing"),
    ],
)
def test_the_cost_of_a_number_is_that_of_its_first_year_as_an_order_would_take_it(
    offers: list[Offer], count: int, expected: str | None
) -> None:
    market = replace(US, area_codes=("415", "628"))
    assert cost_of(market, limits(max_monthly=5), offers, count) == (dollars(expected) if expected else None)


def test_offers_in_several_currencies_have_a_cost_in_each() -> None:
    offers = [an_offer(1, 1, 0), an_offer(2, 3, 0), an_offer(3, price=a_price(2, 6, "EUR")), an_offer(4, country="GB")]
    assert [str(cost) for cost in costs_in(US, offers)] == ["30 EUR", "24 USD"]


prices = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 99)), max_size=4)
ranks = st.integers(1, 3)


@st.composite
def accounts(draw: st.DrawFn, currency: str = "USD") -> AccountSeen:
    offers = [an_offer(n, price=a_price(*price, currency)) for n, price in enumerate(draw(prices), 1)]
    known = selling(*offers)
    return draw(st.sampled_from([known, known, known, AccountSeen(), DOWN, AWAITED]))


three = st.tuples(accounts(), accounts(), accounts())
rankings = st.just(()) | st.tuples(ranks, ranks, ranks)


@given(rankings, three, st.integers(1, 5))
def test_every_carrier_has_its_turn_once_and_none_before_one_that_is_preferred(
    preferences: tuple[int, ...], seen: tuple[AccountSeen, ...], count: int
) -> None:
    order = turn(preferences, *seen, count=count)
    assert sorted(order) == sorted(ALL)
    rank = ranks_of(ALL, preferences)
    assert [rank[account] for account in order] == sorted(rank.values())


@given(three, st.integers(1, 5))
def test_of_equal_ones_none_that_costs_more_or_whose_cost_is_not_known_comes_before_a_cheaper_one(
    seen: tuple[AccountSeen, ...], count: int
) -> None:
    order = turn((1, 1, 1), *seen, count=count)
    known = dict(zip(ALL, seen, strict=True))
    told = [account for account in order if not known[account].prices_awaited]
    assert order[: len(order) - len(told)] == tuple(account for account in ALL if known[account].prices_awaited)
    costs = [cost_of(US, Limits(), known[account].offered or (), count) for account in told]
    amounts = [cost.amount for cost in costs if cost]
    assert costs[: len(amounts)] == [cost for cost in costs if cost]
    assert amounts == sorted(amounts)


@given(three, st.tuples(prices, prices, prices), st.integers(1, 5))
def test_what_is_offered_in_another_currency_changes_no_turn(
    seen: tuple[AccountSeen, ...], foreign: tuple[list[tuple[int, int]], ...], count: int
) -> None:
    with_euros = [
        replace(one, offered=(*one.offered, *(an_offer(50 + n, price=a_price(*p, "EUR")) for n, p in enumerate(more))))
        if one.offered is not None
        else one
        for one, more in zip(seen, foreign, strict=True)
    ]
    assert turn((1, 1, 1), *with_euros, count=count) == turn((1, 1, 1), *seen, count=count)


def by_price(target: int = 10, *, preferences: tuple[int, ...] = (1, 1), **rest: object) -> PoolWant:
    return a_pool(target, carriers=ALL[: len(preferences)], preferences=preferences, **rest)


def world(*accounts: AccountSeen, **rest: object) -> PoolSeen:
    seen = a_world(ALL[: len(accounts)], **rest)
    return replace(seen, accounts=dict(zip(ALL, accounts, strict=False)))


def started(want: PoolWant, seen: PoolSeen) -> AccountKey | None:
    starts = [action for action in plan_pool(want, seen, NOW).actions if isinstance(action, StartOrder)]
    return starts[0].intent.account if starts else None


@pytest.mark.parametrize(
    ("want", "seen", "expected"),
    [
        pytest.param(by_price(), world(DEAR, CHEAP), SPARE, id="the cheaper one gets the order"),
        pytest.param(by_price(), world(DEAR, DOWN), MAIN, id="one that is down hands on"),
        pytest.param(by_price(), world(DEAR, AWAITED), None, id="while prices are asked nothing is ordered"),
        pytest.param(by_price(preferences=(1, 2)), world(DEAR, AWAITED), MAIN, id="where they do not matter it is"),
        pytest.param(
            by_price(max_share=Decimal("0.5")),
            world(DEAR, CHEAP, numbers=numbers(5, account=SPARE)),
            MAIN,
            id="the cheaper one has its share",
        ),
        pytest.param(
            by_price(0),
            world(DEAR, CHEAP, on_demand=[Ask(account=MAIN)]),
            MAIN,
            id="a claim that asks for an account is not given the cheaper one",
        ),
    ],
)
def test_an_order_goes_to_the_first_that_can_be_ordered_from(
    want: PoolWant, seen: PoolSeen, expected: AccountKey | None
) -> None:
    assert started(want, seen) == expected


def said(want: PoolWant, seen: PoolSeen, type_: str) -> Condition | None:
    return next((one for one in plan_pool(want, seen, NOW).conditions if one.type == type_), None)


def test_a_pool_that_waits_for_prices_says_so() -> None:
    ready = said(by_price(), world(DEAR, AWAITED), "Ready")
    assert ready == Condition(
        "Ready",
        False,
        Reason.READING_PRICES,
        "CarrierAccount default/spare is being asked what it offers, and at which price.",
    )


def test_offers_in_another_currency_are_told_and_not_compared() -> None:
    assert said(by_price(), world(DEAR, CHEAP), "PriceUnknown") is None
    assert said(by_price(preferences=(1, 2)), world(DEAR, IN_EUROS), "PriceUnknown") is None
    assert said(by_price(), world(DEAR, IN_EUROS), "PriceUnknown") == Condition(
        "PriceUnknown",
        True,
        Reason.PRICE_UNKNOWN,
        "CarrierAccount default/spare offers numbers of the market in EUR; the pool orders in USD "
        "(spec.limits.currency). Prices in two currencies are not compared, and nothing is ordered there: give "
        "accounts of one currency one preference.",
    )


def test_the_cheapest_one_that_is_down_is_told_while_orders_go_to_a_dearer_one() -> None:
    down = replace(CHEAP, blocked=DOWN.blocked, message=DOWN.message)
    want, seen = by_price(), world(DEAR, down)
    fallback = said(want, seen, "FallbackCarrier")
    assert fallback
    assert fallback.message.startswith("New orders go to default/main instead of default/spare")


def test_the_horizon_is_the_one_that_the_field_promises() -> None:
    told = " ".join(inspect.getsource(PoolCarrier).split())
    assert HORIZON == 12
    assert "first twelve months, setup included" in told
