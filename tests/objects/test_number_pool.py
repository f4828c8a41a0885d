"""A pool's demand goes into the status and comes back as it was, so that a look without news writes nothing; what
bounds its offers goes into its orders."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.api import NumberOrder, NumberPool
from ringfleet.controllers.number_pool import see_demand
from ringfleet.controllers.pool_tally import Bindings
from ringfleet.kube.store import Store
from ringfleet.model import AccountKey, Capability, Limits, Money
from ringfleet.model.asking import Ask
from ringfleet.objects.number_claim import ClaimRecord, project_claim
from ringfleet.objects.number_order import order_intent, order_seen, order_want
from ringfleet.objects.number_pool import (
    capacity_status,
    demand_memory,
    demand_notes,
    demand_status,
    demand_want,
    order_spec,
    pool_want,
    top_up,
    top_up_notes,
)
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number_pool.carriers import CarrierMemory, OrderIntent
from ringfleet.plan.number_pool.demand import DemandMemory, DemandSeen, Lead, Tally
from ringfleet.plan.number_pool.forecast import DemandWant, plan_demand
from ringfleet.plan.sizing.formulas import capacity
from tests.plan.builders import NOW, an_ask

DAY = timedelta(days=1)
SPEC = {
    "market": {"country": "US", "type": "Geographic"},
    "carriers": [{"accountRef": {"name": "main"}}],
    "size": {"target": 10},
}


def a_pool(status: dict[str, Any] | None = None, **spec: Any) -> NumberPool:
    meta = {"name": "west", "namespace": "default", "uid": "1", "resourceVersion": "1", "generation": 1}
    return NumberPool.parse({"metadata": meta, "spec": {**SPEC, **spec}, "status": status or {}})


def test_what_bounds_the_offers_of_a_pool_reaches_its_orders() -> None:
    limits = {
        "maxMonthlyPrice": "3.00",
        "maxSetupPrice": "1.50",
        "maxNumbers": 12,
        "monthlyBudget": "250",
        "currency": "EUR",
    }
    pool = a_pool(limits=limits)
    intent = OrderIntent(7, AccountKey("default", "main"), 5, money(20))
    meta = {"name": "west-7", "namespace": "default", "uid": "2", "resourceVersion": "1", "generation": 1}
    spec = order_spec(pool, pool_want(pool), intent).model_dump(mode="json", by_alias=True)
    want = order_want(NumberOrder.parse({"metadata": meta, "spec": spec}))
    assert (want.count, want.market, want.budget) == (5, pool_want(pool).market, money(20))
    assert want.limits == Limits(currency="EUR", max_monthly=money("3.00"), max_setup=money("1.50"))


@pytest.mark.parametrize(
    ("ask", "market"),
    [
        pytest.param(
            an_ask(Capability.SMS), {"capabilities": frozenset({Capability.VOICE, Capability.SMS})}, id="messages"
        ),
        pytest.param(an_ask(codes="628"), {"wished": ("628",)}, id="a wished area code"),
        pytest.param(an_ask(codes="628", required=True), {"area_codes": ("628",)}, id="an area code that is a must"),
    ],
)
def test_what_claims_ask_reaches_the_order_that_is_made_for_them(ask: Ask, market: dict[str, Any]) -> None:
    pool = a_pool()
    intent = OrderIntent(7, AccountKey("default", "main"), 1, ask=ask)
    meta = {"name": "west-7", "namespace": "default", "uid": "2", "resourceVersion": "1", "generation": 1}
    spec = order_spec(pool, pool_want(pool), intent).model_dump(mode="json", by_alias=True, exclude_none=True)
    order = NumberOrder.parse({"metadata": meta, "spec": spec})
    assert order_intent(order.spec, "default") == intent
    assert order_want(order).market == replace(pool_want(pool).market, **market)
    assert (order_seen(order).ask, order_seen(order).market) == (ask, order_want(order).market)


def test_what_a_carrier_lacks_for_some_claims_is_remembered_beside_what_it_lacks_for_the_stock() -> None:
    main = {"namespace": "default", "name": "main"}
    notes = {
        "sequence": 4,
        "carriers": [{**main, "sequence": 3}],
        "forClaims": [{**main, "sequence": 4, "failures": 1, "reason": "NoStock", "capabilities": ["SMS"]}],
    }
    known = top_up(a_pool({"memory": {"topUp": notes}}))
    key = AccountKey("default", "main")
    assert known.carriers == (
        CarrierMemory(key, 3),
        CarrierMemory(key, 4, 1, Reason.NO_STOCK, musts=an_ask(Capability.SMS)),
    )
    written = top_up_notes(a_pool(), pool_want(a_pool()), known)
    assert top_up(a_pool({"memory": {"topUp": written.as_dict()}})) == known


def money(amount: int | str) -> Money:
    return Money(Decimal(amount), "EUR")


tallies = st.builds(Tally, st.floats(0, 9e6), st.timedeltas(timedelta(), timedelta(days=14)))
leads = st.lists(st.timedeltas(timedelta(seconds=1), timedelta(days=90)), max_size=20).map(
    lambda found: tuple(Lead(n, timedelta(seconds=int(one.total_seconds()))) for n, one in enumerate(found, 1))
)
memories = st.builds(
    DemandMemory,
    counted_until=st.none() | st.timedeltas(timedelta(), timedelta(days=9)).map(lambda past: NOW - past),
    stocked=st.booleans(),
    long=tallies,
    short=tallies,
    leads=leads,
    awaited=st.lists(st.integers(21, 99), unique=True).map(tuple),
    orders_until=st.integers(0, 99),
)


@given(memories, st.integers(0, 500))
def test_what_was_written_is_remembered_and_written_again_as_it_is(memory: DemandMemory, free: int) -> None:
    def written(memory: DemandMemory) -> dict[str, Any]:
        plan = plan_demand(DemandWant(), memory, DemandSeen(free=free), NOW)
        return {"memory": {"demand": demand_notes(plan.memory).as_dict()}}

    read = demand_memory(a_pool(written(memory)))
    assert demand_memory(a_pool(written(read))) == read
    assert written(demand_memory(a_pool(written(read)))) == written(read)


def test_a_status_without_demand_remembers_nothing() -> None:
    assert demand_memory(a_pool()) == DemandMemory()


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, DemandWant(0.95)),
        (
            {
                "size": {"mode": "Forecast", "target": 1},
                "demand": {"burnRatePerDay": "12.5", "leadTime": "72h", "serviceLevel": "0.99"},
            },
            DemandWant(0.99, 12.5, 3 * DAY, follow=True),
        ),
    ],
)
def test_what_the_spec_says_of_demand_is_taken_over(spec: dict[str, Any], expected: DemandWant) -> None:
    assert demand_want(a_pool(**spec)) == expected


@pytest.mark.parametrize(
    ("asks", "counted"),
    [
        pytest.param({"onNoStock": "Wait"}, 1, id="takes any"),
        pytest.param({"onNoStock": "Wait", "phoneNumberName": "14155550123"}, 1, id="names one"),
        pytest.param({"onNoStock": "Order"}, 0, id="orders one"),
    ],
)
def test_a_claim_that_has_a_number_ordered_for_itself_is_no_demand_on_the_stock(
    asks: dict[str, Any], counted: int
) -> None:
    meta = {"name": "one", "namespace": "default", "uid": "2", "resourceVersion": "1", "generation": 1}
    meta["creationTimestamp"] = NOW.isoformat()
    spec = {"poolRef": {"name": "west"}, **asks}
    claim = {"metadata": meta, "spec": spec, "status": {"boundAt": NOW.isoformat(), "phase": "Bound"}}
    claims: Store[ClaimRecord] = Store(project_claim)
    claims.learn(claim)
    fleet = SimpleNamespace(bindings=Bindings(claims), orders_for=lambda *_: [])
    services: Any = SimpleNamespace(fleet=fleet, claim_queue=SimpleNamespace(takers=lambda *_: []))
    assert len(see_demand(services, a_pool(), DemandMemory(), ([], {})).bound) == counted


def test_figures_are_written_short() -> None:
    memory = DemandMemory(NOW, stocked=True, long=Tally(250.0, 14 * DAY), leads=(Lead(1, 3 * DAY),))
    status = demand_status(plan_demand(DemandWant(burn_rate=20.0), memory, DemandSeen(free=50), NOW)).as_dict()
    assert status == {
        "burnRatePerDay": "20",
        "leadTime": "72h",
        "recommendedTarget": 74,
        "runwayDays": "2.5",
        "projectedExhaustion": "2026-03-13T00:00:00Z",
    }


def test_a_capacity_of_which_nothing_is_known_is_left_out() -> None:
    assert capacity_status(capacity(10)) is None
    found = capacity_status(capacity(10, calls_per_number=2, profile_channels=5))
    assert found
    assert found.as_dict() == {"numbers": 20, "channels": 5, "binds": "Channels"}


def test_what_was_learnt_for_claims_that_only_a_newer_version_can_serve_is_no_memory_of_others() -> None:
    rests = {"name": "main", "namespace": "default", "sequence": 1, "failures": 2, "reason": "NoStock"}
    claims = [{**rests, "capabilities": words} for words in (["SMS"], ["FromTheFuture", "SMS"], ["FromTheFuture"])]
    (memory,) = top_up(a_pool({"memory": {"topUp": {"sequence": 1, "forClaims": claims}}})).carriers
    assert memory.musts == Ask(frozenset({Capability.SMS}))


def test_a_carrier_that_rests_for_a_reason_that_only_a_newer_version_knows_rests_for_a_reason() -> None:
    rests = {"name": "main", "namespace": "default", "sequence": 1, "failures": 2, "reason": "FromTheFuture"}
    (memory,) = top_up(a_pool({"memory": {"topUp": {"sequence": 1, "carriers": [rests]}}})).carriers
    assert (memory.reason, memory.failures) == (Reason.UNRECOGNIZED, 2)
