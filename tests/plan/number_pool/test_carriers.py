"""How a pool's carriers stand, and what the pool says of those that it would rather order from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ringfleet.model import AccountKey, Capability, ItemState
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.number_pool.carriers import (
    Block,
    CarrierMemory,
    TopUp,
    carrier_troubles,
    choose_carrier,
    forgive,
    judge_carriers,
    learn,
)
from ringfleet.plan.number_pool.plan import StartOrder, plan_pool
from ringfleet.plan.number_pool.supply import OrderSeen
from tests.plan.builders import MAIN, NOW, SPARE, a_pool, a_world, an_ask, an_order, items, numbers

UP, STALE = AccountSeen(), AccountSeen(stale=True, fresh_for="15m")
DOWN = AccountSeen(Reason.CIRCUIT_OPEN, "default/main does not answer.")
NEW = AccountSeen(Reason.ACCOUNT_NOT_READY, "default/main is being reached.")
SECOND = timedelta(seconds=1)
SOON = NOW + timedelta(seconds=30)
RESTING = CarrierMemory(MAIN, 1, 1, Reason.NO_STOCK, "default/main offers no more.", SOON)
RESTED = CarrierMemory(MAIN, 1, 1, Reason.NO_STOCK, "default/main offers no more.", NOW)
DONE_WELL = CarrierMemory(MAIN, 1)
BOTH = (MAIN, SPARE)


def block(known: AccountSeen) -> Block:
    assert known.blocked
    return Block(known.blocked, known.message)


@pytest.mark.parametrize(
    ("accounts", "memories", "expected"),
    [
        pytest.param({MAIN: UP}, (), None, id="up"),
        pytest.param({MAIN: UP}, (DONE_WELL,), None, id="up and good so far"),
        pytest.param({MAIN: UP}, (RESTED,), None, id="rested"),
        pytest.param(
            {MAIN: UP}, (RESTING,), Block(Reason.NO_STOCK, "default/main offers no more.", SOON), id="resting"
        ),
        pytest.param({MAIN: DOWN}, (RESTING,), block(DOWN), id="down, which outweighs resting"),
        pytest.param(
            {},
            (),
            Block(
                Reason.ACCOUNT_MISSING,
                "CarrierAccount default/main (spec.carriers) does not exist: create it, or correct the name.",
            ),
            id="missing",
        ),
    ],
)
def test_a_carrier_stands_unless_it_is_blocked_or_rests(
    accounts: dict[AccountKey, AccountSeen], memories: tuple[CarrierMemory, ...], expected: Block | None
) -> None:
    assert judge_carriers([MAIN], accounts, memories, NOW) == {MAIN: expected}


def test_a_carrier_that_is_just_being_reached_is_waited_for() -> None:
    standings = judge_carriers(BOTH, {MAIN: NEW, SPARE: UP}, (), NOW)
    assert choose_carrier(standings) == (None, block(NEW))


def test_a_preferred_carrier_is_taken_although_another_is_just_being_reached() -> None:
    assert choose_carrier(judge_carriers((SPARE, MAIN), {MAIN: NEW, SPARE: UP}, (), NOW)) == (SPARE, None)


def test_one_sentence_for_all_that_stands_against_ordering_and_the_first_time_that_lifts_it() -> None:
    standings = {
        MAIN: block(DOWN),
        SPARE: Block(Reason.NO_STOCK, "No stock.", SOON),
        AccountKey("default", "third"): Block(Reason.NO_STOCK, "No stock.", NOW),
    }
    said = Block(Reason.CIRCUIT_OPEN, "default/main does not answer. No stock.", NOW)
    assert choose_carrier(standings) == (None, said)


FALLBACK = Condition(
    "FallbackCarrier",
    True,
    Reason.FALLBACK,
    "New orders go to default/spare instead of default/main: default/main does not answer.",
)


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        pytest.param({MAIN: UP, SPARE: UP}, (), id="all is well"),
        pytest.param({MAIN: DOWN, SPARE: UP}, (FALLBACK,), id="fallback"),
        pytest.param({MAIN: DOWN, SPARE: DOWN}, (), id="nobody is left"),
        pytest.param({MAIN: UP, SPARE: DOWN}, (), id="the second is not missed"),
        pytest.param(
            {MAIN: STALE, SPARE: STALE},
            (
                Condition(
                    "CatalogStale",
                    True,
                    Reason.CATALOG_STALE,
                    "Search is down at default/main, default/spare: orders go on from what was offered there last, "
                    "while that is no older than 15m.",
                ),
            ),
            id="search is down",
        ),
    ],
)
def test_trouble_at_a_carrier_is_said_although_orders_go_on(
    accounts: dict[AccountKey, AccountSeen], expected: tuple[Condition, ...]
) -> None:
    assert tuple(carrier_troubles(judge_carriers(BOTH, accounts, (), NOW), accounts)) == expected
    plan = plan_pool(a_pool(1, carriers=BOTH), a_world(numbers=numbers(1), accounts=accounts), NOW)
    assert plan.conditions[1:] == tuple(one for one in expected if one != FALLBACK), "no order goes anywhere"


def test_new_orders_go_where_the_pool_says_that_they_go() -> None:
    seen = a_world(accounts={MAIN: DOWN, SPARE: UP}, orders=(an_order(count=2),), top_up=TopUp(1, filling=True))
    plan = plan_pool(a_pool(5, carriers=BOTH), seen, NOW)
    assert [action.intent.account for action in plan.actions if isinstance(action, StartOrder)] == [SPARE]
    assert FALLBACK in plan.conditions


def test_a_pool_that_fell_back_looks_again_when_the_preferred_carrier_has_rested() -> None:
    seen = a_world(accounts={MAIN: UP, SPARE: UP}, top_up=TopUp(carriers=(RESTING,)))
    plan = plan_pool(a_pool(1, carriers=BOTH), seen, NOW)
    assert [action.intent.account for action in plan.actions if isinstance(action, StartOrder)] == [SPARE]
    assert plan.requeue == 30


@pytest.mark.parametrize(
    ("main", "said"),
    [
        pytest.param(UP, Reason.ORDERING, id="that they are on order"),
        pytest.param(DOWN, Reason.CIRCUIT_OPEN, id="why the carrier can't be called"),
    ],
)
def test_a_pool_whose_missing_numbers_are_on_order_says(main: AccountSeen, said: Reason) -> None:
    world = a_world(orders=(an_order(),), top_up=TopUp(1), accounts={MAIN: main})
    assert plan_pool(a_pool(1), world, NOW).conditions[0].reason is said


@pytest.mark.parametrize(
    ("order", "said"),
    [
        pytest.param(an_order(), Reason.SEARCH_UNAVAILABLE, id="before it has chosen"),
        pytest.param(an_order(items=items(ItemState.SUBMITTING)), Reason.ORDERING, id="and not when it only buys"),
    ],
)
def test_search_that_is_down_with_nothing_remembered_holds_up_an_order(order: OrderSeen, said: Reason) -> None:
    accounts = {MAIN: AccountSeen(Reason.SEARCH_UNAVAILABLE, "Search at default/main is down.")}
    world = a_world(orders=(order,), top_up=TopUp(1), accounts=accounts)
    assert plan_pool(a_pool(1), world, NOW).conditions[0].reason is said


def test_search_that_is_down_with_nothing_remembered_sends_new_orders_to_the_next_carrier() -> None:
    accounts = {MAIN: AccountSeen(Reason.SEARCH_UNAVAILABLE, "Search at default/main is down."), SPARE: UP}
    plan = plan_pool(a_pool(1, carriers=BOTH), a_world(accounts=accounts), NOW)
    assert [action.intent.account for action in plan.actions if isinstance(action, StartOrder)] == [SPARE]


SMS = an_ask(Capability.SMS)


def test_what_a_carrier_lacks_for_some_claims_does_not_keep_the_pools_stock_from_it() -> None:
    failed = an_order(4, count=1, ask=SMS, chosen=True, finished=True, failure=Reason.NO_STOCK, message="None.")
    known = learn(TopUp(4), (failed,), NOW)
    assert judge_carriers((MAIN,), {MAIN: UP}, known.carriers, NOW) == {MAIN: None}
    assert judge_carriers((MAIN,), {MAIN: UP}, known.carriers, NOW, SMS) == {
        MAIN: Block(Reason.NO_STOCK, "None.", SOON)
    }
    assert learn(known, (failed,), NOW) == known
    assert judge_carriers((MAIN,), {MAIN: UP}, forgive(known, (), NOW).carriers, NOW, SMS) == {
        MAIN: Block(Reason.NO_STOCK, "None.", NOW + timedelta(seconds=5))
    }
    assert judge_carriers((MAIN,), {MAIN: UP}, forgive(known, (), NOW).carriers, SOON, SMS) == {MAIN: None}


def test_wishes_are_no_reason_to_think_otherwise_of_a_carrier() -> None:
    failed = an_order(4, ask=an_ask(codes="628"), chosen=True, finished=True, failure=Reason.NO_STOCK, message="None.")
    known = learn(TopUp(4), (failed,), NOW)
    assert judge_carriers((MAIN,), {MAIN: UP}, known.carriers, NOW) == {MAIN: Block(Reason.NO_STOCK, "None.", SOON)}


def test_what_was_learnt_for_claims_goes_with_their_orders_when_nobody_rests_for_it() -> None:
    failed = an_order(4, count=1, ask=SMS, chosen=True, finished=True, failure=Reason.NO_STOCK, message="None.")
    known = learn(TopUp(4), (failed,), NOW)
    assert learn(known, (), NOW) == known
    assert learn(known, (), SOON).carriers == ()


def test_a_carrier_that_handed_numbers_back_rests_although_what_is_in_doubt_keeps_the_order_open() -> None:
    """Else the very next order would go there again, before this one has ended."""
    told = {"failure": Reason.CARRIER_UNAVAILABLE, "message": "It timed out.", "handed_back": True}
    opened = an_order(items=items(ItemState.UNKNOWN, ItemState.FAILED), **told)
    first = learn(TopUp(), (opened,), NOW)
    assert [(one.failures, one.reason) for one in first.carriers] == [(1, Reason.CARRIER_UNAVAILABLE)]
    ended = replace(opened, finished=True)
    assert learn(first, (ended,), NOW).carriers == first.carriers, "it is counted once"
    assert learn(TopUp(), (replace(opened, handed_back=False),), NOW).carriers == ()


def refused(sequence: int) -> OrderSeen:
    return an_order(sequence, chosen=True, finished=True, failure=Reason.ORDER_REFUSED, message="It says 21649.")


def rests_after(reason: Reason, refusals: int) -> list[float]:
    """How long the carrier rests after each of so many orders in a row that end for this reason, in seconds."""
    top_up, now, rests = TopUp(), NOW, []
    for sequence in range(1, refusals + 1):
        order = an_order(sequence, chosen=True, finished=True, failure=reason, message="No.")
        top_up = learn(replace(top_up, sequence=sequence), (order,), now)
        (memory,) = top_up.carriers
        assert memory.next_attempt
        rests.append((memory.next_attempt - now).total_seconds())
        assert judge_carriers([MAIN], {MAIN: UP}, top_up.carriers, memory.next_attempt - SECOND)[MAIN]
        now = memory.next_attempt
    return rests


def test_what_a_carrier_refuses_for_good_is_asked_for_ever_more_seldom() -> None:
    """Six orders in the first hour and one in each that follows, where others that pass are eleven and six."""
    assert rests_after(Reason.ORDER_REFUSED, 8) == [5, 20, 80, 320, 1280, 3600, 3600, 3600]
    assert rests_after(Reason.NO_STOCK, 7) == [30, 60, 120, 240, 480, 600, 600]


def test_a_change_of_the_pool_has_a_refused_order_made_at_once_however_long_it_was_to_rest() -> None:
    resting = CarrierMemory(MAIN, 1, 9, Reason.ORDER_REFUSED, "It says 21649.", NOW + timedelta(hours=1))
    (cut,) = forgive(TopUp(carriers=(resting,)), (replace(refused(1), completed_at=NOW),), NOW).carriers
    assert cut.next_attempt == NOW + timedelta(seconds=75)
    early = replace(refused(1), completed_at=NOW - timedelta(seconds=75))
    (cut,) = forgive(TopUp(carriers=(resting,)), (early,), NOW).carriers
    assert judge_carriers([MAIN], {MAIN: UP}, (cut,), NOW) == {MAIN: None}


@pytest.mark.parametrize(
    ("account", "orders"),
    [
        (AccountSeen(Reason.ACCOUNT_RESTRICTED, "It is suspended."), True),
        (AccountSeen(Reason.CREDENTIALS_REJECTED, "Who?"), True),
        (DOWN, False),
        (UP, False),
    ],
)
def test_an_account_that_a_person_has_mended_is_ordered_from_at_once(account: AccountSeen, orders: bool) -> None:
    resting = CarrierMemory(MAIN, 1, 9, Reason.ORDER_REFUSED, "It says 20005.", NOW + timedelta(hours=1))
    before = a_world(accounts={MAIN: account}, top_up=TopUp(1, carriers=(resting,)))
    top_up = plan_pool(a_pool(1), before, NOW).top_up
    plan = plan_pool(a_pool(1), a_world(accounts={MAIN: UP}, top_up=top_up), NOW)
    assert any(isinstance(action, StartOrder) for action in plan.actions) is orders
