"""One turn of the numbers' traffic: read what the dispatcher tells, namespace by namespace, and let numbers say so.

One key for all of them. A number is woken only by what is worth a write, so numbers at rest cost nothing, however many
they are. Numbers of a rotation set hear of their rates and days from their set, which is read by itself.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from ringfleet.api import NumberPool
from ringfleet.api.number_pool import IdleBy
from ringfleet.controllers.answer_rate import sum_up
from ringfleet.controllers.dispatcher_client import OLD, Unreadable
from ringfleet.controllers.services import Services
from ringfleet.model import GONE
from ringfleet.model.policy import ReleaseMode
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.phone_number_status import is_news
from ringfleet.objects.refs import Key
from ringfleet.plan.number_traffic import (
    NumbersSeen,
    NumberTraffic,
    common_rate,
    health_of,
    silent_since,
)
from ringfleet.plan.rotation_set.seen import HealthSeen

NUMBER_TRAFFIC = Key("NumberTraffic", "", "")
"""The one key."""

log = structlog.get_logger(__name__)


async def read_traffic(services: Services, _: Key) -> float | None:
    """Read all namespaces that have numbers. Returns the seconds until they are read again; None: there is no
    dispatcher."""
    interval = services.dispatcher.numbers_interval
    if interval is None:
        return None
    for namespace in sorted({record.namespace for record in services.fleet.numbers.values()}):
        try:
            seen = await services.dispatcher.read_numbers(namespace)
        except Unreadable as error:
            log.warning("traffic of numbers not read", namespace=namespace, error=str(error))
            continue
        services.traffic.learn(namespace, seen, services.monotonic())
        _tell_numbers(services, seen, services.fleet.numbers.by("namespace", namespace))
    services.traffic.forget_older(services.monotonic() - OLD * interval)
    sum_up(services)
    _wake_pools(services)
    return interval


def _wake_pools(services: Services) -> None:
    """Those that give back by traffic: whom they may ask to go depends on what was read."""
    for pool in services.fleet.all(NumberPool):
        if pool.spec.release.mode is ReleaseMode.AUTOMATIC and pool.spec.reclaim.idle_by is IdleBy.TRAFFIC:
            services.queues.wake_pool(ObjectRef(pool.metadata.namespace, pool.metadata.name))


def tell(services: Services, record: NumberRecord, heard: HealthSeen) -> None:
    """Let a number say how it is received and used, where that is news. Its own turn writes it."""
    heard = heard.over(services.health.get(record.place))
    if is_news(record, heard, services.clock()):
        services.health[record.place] = heard
        services.queues.wake_number(record)


def _tell_numbers(services: Services, seen: NumbersSeen, records: Iterable[NumberRecord]) -> None:
    held = [record for record in records if record.state.phase not in GONE]
    rates = _common_rates(seen, held)
    for record in held:
        traffic = seen.numbers.get((record.number, record.account))
        heard = seen.accounts.get(record.account)
        owned = record.purchased_at or record.created
        silent = silent_since(traffic.last if traffic else None, owned, heard)
        of_set = record.claim is not None and record.claim.rotation is not None
        known = traffic or NumberTraffic(label=record.spam_label)  # of whom nothing is told, nothing is taken back
        tell(services, record, health_of(known, seen.day, rates.get(_company(record), 0.0), silent, of_set=of_set))


def _common_rates(seen: NumbersSeen, records: Iterable[NumberRecord]) -> dict[object, float]:
    """The rate of each pool's numbers, and of those of each account that have none."""
    company: dict[object, list[NumberTraffic]] = {}
    for record in records:
        if traffic := seen.numbers.get((record.number, record.account)):
            company.setdefault(_company(record), []).append(traffic)
    return {whose: common_rate(traffic) for whose, traffic in company.items()}


def _company(record: NumberRecord) -> object:
    return record.pool_ref or record.account
