"""What a dispatcher tells of itself: scraped from its listeners, and read by the parser of Prometheus' client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPEN_METRICS
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from ringfleet.dispatch.app import Dispatcher
from ringfleet.dispatch.auth import Anybody
from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.inventory import Inventory
from ringfleet.dispatch.ledger.embedded import SqliteLedger
from ringfleet.dispatch.ledger.interface import LedgerUnavailable
from ringfleet.dispatch.listener import Address, Listener
from ringfleet.dispatch.metrics import BUCKETS, Metrics, health_app
from ringfleet.dispatch.recipients import Hasher
from ringfleet.kube.client import Kube
from tests.carriers.webhooks import signed
from tests.controllers.api_double import ApiDouble
from tests.controllers.rig import clock
from tests.dispatch.events_door import events_app
from tests.dispatch.test_webhooks import BODY, HASHER, World

PICK = "/v1/namespaces/shop/rotationsets/us/picks"


@asynccontextmanager
async def listening(*apps: Any) -> AsyncIterator[list[str]]:
    """The apps on free ports of the loopback; their URLs."""
    listeners = [Listener(app, Address("127.0.0.1", 0)) for app in apps]
    serving = [asyncio.create_task(one.serve()) for one in listeners]
    try:
        for one in listeners:
            await one.bound.wait()
        yield [one.url for one in listeners]
    finally:
        for one in listeners:
            one.should_exit = True
        await asyncio.gather(*serving)


@asynccontextmanager
async def a_dispatcher(folder: Path, metrics: Metrics) -> AsyncIterator[tuple[str, str]]:
    """One that has not read its inventory yet: the URLs of its picks and of its health."""
    async with SqliteLedger(folder / "ledger.sqlite") as ledger:
        inventory = Inventory(Kube(ApiDouble([], clock)), ledger, Clock())  # type: ignore[arg-type]  # the double
        hasher = Hasher((b"key-of-this-year",))
        dispatcher = Dispatcher(ledger, inventory, Anybody(), Clock(), lambda: hasher, metrics)
        health = health_app(metrics, inventory.synced.is_set, lambda: 1.5)
        async with listening(dispatcher.app(), health) as (picks, told):
            yield picks, told


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, verify=False, timeout=30)


def samples(families: Iterable[Any]) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


async def test_a_started_dispatcher_is_scraped_in_the_text_format(tmp_path: Path) -> None:
    async with a_dispatcher(tmp_path, Metrics()) as (picks, told), client() as asking:
        assert (await asking.post(f"{picks}{PICK}", json={"to": "+14155550198"})).status_code == 503
        reply = await asking.get(f"{told}/metrics")
    families = {family.name: family for family in read_text(reply.text)}
    told_of = samples(families.values())
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert told_of["ringfleet_dispatch_answers_total", "inventory-unknown", "503"] == 1
    assert told_of["ringfleet_dispatch_pick_duration_seconds_count",] == 1
    assert told_of["ringfleet_dispatch_inventory_age_seconds",] == 1.5
    assert families["process_resident_memory_bytes"].type == "gauge"
    assert not [name for name in families if name.endswith("_created")]


async def test_prometheus_gets_open_metrics_when_it_asks_for_them(tmp_path: Path) -> None:
    async with a_dispatcher(tmp_path, Metrics()) as (_, told), client() as asking:
        reply = await asking.get(f"{told}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert reply.headers["content-type"].startswith(OPEN_METRICS.partition(";")[0])
    assert samples(read_open_metrics(reply.text))["ringfleet_dispatch_ledger_errors_total",] == 0


class Broken:
    """A ledger that can't be written, for a route that asks nothing else of it."""

    async def ingest(self, heard: object) -> int:
        raise LedgerUnavailable("the disk is full")

    async def suppress(self, entries: object) -> int:
        raise LedgerUnavailable("the disk is full")


async def test_a_request_that_the_ledger_could_not_serve_is_told_as_an_answer_and_as_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics()
    monkeypatch.setattr(SqliteLedger, "suppress", Broken.suppress)
    monkeypatch.setattr(Dispatcher, "_scope", lambda *_: "set:shop/us")
    async with a_dispatcher(tmp_path, metrics) as (picks, _), client() as asking:
        body = {"recipients": ["+14155550198"], "scope": "set", "reason": "asked"}
        refused = await asking.post(f"{picks}{PICK.replace('picks', 'suppressions')}", json=body)
    assert refused.status_code == 503
    assert value(metrics, "ringfleet_dispatch_answers_total", outcome="ledger-unavailable", status="503") == 1
    assert value(metrics, "ringfleet_dispatch_ledger_errors_total") == 1


async def test_a_webhook_that_the_ledger_could_not_take_in_is_told_as_both_too() -> None:
    metrics, world = Metrics(), World(Broken())  # type: ignore[arg-type]  # as far as it is asked
    app = events_app(world.ledger, world, HASHER.hashes, lambda: world.now, metrics)
    async with listening(app) as (events,), client() as asking:
        sent = signed(BODY, at=int(world.now))
        assert (await asking.post(f"{events}/v1/events/shop/sandbox", content=BODY, headers=sent)).status_code == 503
    assert value(metrics, "ringfleet_dispatch_answers_total", outcome="event-ledger-unavailable", status="503") == 1
    assert value(metrics, "ringfleet_dispatch_ledger_errors_total") == 1


async def test_two_dispatchers_in_one_process_do_not_add_up() -> None:
    one, another = Metrics(), Metrics()
    one.answered("picked", 200)
    assert value(one, "ringfleet_dispatch_answers_total", outcome="picked", status="200") == 1
    assert value(another, "ringfleet_dispatch_answers_total", outcome="picked", status="200") is None


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


@pytest.mark.parametrize(("bound", "expected"), [(BUCKETS[0], 1), (BUCKETS[1], 2), (BUCKETS[-1], 2), ("+Inf", 3)])
def test_the_histogram_counts_what_took_no_longer_than_its_bounds(bound: object, expected: int) -> None:
    metrics = Metrics()
    for seconds in (0.001, 0.0011, 9.0):
        metrics.took(seconds)
    assert value(metrics, "ringfleet_dispatch_pick_duration_seconds_bucket", le=str(bound)) == expected
    assert value(metrics, "ringfleet_dispatch_pick_duration_seconds_sum") == pytest.approx(9.0021)
