"""What time alone brings about comes about in a process that has only read of it, as in the one that wrote it."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ringfleet.controllers.desired_number import farewell, number_want
from ringfleet.controllers.runtime import claim_informer, freeze_informer, number_informer
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import next_look
from ringfleet.kube.client import Kube
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey, HoldingStatus, Mark, Phase
from ringfleet.objects.phone_number import NumberRecord, project_number
from ringfleet.objects.phone_number_status import Life, number_patch
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.phone_number.plan import plan_number
from ringfleet.settings import Settings
from tests.controllers.api_double import ApiDouble
from tests.controllers.rig import (
    HERE,
    HOUSE,
    Rig,
    a_number,
    a_pool,
    a_quota,
    a_rig,
    a_set,
    an_object,
    an_order,
    in_virtual_time,
    later,
)
from tests.kube.virtual_time import now
from tests.plan.builders import NOW, a_holding, an_offer, digits

HOUR = 3600
RESTS = "Held; it rests after its last claim, so that calls for its last holder die away."
POOL = a_pool(0, reclaim={"cooldown": "1h"})


def a_resting_number(n: int, rested: float = 600) -> Json:
    """A number that was let go so many seconds ago, and says all there is to say of it."""
    said = {"type": "Ready", "status": "True", "reason": "Cooling", "message": RESTS, "lastTransitionTime": later(0)}
    status = {"coolingUntil": later(HOUR - rested), "conditions": [said]}
    return a_number(n, "Cooling", status, unboundAt=later(-rested))


def held(rig: Rig, count: int) -> None:
    ours = Mark("home", HERE, "west")
    rig.carrier.held |= {digits(n): a_holding(n, mark=ours, area_code="415") for n in range(1, count + 1)}


async def phases(rig: Rig) -> Counter[str]:
    records = rig.services.fleet.numbers.values()
    return Counter(str(record.state.phase) for record in records)


async def at(seconds: float) -> None:
    """Let virtual time pass until so many seconds after the tests' beginning."""
    await asyncio.sleep(seconds - now())


# Numbers.


@in_virtual_time
async def test_numbers_that_rest_when_the_operator_starts_are_free_when_their_rest_is_over() -> None:
    """In several pages, of which some come before the pool is known, and some after it."""
    numbers = [a_resting_number(n) for n in range(1, 1_501)]
    async with a_rig(*HOUSE, POOL, *numbers, begun=False) as rig:
        held(rig, 1_500)
        async with rig.running():
            await at(HOUR - 600 - 60)
            assert await phases(rig) == Counter(Cooling=1_500)
            assert [line for line in rig.told() if "phonenumbers" in line] == [], "at rest, nothing is written"
            await at(HOUR - 600 + 60)
            assert await phases(rig) == Counter(Available=1_500)


@in_virtual_time
async def test_a_rest_that_a_clock_ahead_has_begun_lasts_no_longer_than_any_other() -> None:
    number = a_resting_number(1, rested=-10 * 24 * HOUR)
    async with a_rig(*HOUSE, POOL, number, begun=False) as rig:
        held(rig, 1)
        async with rig.running():
            await at(HOUR - 60)
            assert await phases(rig) == Counter(Cooling=1)
            await at(HOUR + 60)
            assert await phases(rig) == Counter(Available=1)


@in_virtual_time
async def test_a_number_that_another_operator_lets_rest_is_freed_by_this_one_when_that_one_is_gone() -> None:
    async with a_rig(*HOUSE, POOL, a_number(1), begun=False) as rig:
        held(rig, 1)
        async with rig.running():
            await at(60)
            resting, name = a_resting_number(1, rested=0), digits(1).digits
            await rig.change("PhoneNumber", name, {"spec": {"unboundAt": resting["spec"]["unboundAt"]}})
            gone = {"freeSince": None, "observedGeneration": 2}
            await rig.change_status("PhoneNumber", name, resting["status"] | gone)
            await at(120)
            assert await phases(rig) == Counter(Cooling=1)
            assert [line for line in rig.told() if "phonenumbers" in line] == []
            await at(HOUR + 60)
            assert await phases(rig) == Counter(Available=1)


def a_bundle(ends: str | None = None) -> Json:
    """A bundle that the carrier of `main` has approved."""
    approved = {"id": "b-1", **({"expiresAt": ends} if ends else {})}
    filing = {"account": f"{HERE}/main", "numberType": "Geographic", "state": "Approved", "approved": approved}
    filing |= {"id": "b-1", "review": "Approved"}
    notes = {"account": f"{HERE}/main", "numberType": "Geographic", "revision": "r", "approvedRevision": "r"}
    party = {"type": "Business"}
    spec = {
        "country": "US",
        "numberTypes": ["Geographic"],
        "endUser": party,
        "contact": "desk@example.com",
        "carriers": [{"name": "main"}],
    }
    return an_object("ComplianceBundle", "papers", spec, {"filings": [filing], "memory": {"filings": [notes]}})


@in_virtual_time
async def test_documents_that_the_carrier_refused_are_attached_again_at_their_time_and_not_at_a_restart() -> None:
    refused = {"bundle": "b-1", "code": "bundle_state", "times": 9, "again": later(HOUR)}
    number = a_number(1, "PendingDocuments", {"documents": {"refused": refused}})
    async with a_rig(*HOUSE, a_bundle(), POOL, number, begun=False) as rig:
        rig.carrier.held[digits(1)] = a_holding(1, HoldingStatus.PENDING_DOCUMENTS, mark=Mark("home", HERE, "west"))
        async with rig.running():
            await at(HOUR - 60)
            documents = (await rig.status("PhoneNumber", digits(1).digits))["documents"]
            assert (documents.get("attached"), documents["refused"]) == (None, refused)
            await at(HOUR + 5)
            documents = (await rig.status("PhoneNumber", digits(1).digits))["documents"]
            assert (documents["attached"], "refused" in documents) == ("b-1", False)


@in_virtual_time
async def test_a_number_that_was_asked_to_go_goes_when_its_hold_is_over() -> None:
    going = {"farewell": {"since": later(-HOUR), "cause": "Manual", "notBefore": later(HOUR)}}
    number = a_number(1, "Releasing", going)
    number["metadata"]["annotations"] = {"ringfleet.dev/release": digits(1)}
    known = {"memory": {"release": {"cleared": [digits(1).digits]}}}
    pool = a_pool(0, release={"mode": "Manual", "hold": "2h"}, status=known)
    async with a_rig(*HOUSE, pool, number, begun=False) as rig:
        held(rig, 1)
        async with rig.running():
            await at(HOUR - 60)
            assert (await phases(rig), len(rig.carrier.held)) == (Counter(Releasing=1), 1)
            await at(HOUR + 5)
            assert (await phases(rig), rig.carrier.held) == (Counter(Released=1), {})


# Orders, pools, quotas, bundles, sets.


@in_virtual_time
async def test_an_order_that_a_carrier_has_put_off_is_sent_at_its_time() -> None:
    offer = an_offer(1)
    item = {"number": offer.number, "state": "Pending", "monthly": "2", "setup": "1"}
    order = an_order(1, status={"items": [item], "key": "rf-1", "attempts": 9, "nextAttemptTime": later(240)})
    pool = a_pool(1, status={"memory": {"topUp": {"sequence": 1, "ordered": True}}})
    async with a_rig(*HOUSE, pool, order, begun=False) as rig:
        rig.carrier.stock.append(offer)
        async with rig.running():
            await at(180)
            assert rig.carrier.billed == Counter()
            await at(245)
            assert rig.carrier.billed == Counter([offer.number])


@in_virtual_time
async def test_a_pool_asks_a_carrier_that_was_short_again_at_its_time() -> None:
    short = {"name": "main", "namespace": HERE, "sequence": 1, "failures": 9, "reason": "NoStock"}
    short |= {"message": "It was short.", "nextAttemptTime": later(540)}
    notes = {"topUp": {"sequence": 1, "ordered": True, "carriers": [short]}}
    status = {"observedGeneration": 1, "memory": notes}
    async with a_rig(*HOUSE, a_pool(1, status=status), begun=False) as rig:
        rig.carrier.stock.append(an_offer(1))
        async with rig.running():
            await at(480)
            assert await rig.names("NumberOrder") == []
            await at(545)
            assert len(rig.carrier.billed) == 1


MONTH_ENDS = (datetime(2026, 4, 1, tzinfo=NOW.tzinfo) - NOW).total_seconds()


DEAR = {"monthly": "2", "setup": "3", "currency": "USD"}


async def wait(rig: Rig, seconds: float, *kinds: str) -> None:
    """Let weeks pass with nothing but the queues, in which each of these is when the operator starts."""
    for kind, name in zip(kinds, ("west", "month"), strict=False):
        rig.services.queues.wake(kind, HERE, name)
    await rig.settle(seconds - now())


@in_virtual_time
async def test_a_pool_that_has_used_up_its_months_budget_buys_when_the_next_month_begins() -> None:
    limits = {"maxMonthlyPrice": "2", "maxSetupPrice": "1", "monthlyBudget": "5"}
    number = a_number(1, status={"purchasedAt": later(-HOUR), "price": DEAR})
    async with a_rig(*HOUSE, a_pool(2, limits=limits), number) as rig:
        rig.carrier.stock.append(an_offer(2))
        await wait(rig, MONTH_ENDS - 60, "NumberPool")
        assert (await rig.says("NumberPool", "west"), rig.carrier.billed) == ("False BudgetExhausted", Counter())
        await wait(rig, MONTH_ENDS + 60)
        assert rig.carrier.billed == Counter([digits(2)])


@in_virtual_time
async def test_a_tenant_that_has_used_up_its_months_spend_buys_when_the_next_month_begins() -> None:
    limits = {"maxMonthlyPrice": "2", "maxSetupPrice": "1"}
    number = a_number(1, status={"purchasedAt": later(-HOUR), "price": DEAR})
    quota = a_quota(monthlySpend="5")
    async with a_rig(*HOUSE, quota, a_pool(2, limits=limits), number) as rig:
        rig.carrier.stock.append(an_offer(2))
        await wait(rig, MONTH_ENDS - 60, "NumberPool", "NumberQuota")
        assert (await rig.says("NumberPool", "west"), rig.carrier.billed) == ("False QuotaExceeded", Counter())
        await wait(rig, MONTH_ENDS + 60)
        assert rig.carrier.billed == Counter([digits(2)])


@in_virtual_time
async def test_a_bundle_is_looked_at_when_an_approval_ends_that_another_operator_has_heard_of() -> None:
    async with a_rig(*HOUSE, a_bundle()) as rig:
        ends = a_bundle(later(90))["status"]
        await rig.change_status("ComplianceBundle", "papers", ends)
        await rig.look()
        assert (await rig.woken(120))["ComplianceBundle papers"] == 90.0


@in_virtual_time
async def test_a_set_is_looked_at_when_its_next_day_begins() -> None:
    """Whose traffic nobody tells, so that nothing else wakes it."""
    async with a_rig(*HOUSE, a_pool(0), a_set(0)) as rig:
        await at(12 * HOUR - 30)
        assert await rig.turn("RotationSet", "calls") == 30.0


# The law of numbers; those of the other kinds are in tests/plan/test_next_look.py.


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


SETTINGS = Settings(installation="home", identity="operator-0")
"""Read once: reading them from the environment takes as long as all else of an example."""


def some_services(clock: Clock) -> Services:
    kube = Kube(ApiDouble([]))  # type: ignore[arg-type]
    informers = number_informer(kube, SETTINGS), claim_informer(kube, SETTINGS), freeze_informer(kube, SETTINGS)
    return Services(kube, SETTINGS, "home", *informers, clock, lambda: 0.0)


STORED: Json = {"namespace": HERE, "uid": "u", "resourceVersion": "7", "generation": 1}
moments = st.none() | st.integers(-7200, 7200).map(later)
spans = st.integers(0, 9000).map(lambda seconds: timedelta(seconds=seconds))


def some_numbers() -> st.SearchStrategy[Json]:
    phases = st.sampled_from(("Available", "Cooling", "Releasing", "PendingDocuments", "Quarantined"))
    return st.builds(
        _a_number,
        phases,
        cooling=moments,
        unbound=moments,
        not_before=moments,
        again=moments,
        attached=st.sampled_from((None, "b-0")),
        asked=st.booleans(),
    )


def _a_number(
    phase: str,
    *,
    cooling: str | None,
    unbound: str | None,
    not_before: str | None,
    again: str | None,
    attached: str | None,
    asked: bool,
) -> Json:
    documents: Json = {"attached": attached}
    if again:
        documents["refused"] = {"bundle": "b-1", "code": "", "times": 1, "again": again}
    status: Json = {"coolingUntil": cooling, "documents": documents}
    if not_before:
        status["farewell"] = {"since": later(-HOUR), "cause": "Manual", "notBefore": not_before}
    number = a_number(1, phase, status, **({"unboundAt": unbound} if unbound else {}))
    annotations = {"ringfleet.dev/release": digits(1)} if asked else {}
    number["metadata"] |= {**STORED, "creationTimestamp": later(-HOUR)}
    return {**number, "metadata": number["metadata"] | {"annotations": annotations}}


def settled(services: Services, number: Json) -> Json:
    """The number as a turn of now leaves it, so that a step which it needs is one that time brings."""
    record = project_number(number)
    plan = plan_number(number_want(services, record), record.state, None, AccountSeen())
    free = (record.free_since or NOW) if plan.phase is Phase.AVAILABLE else None
    life = Life(services.fleet.rests_until(record), free, farewell(services, record, NOW))
    written = number_patch(record, plan, None, record.state, life, NOW)
    return {**number, "status": number["status"] | written}


def planned(services: Services, record: NumberRecord, clock: Clock, now: datetime) -> object:
    clock.now = now
    plan = plan_number(number_want(services, record), record.state, None, AccountSeen())
    return plan, services.fleet.rests_until(record), farewell(services, record, NOW)


@given(some_numbers(), spans, st.sampled_from(("1h", "2h")), st.sampled_from(((), (digits(1).digits,))))
def test_what_a_number_does_later_is_due_by_then(
    number: Json, span: timedelta, period: str, granted: tuple[str, ...]
) -> None:
    clock = Clock()
    services = some_services(clock)
    pool = a_pool(0, reclaim={"cooldown": period}, release={"mode": "Manual", "hold": period})
    bundle = a_bundle()
    bundle["status"]["filings"][0]["superseded"] = ["b-0"]
    for obj in (pool | {"status": {"memory": {"release": {"granted": list(granted)}}}}, bundle):
        obj["metadata"] |= STORED
        services.fleet.learn(obj["kind"], obj)
    services.accounts.expect(AccountKey(HERE, "main"))
    record = project_number(settled(services, number))
    before = planned(services, record, clock, NOW)
    due = next_look(services, record, NOW)
    after = planned(services, record, clock, NOW + span)
    assert before == after or (due is not None and due <= NOW + span), f"due {due}: {before} -> {after}"
