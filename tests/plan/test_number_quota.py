"""What a namespace may still have under its quotas, and what unpaid bills mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ringfleet.model import ItemState, Limits, Money, Phase
from ringfleet.model.policy import Billing
from ringfleet.plan.conditions import Condition, Reason, ready
from ringfleet.plan.number_pool.supply import NO_QUOTA, Room, count_supply
from ringfleet.plan.number_quota import (
    Bills,
    QuotaWant,
    Used,
    Wanted,
    affords,
    count_used,
    full_for_claims,
    full_for_orders,
    judge_bills,
    plan_orders,
    purse_under,
    quota_conditions,
    room_under,
    with_claims,
)
from tests.plan.builders import NOW, a_number, a_price, an_order, dollars, items, numbers

HOUR = timedelta(hours=1)


def a_quota(name: str = "cap", spend: str | int | None = None, **rest: Any) -> QuotaWant:
    currency = rest.get("currency", "USD")
    return QuotaWant(name, monthly_spend=None if spend is None else Money.parse(spend, currency), **rest)


def euros(amount: str | int) -> Money:
    return Money.parse(amount, "EUR")


def used(count: int = 0, spend: str | int = 0, orders_today: int = 0, foreign: tuple[Money, ...] = ()) -> Used:
    return Used(count, dollars(spend), orders_today, foreign)


# Used.


def test_every_pool_and_every_borrowed_number_counts_and_so_does_what_is_on_its_way() -> None:
    unknown = an_order(1, items=items(ItemState.UNKNOWN, ItemState.SUBMITTING, first=50))
    searching = an_order(2, count=3, budget=dollars(9))
    west = count_supply(Limits(), numbers(2), (unknown, searching), NOW)
    east = count_supply(Limits(), (a_number(9, Phase.BOUND), a_number(10, Phase.RELEASED)), (), NOW)
    assert (west.held, east.held) == (7, 1)
    total = count_used((west, east), [dollars(3), None], 4, "USD")
    assert total == Used(10, dollars(4 + 2 * 3 + 9 + 2 + 3), 4)


@pytest.mark.parametrize(
    ("limits", "price", "foreign"),
    [
        pytest.param(Limits(), a_price(), (), id="all in the currency of the quota"),
        pytest.param(Limits(), a_price(currency="EUR"), (euros(2),), id="a number in another one"),
        pytest.param(Limits(currency="EUR"), a_price(currency="EUR"), (euros(2),), id="a pool in another one"),
        pytest.param(Limits(), a_price(0, 0, "EUR"), (), id="nothing is no money"),
        pytest.param(Limits(currency="EUR"), a_price(0, 0, "EUR"), (), id="nor in a pool of another one"),
    ],
)
def test_money_of_other_currencies_is_counted_apart_and_the_limit_holds_what_is_in_its_own(
    limits: Limits, price: Any, foreign: tuple[Money, ...]
) -> None:
    supply = count_supply(limits, (a_number(price=price),), (), NOW)
    ours = count_supply(Limits(), (a_number(2),), (), NOW)
    total = count_used((supply, ours), (), 0, "USD")
    assert total.foreign == foreign
    assert room_under([(a_quota(spend=100), total)]) == Room(None, dollars(100) - (total.spend or dollars(0)))
    assert room_under([(a_quota(spend=1), total)]).full == says("monthlySpend")


def test_a_number_in_the_currency_of_the_quota_counts_in_a_pool_of_another_one() -> None:
    supply = count_supply(Limits(currency="EUR"), (a_number(),), (), NOW)
    assert count_used((supply,), (), 0, "USD") == Used(1, dollars(2), 0)


def test_borrowed_numbers_in_another_currency_are_added_up_apart() -> None:
    assert count_used((), [euros(2), euros(3), dollars(1)], 0, "USD") == Used(3, dollars(1), 0, (euros(5),))


# Room.


def says(limit: str, name: str = "cap") -> str:
    return f"The namespace has used up spec.limits.{limit} of NumberQuota {name!r}: raise it, or wait."


MIXED = (
    "NumberQuota 'b' limits spec.limits.monthlySpend in EUR, and another one of the namespace in USD: no order can be "
    "held against both. Give them one currency."
)


@pytest.mark.parametrize(
    ("quotas", "room"),
    [
        ([], NO_QUOTA),
        ([(a_quota(), used(5, 50, 5))], NO_QUOTA),
        ([(a_quota(numbers=7), used(5))], Room(2)),
        ([(a_quota(numbers=5), used(5))], Room(0, None, says("numbers"))),
        ([(a_quota(numbers=0), used())], Room(0, None, says("numbers"))),
        ([(a_quota(numbers=5), used(9))], Room(0, None, says("numbers"))),
        ([(a_quota(spend=10), used(spend=7))], Room(None, dollars(3))),
        ([(a_quota(spend=10), used(spend=10))], Room(None, dollars(0), says("monthlySpend"))),
        ([(a_quota(spend=10), used(spend=12))], Room(None, dollars(-2), says("monthlySpend"))),
        ([(a_quota(orders_per_day=2), used(orders_today=1))], Room(counts_orders=True)),
        ([(a_quota(orders_per_day=2), used(orders_today=2))], Room(full=says("ordersPerDay"), counts_orders=True)),
        ([(a_quota(orders_per_day=2), used()), (a_quota(numbers=7), used(5))], Room(2, counts_orders=True)),
        ([(a_quota(spend=10), used(foreign=(euros(9),)))], Room(None, dollars(10))),
        ([(a_quota(numbers=5), used(foreign=(euros(9),)))], Room(5)),
        ([(a_quota(numbers=5, enforced=False), used(9))], NO_QUOTA),
        ([(a_quota(numbers=7), used(5)), (a_quota("b", numbers=6), used(5))], Room(1)),
        ([(a_quota(numbers=6), used(5)), (a_quota("b", numbers=7), used(5))], Room(1)),
        ([(a_quota(spend=9), used(spend=5)), (a_quota("b", 7), used(spend=5))], Room(None, dollars(2))),
        ([(a_quota(spend=7), used(spend=5)), (a_quota("b", 9), used(spend=5))], Room(None, dollars(2))),
        (
            [(a_quota(numbers=9), used(5)), (a_quota("b", 7), used(spend=7))],
            Room(4, dollars(0), says("monthlySpend", "b")),
        ),
        (
            [(a_quota(spend=9), used()), (a_quota("b", 9, currency="EUR"), Used(0, euros(0)))],
            Room(None, dollars(9), MIXED),
        ),
    ],
)  # fmt: skip
def test_the_room_is_what_every_quota_leaves(quotas: list[tuple[QuotaWant, Used]], room: Room) -> None:
    assert room_under(quotas) == room


@pytest.mark.parametrize(
    ("quota", "spent", "full"),
    [
        (a_quota(numbers=5), used(4), None),
        (a_quota(numbers=5), used(5), says("numbers")),
        (a_quota(spend=2), used(1, "1.99"), None),
        (a_quota(spend=2), used(1, 2), says("monthlySpend")),
        (a_quota(spend=0), used(), says("monthlySpend")),
        (a_quota(spend=2), used(foreign=(euros(9),)), None),
        (a_quota(orders_per_day=1), used(orders_today=1), None),
        (a_quota(numbers=5, enforced=False), used(5), None),
    ],
)
def test_claims_of_other_namespaces_numbers_are_held_to_the_count_and_the_money(
    quota: QuotaWant, spent: Used, full: str | None
) -> None:
    assert full_for_claims([(a_quota("first"), spent), (quota, spent)]) == full


@pytest.mark.parametrize(
    ("quotas", "price", "enough"),
    [
        pytest.param([], None, True, id="no quota"),
        pytest.param([(a_quota(numbers=1), used())], None, True, id="no limit of money"),
        pytest.param([(a_quota(spend=2), used())], dollars(2), True, id="all that there is"),
        pytest.param([(a_quota(spend=2), used(1, "0.01"))], dollars(2), False, id="more than is left"),
        pytest.param([(a_quota(spend=2), used())], None, False, id="not known"),
        pytest.param([(a_quota(spend=2), used())], euros(1), False, id="in another currency"),
        pytest.param([(a_quota(spend=9), used()), (a_quota("b", 1), used())], dollars(2), False, id="by another quota"),
        pytest.param([(a_quota(spend=1, enforced=False), used())], dollars(2), True, id="not enforced"),
    ],
)
def test_a_number_of_another_namespace_has_to_be_within_what_is_left(
    quotas: list[tuple[QuotaWant, Used]], price: Money | None, enough: bool
) -> None:
    assert affords(purse_under(quotas), price) is enough


def test_what_is_being_bound_counts_as_bound() -> None:
    more = with_claims(used(1, 2, 3), [dollars(1), None, euros(0), euros(4)])
    assert more == used(5, 3, 3, (euros(4),))
    assert with_claims(Used(1), [dollars(1)]) == Used(2)


DEAR = (
    "What its pool has, or may buy, costs more than is left of spec.limits.monthlySpend of NumberQuota 'cap', or has "
    "no price in that currency: raise the limit, or wait."
)


def wanted(count: int, price: Money | None = None, at_most: Money | None = None) -> list[Wanted]:
    return [Wanted(str(n), price, at_most) for n in range(count)]


@pytest.mark.parametrize(
    ("quota", "claims", "refused"),
    [
        pytest.param(a_quota(), wanted(2), {}, id="no limit"),
        pytest.param(a_quota(numbers=3), wanted(3), {"2": says("numbers")}, id="room is kept for the first"),
        pytest.param(a_quota(spend=5), wanted(3, dollars(2)), {"1": DEAR, "2": DEAR}, id="by what its pool has"),
        pytest.param(a_quota(spend=5), wanted(2, dollars(2), dollars(9)), {"1": DEAR}, id="whatever its cap is"),
        pytest.param(a_quota(spend=5), wanted(2, None, dollars(1)), {}, id="by the cap when it has none"),
        pytest.param(a_quota(spend=5), wanted(2, None, dollars(2)), {"1": DEAR}, id="by the cap, as far as it goes"),
        pytest.param(a_quota(spend=5), wanted(2), {"1": says("monthlySpend")}, id="one by one when nothing is known"),
        pytest.param(
            a_quota(spend=5), wanted(2, None, dollars(9)), {"1": says("monthlySpend")}, id="one by one above the cap"
        ),
        pytest.param(a_quota(spend=5), wanted(1, euros(1)), {"0": DEAR}, id="in another currency"),
    ],
)
def test_room_for_what_is_ordered_is_kept_before_the_order(
    quota: QuotaWant, claims: list[Wanted], refused: dict[str, str]
) -> None:
    assert plan_orders([(quota, used(1, 2))], claims).refused == refused


@pytest.mark.parametrize(
    ("spend", "claims", "at_most"),
    [
        pytest.param((8,), wanted(2, dollars(2)), "3.00", id="its price, and a share of the rest"),
        pytest.param((8,), wanted(3, None, dollars(1)), "2.00", id="its cap, and a share of the rest"),
        pytest.param((7,), wanted(3, dollars(1)), "1.66", id="no more than all can pay"),
        pytest.param((8,), wanted(1), "6", id="all that is left, when nothing is known"),
        pytest.param((8, 5), wanted(2, dollars(1)), "1.50", id="by the narrowest limit"),
        pytest.param((), wanted(2, dollars(2)), None, id="whatever it does, without a limit"),
    ],
)
def test_what_is_ordered_for_a_claim_may_cost_so_much_that_every_claim_can_pay_its_number(
    spend: tuple[int, ...], claims: list[Wanted], at_most: str | None
) -> None:
    room = plan_orders([(a_quota(spend=most), used(1, 2)) for most in spend] or [(a_quota(), used(1, 2))], claims)
    assert {room.at_most(one.uid) for one in claims} == {Money.parse(at_most, "USD") if at_most else None}
    assert room.at_most("unheard") is None


def test_nothing_is_ordered_in_a_currency_in_which_no_quota_counts() -> None:
    claims = [Wanted("0", None, None, "EUR"), Wanted("1", None, None, "USD")]
    assert plan_orders([(a_quota(spend=5), used(1, 2))], claims).refused == {"0": DEAR}


def test_the_orders_of_a_day_keep_no_claim_from_a_number_and_every_claim_from_another_order() -> None:
    quotas = [(a_quota(orders_per_day=2), used(orders_today=2))]
    assert (full_for_claims(quotas), full_for_orders(quotas)) == (None, says("ordersPerDay"))


# Bills.

STOPPED = "NumberQuota 'cap' says that the bills of the namespace are not paid (spec.billing)."
PAST_DUE = a_quota(billing=Billing.PAST_DUE, grace=2 * HOUR)
SUSPENDED = a_quota(billing=Billing.SUSPENDED)
AN_HOUR_AGO, LONG_AGO = NOW - HOUR, NOW - 9 * HOUR


@pytest.mark.parametrize(
    ("want", "before", "bills"),
    [
        pytest.param(a_quota(), Bills(), Bills(), id="paid"),
        pytest.param(a_quota(), Bills(LONG_AGO, AN_HOUR_AGO), Bills(), id="paid again: resumed"),
        pytest.param(PAST_DUE, Bills(), Bills(NOW), id="past due: the grace begins"),
        pytest.param(PAST_DUE, Bills(AN_HOUR_AGO), Bills(AN_HOUR_AGO), id="the grace runs"),
        pytest.param(PAST_DUE, Bills(NOW - 2 * HOUR), Bills(NOW - 2 * HOUR, NOW, STOPPED), id="the grace is over"),
        pytest.param(
            PAST_DUE, Bills(LONG_AGO, AN_HOUR_AGO), Bills(LONG_AGO, AN_HOUR_AGO, STOPPED), id="suspended since then"
        ),
        pytest.param(
            replace(PAST_DUE, grace=10 * HOUR),
            Bills(LONG_AGO, AN_HOUR_AGO),
            Bills(LONG_AGO),
            id="a longer grace resumes",
        ),
        pytest.param(replace(PAST_DUE, grace=timedelta()), Bills(), Bills(NOW, NOW, STOPPED), id="no grace at all"),
        pytest.param(SUSPENDED, Bills(), Bills(None, NOW, STOPPED), id="suspended at once"),
        pytest.param(SUSPENDED, Bills(AN_HOUR_AGO), Bills(AN_HOUR_AGO, NOW, STOPPED), id="suspended within the grace"),
        pytest.param(
            SUSPENDED, Bills(None, LONG_AGO), Bills(None, LONG_AGO, STOPPED), id="the time of suspension stays"
        ),
        pytest.param(
            replace(SUSPENDED, enforced=False),
            Bills(None, LONG_AGO),
            Bills(),
            id="a quota that is not held suspends nobody",
        ),
        pytest.param(
            replace(PAST_DUE, enforced=False), Bills(LONG_AGO, LONG_AGO), Bills(), id="nor for bills past due"
        ),
    ],
)
def test_bills_stop_the_numbers_of_a_namespace(want: QuotaWant, before: Bills, bills: Bills) -> None:
    assert judge_bills(want, before, NOW) == bills


@pytest.mark.parametrize("want", [PAST_DUE, SUSPENDED, replace(PAST_DUE, grace=timedelta())])
def test_looking_again_moves_no_time(want: QuotaWant) -> None:
    def times(bills: Bills) -> tuple[datetime | None, datetime | None]:
        return bills.past_due_since, bills.suspended_since

    first = judge_bills(want, Bills(), NOW + timedelta(microseconds=5))
    assert times(judge_bills(want, first, NOW + HOUR / 2)) == times(first)
    assert all(moment is None or moment == NOW for moment in times(first))


OVERDUE = ready(
    Reason.PAST_DUE,
    "The bills are past due: after spec.grace every number that the namespace holds is suspended, its pools order "
    "nothing, and its claims get no number.",
)
UNPAID = ready(
    Reason.BILLING_SUSPENDED,
    "The bills are not paid: every number that the namespace holds is suspended, its pools order nothing, and its "
    "claims get no number. Set spec.billing to Current.",
)


@pytest.mark.parametrize(
    ("want", "spent", "bills", "said"),
    [
        (a_quota(numbers=5), used(4), Bills(), ready(Reason.WITHIN_LIMITS, "The namespace is within its limits.")),
        (a_quota(numbers=5), used(5), Bills(), ready(Reason.QUOTA_EXCEEDED, says("numbers"))),
        (a_quota(numbers=5), used(5), Bills(NOW), OVERDUE),
        (a_quota(numbers=5), used(5), Bills(NOW, NOW, STOPPED), UNPAID),
        (
            a_quota(numbers=5, enforced=False),
            used(5),
            Bills(),
            ready(Reason.SUSPENDED, "The quota is suspended (spec.suspend): its limits are not held."),
        ),
    ],
)
def test_a_quota_says_how_it_stands(want: QuotaWant, spent: Used, bills: Bills, said: Condition) -> None:
    assert quota_conditions(want, spent, bills) == (said,)


def test_a_quota_says_which_currencies_its_limit_of_money_does_not_hold() -> None:
    mixed = used(1, 5, foreign=(Money.parse(1, "CHF"), euros(9)))
    within = ready(Reason.WITHIN_LIMITS, "The namespace is within its limits.")
    apart = Condition(
        "OtherCurrencies",
        True,
        Reason.OTHER_CURRENCY,
        "What is priced in CHF, EUR is counted apart, in status.used.otherCurrencies, and not held against "
        "spec.limits.monthlySpend, which is in USD. Limit it by the pools' limits.monthlyBudget in that currency, or "
        "by spec.limits.numbers.",
    )
    assert quota_conditions(a_quota(spend=10), mixed, Bills()) == (within, apart)
    assert quota_conditions(a_quota(numbers=10), mixed, Bills()) == (within,)
