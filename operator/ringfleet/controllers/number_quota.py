"""One turn of a NumberQuota: what its namespace uses, and whether its bills are paid."""

from __future__ import annotations

from datetime import datetime, timedelta

from ringfleet.api import NumberQuota
from ringfleet.controllers.services import Services
from ringfleet.objects.number_quota import quota_status, quota_want
from ringfleet.objects.refs import Key
from ringfleet.plan.number_quota import (
    Bills,
    judge_bills,
    quota_conditions,
)


async def reconcile_quota(services: Services, key: Key) -> float | None:
    """Count what is used and look at the bills. Returns seconds until the grace or the day of the orders is over."""
    quota = services.fleet.get(NumberQuota, key.namespace, key.name)
    if quota is None or quota.metadata.deletion_timestamp:
        return None
    services.quotas.forget()  # it may be another day
    want, status = quota_want(quota), quota.status
    used = services.quotas.used(key.namespace, want.currency)
    bills = judge_bills(want, Bills(status.past_due_since, status.suspended_since), services.clock())
    said = quota_conditions(want, used, bills)
    await services.status.write(quota, quota_status(quota, used, bills, said, services.clock()))
    waits = (bills.seconds, _until_midnight(services.clock()) if used.orders_today else None)
    return min((seconds for seconds in waits if seconds is not None), default=None)


def _until_midnight(now: datetime) -> float:
    """Seconds until the next day begins, in UTC."""
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (tomorrow - now).total_seconds()
