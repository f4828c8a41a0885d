"""Whose documents a number is bought, registered and used under: the pool's, or those of the tenant who claims it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ringfleet.carriers.errors import CarrierUnavailable, RequestRejected
from ringfleet.dryrun.plan import foresee
from ringfleet.dryrun.simulation import what_if
from ringfleet.kube.errors import KubeError
from ringfleet.kube.transport import Json
from ringfleet.model import E164
from ringfleet.model.compliance import Regulation
from tests.controllers.carrier_double import CarrierDouble, RegistrarDouble
from tests.controllers.rig import (
    HERE,
    HOUSE,
    RESOURCES,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_profile,
    a_rig,
    a_set,
    an_account,
    an_object,
    in_virtual_time,
    restarted,
)
from tests.plan.builders import a_holding, an_offer, digits
from tests.plan.registry import COMPANY

MARKET = {"country": "DE", "type": "Geographic"}
ACME, BOLT = "acme", "bolt"
POOLS = "pool-1"
"""The carrier's id of the pool's approved bundle; those of tenants are named like that after their namespaces."""


@dataclass
class Registry(RegistrarDouble):
    """A carrier that asks for documents, and notes which bundle it is told a number carries. `refuses`: the ids of the
    bundles that it takes for no number."""

    carrier: CarrierDouble = field(default_factory=lambda: CarrierDouble([]))
    refuses: set[str] = field(default_factory=set)

    async def attach(self, number_id: str, external_id: str) -> None:
        self.carrier.story.append(f"carrier: attach {number_id} {external_id}")
        if external_id in self.refuses:
            raise RequestRejected("no", code="bundle_state")
        (held,) = (one for one in self.carrier.held.values() if one.external_id == number_id)
        self.carrier.held[held.number] = replace(held, bundle=external_id)


class Unread(Registry):
    """One that can't be asked what it demands."""

    async def regulation(self, *_: object) -> Regulation:
        raise CarrierUnavailable("it is away")


def in_namespace(namespace: str, obj: Json) -> Json:
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}


def papers(
    name: str = "papers", namespace: str = HERE, id_: str | None = POOLS, account: str = "main", **spec: Any
) -> Json:
    """A bundle of Germany, approved under that id of the carrier; not approved, when it is None. It is suspended, so
    that nothing is filed: what is approved is in force all the same."""
    wish = {
        "country": "DE",
        "numberTypes": ["Geographic"],
        "endUser": {"type": "Business"},
        "contact": "numbers@example.com",
        "carriers": [{"name": account, "namespace": HERE}],
        "suspend": True,
        **spec,
    }
    filing = {"account": f"{HERE}/{account}", "numberType": "Geographic", "state": "Approved" if id_ else "InReview"}
    approved = {"id": id_, "approved": {"id": id_}} if id_ else {}
    status = {"filings": [{**filing, **approved}]}
    return in_namespace(namespace, an_object("ComplianceBundle", name, wish, status))


def shared(target: int = 0, **spec: Any) -> Json:
    return a_pool(target, market=MARKET, allowedNamespaces=["*"], **spec)


def german(n: int = 1, bundle: str | None = POOLS, phase: str = "Available", **spec: Any) -> Json:
    documents = {"documents": {"attached": bundle}} if bundle else {}
    return a_number(n, phase, status={"country": "DE", "type": "Geographic", **documents}, **spec)


def tenants(name: str = "desk", namespace: str = ACME, bundle: str | None = None, **spec: Any) -> Json:
    named = {"complianceBundleRef": {"name": bundle}} if bundle else {}
    return in_namespace(namespace, a_claim(name, poolRef={"name": "west", "namespace": HERE}, **named, **spec))


TWO = [{"accountRef": {"name": "main"}}, {"accountRef": {"name": "spare"}}]
"""Two accounts of a pool, the preferred one first."""


@asynccontextmanager
async def two_markets(*objects: Json, unread: bool = False) -> AsyncIterator[tuple[Rig, CarrierDouble]]:
    """The same with a second account, whose carrier asks for documents too; `unread`: the first one's can't say yet
    whether it does."""
    async with a_market(an_account("spare"), *objects, demands=True) as (rig, _):
        spare = rig.carriers[f"{HERE}/spare"]
        spare.registrar = Registry((COMPANY,), carrier=spare)
        spare.stock = [an_offer(n, country="DE", area_code="30", needs_documents=True) for n in range(70, 80)]
        if unread:
            rig.carrier.registrar = Unread(carrier=rig.carrier)
        yield rig, spare


@asynccontextmanager
async def a_market(*objects: Json, demands: bool = True) -> AsyncIterator[tuple[Rig, Registry]]:
    """An operator beside a carrier that has German numbers, and asks for documents where it `demands` them."""
    async with a_rig(*HOUSE, *objects) as rig:
        registry = Registry((COMPANY,) if demands else (), carrier=rig.carrier)
        rig.carrier.registrar = registry
        rig.carrier.stock = [an_offer(n, country="DE", area_code="30", needs_documents=demands) for n in range(50, 60)]
        for obj in objects:
            if obj["kind"] == "PhoneNumber":
                hold(rig, obj)
        yield rig, registry


def hold(rig: Rig, number: Json) -> None:
    """Let the carrier hold the number as its object tells of it."""
    told, e164 = number["status"], E164(number["spec"]["number"])
    bundle = (told.get("documents") or {}).get("attached") or number["metadata"].get("annotations", {}).get("carries")
    external_id = told.get("externalId", f"did-{int(e164[-4:])}")
    rig.carrier.held[e164] = replace(a_holding(int(e164[-4:]), country="DE"), external_id=external_id, bundle=bundle)


async def work(rig: Rig) -> None:
    """Let everybody work until there is nothing left to do but wait, and look at what has come of it."""
    for kind in ("NumberPool", "NumberClaim"):
        page = await rig.kube.list_all(RESOURCES[kind])
        for obj in page.items:
            rig.services.queues.wake(kind, obj["metadata"]["namespace"], obj["metadata"]["name"])
    for record in rig.services.fleet.numbers.values():
        rig.services.queues.wake_number(record)
    await rig.run_queues(90)


async def said(rig: Rig, name: str = "desk", namespace: str = ACME) -> str:
    """What the claim says of itself."""
    claim = await rig.find("NumberClaim", name, namespace)
    assert claim
    (ready,) = (one for one in claim["status"]["conditions"] if one["type"] == "Ready")
    return f"{ready['reason']}: {ready['message']}"


def carried(rig: Rig) -> dict[int, str | None]:
    """Which bundle each number carries at the carrier."""
    return {int(number[-4:]): held.bundle for number, held in sorted(rig.carrier.held.items())}


def attached(rig: Rig) -> list[str]:
    return [line.removeprefix("carrier: attach ") for line in rig.told() if line.startswith("carrier: attach")]


# Which bundle is the pool's.


@in_virtual_time
async def test_a_pool_with_two_bundles_of_its_market_orders_nothing_before_one_is_named() -> None:
    async with a_market(shared(1), papers(), papers("other", id_="pool-2"), tenants()) as (rig, _):
        await work(rig)
        assert await rig.says("NumberPool", "west") == "False AmbiguousBundle"
        assert await rig.says("NumberPool", "west", "Stalled") == "True AmbiguousBundle"
        assert await rig.says("NumberPool", "west", "ComplianceReady") == "False AmbiguousBundle"
        assert (await rig.names("NumberOrder"), carried(rig)) == ([], {})
        assert (await said(rig)).startswith(
            "AmbiguousBundle: Several ComplianceBundles are for Geographic numbers in DE"
        )
        await rig.change("NumberPool", "west", {"spec": {"complianceBundleRef": {"name": "other"}}})
        await rig.look()
        await rig.run_queues(120)
        assert (await bound(rig), set(carried(rig).values())) == (50, {"pool-2"})


@in_virtual_time
async def test_an_order_that_was_not_sent_waits_when_a_second_bundle_comes() -> None:
    async with a_market(shared(1), papers()) as (rig, _):
        rig.carrier.down.add("search")
        await work(rig)
        assert await rig.names("NumberOrder") == ["west-1"]
        await rig.create(papers("other", id_="pool-2"))
        await rig.look()
        rig.carrier.down.clear()
        await rig.run_queues(600)
        assert (await rig.says("NumberOrder", "west-1"), carried(rig)) == ("False AmbiguousBundle", {})
        await rig.delete("ComplianceBundle", "other")
        await rig.look()
        await rig.run_queues(600)
        assert carried(rig) == {50: POOLS}


# A number from the pool's stock, for a tenant with a bundle of its own.


async def bound(rig: Rig, name: str = "desk", namespace: str = ACME) -> int | None:
    """The number that the claim holds."""
    claim = await rig.find("NumberClaim", name, namespace)
    assert claim
    found = claim.get("status", {}).get("phoneNumber")
    return int(found["name"][-4:]) if found else None


async def documents(rig: Rig, n: int = 1) -> Json:
    found = (await rig.status("PhoneNumber", digits(n).digits)).get("documents", {})
    return {key: value for key, value in found.items() if value}


ACMES = papers(namespace=ACME, id_="acme-1")


@in_virtual_time
async def test_a_number_from_stock_is_registered_to_the_bundle_of_the_tenant_who_gets_it() -> None:
    claim = tenants(bundle="papers", routingProfileRef={"name": "sip"})
    profile = in_namespace(ACME, a_profile())
    async with a_market(shared(), papers(), ACMES, german(), claim, profile) as (rig, _):
        await work(rig)
        story = [
            line for line in rig.story if "attach" in line or line.startswith("carrier: route") or "14155550001" in line
        ]
        first = next(n for n, line in enumerate(story) if "attach" in line)
        assert story[first] == "carrier: attach did-1 acme-1"
        assert "patch phonenumbers/status 14155550001" in story[:first], "it was not written before"
        assert any(line.startswith("carrier: route did-1") for line in story[first:]), "it was routed before"
        assert (await bound(rig), carried(rig), attached(rig)) == (1, {1: "acme-1"}, ["did-1 acme-1"])
        assert await documents(rig) == {"attached": "acme-1", "registeredTo": "acme/papers"}
        assert (await said(rig)).startswith("Bound")
        counts = [await count(rig, namespace) for namespace in (HERE, ACME)]
        assert counts == [0, 1]


async def count(rig: Rig, namespace: str) -> int:
    """How many numbers carry the bundle, as it says."""
    found = await rig.find("ComplianceBundle", "papers", namespace)
    assert found
    (filing,) = found["status"]["filings"]
    return int(filing.get("attached", 0))


@in_virtual_time
async def test_a_number_that_a_tenant_gives_back_is_the_pools_again_before_anybody_else_gets_it() -> None:
    async with a_market(shared(reclaim={"cooldown": "0s"}), papers(), ACMES, german(), tenants(bundle="papers")) as (
        rig,
        registry,
    ):
        await work(rig)
        registry.refuses.add(POOLS)
        await rig.create(tenants("other", BOLT), papers("own", BOLT, id_="bolt-1"))
        await rig.kube.delete(RESOURCES["NumberClaim"], ACME, "desk")
        await rig.look()
        await rig.run_queues(90)
        assert (await bound(rig, "other", BOLT), carried(rig)) == (None, {1: "acme-1"})
        assert (await documents(rig))["registeredTo"] == "acme/papers"
        registry.refuses.clear()
        await rig.run_queues(120)
        assert (await bound(rig, "other", BOLT), carried(rig)) == (1, {1: POOLS})
        assert await documents(rig) == {"attached": POOLS}


@in_virtual_time
async def test_a_number_of_a_former_tenant_may_go_straight_to_the_next_one_with_a_bundle() -> None:
    """The pool has none itself."""
    here = german(bundle="acme-1")
    here["status"]["documents"]["registeredTo"] = "acme/papers"
    pool, bolts = shared(), papers("own", BOLT, id_="bolt-1")
    async with a_market(pool, ACMES, bolts, here, tenants("first", BOLT), tenants("own", BOLT, "own")) as (rig, _):
        await work(rig)
        assert (await bound(rig, "first", BOLT), await bound(rig, "own", BOLT)) == (None, 1)
        assert carried(rig) == {1: "bolt-1"}


@pytest.mark.parametrize(
    ("bundle", "why"),
    [
        pytest.param([papers(namespace=ACME, id_=None)], "WaitingForBundle: ComplianceBundle acme/papers is InReview"),
        pytest.param([], "BundleMissing: Create ComplianceBundle acme/papers for Geographic numbers in DE"),
        pytest.param(
            [papers(namespace=ACME, id_="x", country="FR")],
            "BundleMissing: ComplianceBundle acme/papers is not for Geographic numbers in DE",
        ),
        pytest.param([papers(namespace=BOLT, id_="bolt-1")], "BundleMissing: Create ComplianceBundle acme/papers"),
    ],
    ids=["in review", "none", "of another country", "of another namespace"],
)
@in_virtual_time
async def test_a_claim_gets_no_number_before_the_bundle_that_it_names_is_approved(bundle: list[Json], why: str) -> None:
    claim = tenants(bundle="papers", onNoStock="Order")
    async with a_market(shared(), papers(), *bundle, german(), claim) as (rig, _):
        await work(rig)
        assert (await said(rig)).startswith(why)
        assert (await bound(rig), carried(rig), await rig.names("NumberOrder")) == (None, {1: POOLS}, [])
        if found := await rig.find("ComplianceBundle", "papers", ACME):
            await rig.kube.delete(RESOURCES["ComplianceBundle"], ACME, found["metadata"]["name"])
        await rig.create(ACMES)
        await rig.look()
        await rig.run_queues(90)
        assert (await bound(rig), carried(rig)) == (1, {1: "acme-1"})


@in_virtual_time
async def test_where_no_documents_are_asked_for_no_bundle_is_needed_whoever_names_one() -> None:
    pool, claim = shared(), tenants(bundle="papers")
    async with a_market(pool, german(bundle=None), claim, demands=False) as (rig, _):
        await work(rig)
        assert (await bound(rig), attached(rig)) == (1, [])


@in_virtual_time
async def test_a_claim_that_names_a_bundle_later_has_its_number_registered_to_it() -> None:
    async with a_market(shared(), papers(), ACMES, german(), tenants()) as (rig, registry):
        await work(rig)
        assert (await bound(rig), carried(rig)) == (1, {1: POOLS})
        registry.refuses.add("acme-1")
        ref = {"spec": {"complianceBundleRef": {"name": "papers"}}}
        await rig.kube.patch(RESOURCES["NumberClaim"], ACME, "desk", ref)
        await rig.look()
        await rig.run_queues(5)
        assert (await said(rig)).startswith("AttachRefused: It holds +14155550001, whose PhoneNumber is not ready: The")
        registry.refuses.clear()
        await rig.run_queues(60)
        assert (await said(rig), carried(rig)) == ("Bound: It holds +14155550001.", {1: "acme-1"})


@in_virtual_time
async def test_a_number_follows_the_tenants_bundle_to_its_next_revision() -> None:
    async with a_market(shared(), papers(), ACMES, german(), tenants(bundle="papers")) as (rig, _):
        await work(rig)
        filing = {"account": f"{HERE}/main", "numberType": "Geographic", "state": "Approved", "superseded": ["acme-1"]}
        status = {"filings": [{**filing, "id": "acme-2", "approved": {"id": "acme-2"}}]}
        await rig.kube.patch_status(RESOURCES["ComplianceBundle"], ACME, "papers", status)
        await rig.kube.patch(RESOURCES["ComplianceBundle"], ACME, "papers", {"spec": {"suspend": False}})
        await rig.look()
        await rig.turn("PhoneNumber", digits(1).digits)
        assert carried(rig) == {1: "acme-2"}


@pytest.mark.parametrize("done", [pytest.param(False, id="not done"), pytest.param(True, id="done, and not answered")])
@pytest.mark.parametrize("nth", range(5))
@in_virtual_time
async def test_a_process_that_ends_at_any_write_leaves_no_number_with_one_who_is_not_in_its_documents(
    nth: int, done: bool
) -> None:
    """The tenant's claim is gone when the next process starts, another one is there, and no listing tells anything."""
    pool = shared(reclaim={"cooldown": "0s"})
    async with a_market(pool, papers(), ACMES, german(), tenants(bundle="papers")) as (rig, registry):
        rig.api.break_write(nth, done=done)
        with suppress(KubeError):
            for _ in range(4):
                await rig.turn("NumberClaim", "desk", ACME)
                await rig.turn("PhoneNumber", digits(1).digits)
        for _ in range(2):  # where fewer writes were made, the first is the one that fails
            with suppress(KubeError):
                await rig.kube.delete(RESOURCES["NumberClaim"], ACME, "desk")
        registry.refuses.add(POOLS)
        rig.carrier.down.add("holdings")
        await rig.create(tenants("other", BOLT))
        async with restarted(rig) as again:
            await work(again)
            if await bound(again, "other", BOLT):
                assert carried(again) == {1: POOLS}
            registry.refuses.clear()
            await again.run_queues(400)
            assert (await bound(again, "other", BOLT), carried(again)) == (1, {1: POOLS})


# A number that is bought for such a tenant.


def forced(claim: Json) -> Json:
    """The claim as one that has a number ordered for it."""
    return {**claim, "spec": {**claim["spec"], "onNoStock": "Order"}}


async def for_claims(rig: Rig) -> list[Json | None]:
    """Whose bundle each order of the pool names."""
    orders = [await rig.find("NumberOrder", name) for name in await rig.names("NumberOrder")]
    return [(one["spec"].get("forClaims") or {}).get("complianceBundleRef") for one in orders if one]


@pytest.mark.parametrize("stocked", [True, False], ids=["the pool has a bundle", "the pool has none"])
@in_virtual_time
async def test_a_number_that_is_bought_for_a_tenant_is_bought_under_its_documents(stocked: bool) -> None:
    claims = [forced(tenants(bundle="papers")), forced(tenants("own", BOLT, "own"))]
    theirs = [ACMES, papers("own", BOLT, id_="bolt-1")]
    async with a_market(shared(), *theirs, *claims, *([papers()] if stocked else [])) as (rig, _):
        await work(rig)
        await rig.run_queues(120)
        first, second = await bound(rig), await bound(rig, "own", BOLT)
        assert carried(rig) == {first: "acme-1", second: "bolt-1"}
        assert [purchase.bundle for purchase in rig.carrier.purchases] == ["acme-1", "bolt-1"]
        assert attached(rig) == []
        assert await for_claims(rig) == [
            {"namespace": ACME, "name": "papers"},
            {"namespace": BOLT, "name": "own"},
        ]
        order = await rig.find("NumberOrder", "west-1")
        assert order
        assert order["status"]["bundle"] == "acme-1"
        assert await documents(rig, first or 0) == {"attached": "acme-1", "registeredTo": "acme/papers"}


@in_virtual_time
async def test_an_order_for_a_tenant_waits_while_its_bundle_is_not_in_force_and_goes_when_the_claim_goes() -> None:
    async with a_market(shared(), papers(), ACMES, forced(tenants(bundle="papers"))) as (rig, _):
        rig.carrier.down.add("search")
        await work(rig)
        assert await rig.names("NumberOrder") == ["west-1"]
        await rig.kube.delete(RESOURCES["ComplianceBundle"], ACME, "papers")
        await rig.look()
        rig.carrier.down.clear()
        await rig.run_queues(600)
        assert (await rig.says("NumberOrder", "west-1"), carried(rig)) == ("False BundleMissing", {})
        assert (await said(rig)).startswith("BundleMissing: Create ComplianceBundle acme/papers")
        await rig.create(ACMES)
        await rig.look()
        await rig.run_queues(600)
        assert carried(rig) == {50: "acme-1"}


@in_virtual_time
async def test_what_was_bought_for_a_tenant_whose_claim_is_gone_becomes_the_pools() -> None:
    async with a_market(shared(), papers(), ACMES, forced(tenants(bundle="papers"))) as (rig, _):

        async def go() -> None:
            rig.carrier.before_buying = None
            await rig.kube.delete(RESOURCES["NumberClaim"], ACME, "desk")
            await rig.look()

        rig.carrier.before_buying = go
        await rig.create(tenants("other", BOLT))
        await rig.look()
        await work(rig)
        await rig.run_queues(120)
        assert (await bound(rig, "other", BOLT), carried(rig)) == (50, {50: POOLS})
        assert [purchase.bundle for purchase in rig.carrier.purchases] == ["acme-1"]


@in_virtual_time
async def test_a_number_whose_order_told_nothing_is_known_by_what_the_carrier_says_that_it_carries() -> None:
    """As one that a sweep has adopted."""
    number = german(bundle=None, phase="Ordering")
    for field_ in ("externalId", "conditions", "observedGeneration"):
        number["status"].pop(field_)
    async with a_market(shared(), ACMES, number_of_acme(number), tenants("other", BOLT)) as (rig, _):
        await work(rig)
        assert await documents(rig) == {"attached": "acme-1", "registeredTo": "acme/papers"}
        assert await bound(rig, "other", BOLT) is None


@in_virtual_time
async def test_what_a_pool_has_where_the_tenants_bundle_is_not_approved_is_no_supply_for_the_tenant() -> None:
    """It was counted for the claim, which could not take it: nothing was ordered, and the claim waited for ever."""
    elsewhere = papers(namespace=ACME, id_="acme-1", account="spare")
    async with two_markets(
        shared(1, carriers=TWO), papers(), elsewhere, german(1), forced(tenants(bundle="papers"))
    ) as (rig, spare):
        await work(rig)
        await rig.run_queues(120)
        assert {int(number[-4:]): held.bundle for number, held in spare.held.items()} == {70: "acme-1"}
        assert (await bound(rig), carried(rig)) == (70, {1: POOLS})
        assert await rig.names("NumberOrder") == ["west-1"]


@in_virtual_time
async def test_what_a_pool_has_at_a_carrier_that_has_not_said_what_it_demands_counts_for_the_tenant() -> None:
    """Where nothing is demanded the number could be taken, a moment later: none is bought for it elsewhere."""
    elsewhere = papers(namespace=ACME, id_="acme-1", account="spare")
    pool = shared(1, carriers=list(reversed(TWO)))
    async with two_markets(pool, elsewhere, german(1), forced(tenants(bundle="papers")), unread=True) as (rig, spare):
        await work(rig)
        assert (await bound(rig), carried(rig), spare.held) == (None, {1: POOLS}, {})
        rig.carrier.registrar = None
        await rig.settle(600)
        assert (await bound(rig), spare.held) == (1, {})


def number_of_acme(number: Json) -> Json:
    """The number as one that the carrier says carries the tenant's bundle, of which its object knows nothing."""
    return {**number, "metadata": {**number["metadata"], "annotations": {"carries": "acme-1"}}}


# The bundle that a namespace names for all its claims.


def naming(*names: str, quota: str = "month") -> Json:
    """A quota of the tenant's namespace that names these bundles, and limits nothing."""
    spec = {"complianceBundleRefs": [{"name": name} for name in names]}
    return in_namespace(ACME, an_object("NumberQuota", quota, spec))


@in_virtual_time
async def test_claims_that_name_no_bundle_go_by_that_of_their_namespace_for_the_pools_market() -> None:
    french = papers("french", ACME, id_="acme-fr", country="FR")
    claims = [tenants(), tenants("else", BOLT)]
    async with a_market(shared(), papers(), ACMES, french, naming("papers", "french"), *claims) as (rig, _):
        for n in (1, 2):
            number = german(n)
            await rig.create(number)
            hold(rig, number)
        await rig.look()
        await work(rig)
        mine, others = await bound(rig), await bound(rig, "else", BOLT)
        assert carried(rig) == {mine: "acme-1", others: POOLS}


@pytest.mark.parametrize(
    ("quotas", "why"),
    [
        pytest.param(
            [naming("papers"), naming("more", quota="day")],
            "AmbiguousBundle: NumberQuotas of namespace acme name several ComplianceBundles for Geographic numbers",
            id="two for one market",
        ),
        pytest.param(
            [naming("lost")],
            "BundleMissing: Create ComplianceBundle acme/lost for Geographic",
            id="one that is not there",
        ),
    ],
)
@in_virtual_time
async def test_a_claim_whose_namespace_names_no_single_bundle_has_no_number_until_it_names_one(
    quotas: list[Json], why: str
) -> None:
    theirs = [ACMES, papers("more", ACME, id_="acme-2")]
    async with a_market(shared(), papers(), *theirs, *quotas, german(), forced(tenants())) as (rig, _):
        await work(rig)
        assert (await said(rig)).startswith(why)
        assert (await bound(rig), carried(rig)) == (None, {1: POOLS})
        ref = {"spec": {"complianceBundleRef": {"name": "more"}}}
        await rig.kube.patch(RESOURCES["NumberClaim"], ACME, "desk", ref)
        await rig.look()
        await rig.run_queues(60)
        assert (await bound(rig), carried(rig)) == (1, {1: "acme-2"})


@in_virtual_time
async def test_claims_on_their_own_namespaces_pool_go_by_the_pools_bundle() -> None:
    quota = an_object("NumberQuota", "month", {"complianceBundleRefs": [{"name": "lost"}]})
    async with a_market(shared(), papers(), german(), a_claim(), quota) as (rig, _):
        await work(rig)
        assert (await bound(rig, namespace=HERE), carried(rig)) == (1, {1: POOLS})


@in_virtual_time
async def test_a_rotation_set_goes_by_the_bundle_of_its_namespace_and_says_what_is_in_the_way() -> None:
    calls = in_namespace(ACME, a_set(1, pools=[{"name": "west", "namespace": HERE}]))
    async with a_market(shared(), papers(), naming("papers"), german(), calls) as (rig, _):
        rig.services.queues.wake("RotationSet", ACME, "calls")
        await work(rig)
        found = await rig.find("RotationSet", "calls", ACME)
        assert found
        reasons = {one["type"]: one["reason"] for one in found["status"]["conditions"]}
        assert (reasons["Ready"], reasons["Stalled"], carried(rig)) == ("BundleMissing", "BundleMissing", {1: POOLS})
        await rig.create(ACMES)
        await rig.look()
        await rig.run_queues(60)
        assert (await bound(rig, "calls-1"), carried(rig)) == (1, {1: "acme-1"})


# `ringfleet plan` says the same.


@pytest.mark.parametrize(
    ("objects", "served", "reasons", "bundle"),
    [
        pytest.param([papers(), ACMES, tenants(bundle="papers")], ["acme/desk"], [], "acme-1", id="approved"),
        pytest.param(
            [ACMES, naming("papers"), tenants()], ["acme/desk"], ["BundleMissing"], "acme-1", id="by namespace"
        ),
        pytest.param([papers(), tenants(bundle="papers")], [], ["BundleMissing"], None, id="not there"),
        pytest.param(
            [papers(), papers(namespace=ACME, id_=None), tenants(bundle="papers")],
            *([], ["WaitingForBundle"], None),
            id="in review",
        ),
        pytest.param(
            [papers(), papers("other", id_="pool-2"), tenants()],
            *([], ["AmbiguousBundle", "AmbiguousBundle"], None),
            id="two of the pool",
        ),
    ],
)
@in_virtual_time
async def test_a_plan_says_whose_documents_let_a_claim_have_a_number(
    objects: list[Json], served: list[str], reasons: list[str], bundle: str | None
) -> None:
    objects = [forced(one) if one["kind"] == "NumberClaim" else one for one in objects]
    async with a_market(shared(), *objects) as (rig, _):
        async with what_if(rig.kube, [HERE, ACME], ()) as after:
            (pool,) = (await foresee(after, (), {})).pools
        assert ([*pool.served], [note.reason for note in pool.notes if note.reason != "Approved"]) == (served, reasons)
        assert len(pool.bought) == len(served)
        assert rig.carrier.billed == {}
        await work(rig)
        await rig.run_queues(120)
        assert [*carried(rig).values()] == ([bundle] if bundle else [])
