"""What an operator tells Prometheus. README.md has the table of it; a test compares both.

::

    controllers --tell--> Metrics (a Meter)      what happened: counters and histograms, kept here
    queues, API door, accounts, store of numbers
              ^--look-- Collected                what is so now: read when somebody asks, kept where it is anyway

Labels are bounded: kinds, verbs, resources, providers, phases, currencies and outcomes; never a number, or the name or
namespace of an object. Only `handlers` loads this module, so that nothing else pays for loading Prometheus' client.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    Metric,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ringfleet import __version__
from ringfleet.api import KINDS, CarrierAccount
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.lasting_errors import object_of
from ringfleet.controllers.services import Services
from ringfleet.kube.informer import Informer
from ringfleet.kube.store import Store
from ringfleet.model import GONE, AccountKey, ItemState, Money, Phase
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.plan.carrier_account import AccountSeen

TURN_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
CALL_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
SWEEP_BUCKETS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600)


class Metrics:
    """One operator's registry, and the `Meter` of its controllers."""

    def __init__(self, services: Services) -> None:
        # Else each counter tells a second series, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self.registry = registry = CollectorRegistry()
        self._turns = Histogram(
            "ringfleet_reconcile_duration_seconds",
            "Time of one turn of an object. Outcome: Settled, Requeued, Conflict (another writer was faster; it is"
            " taken again) or Failed.",
            ("kind", "outcome"),
            buckets=TURN_BUCKETS,
            registry=registry,
        )
        self._calls = Histogram(
            "ringfleet_carrier_call_duration_seconds",
            "Time of one call to a carrier, with its pages, its retries and its wait for the account's pace. Outcome:"
            " Succeeded, or the class of the error.",
            ("provider", "operation", "outcome"),
            buckets=CALL_BUCKETS,
            registry=registry,
        )
        self._sweeps = Histogram(
            "ringfleet_sweep_duration_seconds",
            "Time of one sweep of an account. Outcome: Succeeded, or the class of the error.",
            ("provider", "outcome"),
            buckets=SWEEP_BUCKETS,
            registry=registry,
        )
        self._orders = Counter(
            "ringfleet_orders_total",
            "Orders that ended. Outcome: Complete, or the reason of a shortage or refusal.",
            ("provider", "outcome"),
            registry=registry,
        )
        self._items = Counter(
            "ringfleet_order_items_total",
            "Items of orders that got an outcome: Provisioned, PendingDocuments, Failed, or Unknown (which gets another"
            " one when it has been looked up).",
            ("provider", "outcome"),
            registry=registry,
        )
        self._spend = Counter(
            "ringfleet_spend_total",
            "Money committed by purchases, setup and first month, in major units of the currency.",
            ("provider", "currency"),
            registry=registry,
        )
        Info("ringfleet_build", "The version that runs.", registry=registry).info({"version": __version__})
        ProcessCollector(registry=registry)
        registry.register(Collected(services))

    def reconciled(self, kind: str, outcome: str, seconds: float) -> None:
        self._turns.labels(kind, outcome).observe(seconds)

    def carrier_called(self, provider: str, operation: str, outcome: str, seconds: float) -> None:
        self._calls.labels(provider, operation, outcome).observe(seconds)

    def swept(self, provider: str, outcome: str, seconds: float) -> None:
        self._sweeps.labels(provider, outcome).observe(seconds)

    def item_settled(self, provider: str, state: ItemState) -> None:
        self._items.labels(provider, state).inc()

    def spent(self, provider: str, cost: Money) -> None:
        self._spend.labels(provider, cost.currency).inc(float(cost.amount))

    def order_ended(self, provider: str, outcome: str) -> None:
        self._orders.labels(provider, outcome).inc()


class NumberTally:
    """How many numbers are in each phase and what they cost, kept from change to change: it is never counted anew, so
    that a hundred thousand of them are told as cheaply as one."""

    def __init__(self, store: Store[NumberRecord]) -> None:
        self.phases: Tally[Phase] = Tally()
        self.monthly: dict[str, Decimal] = {}
        """What the numbers that are ours cost a month, by currency, in major units."""
        for record in store.values():
            self._add(record, 1)
        store.subscribe(self._on_change)

    def told(self) -> tuple[dict[Phase, int], dict[str, Decimal]]:
        """Both, without what there is none of."""
        return dict(+self.phases), {currency: amount for currency, amount in self.monthly.items() if amount}

    def _on_change(self, _: ObjectRef, old: NumberRecord | None, new: NumberRecord | None) -> None:
        if old is not None:
            self._add(old, -1)
        if new is not None:
            self._add(new, 1)

    def _add(self, record: NumberRecord, count: int) -> None:
        phase = record.state.phase
        self.phases[phase] += count
        if record.price and phase not in GONE:
            monthly = record.price.monthly
            self.monthly[monthly.currency] = self.monthly.get(monthly.currency, Decimal(0)) + count * monthly.amount


class Collected(Collector):
    """What is so now, read from where it is kept. Nothing here grows with the number of PhoneNumbers."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._numbers = NumberTally(services.fleet.numbers)

    def collect(self) -> Iterator[Metric]:
        yield from _queues(self._services)
        yield from _api(self._services)
        yield from _watches(
            {"PhoneNumber": self._services.number_informer, "NumberClaim": self._services.claim_informer}
        )
        yield from _lasting_errors(self._services)
        yield from _accounts(self._services)
        yield from _numbers(self._numbers)


def _queues(services: Services) -> Iterator[Metric]:
    queues = services.queues.by_name()
    depth = _gauge("workqueue_depth", "Keys that are due and have no worker yet.", "queue")
    age = _gauge(
        "workqueue_oldest_age_seconds", "For how long the key that waits longest has been due; 0 without one.", "queue"
    )
    delayed = _gauge("workqueue_delayed", "Keys that wait for their time.", "queue")
    running = _gauge("workqueue_running", "Keys that a worker looks at now.", "queue")
    workers = _gauge("workqueue_workers", "Keys that can run at the same time.", "queue")
    failing = _gauge("workqueue_failing", "Keys whose last turn failed.", "queue")
    for name, some in queues.items():
        loads = [queue.load() for queue in some]
        depth.add_metric([name], sum(load.due for load in loads))
        age.add_metric([name], max((load.oldest for load in loads), default=0.0))
        delayed.add_metric([name], sum(load.later for load in loads))
        running.add_metric([name], sum(load.running for load in loads))
        workers.add_metric([name], sum(queue.workers for queue in some))
        failing.add_metric([name], sum(load.failing for load in loads))
    yield from (depth, age, delayed, running, workers, failing)
    leader = _gauge("leader", "1 while this process works its queues off, 0 while it stands by.")
    leader.add_metric([], services.queues.intents.active)
    yield leader


def _api(services: Services) -> Iterator[Metric]:
    requests = _counter(
        "api_requests_total", "Requests sent to the API server, retries too, as RBAC names them.", "verb", "resource"
    )
    for (verb, resource), count in [*services.kube.reads.items(), *services.kube.writes.items()]:
        requests.add_metric([verb, resource], count)
    yield requests


def _watches(informers: dict[str, Informer[Any]]) -> Iterator[Metric]:
    age = _gauge(
        "watch_age_seconds", "Time since the API server was last heard of; +Inf before the first list.", "kind"
    )
    lists = _counter(
        "watch_lists_total", "Whole lists that were read: one, and one more each time a watch fell behind.", "kind"
    )
    for kind, informer in informers.items():
        age.add_metric([kind], informer.age())
        lists.add_metric([kind], informer.lists)
    yield from (age, lists)


def _lasting_errors(services: Services) -> Iterator[Metric]:
    lasting = _gauge(
        "lasting_errors",
        "Objects whose turns fail again and again, by where that is told: Object (its condition Stalled) or LogOnly "
        "(the API server does not take its status).",
        "kind",
        "told",
    )
    unsaid = services.errors.unsaid()
    counts = Tally((object_of(key).kind, key in unsaid) for key in services.errors)
    for model in KINDS:
        for told, only_logged in (("Object", False), ("LogOnly", True)):
            lasting.add_metric([model.__name__, told], counts[model.__name__, only_logged])
    yield lasting


def _accounts(services: Services) -> Iterator[Metric]:
    states: Tally[tuple[str, str]] = Tally()
    numbers: Tally[tuple[str, str]] = Tally()
    for obj in services.fleet.all(CarrierAccount):
        provider = obj.spec.provider.value
        key = AccountKey(obj.metadata.namespace, obj.metadata.name)
        account = services.accounts.get(key)
        states[provider, _state_of(account, services.accounts.seen(key, key.namespace))] += 1
        if account and (found := account.findings):
            orphans = len(found.orphans)
            numbers[provider, "Ours"] += found.ours - orphans
            numbers[provider, "Orphan"] += orphans
            numbers[provider, "Unmanaged"] += found.unmanaged
    accounts = _gauge(
        "carrier_accounts",
        "CarrierAccounts by what they are: Usable, Throttled, CircuitOpen, Blocked (their condition says why) or Closed"
        " (suspended, or without credentials).",
        "provider",
        "state",
    )
    held = _gauge(
        "carrier_numbers",
        "Numbers in the last listings that were believed: Ours, Orphan (ours, and not adopted) or Unmanaged.",
        "provider",
        "ownership",
    )
    for labels, count in states.items():
        accounts.add_metric(labels, count)
    for labels, count in numbers.items():
        held.add_metric(labels, count)
    yield from (accounts, held)


def _state_of(account: OpenAccount | None, seen: AccountSeen) -> str:
    if account is None:
        return "Closed"
    if seen.blocked is not None:
        return "Blocked"
    health = account.carrier.health
    return "CircuitOpen" if health.circuit_open else "Throttled" if health.throttled else "Usable"


def _numbers(tally: NumberTally) -> Iterator[Metric]:
    numbers = _gauge("numbers", "PhoneNumbers by phase.", "phase")
    for phase in Phase:
        numbers.add_metric([phase], tally.phases[phase])
    monthly = _gauge(
        "numbers_monthly_cost", "What the numbers cost a month, in major units of the currency.", "currency"
    )
    for currency, amount in tally.monthly.items():
        monthly.add_metric([currency], float(amount))
    yield from (numbers, monthly)


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"ringfleet_{name}", about, labels=labels)


def _counter(name: str, about: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"ringfleet_{name}", about, labels=labels)
