"""The answer rate of sets, pools and accounts as wholes: summed up when numbers were read, said when each has its turn.

An object is woken when what it says is not what its numbers tell. A process that has not read anything yet leaves what
is said as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from ringfleet.api import CarrierAccount, NumberPool, RotationSet
from ringfleet.controllers.services import Services
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import Key
from ringfleet.plan.answer_rate import Trend, judge_trend, read_said, say_dropped
from ringfleet.plan.conditions import Condition, Reason

Whole = RotationSet | NumberPool | CarrierAccount
_WHOSE = {"RotationSet": "of the set", "NumberPool": "of the pool", "CarrierAccount": "of the account"}


def sum_up(services: Services) -> None:
    """Sum up what was read, and wake whoever has something else to say."""
    services.trends = _trends(services, services.fleet.numbers.values()) if services.traffic.is_known else None
    for obj in _wholes_there(services):
        before = _said(obj)
        if judge_trend(_trend(services, obj), before) is not before:
            services.queues.add(_key(obj))


def _wholes_there(services: Services) -> list[Whole]:
    fleet = services.fleet
    return [*fleet.all(RotationSet), *fleet.all(NumberPool), *fleet.all(CarrierAccount)]


def answer_rate_of(services: Services, obj: Whole) -> tuple[Condition, ...]:
    """What the object says of the answer rate of its numbers; nothing, where that has not dropped."""
    return say_dropped(judge_trend(_trend(services, obj), _said(obj)), _WHOSE[obj.kind])


def _trend(services: Services, obj: Whole) -> Trend | None:
    return None if services.trends is None else services.trends.get(_key(obj), Trend())


def _said(obj: Whole) -> Reason | None:
    said = (one for one in obj.status.conditions if (one.type, one.status) == ("AnswerRateDropped", "True"))
    return read_said(next((one.reason for one in said), None))


def _key(obj: Whole) -> Key:
    return Key(obj.kind, obj.metadata.namespace, obj.metadata.name)


def _trends(services: Services, records: Iterable[NumberRecord]) -> dict[Key, Trend]:
    trends: dict[Key, Trend] = {}
    for record in records:
        traffic = services.traffic.of(record)
        if traffic is None:
            continue
        own = Trend(traffic.recent, traffic.week, traffic.month)
        for key in _wholes(record):
            trends[key] = trends[key] + own if key in trends else own
    return trends


def _wholes(record: NumberRecord) -> Iterable[Key]:
    yield Key("CarrierAccount", record.account.namespace, record.account.name)
    if record.pool:
        yield Key("NumberPool", record.namespace, record.pool)
    if record.claim and record.claim.rotation:
        yield Key("RotationSet", record.claim.namespace, record.claim.rotation)
