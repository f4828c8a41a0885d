"""`NumberQuota`: what the pools and claims of one namespace may hold and spend together, and how its bills stand."""

from datetime import timedelta
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
    ListType,
    LocalRef,
    Part,
    Resource,
    Status,
    Time,
)
from ringfleet.model.policy import Billing


class QuotaLimits(Part):
    """The most that the namespace may have. What is left out is not limited."""

    numbers: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """The most numbers: those of the namespace's pools, and those that its claims hold of other namespaces' pools. On
    order and of unknown outcome count too. No limit when left out."""
    monthly_spend: Amount | None = None
    """The most money for one calendar month in UTC, in major units, such as "250.00": the whole monthly price of every
    number of the namespace's pools, and of every number that its claims hold of other namespaces' pools; the setups
    of that month; orders on their way. It keeps pools from ordering, and a claim from a number of another namespace
    whose monthly price is not left, or is not known. For a claim with onNoStock Order of another namespace's pool a
    number is ordered only while one as dear as the pool's dearest is left, in an order of the namespace's own, which
    buys none that costs more than is left. No limit when left out."""
    orders_per_day: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """The most NumberOrders, of up to 100 numbers each, that are started on one day, in UTC: those of the namespace's
    pools, and those of other namespaces' pools for its claims with onNoStock Order. One that ended before it chose a
    number does not count. No limit when left out."""
    currency: Currency = "USD"
    """ISO 4217 code of the currency of limits.monthlySpend, such as USD. Nothing is converted: with a monthlySpend, a
    pool whose limits.currency is another one orders nothing (QuotaExceeded), and no claim gets a number of another
    namespace that is priced in another one. What the namespace has in other currencies is counted apart
    (status.used.otherCurrencies), and the condition OtherCurrencies says that no limit holds it. Without a monthlySpend
    it means nothing."""


class NumberQuotaSpec(Part):
    """The limits of one tenant."""

    limits: QuotaLimits = QuotaLimits.model_construct()
    compliance_bundle_refs: Annotated[tuple[LocalRef, ...], Field(max_length=64), ListType("map", ("name",))] = ()
    """ComplianceBundles of this namespace that its claims on other namespaces' pools have their numbers registered to,
    where they name none themselves: one for each country and number type. Where two are for one market, such a claim
    waits (AmbiguousBundle). One that does not exist counts for every market, so that no number is registered to another
    by a slip."""
    billing: Billing = Billing.CURRENT
    """How the tenant's bills stand."""
    grace: Duration = timedelta(hours=168)
    """How long the numbers carry on after billing was set to PastDue."""
    suspend: bool = False
    """True switches this quota off: no limit is held against anybody, and nobody is suspended for the bills; used is
    still counted. To stop a tenant, set billing to Suspended instead."""


class OtherSpend(Part):
    """What the namespace spends in one currency that is not the quota's."""

    currency: Currency
    """ISO 4217 code of the currency, such as EUR."""
    amount: Amount
    """Money that the namespace spends in this calendar month in that currency, orders on their way included, in major
    units."""


class QuotaUsed(Part):
    """What is used of each limit; in flight and unknown outcomes included."""

    numbers: int = 0
    """How many numbers the namespace has, on order and of unknown outcome included."""
    monthly_spend: Amount | None = None
    """Money that the namespace spends in this calendar month, orders on their way included, in major units of
    spec.limits.currency."""
    orders_today: int = 0
    """How many NumberOrders were started today, in UTC, for the namespace's pools or claims. Those that ended before
    they chose a number do not count."""
    other_currencies: Annotated[tuple[OtherSpend, ...], ListType("map", ("currency",))] = ()
    """Money that the namespace spends besides in other currencies. limits.monthlySpend does not hold it."""


class NumberQuotaStatus(Status):
    """The limits and what is used of them; written by the operator."""

    used: QuotaUsed | None = None
    past_due_since: Time | None = None
    """Time at which billing was first seen to be PastDue."""
    suspended_since: Time | None = None
    """Time since which the numbers that the namespace holds are suspended for the bills."""


class NumberQuota(Resource):
    """What all pools and claims of one namespace may hold and spend together: a tenant's limits, and whether its bills
    are paid. Demand beyond a limit waits and says so. Several quotas in one namespace all hold. Deleting one lifts its
    limits, and resumes the numbers that it has suspended."""

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
        Column("Suspended since", ".status.suspendedSince", priority=1),
        REASON,
        AGE,
    )

    kind: str = "NumberQuota"
    spec: NumberQuotaSpec
    status: NumberQuotaStatus = NumberQuotaStatus.model_construct()
