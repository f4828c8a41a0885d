"""When an object is to be looked at again although nothing happens to it: time is a function, and no process's memory.

::

    the object (spec and status), now --> a moment       the informer that sees it, the turn that ends, and whoever
                                      '-> None: never    wakes it ask the same function, and put its key into the queue

The law: whatever the plan would change at a later moment is due by then. So a process that has only just read an object
does all that the one which wrote it would have done, and no rest, hold, retry or deadline depends on who lives on.

A moment that is not after `now` is due. What needs a step already is not asked here: the plan says it. Pools and sets
also go by objects beside their own, so their plans tell the moment themselves (`PoolDecision.requeue`,
`RotationPlan.due`), under the same law; they are planned anew when one of those objects changes, and at the start.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

from ringfleet.model.policy import Billing
from ringfleet.plan.compliance_bundle.filing import FilingRecord
from ringfleet.plan.compliance_bundle.report import renewal_at
from ringfleet.plan.number_order.order import OrderState
from ringfleet.plan.number_quota import Bills, QuotaWant
from ringfleet.plan.phone_number.case import NumberState


class TimesOfNumber(Protocol):
    """What a PhoneNumber says of time."""

    @property
    def state(self) -> NumberState: ...

    @property
    def cooling_until(self) -> datetime | None: ...


class TimesOfClaim(Protocol):
    """What a NumberClaim says of time, and whether it says all that it should."""

    @property
    def deleting(self) -> bool: ...

    @property
    def phase(self) -> str | None: ...

    @property
    def status_current(self) -> bool: ...


def next_look_at_number(number: TimesOfNumber, now: datetime) -> datetime | None:
    """The end of its rest, of the hold before it goes, or of our patience with a carrier that refuses its documents or
    its emergency address."""
    farewell, refused = number.state.farewell, number.state.refused
    address = number.state.emergency.refused
    held_until = farewell.not_before if farewell else None
    asked_again = refused.again if refused else None
    address_again = address.again if address else None
    return _next((number.cooling_until, held_until, asked_again, address_again), now)


def next_look_at_claim(claim: TimesOfClaim, now: datetime) -> datetime | None:
    """Now, while it has something to say or is to go. Nothing else of it goes by the time."""
    return now if claim.deleting or claim.phase is None or not claim.status_current else None


def next_look_at_order(order: OrderState, now: datetime) -> datetime | None:
    """When the carrier is called again after a call that failed."""
    return None if order.recorded else _next((order.next_attempt,), now)


def next_look_at_bundle(
    filings: Iterable[FilingRecord], renew_before: timedelta, grace: timedelta, now: datetime
) -> datetime | None:
    """When a review is looked at, an approval is renewed or ends, or a call has been lost for longer than any takes."""
    moments: list[datetime | None] = []
    for filing in filings:
        ends = filing.approved.expires_at if filing.approved else None
        moments += [filing.next_look, renewal_at(filing, renew_before), ends]
        moments += [begun.at + grace for begun in filing.begun]
    return _next(moments, now)


def next_look_at_quota(quota: QuotaWant, bills: Bills, now: datetime) -> datetime | None:
    """The next day in UTC, which counts its orders and may begin a month; the end of the grace for unpaid bills."""
    late = quota.billing is Billing.PAST_DUE and quota.enforced
    grace = bills.past_due_since + quota.grace if late and bills.past_due_since else None
    return _next((next_midnight(now), grace), now)


def next_midnight(now: datetime) -> datetime:
    """When the next day begins, in UTC."""
    return (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _next(moments: Iterable[datetime | None], now: datetime) -> datetime | None:
    return min((moment for moment in moments if moment and moment > now), default=None)
