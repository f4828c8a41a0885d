"""How a pool is spread over its accounts: none is ordered from beyond its share, and the others bring the rest."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import AccountKey, ItemState, Phase
from ringfleet.model.asking import Ask
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_pool.allowance import allow
from ringfleet.plan.number_pool.carriers import OrderIntent, TopUp
from ringfleet.plan.number_pool.last_check import refuse_unsafe
from ringfleet.plan.number_pool.plan import CreateOrder, PoolSeen, PoolWant, StartOrder, plan_pool
from ringfleet.plan.number_pool.spread import left_at, share_message, size_of
from ringfleet.plan.number_pool.supply import Lot, count_supply
from tests.plan.builders import MAIN, NOW, a_number, a_pool, a_price, a_world, an_order, items, limits, numbers

SPARE = AccountKey("default", "spare")
BOTH = (MAIN, SPARE)
DOWN = AccountSeen(Reason.CIRCUIT_OPEN, "It does not answer.")


OLD = AccountKey("default", "old")
"""Another object of the very account that MAIN is."""


def spread(share: str, target: int = 10, **rest: object) -> PoolWant:
    return a_pool(target, carriers=BOTH, max_share=Decimal(share), **rest)


def started(want: PoolWant, seen: PoolSeen) -> tuple[AccountKey, int] | None:
    plan = plan_pool(want, seen, NOW)
    assert refuse_unsafe(want, seen, plan) == plan
    starts = [action.intent for action in plan.actions if isinstance(action, StartOrder)]
    return (starts[0].account, starts[0].count) if starts else None


@pytest.mark.parametrize(
    ("want", "seen", "expected"),
    [
        pytest.param(spread("0.6"), a_world(BOTH), (MAIN, 6), id="the preferred one gets its share"),
        pytest.param(
            spread("0.6"), a_world(BOTH, numbers=numbers(6, account=MAIN)), (SPARE, 4), id="the next the rest"
        ),
        pytest.param(
            spread("0.6"),
            a_world(
                BOTH, numbers=numbers(5, account=MAIN), lots={Lot(Phase.BOUND, a_price(), None, True, account=MAIN): 5}
            ),
            (SPARE, 5),
            id="assigned numbers are of the pool too, of 15 it may have 9",
        ),
        pytest.param(
            spread("0.6"),
            a_world(BOTH, orders=(an_order(items=items(*[ItemState.UNKNOWN] * 4)), an_order(2, count=2))),
            (SPARE, 4),
            id="what is in doubt, or still searched, counts",
        ),
        pytest.param(
            spread("0.6"),
            replace(
                a_world(BOTH, numbers=numbers(6, account=OLD)),
                accounts={MAIN: AccountSeen(same_as=frozenset({OLD})), SPARE: AccountSeen()},
            ),
            (SPARE, 4),
            id="what another object of the account has brought counts",
        ),
        pytest.param(
            spread("0.6"),
            a_world(BOTH, numbers=numbers(6, Phase.ORDERING, unrecorded=True)),
            None,
            id="a number of which nobody knows the account counts for each",
        ),
        pytest.param(spread("0.5", 3), a_world(BOTH), (MAIN, 2), id="rounded up"),
        pytest.param(spread("0.5", 1), a_world(BOTH), (MAIN, 1), id="so that a pool of one is filled"),
        pytest.param(
            spread("0.6", limits=limits(max_numbers=5)),
            a_world(BOTH),
            (MAIN, 3),
            id="of what the pool may hold at most",
        ),
        pytest.param(
            replace(spread("0.6"), batch_size=4), a_world(BOTH), (MAIN, 4), id="a batch is no more than that either"
        ),
        pytest.param(
            spread("0.6"),
            a_world(accounts={MAIN: DOWN, SPARE: AccountSeen()}),
            (SPARE, 6),
            id="who stands in for another one gets no more than a share",
        ),
        pytest.param(
            spread("0.6"), a_world(BOTH, numbers=numbers(9, Phase.LOST, account=MAIN)), (MAIN, 6), id="lost is not held"
        ),
    ],
)
def test_no_account_is_ordered_from_beyond_its_share(
    want: PoolWant, seen: PoolSeen, expected: tuple[AccountKey, int] | None
) -> None:
    assert started(want, seen) == expected


def test_where_only_an_account_with_its_share_is_left_the_others_are_the_reason() -> None:
    seen = a_world(accounts={MAIN: AccountSeen(), SPARE: DOWN}, numbers=numbers(6, account=MAIN))
    plan = plan_pool(spread("0.6"), seen, NOW)
    said = next(one for one in plan.conditions if one.type == "Ready")
    assert (plan.actions, said.reason) == ((), Reason.CIRCUIT_OPEN)
    assert said.message == f"{share_message(MAIN)} It does not answer."


@pytest.mark.parametrize(("held", "expected"), [(1, (MAIN, 1)), (2, None)])
def test_a_claim_that_asks_for_an_account_with_its_share_waits(
    held: int, expected: tuple[AccountKey, int] | None
) -> None:
    seen = a_world(BOTH, on_demand=[Ask(account=MAIN)], numbers=numbers(held, Phase.BOUND, account=MAIN))
    assert started(spread("0.6", 0), seen) == expected


def test_an_order_that_was_meant_and_would_go_beyond_the_share_of_today_is_dropped() -> None:
    meant = TopUp(1, OrderIntent(1, MAIN, 8), ordered=False, filling=True)
    assert plan_pool(spread("0.9"), a_world(BOTH, top_up=meant), NOW).actions == (CreateOrder(OrderIntent(1, MAIN, 8)),)
    plan = plan_pool(spread("0.6"), a_world(BOTH, top_up=meant), NOW)
    assert (plan.actions, plan.top_up.ordered) == ((), True)


@pytest.mark.parametrize(("count", "refused"), [(6, False), (7, True)])
def test_the_last_check_counts_the_share_by_itself(count: int, refused: bool) -> None:
    want, seen = spread("0.6"), a_world(BOTH)
    plan = replace(plan_pool(want, seen, NOW), actions=(StartOrder(OrderIntent(1, MAIN, count)),))
    checked = refuse_unsafe(want, seen, plan)
    assert (checked.actions == ()) is refused
    assert not refused or "spec.spread.maxShare" in checked.conditions[0].message


def test_an_order_that_runs_later_buys_no_more_than_the_share_leaves_by_then() -> None:
    seen = a_world(BOTH, numbers=numbers(4, account=MAIN))
    assert allow(spread("0.6"), seen, 6, None, "USD", NOW, account=MAIN).count == 2
    assert allow(spread("0.6"), seen, 6, None, "USD", NOW, account=SPARE).count == 6
    full = allow(spread("0.6"), a_world(BOTH, numbers=numbers(6, account=MAIN)), 4, None, "USD", NOW, account=MAIN)
    assert (full.count, full.reason) == (0, Reason.SHARE_REACHED)
    assert allow(a_pool(), seen, 6, None, "USD", NOW, account=MAIN).count == 6


@given(st.sampled_from(["0.34", "0.5", "0.6", "0.9999"]), st.integers(0, 50), st.integers(0, 50), st.integers(0, 60))
def test_an_account_never_has_more_than_its_share_of_what_the_pool_will_have(
    share: str, mine: int, others: int, missing: int
) -> None:
    seen = (*numbers(mine, account=MAIN), *numbers(others, first=1_000, account=SPARE))
    supply = count_supply(limits(), seen, (), NOW)
    size = size_of(limits(), supply, missing)
    left = left_at(Decimal(share), supply.held_at(MAIN), size)
    assert left is not None
    assert size == mine + others + missing
    assert left == max(0, ceil(Decimal(share) * size) - mine)


@given(st.lists(st.sampled_from([*Phase]), max_size=20), st.data())
def test_each_number_that_is_held_is_counted_for_one_account(phases: list[Phase], data: st.DataObject) -> None:
    seen = [a_number(n, phase, account=data.draw(st.sampled_from([*BOTH, None]))) for n, phase in enumerate(phases, 1)]
    supply = count_supply(limits(), seen, (an_order(items=items(ItemState.PENDING, first=90)),), NOW)
    assert sum(supply.by_account.values()) == supply.held
