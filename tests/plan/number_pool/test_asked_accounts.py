"""Claims that ask for one account of their pool: nothing of another one is theirs, on the shelf or on order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ringfleet.model import AccountKey, Capability, ItemState
from ringfleet.model.asking import NOTHING, Ask, beyond
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.claim_allocator import ClaimWish, FreeNumber, Stock
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_pool.allowance import NOT_CLAIMED, allow
from ringfleet.plan.number_pool.carriers import CarrierMemory, OrderIntent, TopUp, learn
from ringfleet.plan.number_pool.last_check import refuse_unsafe
from ringfleet.plan.number_pool.on_demand import Line, match_claims, order_lines
from ringfleet.plan.number_pool.plan import Action, PoolPlan, PoolSeen, StartOrder, plan_pool
from ringfleet.plan.number_pool.supply import Demand, Lot
from tests.plan.builders import MAIN, MARKET, NOW, a_number, a_pool, a_price, a_world, an_order, items, numbers

SPARE, ELSEWHERE = AccountKey("default", "spare"), AccountKey("default", "elsewhere")
BOTH = (MAIN, SPARE)
AT_SPARE = Ask(account=SPARE)
NONE_OF_ITS_OWN = a_pool(0, carriers=BOTH)
DOWN = AccountSeen(Reason.CIRCUIT_OPEN, "It does not answer.")


def orders(seen: PoolSeen) -> tuple[Action, ...]:
    plan = plan_pool(NONE_OF_ITS_OWN, seen, NOW)
    assert refuse_unsafe(NONE_OF_ITS_OWN, seen, plan) == plan
    return plan.actions


@pytest.mark.parametrize(
    ("seen", "account"),
    [
        pytest.param(a_world(BOTH, on_demand=[AT_SPARE]), SPARE, id="there, whatever the pool prefers"),
        pytest.param(a_world(BOTH, on_demand=[NOTHING]), MAIN, id="who asks for none goes by the pool"),
        pytest.param(
            replace(a_world(BOTH, on_demand=[AT_SPARE]), accounts={MAIN: AccountSeen(), SPARE: DOWN}),
            None,
            id="nowhere else while that is down",
        ),
        pytest.param(a_world(BOTH, on_demand=[Ask(account=ELSEWHERE)]), None, id="nor where the pool does not order"),
        pytest.param(
            a_world(BOTH, on_demand=[AT_SPARE], numbers=numbers(3, account=MAIN)),
            SPARE,
            id="although there is stock of another account",
        ),
        pytest.param(
            a_world(BOTH, on_demand=[AT_SPARE], numbers=numbers(1, account=SPARE)), None, id="not beside stock of it"
        ),
        pytest.param(
            a_world(BOTH, on_demand=[AT_SPARE], lots={Lot(a_number().phase, a_price(), None, account=SPARE): 1}),
            None,
            id="nor beside many of it",
        ),
        pytest.param(
            a_world(BOTH, on_demand=[AT_SPARE], orders=(an_order(account=SPARE),)), None, id="nor what it has on order"
        ),
        pytest.param(
            a_world(BOTH, on_demand=[AT_SPARE], orders=(an_order(items=items(ItemState.UNKNOWN)),)),
            SPARE,
            id="what is on its way from another account is of no use",
        ),
    ],
)
def test_a_number_is_ordered_from_the_account_that_a_claim_asks_for(seen: PoolSeen, account: AccountKey | None) -> None:
    starts = [action for action in orders(seen) if isinstance(action, StartOrder)]
    assert [start.intent.account for start in starts] == ([account] if account else [])
    assert all(start.intent.ask.account in (None, account) for start in starts)


def test_who_asks_for_an_account_shares_an_order_with_nobody_else() -> None:
    lines = order_lines(MARKET, (NOTHING, AT_SPARE, AT_SPARE, Ask(account=MAIN)), 2)
    assert lines == (Line(NOTHING, 1), Line(AT_SPARE, 2), Line(Ask(account=MAIN), 1), Line(NOTHING, 2))
    assert beyond(MARKET, Ask(frozenset(MARKET.capabilities), account=SPARE)) == AT_SPARE


def test_a_number_that_any_claim_takes_is_left_to_the_one_that_asks_for_its_account() -> None:
    met = match_claims(MARKET, (NOTHING, AT_SPARE), numbers(1, account=SPARE), (), NOW, carriers=BOTH)
    assert (met.met, met.unmet) == (1, (AT_SPARE,)), "who came first is met first"
    two = (a_number(1, account=SPARE), a_number(2, account=MAIN))
    assert match_claims(MARKET, (NOTHING, AT_SPARE), two, (), NOW, carriers=BOTH).met == 2


def test_what_an_account_lacks_is_learnt_whoever_asked_for_it() -> None:
    short = {"finished": True, "failure": Reason.NO_STOCK, "message": "No stock."}
    learnt = learn(TopUp(), (an_order(account=SPARE, ask=AT_SPARE, **short),), NOW).carriers
    assert [(memory.account, memory.musts, memory.reason) for memory in learnt] == [(SPARE, NOTHING, Reason.NO_STOCK)]
    rests = CarrierMemory(SPARE, 1, 1, Reason.NO_STOCK, "No stock.", NOW.replace(year=NOW.year, minute=NOW.minute + 1))
    assert orders(a_world(BOTH, on_demand=[AT_SPARE], top_up=TopUp(1, carriers=(rests,)))) == ()


@pytest.mark.parametrize(
    ("intent", "why"),
    [
        (OrderIntent(8, MAIN, 1, ask=AT_SPARE), "its claims ask for another account"),
        (OrderIntent(8, MAIN, 1, ask=Ask(account=MAIN)), "no claim waits for so many of its kind"),
        (OrderIntent(8, SPARE, 2, ask=AT_SPARE), "no claim waits for so many of its kind"),
        (OrderIntent(8, SPARE, 1, ask=AT_SPARE), None),
    ],
)
def test_the_last_check_lets_no_order_go_to_an_account_that_its_claims_do_not_ask_for(
    intent: OrderIntent, why: str | None
) -> None:
    seen = a_world(BOTH, on_demand=[AT_SPARE, NOTHING], top_up=TopUp(7))
    plan = PoolPlan((StartOrder(intent),), seen.top_up, plan_pool(NONE_OF_ITS_OWN, seen, NOW).supply, ())
    checked = refuse_unsafe(NONE_OF_ITS_OWN, seen, plan)
    assert (checked == plan) is (why is None)
    assert why is None or why in checked.conditions[0].message


def test_an_order_that_runs_later_is_for_claims_of_its_account_only() -> None:
    seen = a_world(BOTH, on_demand=[NOTHING], demands=(Demand(ask=NOTHING),))
    late = allow(NONE_OF_ITS_OWN, seen, 1, None, "USD", NOW, AT_SPARE)
    assert (late.count, late.message) == (0, NOT_CLAIMED)
    asked = a_world(BOTH, on_demand=[AT_SPARE], demands=(Demand(ask=AT_SPARE),))
    assert allow(NONE_OF_ITS_OWN, asked, 1, None, "USD", NOW, AT_SPARE).count == 1
    assert allow(NONE_OF_ITS_OWN, asked, 1, None, "USD", NOW).count == 0, "an order for the stock serves none of them"


def test_a_claim_is_handed_no_number_of_another_account_than_it_asks_for() -> None:
    stock, able = Stock(), frozenset({Capability.VOICE})
    stock.ask(ClaimWish("first", 1, account=SPARE))
    stock.offer(FreeNumber("14155550001", capabilities=able, account=MAIN))
    assert stock.serve() == ()
    stock.offer(FreeNumber("14155550002", capabilities=able, account=SPARE))
    stock.ask(ClaimWish("second", 2))
    handed = [(hand.uid, hand.number.name) for hand in stock.serve()]
    assert handed == [("first", "14155550002"), ("second", "14155550001")]
