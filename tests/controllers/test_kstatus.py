"""What those who go by kstatus conclude of every kind, in each state that it can be brought to.

Current: it is as its spec wishes. InProgress: it is not, and what is in the way ends by itself. Failed: nothing goes on
before a person acts. That no status which a controller writes in any unit test contradicts itself, the API server's
double looks (tests/controllers/api_double.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import pytest

from ringfleet.api import KINDS
from ringfleet.api.conditions import CONDITIONS
from ringfleet.api.meta import Resource
from ringfleet.carriers.errors import CarrierUnavailable, CredentialsRejected, RequestRejected
from ringfleet.kube.transport import Json
from ringfleet.model import HoldingStatus, Mark
from ringfleet.objects.freeze import FREEZE_NAME
from ringfleet.plan.conditions import NEEDS_A_PERSON, Reason, not_ready, with_stalled
from tests.controllers.rig import (
    HERE,
    HOUSE,
    RESOURCES,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_profile,
    a_quota,
    a_rig,
    a_secret,
    a_service,
    a_set,
    a_told_profile,
    an_account,
    an_order,
    in_virtual_time,
)
from tests.controllers.test_compliance_bundle import a_bundle
from tests.kstatus import Word, compute, contradictions
from tests.plan.builders import a_holding, an_offer, digits

CURRENT, IN_PROGRESS, FAILED = Word.CURRENT, Word.IN_PROGRESS, Word.FAILED
ONE = digits(1).digits
OURS = Mark("home", HERE, "west")
NAMES = {
    "CarrierAccount": "main",
    "RoutingProfile": "sip",
    "ComplianceBundle": "papers",
    "NumberPool": "west",
    "NumberOrder": "west-1",
    "PhoneNumber": ONE,
    "NumberClaim": "desk",
    "RotationSet": "calls",
    "ProxyService": "rides",
    "NumberQuota": "month",
}
FROZEN = {"annotations": {"ringfleet.dev/frozen": "ada: strange bills"}}
Befall = Callable[[Rig], Awaitable[object]]


class State(NamedTuple):
    """One object in one state. `befalls`: what happens before its turn."""

    kind: str
    what: str
    word: Word
    objects: tuple[Json, ...]
    befalls: Befall | None = None
    turns: int = 1


async def down(rig: Rig) -> None:
    rig.carrier.fail("balance", *[CarrierUnavailable("It is down.")] * 9)
    await rig.turn("CarrierAccount", "main")


async def locked_out(rig: Rig) -> None:
    rig.carrier.fail("balance", *[CredentialsRejected("Wrong token.")] * 9)
    await rig.turn("CarrierAccount", "main")


async def searches_in_vain(rig: Rig) -> None:
    rig.carrier.fail("search", *[CarrierUnavailable("It is down.")] * 9)


async def stocked(rig: Rig) -> None:
    rig.carrier.stock += [an_offer(n) for n in range(1, 9)]


async def sold_out(rig: Rig) -> None:
    await stocked(rig)
    rig.carrier.taken = {digits(n) for n in range(1, 9)}


async def held(rig: Rig) -> None:
    rig.carrier.held[digits(1)] = a_holding(1, mark=OURS)


def has(status: HoldingStatus) -> Befall:
    async def befall(rig: Rig) -> None:
        rig.carrier.held[digits(1)] = holding = a_holding(1, status, mark=OURS)
        rig.tell_news(holding)

    return befall


def changed(kind: str, body: Json) -> Befall:
    async def befall(rig: Rig) -> None:
        await held(rig)
        await rig.turn("NumberClaim", "desk")
        await rig.settle()
        await rig.change(kind, NAMES[kind], body)
        await rig.look()
        await rig.settle()

    return befall


def after(*befalls: Befall) -> Befall:
    async def befall(rig: Rig) -> None:
        for one in befalls:
            await one(rig)

    return befall


async def refused(rig: Rig) -> None:
    """The account does not take the profile."""
    rig.carrier.fail("ensure_routing", *[RequestRejected("No such codec.")] * 9)
    await rig.turn("RoutingProfile", "sip")
    await rig.settle()


def with_meta(obj: Json, meta: Json) -> Json:
    return {**obj, "metadata": obj["metadata"] | meta}


def a_wish(obj: Json, **spec: object) -> Json:
    return {**obj, "spec": obj["spec"] | spec}


def ordered(seconds: float = 20.0) -> Befall:
    async def befall(rig: Rig) -> None:
        await rig.turn("NumberPool", "west")
        await rig.settle(seconds)

    return befall


async def all_frozen(rig: Rig) -> None:
    body = {"metadata": {"name": FREEZE_NAME}}
    await rig.kube.create(RESOURCES["ConfigMap"], rig.services.settings.system_namespace, body)
    await rig.look()


async def without_pool(rig: Rig) -> None:
    await rig.turn("RotationSet", "calls")
    await rig.settle()
    await rig.delete("NumberPool", "west")
    await rig.look()
    await rig.settle()


NO_MONEY = {"monthlyBudget": "0"}
USED_UP = (*HOUSE, a_quota(numbers=0))
BUSY = a_number(1, "Bound", claimRef={"namespace": HERE, "name": "other", "uid": "others"})

STATES = (
    State("CarrierAccount", "it answers", CURRENT, HOUSE),
    State("CarrierAccount", "suspended by its own wish", CURRENT, (a_secret(), an_account(suspend=True))),
    State("CarrierAccount", "it does not answer", IN_PROGRESS, HOUSE, down),
    State("CarrierAccount", "its token is wrong", FAILED, HOUSE, locked_out),
    State("CarrierAccount", "no Secret", FAILED, (an_account(),)),
    State("CarrierAccount", "nothing in the Secret", FAILED, (a_secret(other="x"), an_account())),
    State("RoutingProfile", "told", CURRENT, (*HOUSE, a_told_profile())),
    State("RoutingProfile", "nobody follows it", CURRENT, (*HOUSE, a_profile())),
    State("RoutingProfile", "suspended by its own wish", CURRENT, (*HOUSE, a_profile(suspend=True))),
    State(
        "RoutingProfile",
        "not told yet",
        IN_PROGRESS,
        (*HOUSE, a_profile(), a_pool(0, routingProfileRef={"name": "sip"}), a_number()),
    ),
    State(
        "RoutingProfile",
        "refused",
        FAILED,
        (*HOUSE, a_profile(), a_pool(0, routingProfileRef={"name": "sip"}), a_number()),
        refused,
    ),
    State(
        "RoutingProfile",
        "its account is gone",
        FAILED,
        (a_profile(), a_pool(0, routingProfileRef={"name": "sip"}), a_number()),
    ),
    State("NumberPool", "has what it wants", CURRENT, (*HOUSE, a_pool(1), a_number())),
    State("NumberPool", "wants none", CURRENT, (*HOUSE, a_pool(0))),
    State("NumberPool", "suspended by its own wish", CURRENT, (*HOUSE, a_pool(suspend=True))),
    State("NumberPool", "orders", IN_PROGRESS, (*HOUSE, a_pool())),
    State("NumberPool", "its carrier does not answer", IN_PROGRESS, (*HOUSE, a_pool()), down),
    State("NumberPool", "the account is suspended", FAILED, (a_secret(), an_account(suspend=True), a_pool())),
    State("NumberPool", "no account", FAILED, (a_pool(),)),
    State("NumberPool", "no Secret", FAILED, (an_account(), a_pool())),
    State("NumberPool", "its token is wrong", FAILED, (*HOUSE, a_pool()), locked_out),
    State("NumberPool", "no profile", FAILED, (*HOUSE, a_pool(routingProfileRef={"name": "none"}))),
    State("NumberPool", "no budget", FAILED, (*HOUSE, a_pool(limits=NO_MONEY))),
    State("NumberPool", "full", FAILED, (*HOUSE, a_pool(limits={"maxNumbers": 0}))),
    State("NumberPool", "no quota", FAILED, (*USED_UP, a_pool())),
    State("NumberPool", "frozen", FAILED, (*HOUSE, with_meta(a_pool(), FROZEN))),
    State(
        "NumberPool",
        "the price cap",
        FAILED,
        (*HOUSE, a_pool(limits={"maxMonthlyPrice": "0.01"})),
        after(stocked, ordered()),
    ),
    State("NumberPool", "no stock", IN_PROGRESS, (*HOUSE, a_pool()), ordered()),
    State("NumberPool", "search is down", IN_PROGRESS, (*HOUSE, a_pool()), after(searches_in_vain, ordered(3.0))),
    State("NumberPool", "others were faster", IN_PROGRESS, (*HOUSE, a_pool()), after(sold_out, ordered())),
    State("NumberPool", "not approved", FAILED, (*HOUSE, a_pool(topUp={"mode": "Manual"})), ordered()),
    State("NumberOrder", "searches", IN_PROGRESS, (*HOUSE, a_pool(), an_order()), stocked),
    State("NumberOrder", "has bought", CURRENT, (*HOUSE, a_pool(), an_order()), stocked, turns=5),
    State("NumberOrder", "others were faster", FAILED, (*HOUSE, a_pool(), an_order()), sold_out, turns=5),
    State("NumberOrder", "no stock", FAILED, (*HOUSE, a_pool(), an_order()), None, turns=2),
    State("NumberOrder", "search is down", IN_PROGRESS, (*HOUSE, a_pool(), an_order()), searches_in_vain),
    State("NumberOrder", "no account", FAILED, (*HOUSE, a_pool(), an_order(accountRef={"name": "nowhere"}))),
    State("NumberOrder", "its token is wrong", FAILED, (*HOUSE, a_pool(), an_order()), locked_out),
    State("NumberOrder", "its carrier does not answer", IN_PROGRESS, (*HOUSE, a_pool(), an_order()), down),
    State("NumberOrder", "not approved", FAILED, (*HOUSE, a_pool(), an_order(approval="Required"))),
    State("NumberOrder", "its pool is suspended", FAILED, (*HOUSE, a_pool(suspend=True), an_order())),
    State("NumberOrder", "its pool is frozen", FAILED, (*HOUSE, with_meta(a_pool(), FROZEN), an_order())),
    State("NumberOrder", "its pool is gone", FAILED, (*HOUSE, an_order()), None, turns=2),
    State("PhoneNumber", "free", CURRENT, (*HOUSE, a_pool(0), a_number()), held),
    State("PhoneNumber", "without a pool", CURRENT, (*HOUSE, a_number(poolRef=None)), held),
    State(
        "PhoneNumber",
        "suspended by its own wish",
        CURRENT,
        (*HOUSE, a_pool(0), a_number()),
        changed("PhoneNumber", {"spec": {"suspend": True}}),
    ),
    State(
        "PhoneNumber",
        "stopped for fraud",
        FAILED,
        (*HOUSE, a_pool(0), a_number()),
        changed("PhoneNumber", {"metadata": {"annotations": {"ringfleet.dev/fraud": "calls to Mars"}}}),
    ),
    State(
        "PhoneNumber",
        "quarantined",
        FAILED,
        (*HOUSE, a_pool(0), a_number()),
        changed("PhoneNumber", {"metadata": {"annotations": {"ringfleet.dev/quarantine": "spam"}}}),
    ),
    State(
        "PhoneNumber", "suspended by the carrier", FAILED, (*HOUSE, a_pool(0), a_number()), has(HoldingStatus.SUSPENDED)
    ),
    State("PhoneNumber", "activating", IN_PROGRESS, (*HOUSE, a_pool(0), a_number()), has(HoldingStatus.ACTIVATING)),
    State("PhoneNumber", "no bundle", FAILED, (*HOUSE, a_pool(0), a_number()), has(HoldingStatus.PENDING_DOCUMENTS), 2),
    State("PhoneNumber", "no account", FAILED, (a_pool(0), a_number())),
    State("PhoneNumber", "lost", FAILED, (*HOUSE, a_pool(0), a_number(1, "Lost"))),
    State("PhoneNumber", "given back", FAILED, (*HOUSE, a_pool(0), a_number(1, "Released"))),
    State("PhoneNumber", "no profile", FAILED, (*HOUSE, a_pool(0), a_number(routingProfileRef={"name": "none"})), held),
    State(
        "PhoneNumber",
        "its profile is not told yet",
        IN_PROGRESS,
        (*HOUSE, a_profile(), a_pool(0), a_number(routingProfileRef={"name": "sip"})),
        held,
    ),
    State("NumberClaim", "bound", CURRENT, (*HOUSE, a_pool(0), a_number(), a_claim()), held),
    State("NumberClaim", "waits", IN_PROGRESS, (*HOUSE, a_pool(0), a_claim())),
    State("NumberClaim", "waits for this number", IN_PROGRESS, (*HOUSE, a_pool(0), BUSY, a_claim(phoneNumberName=ONE))),
    State("NumberClaim", "suspended by its own wish, unserved", CURRENT, (*HOUSE, a_pool(0), a_claim(suspend=True))),
    State("NumberClaim", "asked once", FAILED, (*HOUSE, a_pool(0), a_claim(onNoStock="Fail"))),
    State("NumberClaim", "no pool", FAILED, (*HOUSE, a_claim())),
    State("NumberClaim", "no such number", FAILED, (*HOUSE, a_pool(0), a_claim(phoneNumberName=ONE))),
    State("NumberClaim", "not let in", FAILED, (*HOUSE, a_claim(poolRef={"name": "west", "namespace": "team"}))),
    State("NumberClaim", "frozen", FAILED, (*HOUSE, with_meta(a_pool(0), FROZEN), a_number(), a_claim())),
    State(
        "NumberClaim",
        "its number is quarantined",
        FAILED,
        (*HOUSE, a_pool(0), a_number(), a_claim()),
        changed("PhoneNumber", {"metadata": {"annotations": {"ringfleet.dev/quarantine": "spam"}}}),
    ),
    State(
        "NumberClaim",
        "suspended by its own wish",
        CURRENT,
        (*HOUSE, a_pool(0), a_number(), a_claim()),
        changed("NumberClaim", {"spec": {"suspend": True}}),
    ),
    State(
        "NumberClaim", "no profile", FAILED, (*HOUSE, a_pool(0), a_number(), a_claim(routingProfileRef={"name": "x"}))
    ),
    State("ProxyService", "suspended by its own wish", CURRENT, (*HOUSE, a_pool(0), a_service(suspend=True))),
    State("ProxyService", "wants none", CURRENT, (*HOUSE, a_pool(0), a_service(minNumbers=0))),
    State("ProxyService", "claims", IN_PROGRESS, (*HOUSE, a_pool(0), a_service())),
    State("ProxyService", "no pool", FAILED, (*HOUSE, a_service())),
    State("RotationSet", "suspended by its own wish", CURRENT, (*HOUSE, a_pool(0), a_set(suspend=True))),
    State("RotationSet", "wants none", CURRENT, (*HOUSE, a_pool(0), a_set(0))),
    State("RotationSet", "claims", IN_PROGRESS, (*HOUSE, a_pool(0), a_set())),
    State("RotationSet", "no pool", FAILED, (*HOUSE, a_set())),
    State("RotationSet", "no such time zone", FAILED, (*HOUSE, a_pool(0), a_set(resetTimeZone="Mars/Base"))),
    State("RotationSet", "frozen", FAILED, (*HOUSE, a_pool(0), a_set()), all_frozen),
    State(
        "RotationSet",
        "its pool is gone, and its claims wait",
        FAILED,
        (*HOUSE, a_pool(0), a_set()),
        without_pool,
    ),
    State("NumberQuota", "within its limits", CURRENT, (a_quota(numbers=5),)),
    State("NumberQuota", "used up", CURRENT, (a_quota(numbers=0),)),
    State("NumberQuota", "bills not paid", CURRENT, (a_wish(a_quota(), billing="Suspended"),)),
    State("NumberQuota", "bills past due", CURRENT, (a_wish(a_quota(), billing="PastDue"),)),
    State("NumberQuota", "switched off", CURRENT, (a_wish(a_quota(), suspend=True),)),
    State(
        "NumberQuota",
        "another currency",
        CURRENT,
        (*HOUSE, a_pool(1), a_number(), a_quota(monthlySpend="9", currency="EUR")),
    ),
    State("ComplianceBundle", "suspended by its own wish", CURRENT, (*HOUSE, a_bundle(suspend=True))),
    State("ComplianceBundle", "no account", FAILED, (a_bundle(),)),
    State("ComplianceBundle", "its carrier does not answer", IN_PROGRESS, (*HOUSE, a_bundle()), down),
)


@pytest.mark.parametrize("state", STATES, ids=lambda state: f"{state.kind}: {state.what}")
@in_virtual_time
async def test_what_is_concluded_of_each_kind_in_each_state(state: State) -> None:
    async with a_rig(*state.objects) as rig:
        if state.befalls:
            await state.befalls(rig)
        for _ in range(state.turns):
            await rig.turn(state.kind, NAMES[state.kind])
        found = await rig.find(state.kind, NAMES[state.kind])
        assert found
        assert compute(found) == state.word, found["status"]["conditions"]


def test_every_kind_is_in_the_table_as_it_should_be_and_otherwise() -> None:
    kinds = {kind.model_fields["kind"].default for kind in KINDS}
    assert NAMES.keys() == kinds
    otherwise = {(kind, good) for kind in kinds for good in (True, False)} - {("NumberQuota", False)}
    assert {(state.kind, state.word is CURRENT) for state in STATES} == otherwise


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)
@in_virtual_time
async def test_no_kind_is_current_before_it_was_seen(kind: type[Resource]) -> None:
    """Nor after its spec has changed, until that was seen."""
    name = kind.model_fields["kind"].default
    obj = next(one for state in STATES for one in state.objects if one["kind"] == name)
    async with a_rig() as rig:
        created = await rig.kube.create(RESOURCES[name], HERE, {**obj, "status": {}})
        assert compute(created) is IN_PROGRESS


@pytest.mark.parametrize("kind", CONDITIONS)
def test_with_each_reason_that_only_a_person_ends_every_kind_is_failed_and_with_each_other_in_progress(
    kind: str,
) -> None:
    ready = CONDITIONS[kind]["Ready"]
    for reason in (one for one in ready.reasons if one not in ready.true):
        said = with_stalled((not_ready(Reason(reason), "So it is."),))
        conditions = [{"type": one.type, "status": str(one.status), "reason": one.reason} for one in said]
        found = compute({"metadata": {"generation": 1}, "status": {"conditions": conditions}})
        assert found is (FAILED if reason in NEEDS_A_PERSON else IN_PROGRESS), reason


@pytest.mark.parametrize(
    ("obj", "word"),
    [
        pytest.param({}, CURRENT, id="nothing is said"),
        pytest.param({"observedGeneration": -1}, IN_PROGRESS, id="not seen yet"),
        pytest.param({"observedGeneration": 1}, IN_PROGRESS, id="the spec has changed since"),
        pytest.param({"observedGeneration": 2}, CURRENT, id="seen"),
        pytest.param({"conditions": [("Ready", "False")]}, IN_PROGRESS, id="not ready"),
        pytest.param({"conditions": [("Ready", "Unknown")]}, IN_PROGRESS, id="nobody knows"),
        pytest.param({"conditions": [("Ready", "True")]}, CURRENT, id="ready"),
        pytest.param({"conditions": [("Ready", "True"), ("Reconciling", "True")]}, IN_PROGRESS, id="ready and at work"),
        pytest.param({"conditions": [("Ready", "False"), ("Stalled", "True")]}, FAILED, id="stalled"),
        pytest.param({"conditions": [("Ready", "False"), ("Stalled", "False")]}, IN_PROGRESS, id="stalled no more"),
        pytest.param(
            {"conditions": [("Reconciling", "True"), ("Stalled", "True")]}, IN_PROGRESS, id="the first counts"
        ),
    ],
)
def test_the_rules_of_kstatus(obj: Json, word: Word) -> None:
    said = [{"type": type_, "status": status} for type_, status in obj.get("conditions", ())]
    status = obj | ({"conditions": said} if said else {})
    assert compute({"metadata": {"generation": 2}, "status": status}) is word
    assert compute({"metadata": {"generation": 2, "deletionTimestamp": "now"}, "status": status}) is Word.TERMINATING


@pytest.mark.parametrize(
    ("kind", "conditions", "count"),
    [
        pytest.param("NumberPool", [("Ready", "True", "AtTarget")], 0, id="ready"),
        pytest.param("NumberPool", [("Ready", "False", "AccountMissing")], 1, id="a person's, and not stalled"),
        pytest.param(
            "NumberPool",
            [("Ready", "False", "AccountMissing"), ("Reconciling", "True", "AccountMissing")],
            1,
            id="for ever",
        ),
        pytest.param(
            "NumberPool", [("Ready", "False", "AccountMissing"), ("Stalled", "True", "AccountMissing")], 0, id="stalled"
        ),
        pytest.param("NumberPool", [("Ready", "True", "AtTarget"), ("Stalled", "True", "Frozen")], 1, id="both"),
        pytest.param(
            "NumberPool",
            [("Ready", "False", "NoStock"), ("Reconciling", "True", "NoStock"), ("Stalled", "True", "Frozen")],
            1,
            id="at work and stalled",
        ),
        pytest.param("NumberPool", [("Ready", "False", "NoStock"), ("Stalled", "True", "NoStock")], 1, id="it passes"),
        pytest.param(
            "NumberOrder", [("Ready", "False", "NoStock"), ("Stalled", "True", "NoStock")], 0, id="it has ended"
        ),
    ],
)
def test_what_would_mislead_is_found(kind: str, conditions: list[tuple[str, str, str]], count: int) -> None:
    said = [{"type": type_, "status": status, "reason": reason} for type_, status, reason in conditions]
    assert len(list(contradictions(kind, {"conditions": said}))) == count
