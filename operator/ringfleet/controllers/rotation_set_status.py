"""The status of a rotation set: a summary of the day, written when it matters and never for every call. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ringfleet.api import RotationSet
from ringfleet.api.meta import SET_LABEL, Condition
from ringfleet.api.rotation_set import MemberCounts, RegionStatus, Replacement, RotationSetStatus, SetUsage
from ringfleet.model.rotation import Channel
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.plan.rotation_set.guardrails import RotationWant
from ringfleet.plan.rotation_set.plan import RotationPlan
from ringfleet.plan.rotation_set.seen import RotationSeen, Usage

_CENT_OF_CENT = Decimal("0.0001")


def rotation_status(
    obj: RotationSet,
    want: RotationWant,
    seen: RotationSeen,
    plan: RotationPlan,
    held: Iterable[NumberRecord],
    said: tuple[Condition, ...],
    now: datetime,
) -> RotationSetStatus:
    """What to write; the traffic in it is as it was unless it matters."""
    standing = plan.standing
    update: dict[str, Any] = {
        "observed_generation": obj.metadata.generation,
        "conditions": said,
        "members": MemberCounts(
            total=standing.total,
            active=standing.active,
            cooling=standing.cooling,
            quarantined=standing.quarantined,
            draining=standing.draining,
            waiting=standing.waiting,
        ),
        "regions": tuple(_regions(seen, plan)),
        "recommended_size": plan.size.recommended,
        "limited_by": str(plan.size.limited_by),
        "replaced": tuple(Replacement(number=str(one.number), at=one.at) for one in plan.replaced),
        "overrides": tuple(str(one.guardrail) for one in want.governed.overrides),
        "selector": f"{SET_LABEL}={want.name}",
    }
    usage = set_usage(obj.status.usage, plan, seen.usage, now.astimezone(ZoneInfo(want.zone)).date().isoformat())
    if usage_matters(obj.status.usage, usage):
        update["usage"] = usage
        if seen.usage is not None:
            update["usage_at"] = seen.usage.at.replace(microsecond=0)
            update |= _cost(want, seen.usage, tuple(held))
    return obj.status.model_copy(update=update)


def _regions(seen: RotationSeen, plan: RotationPlan) -> Iterable[RegionStatus]:
    """Those that numbers are wanted for, and those that still have some."""
    bound = [seat.region for seat in seen.seats if seat.member and seat.region]
    wanted = {region: count for region, count in plan.size.wanted.items() if region}
    for region in sorted({*wanted, *bound}):
        yield RegionStatus(name=region, wanted=wanted.get(region, 0), bound=bound.count(region))


def set_usage(old: SetUsage | None, plan: RotationPlan, usage: Usage | None, today: str) -> SetUsage:
    """The day as it is now. While traffic is not known, what was known of the same day stands."""
    if usage is not None:
        return SetUsage(day=usage.day.isoformat(), capacity=plan.day.capacity, used=usage.used, deferred=usage.deferred)
    if old is not None and old.day == today:
        return old.model_copy(update={"capacity": plan.day.capacity})
    return SetUsage(day=today, capacity=plan.day.capacity)


def usage_matters(old: SetUsage | None, new: SetUsage) -> bool:
    """Whether it is worth a write: another day, another capacity, a tenth of it more used, or the first or last one
    that is put off."""
    if old is None or (old.day, old.capacity, old.deferred > 0) != (new.day, new.capacity, new.deferred > 0):
        return True
    return _tenths(old) != _tenths(new)


def _tenths(usage: SetUsage) -> int:
    return usage.used * 10 // usage.capacity if usage.capacity else 0


def _cost(want: RotationWant, usage: Usage, held: tuple[NumberRecord, ...]) -> dict[str, Any]:
    """The members' rent by the answered calls of thirty days; nothing where it can't be said in one currency."""
    rents = [number.price.monthly for number in held if number.price]
    answered = sum(use.answered for use in usage.numbers.values())
    currencies = {rent.currency for rent in rents}
    if want.channel is not Channel.VOICE or not answered or len(currencies) != 1:
        return {"cost_per_answered": None, "currency": None}
    cost = sum((rent.amount for rent in rents), Decimal(0)) / answered
    return {"cost_per_answered": cost.quantize(_CENT_OF_CENT), "currency": currencies.pop()}
