"""What an operator tells Prometheus after a story between the two doubles, read by the parser of Prometheus' client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

import pytest
from aiohttp import ClientSession
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families as read_text

from ringfleet.carriers.errors import CarrierUnavailable, ListingIncomplete, OutcomeUnknown
from ringfleet.controllers.metrics import Metrics, NumberTally
from ringfleet.handlers.liveness import serve_health
from ringfleet.kube.store import Store
from ringfleet.kube.transport import Json
from ringfleet.model import AccountKey, Phase
from ringfleet.objects.phone_number import NumberRecord, project_number
from ringfleet.objects.refs import Key
from tests.controllers.rig import HERE, HOUSE, Rig, a_claim, a_number, a_pool, a_rig, in_virtual_time
from tests.controllers.test_runtime import at_target, stocked
from tests.kube.virtual_time import now
from tests.plan.builders import a_holding, digits


@asynccontextmanager
async def a_told_rig(*objects: Json) -> AsyncIterator[tuple[Rig, Metrics]]:
    """A rig that has looked at nothing yet, and tells what it does."""
    async with a_rig(*objects, begun=False) as rig:
        rig.services.meter = metrics = Metrics(rig.services)
        yield rig, metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"ringfleet_{name}", labels)


def counts(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric by the values of their labels, which stand in the order of the labels' names."""
    families = read_text(generate_latest(metrics.registry).decode())
    return {
        tuple(one.labels.values()): one.value
        for family in families
        for one in family.samples
        if one.name == f"ringfleet_{name}"
    }


# What happened.


@in_virtual_time
async def test_a_pool_that_is_filled_is_told_as_orders_items_spend_and_calls() -> None:
    async with a_told_rig(*HOUSE, a_pool(2)) as (rig, metrics), stocked(rig, 2).running():
        await rig.until(lambda: at_target(rig), within=60)
        assert counts(metrics, "orders_total") == {("Complete", "DIDHub"): 1}
        assert counts(metrics, "order_items_total") == {("Provisioned", "DIDHub"): 2}
        spent = sum((rig.carrier.held[digits(n)].price.first_month.amount for n in (1, 2)), Decimal(0))
        assert counts(metrics, "spend_total") == {("USD", "DIDHub"): float(spent)}
        calls = counts(metrics, "carrier_call_duration_seconds_count")
        assert (calls["buy", "Succeeded", "DIDHub"], calls["search", "Succeeded", "DIDHub"]) == (1, 1)
        assert counts(metrics, "sweep_duration_seconds_count")["Succeeded", "DIDHub"] >= 1
        assert value(metrics, "numbers", phase="Available") == 2
        assert counts(metrics, "carrier_accounts") == {("DIDHub", "Usable"): 1}


@in_virtual_time
async def test_a_purchase_whose_reply_is_lost_is_told_as_unknown_and_its_money_once() -> None:
    async with a_told_rig(*HOUSE, a_pool(1)) as (rig, metrics):
        rig.carrier.lose_reply("buy", OutcomeUnknown("The reply was lost."))
        async with stocked(rig, 1).running():
            await rig.until(lambda: at_target(rig), within=60)
        assert counts(metrics, "order_items_total") == {("Unknown", "DIDHub"): 1, ("Provisioned", "DIDHub"): 1}
        first_month = rig.carrier.held[digits(1)].price.first_month.amount
        assert counts(metrics, "spend_total") == {("USD", "DIDHub"): float(first_month)}
        calls = counts(metrics, "carrier_call_duration_seconds_count")
        assert (calls["buy", "OutcomeUnknown", "DIDHub"], calls["buy", "Succeeded", "DIDHub"]) == (1, 1)


@in_virtual_time
async def test_an_outcome_whose_write_meets_another_writer_is_told_once() -> None:
    async with a_told_rig(*HOUSE, a_pool(1)) as (rig, metrics):
        bought = asyncio.Event()

        async def the_next_write_conflicts() -> None:
            if not bought.is_set():
                bought.set()
                rig.api.refuse("patch", "numberorders/status", 409)

        rig.carrier.before_buying = the_next_write_conflicts
        async with stocked(rig, 1).running():
            await rig.until(lambda: at_target(rig), within=60)
        assert (bought.is_set(), counts(metrics, "order_items_total")) == (True, {("Provisioned", "DIDHub"): 1})
        assert value(metrics, "reconcile_duration_seconds_count", kind="NumberOrder", outcome="Conflict") == 1


@in_virtual_time
async def test_an_order_that_finds_nothing_is_told_with_its_reason() -> None:
    async with a_told_rig(*HOUSE, a_pool(1)) as (rig, metrics), rig.running():
        await rig.until(lambda: _says(rig, "NumberPool", "west", "False NoStock"), within=60)
        assert counts(metrics, "orders_total")["NoStock", "DIDHub"] >= 1
        assert counts(metrics, "order_items_total") == {}


async def _says(rig: Rig, kind: str, name: str, said: str) -> bool:
    return await rig.says(kind, name) == said


@in_virtual_time
async def test_turns_are_told_by_kind_and_ending() -> None:
    async with a_told_rig(*HOUSE, a_pool(1), a_claim()) as (rig, metrics):
        rig.api.refuse("patch", "numberpools/status", 500)
        async with stocked(rig, 2).running():
            await rig.until(lambda: _says(rig, "NumberClaim", "desk", "True Bound"), within=60)
        turns = counts(metrics, "reconcile_duration_seconds_count")
        assert {kind for kind, _ in turns} >= {
            "CarrierAccount",
            "NumberPool",
            "NumberOrder",
            "PhoneNumber",
            "NumberClaim",
        }
        assert turns["NumberPool", "Failed"] == 1
        assert turns["NumberClaim", "Requeued"] >= 1
        assert turns["NumberPool", "Settled"] >= 1


@in_virtual_time
async def test_a_sweep_that_breaks_off_is_told_by_its_error() -> None:
    async with a_told_rig(*HOUSE) as (rig, metrics):
        rig.carrier.lose_reply("holdings", ListingIncomplete("It ended early."))
        async with rig.running():
            await rig.until(lambda: _says(rig, "CarrierAccount", "main", "True Reachable"))
        assert counts(metrics, "sweep_duration_seconds_count") == {("ListingIncomplete", "DIDHub"): 1}


# What is so now.


@in_virtual_time
async def test_queues_tell_what_is_due_and_the_leader_is_who_works_them_off() -> None:
    async with a_told_rig(*HOUSE) as (rig, metrics):
        numbers = rig.services.queues.lane(AccountKey(HERE, "main")).numbers
        numbers.add(Key("PhoneNumber", HERE, "1"))
        numbers.add(Key("PhoneNumber", HERE, "2"), delay=3600)
        await asyncio.sleep(5)
        assert value(metrics, "workqueue_depth", queue="numbers") == 1
        assert value(metrics, "workqueue_oldest_age_seconds", queue="numbers") == pytest.approx(4.9)
        assert value(metrics, "workqueue_delayed", queue="numbers") == 1
        assert value(metrics, "workqueue_workers", queue="numbers") == rig.services.settings.number_workers
        assert value(metrics, "leader") == 0
        async with rig.running():
            assert value(metrics, "leader") == 1
        assert value(metrics, "leader") == 0


@in_virtual_time
async def test_requests_to_the_api_server_and_the_age_of_watches_are_told() -> None:
    async with a_told_rig(*HOUSE, a_pool(0)) as (rig, metrics):
        assert value(metrics, "watch_age_seconds", kind="PhoneNumber") == float("inf")
        async with rig.running():
            await rig.until(lambda: at_target(rig))
            # A page to see that the kind is there, and the informer's list.
            assert value(metrics, "api_requests_total", verb="list", resource="phonenumbers") == 2
            assert (
                counts(metrics, "api_requests_total")["numberpools/status", "patch"]
                == rig.services.kube.writes["patch", "numberpools/status"]
            )
            assert value(metrics, "watch_lists_total", kind="PhoneNumber") == 1
            assert (value(metrics, "watch_age_seconds", kind="PhoneNumber") or 0) <= now()


@pytest.mark.parametrize(
    ("trouble", "state"), [(None, "Usable"), (CarrierUnavailable("It is down."), "Blocked"), ("throttled", "Throttled")]
)
@in_virtual_time
async def test_accounts_are_told_by_what_they_are(trouble: object, state: str) -> None:
    async with a_told_rig(*HOUSE) as (rig, metrics):
        if isinstance(trouble, Exception):
            rig.carrier.fail("balance", *[trouble] * 9)
        if trouble == "throttled":
            rig.carrier.health = replace(rig.carrier.health, throttled=True)
        assert counts(metrics, "carrier_accounts") == {}
        async with rig.running():
            await rig.until(lambda: _has_conditions(rig))
            assert counts(metrics, "carrier_accounts") == {("DIDHub", state): 1}
        await rig.change("CarrierAccount", "main", {"spec": {"suspend": True}})
        await rig.look_at_intents()
        await rig.turn("CarrierAccount", "main")
        assert counts(metrics, "carrier_accounts") == {("DIDHub", "Closed"): 1}


async def _has_conditions(rig: Rig) -> bool:
    return bool((await rig.status("CarrierAccount", "main")).get("conditions"))


@in_virtual_time
async def test_what_a_listing_shows_is_told_by_whose_it_is() -> None:
    async with a_told_rig(*HOUSE, a_pool(0), a_number(1)) as (rig, metrics):
        mark = rig.services.fleet.mark_for("elsewhere", "gone")
        stranger, orphan = a_holding(2, area_code="415", mark=None), a_holding(3, area_code="415", mark=mark)
        rig.carrier.held |= {digits(1): a_holding(1, area_code="415"), digits(2): stranger, digits(3): orphan}
        async with rig.running():
            await rig.until(lambda: _has_conditions(rig))
        expected = {("Ours", "DIDHub"): 1, ("Orphan", "DIDHub"): 1, ("Unmanaged", "DIDHub"): 1}
        assert counts(metrics, "carrier_numbers") == expected


# Numbers, of which there are many.


def a_record(n: int, phase: str, monthly: str = "2", version: int = 1) -> Json:
    price = {"monthly": monthly, "setup": "1", "currency": "USD"}
    number = a_number(n, phase, {"price": price})
    born = {"resourceVersion": str(version), "generation": 1, "creationTimestamp": "2026-03-01T00:00:00Z"}
    meta = {"namespace": "shop", "uid": f"u{n}", **born}
    return {**number, "metadata": {**number["metadata"], **meta}}


def test_numbers_are_told_by_phase_and_cost_through_every_change() -> None:
    store: Store[NumberRecord] = Store(project_number)
    store.learn(a_record(1, "Available", version=1))
    tally = NumberTally(store)
    for obj in (a_record(2, "Ordering", version=2), a_record(3, "Bound", "1.10", version=3)):
        store.learn(obj)
    store.learn(a_record(2, "Available", "2.50", version=4))
    assert tally.told() == ({Phase.AVAILABLE: 2, Phase.BOUND: 1}, {"USD": Decimal("5.60")})
    store.learn(a_record(1, "Released", version=5))
    store.learn_deleted(a_record(3, "Bound", "1.10", version=6))
    assert tally.told() == ({Phase.AVAILABLE: 1, Phase.RELEASED: 1}, {"USD": Decimal("2.50")})


@in_virtual_time
async def test_a_scrape_does_not_look_at_the_numbers_one_by_one() -> None:
    async with a_told_rig(*HOUSE) as (rig, metrics):
        for n in range(1, 6):
            rig.services.fleet.numbers.learn(a_record(n, "Bound", version=n))
        rig.services.fleet.numbers.values = rig.services.fleet.numbers.items = None  # type: ignore[method-assign,assignment]
        assert value(metrics, "numbers", phase="Bound") == 5
        assert value(metrics, "numbers", phase="Lost") == 0
        assert value(metrics, "numbers_monthly_cost", currency="USD") == 10


# Over HTTP.


async def test_metrics_are_beside_liveness() -> None:
    async with a_rig() as rig:
        metrics = Metrics(rig.services)
        async with (
            serve_health("127.0.0.1", 0, lambda: [], lambda: [], metrics.registry) as port,
            ClientSession() as asking,
        ):
            async with asking.get(f"http://127.0.0.1:{port}/metrics") as reply:
                families = {family.name: family for family in read_text(await reply.text())}
            async with asking.get(f"http://127.0.0.1:{port}/healthz") as alive:
                assert alive.status == 200
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert {"ringfleet_leader", "ringfleet_build_info", "process_cpu_seconds"} <= families.keys()


@in_virtual_time
async def test_no_label_says_a_number_or_a_name() -> None:
    async with a_told_rig(*HOUSE, a_pool(1, name="west"), a_claim()) as (rig, metrics), stocked(rig, 3).running():
        await rig.until(lambda: _says(rig, "NumberClaim", "desk", "True Bound"), within=60)
        text = generate_latest(metrics.registry).decode()
    assert not [word for word in ("west", "desk", '"shop', "main", digits(1).digits) if word in text]
