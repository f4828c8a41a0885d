"""Whose documents a number is bought, registered and used under: the pool's, or those of the tenant who claims it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ringfleet.carriers.errors import RequestRejected
from ringfleet.kube.transport import Json
from ringfleet.model import E164
from tests.controllers.carrier_double import CarrierDouble, RegistrarDouble
from tests.controllers.rig import (
    HERE,
    HOUSE,
    RESOURCES,
    Rig,
    a_claim,
    a_number,
    a_pool,
    a_rig,
    an_object,
    in_virtual_time,
)
from tests.plan.builders import a_holding, an_offer
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


def in_namespace(namespace: str, obj: Json) -> Json:
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}


def papers(name: str = "papers", namespace: str = HERE, id_: str | None = POOLS, **spec: Any) -> Json:
    """A bundle of Germany, approved under that id of the carrier; not approved, when it is None. It is suspended, so
    that nothing is filed: what is approved is in force all the same."""
    wish = {
        "country": "DE",
        "numberTypes": ["Geographic"],
        "endUser": {"type": "Business"},
        "contact": "numbers@example.com",
        "carriers": [{"name": "main", "namespace": HERE}],
        "suspend": True,
        **spec,
    }
    filing = {"account": f"{HERE}/main", "numberType": "Geographic", "state": "Approved" if id_ else "InReview"}
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
    bundle = (told.get("documents") or {}).get("attached")
    rig.carrier.held[e164] = replace(
        a_holding(int(e164[-4:]), country="DE"), external_id=told["externalId"], bundle=bundle
    )


async def work(rig: Rig) -> None:
    """Let everybody work until there is nothing left to do but wait, and look at what has come of it."""
    for kind in ("NumberPool", "NumberClaim"):
        page = await rig.kube.list_all(RESOURCES[kind])
        for obj in page.items:
            rig.services.queues.wake(kind, obj["metadata"]["namespace"], obj["metadata"]["name"])
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
    async with a_market(shared(1), papers(), papers("other", id_="pool-2")) as (rig, _):
        await work(rig)
        assert await rig.says("NumberPool", "west") == "False AmbiguousBundle"
        assert await rig.says("NumberPool", "west", "Stalled") == "True AmbiguousBundle"
        assert await rig.says("NumberPool", "west", "ComplianceReady") == "False AmbiguousBundle"
        assert (await rig.names("NumberOrder"), carried(rig)) == ([], {})
        await rig.change("NumberPool", "west", {"spec": {"complianceBundleRef": {"name": "other"}}})
        await rig.look()
        await work(rig)
        assert carried(rig) == {50: "pool-2"}


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
