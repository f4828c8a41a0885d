"""A NumberQuota between its object and the values of `plan`, both ways. Pure."""

from __future__ import annotations

from datetime import datetime

from ringfleet.api import NumberQuota
from ringfleet.api.number_quota import NumberQuotaStatus, OtherSpend, QuotaUsed
from ringfleet.model import Money
from ringfleet.objects.conditions import conditions
from ringfleet.plan.conditions import Condition
from ringfleet.plan.number_quota import Bills, QuotaWant, Used


def quota_want(quota: NumberQuota) -> QuotaWant:
    spec, limits = quota.spec, quota.spec.limits
    return QuotaWant(
        name=quota.metadata.name,
        currency=limits.currency,
        numbers=limits.numbers,
        monthly_spend=None if limits.monthly_spend is None else Money(limits.monthly_spend, limits.currency),
        orders_per_day=limits.orders_per_day,
        billing=spec.billing,
        grace=spec.grace,
        enforced=not spec.suspend,
    )


def quota_status(
    quota: NumberQuota, used: Used, bills: Bills, said: tuple[Condition, ...], now: datetime
) -> NumberQuotaStatus:
    """What the namespace uses, and since when its bills are not paid."""
    generation = quota.metadata.generation
    return NumberQuotaStatus(
        observed_generation=generation,
        conditions=conditions(quota.status.conditions, said, generation, now),
        used=QuotaUsed(
            numbers=used.numbers,
            monthly_spend=used.spend and used.spend.amount,
            orders_today=used.orders_today,
            other_currencies=tuple(OtherSpend(currency=one.currency, amount=one.amount) for one in used.foreign),
        ),
        past_due_since=bills.past_due_since,
        suspended_since=bills.suspended_since,
    )
