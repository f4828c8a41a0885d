"""The supply arithmetic, case by case."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from ringfleet.model import ItemState, Limits, Money, Phase
from ringfleet.plan.number_pool.supply import (
    Lot,
    NumberSeen,
    OrderSeen,
    count_supply,
    may_be_forgotten,
    month_of,
    next_settling,
)
from tests.plan.builders import LAST_MONTH, MAIN, NOW, a_number, a_price, an_order, dollars, items, numbers

UNDECIDED = [state for state in ItemState if state is not ItemState.FAILED]


def counted(numbers: tuple[NumberSeen, ...] = (), orders: tuple[OrderSeen, ...] = ()) -> tuple[int, int, int]:
    """Available, in flight, held."""
    supply = count_supply(Limits(), numbers, orders, NOW)
    return supply.available, supply.in_flight, supply.held


@pytest.mark.parametrize(
    ("phase", "available", "in_flight", "held"),
    [
        (Phase.ORDERING, 0, 1, 1),
        (Phase.PENDING_DOCUMENTS, 0, 1, 1),
        (Phase.AVAILABLE, 1, 0, 1),
        (Phase.BOUND, 0, 0, 1),
        (Phase.COOLING, 0, 0, 1),
        (Phase.SUSPENDED, 0, 0, 1),
        (Phase.QUARANTINED, 0, 0, 1),
        (Phase.RELEASING, 0, 0, 1),
        (Phase.RELEASED, 0, 0, 0),
        (Phase.LOST, 0, 0, 0),
    ],
)
def test_each_phase_is_counted_where_it_belongs(phase: Phase, available: int, in_flight: int, held: int) -> None:
    assert counted(numbers(1, phase)) == (available, in_flight, held)


def test_a_number_that_nobody_asks_to_go_any_more_is_supply_again() -> None:
    leaving = numbers(1, Phase.RELEASING)[0]
    assert count_supply(Limits(), [leaving], (), NOW).total == 0
    assert count_supply(Limits(), [replace(leaving, returning=True)], (), NOW).total == 1


def test_an_order_that_searches_counts_as_many_numbers_as_it_wants() -> None:
    assert counted(orders=(an_order(count=7),)) == (0, 7, 7)


def test_an_order_that_ended_without_choosing_counts_nothing() -> None:
    assert counted(orders=(an_order(count=7, finished=True),)) == (0, 0, 0)


def test_an_order_that_has_chosen_counts_what_it_chose_and_not_what_it_wanted() -> None:
    assert counted(orders=(an_order(count=7, items=items(ItemState.PENDING, ItemState.PENDING)),)) == (0, 2, 2)


@pytest.mark.parametrize("state", UNDECIDED)
@pytest.mark.parametrize("finished", [False, True])
def test_every_item_that_is_bought_or_may_be_counts(state: ItemState, finished: bool) -> None:
    assert counted(orders=(an_order(items=items(state), finished=finished),)) == (0, 1, 1)


@pytest.mark.parametrize(
    ("state", "ago", "in_flight", "paid"),
    [
        pytest.param(ItemState.PROVISIONED, timedelta(minutes=14), 1, 3, id="a moment ago"),
        pytest.param(ItemState.PROVISIONED, timedelta(minutes=15), 0, 3, id="its object is gone"),
        pytest.param(ItemState.PENDING_DOCUMENTS, timedelta(minutes=15), 0, 3, id="while it waited"),
        pytest.param(ItemState.PROVISIONED, timedelta(days=31), 0, 0, id="of last month"),
        pytest.param(ItemState.UNKNOWN, timedelta(days=31), 1, 3, id="never told"),
    ],
)
def test_an_item_of_an_order_that_has_ended_is_not_on_its_way_for_ever(
    state: ItemState, ago: timedelta, in_flight: int, paid: int
) -> None:
    """Its object was made before the order ended. It was deleted; the month in which it was bought is paid."""
    order = an_order(items=items(state), finished=True, completed_at=NOW - ago)
    assert counted(orders=(order,)) == (0, in_flight, in_flight)
    assert count_supply(Limits(), (), (order,), NOW).committed == dollars(paid)


def test_the_next_item_to_settle_is_looked_at_then() -> None:
    orders = [
        an_order(
            n, items=items(ItemState.PROVISIONED, first=n), finished=True, completed_at=NOW - timedelta(minutes=ago)
        )
        for n, ago in ((1, 5), (2, 9), (3, 12), (4, 20))
    ]
    assert next_settling(numbers(1, first=3), orders, NOW) == NOW + timedelta(minutes=6)
    assert next_settling(numbers(4), orders, NOW) is None


def test_a_failed_item_goes_back_to_the_shortfall() -> None:
    assert counted(orders=(an_order(items=items(ItemState.FAILED)),)) == (0, 0, 0)


@pytest.mark.parametrize("state", list(ItemState))
def test_an_item_whose_object_is_seen_counts_once(state: ItemState) -> None:
    assert counted(numbers(1), (an_order(items=items(state)),)) == (1, 0, 1)


def test_a_number_that_two_orders_name_counts_once() -> None:
    orders = (an_order(1, items=items(ItemState.UNKNOWN)), an_order(2, items=items(ItemState.PENDING)))
    assert counted(orders=orders) == (0, 1, 1)


@pytest.mark.parametrize("phase", [Phase.RELEASED, Phase.LOST])
def test_a_number_that_is_gone_is_not_kept_alive_by_the_order_that_once_bought_it(phase: Phase) -> None:
    assert counted(numbers(1, phase), (an_order(items=items(ItemState.PROVISIONED), finished=True),)) == (0, 0, 0)


@pytest.mark.parametrize("phase", [Phase.RELEASED, Phase.LOST])
def test_a_number_that_is_gone_and_bought_once_more_counts(phase: Phase) -> None:
    assert counted(numbers(1, phase), (an_order(items=items(ItemState.SUBMITTING)),)) == (0, 1, 1)


@pytest.mark.parametrize(
    ("number", "monthly", "committed"),
    [
        pytest.param(a_number(purchased_at=LAST_MONTH), 2, 2, id="of last month"),
        pytest.param(a_number(purchased_at=NOW), 2, 3, id="of this month"),
        pytest.param(a_number(purchased_at=None), 2, 3, id="of unknown date"),
        pytest.param(a_number(purchased_at=NOW.replace(year=2025)), 2, 2, id="of last year"),
        pytest.param(a_number(phase=Phase.BOUND), 2, 2, id="bound"),
        pytest.param(a_number(phase=Phase.LOST), 0, 0, id="lost"),
        pytest.param(a_number(phase=Phase.RELEASED, purchased_at=NOW), 0, 3, id="bought this month and given back"),
        pytest.param(a_number(phase=Phase.LOST, purchased_at=NOW), 0, 3, id="bought this month and lost"),
        pytest.param(a_number(price=None), 0, 0, id="of unknown price"),
    ],
)
def test_a_month_costs_every_rental_and_the_setups_of_this_month(
    number: NumberSeen, monthly: int, committed: int
) -> None:
    supply = count_supply(Limits(), (number,), (), NOW)
    assert (supply.monthly, supply.committed) == (dollars(monthly), dollars(committed))


def test_money_in_flight_is_committed_and_what_may_come_back_is_reserved() -> None:
    searching = an_order(1, count=4, budget=dollars(20))
    chosen = an_order(2, items=items(ItemState.UNKNOWN, ItemState.FAILED), budget=dollars(50))
    supply = count_supply(Limits(), (), (searching, chosen), NOW)
    assert (supply.monthly, supply.committed, supply.reserved) == (dollars(0), dollars(23), dollars(20))


def test_an_object_that_does_not_know_its_price_yet_costs_what_its_order_paid() -> None:
    unpriced = a_number(price=None, purchased_at=None, phase=Phase.ORDERING)
    bought = an_order(items=items(ItemState.PROVISIONED), finished=True)
    assert count_supply(Limits(), (unpriced,), (bought,), NOW).committed == dollars(3)


def test_other_currencies_are_counted_apart_and_never_added() -> None:
    seen = (a_number(1), a_number(2, price=a_price(currency="GBP")), a_number(3, price=a_price(currency="EUR")))
    order = an_order(items=items(ItemState.PENDING, first=9, price=a_price(currency="CHF")))
    supply = count_supply(Limits(), seen, (order,), NOW)
    apart = (Money.parse(3, "CHF"), Money.parse(2, "EUR"), Money.parse(2, "GBP"))
    assert (supply.held, supply.monthly, supply.foreign) == (4, dollars(2), apart)


# Orders whose pool is gone.

A_DAY_AGO, AN_HOUR_AGO = NOW - timedelta(days=1), NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("order", "seen", "forgotten"),
    [
        pytest.param(
            an_order(items=items(ItemState.FAILED), finished=True, completed_at=A_DAY_AGO),
            (),
            True,
            id="bought nothing",
        ),
        pytest.param(
            an_order(items=items(ItemState.FAILED), finished=True, completed_at=AN_HOUR_AGO), (), False, id="too young"
        ),
        pytest.param(an_order(items=items(ItemState.UNKNOWN)), (), False, id="nobody knows what it has bought"),
        pytest.param(an_order(count=1), (), False, id="it may still buy"),
        pytest.param(
            an_order(items=items(ItemState.PROVISIONED), finished=True, completed_at=A_DAY_AGO),
            numbers(1),
            True,
            id="its number tells what it costs",
        ),
        pytest.param(
            an_order(items=items(ItemState.PROVISIONED), finished=True, completed_at=A_DAY_AGO),
            (a_number(price=None),),
            False,
            id="nothing else tells what its number costs",
        ),
        pytest.param(
            an_order(items=items(ItemState.PENDING_DOCUMENTS), finished=True, completed_at=A_DAY_AGO),
            numbers(1, Phase.PENDING_DOCUMENTS),
            False,
            id="its number waits for documents",
        ),
        pytest.param(
            an_order(items=items(ItemState.PROVISIONED), finished=True, completed_at=A_DAY_AGO),
            (),
            False,
            id="its number is gone, and this month has paid for it",
        ),
        pytest.param(
            an_order(items=items(ItemState.PROVISIONED), finished=True, completed_at=LAST_MONTH),
            (),
            True,
            id="its number is gone, and another month has paid for it",
        ),
        pytest.param(
            an_order(items=items(ItemState.FAILED), finished=True), (), False, id="nobody knows when it ended"
        ),
    ],
)
def test_an_order_without_a_pool_is_kept_while_it_is_the_record_of_anything(
    order: OrderSeen, seen: tuple[NumberSeen, ...], forgotten: bool
) -> None:
    assert may_be_forgotten(order, {one.number: one for one in seen}, NOW) is forgotten


# Numbers in lots.


def test_numbers_in_lots_count_as_they_would_one_by_one() -> None:
    prices = (a_price(), a_price(3, 0), a_price(1, 1, "EUR"))
    several = [
        a_number(n, phase, price=prices[n % 3], purchased_at=(None, LAST_MONTH, NOW)[n % 4 % 3], account=MAIN)
        for n, phase in enumerate([*Phase, *Phase, *reversed(Phase)], 1)
    ]
    order = an_order(items=items(ItemState.PROVISIONED, ItemState.FAILED), count=2)
    named = {item.number for item in order.items}
    lots = Counter(
        Lot(one.phase, one.price, one.purchased_at and month_of(one.purchased_at), account=one.account)
        for one in several
        if one.price and one.number not in named
    )
    some = [one for one in several if one.number in named]
    assert some
    assert count_supply(Limits(), some, (order,), NOW, lots=lots) == count_supply(Limits(), several, (order,), NOW)
