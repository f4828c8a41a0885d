"""One turn of a NumberQuota: what its namespace uses, and whether its bills are paid."""

from __future__ import annotations

from ringfleet.api import NumberQuota
from ringfleet.controllers.queues import seconds_until
from ringfleet.controllers.services import Services
from ringfleet.objects.number_quota import quota_status, quota_want
from ringfleet.objects.refs import Key
from ringfleet.plan.next_look import next_look_at_quota
from ringfleet.plan.number_quota import (
    Bills,
    judge_bills,
    quota_conditions,
)


async def reconcile_quota(services: Services, key: Key) -> float | None:
    """Count what is used and look at the bills. Returns seconds until the grace or the day is over."""
    quota = services.fleet.get(NumberQuota, key.namespace, key.name)
    if quota is None or quota.metadata.deletion_timestamp:
        return None
    services.quotas.forget()  # it may be another day
    want, status = quota_want(quota), quota.status
    used = services.quotas.used(key.namespace, want.currency)
    bills = judge_bills(want, Bills(status.past_due_since, status.suspended_since), services.clock())
    said = quota_conditions(want, used, bills)
    now = services.clock()
    await services.status.write(quota, quota_status(quota, used, bills, said, now))
    for claim in services.claim_queue.unsaid(key.namespace):
        services.queues.wake_claim(claim)
    return seconds_until(next_look_at_quota(want, bills, now), now)
