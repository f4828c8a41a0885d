"""`NumberQuota`: what the pools and claims of one namespace may hold and spend together, and how its bills stand."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from ringfleet.api.meta import (
    AGE,
    READY,
    REASON,
    Amount,
    Column,
    Currency,
    Duration,
    Part,
    Resource,
    Status,
    Time,
)


class QuotaLimits(Part):
    """The most that the namespace may have. What is left out is not limited."""

    numbers: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Numbers: those of the namespace's pools, and those that its claims hold of other namespaces' pools. On order and
    of unknown outcome count too."""
    monthly_spend: Amount | None = None
    """Money for one calendar month: every number's monthly price, the setups of that month, and orders on their way."""
    orders_per_day: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """NumberOrders that are started on one day, in UTC."""
    currency: Currency = "USD"
    """The currency of monthlySpend."""


class Billing(StrEnum):
    CURRENT = "Current"
    PAST_DUE = "PastDue"
    SUSPENDED = "Suspended"


class NumberQuotaSpec(Part):
    """The limits of one tenant."""

    limits: QuotaLimits = QuotaLimits()
    billing: Billing = Billing.CURRENT
    """How the tenant's bills stand. PastDue: after the grace, every number of the namespace is suspended. Suspended: at
    once. Current: they are resumed."""
    grace: Duration = timedelta(hours=168)
    """How long the numbers carry on after billing was set to PastDue."""
    suspend: bool = False
    """True: the limits are not held against anybody, and nobody is suspended for the bills. Used is still counted."""


class QuotaUsed(Part):
    """What is used of each limit; in flight and unknown outcomes included."""

    numbers: int = 0
    """Numbers."""
    monthly_spend: Amount | None = None
    """Money, of this calendar month."""
    orders_today: int = 0
    """Orders started today, in UTC."""


class NumberQuotaStatus(Status):
    """The limits and what is used of them; written by the operator."""

    used: QuotaUsed | None = None
    past_due_since: Time | None = None
    """When billing was first seen to be PastDue."""
    suspended_since: Time | None = None
    """Since when the numbers of the namespace are suspended for the bills."""


class NumberQuota(Resource):
    """What all pools and claims of one namespace may hold and spend together: a tenant's limits, and whether its bills
    are paid. Demand beyond a limit waits and says so. Several quotas in one namespace all hold."""

    plural: ClassVar = "numberquotas"
    singular: ClassVar = "numberquota"
    short_names: ClassVar = ("nq",)
    columns: ClassVar = (
        Column("Ready", f"{READY}.status"),
        Column("Numbers", ".status.used.numbers", "integer"),
        Column("Limit", ".spec.limits.numbers", "integer"),
        Column("Spend", ".status.used.monthlySpend"),
        Column("Spend limit", ".spec.limits.monthlySpend"),
        Column("Orders today", ".status.used.ordersToday", "integer", priority=1),
        Column("Billing", ".spec.billing"),
        Column("Suspended since", ".status.suspendedSince"),
        REASON,
        AGE,
    )

    kind: str = "NumberQuota"
    spec: NumberQuotaSpec
    status: NumberQuotaStatus = NumberQuotaStatus()
