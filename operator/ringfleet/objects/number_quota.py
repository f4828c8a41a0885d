"""A NumberQuota as its plan reads it. Pure."""

from __future__ import annotations

from ringfleet.api import NumberQuota
from ringfleet.model import Money
from ringfleet.plan.number_quota import (
    Billing,
    QuotaWant,
)


def quota_want(quota: NumberQuota) -> QuotaWant:
    spec, limits = quota.spec, quota.spec.limits
    return QuotaWant(
        name=quota.metadata.name,
        currency=limits.currency,
        numbers=limits.numbers,
        monthly_spend=None if limits.monthly_spend is None else Money(limits.monthly_spend, limits.currency),
        orders_per_day=limits.orders_per_day,
        billing=Billing(spec.billing),
        grace=spec.grace,
        enforced=not spec.suspend,
    )
