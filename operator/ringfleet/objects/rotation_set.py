"""A rotation set between its object and the values of `plan/rotation_set`, both ways, and the claims that it makes.

The operator and the dispatcher both read sets through here, so that what the one counts is what the other picks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ringfleet.api import RotationSet
from ringfleet.api.meta import API_VERSION, CLAIM_FINALIZER, OVERRIDE, REGION_LABEL, SET_LABEL
from ringfleet.api.number_claim import PoolRef
from ringfleet.api.rotation_set import (
    CampaignNumberPool,
    MemberCounts,
    MessagingIdentity,
    OnFlagged,
    Overflow,
    Region,
    RegionStatus,
    Replacement,
    Replies,
    RotationSetSpec,
    RotationSetStatus,
    SetUsage,
    Sizing,
)
from ringfleet.model import E164, GONE, Money
from ringfleet.model.places import area_codes_in
from ringfleet.model.refs import ObjectRef
from ringfleet.model.rotation import Channel
from ringfleet.objects.conditions import conditions
from ringfleet.objects.number_claim import ClaimRecord
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.plan.conditions import NEEDS_A_PERSON
from ringfleet.plan.former_holder import FormerHolder, People, people_of
from ringfleet.plan.rotation_set.decide import SetDecision, SetFacts, SetView
from ringfleet.plan.rotation_set.guardrails import (
    DEFAULT_DAILY,
    DEFAULT_STICKY,
    Frequency,
    MessagingWant,
    QuietHours,
    Ramp,
    RegionWant,
    RotationWant,
    Terms,
    default_hourly,
    govern,
)
from ringfleet.plan.rotation_set.plan import CreateClaim, RotationPlan
from ringfleet.plan.rotation_set.roster import MemberSeen
from ringfleet.plan.rotation_set.seen import Replaced, RotationSeen, Seat, Usage
from ringfleet.plan.rotation_set.size import SetSize


def set_view(obj: RotationSet) -> SetView:
    """The set, read for a turn."""
    return SetView(rotation_want(obj), tuple(Replaced(one.at, E164(one.number)) for one in obj.status.replaced))


def rotation_want(obj: RotationSet) -> RotationWant:
    """What the set wants, with the guardrails that hold for it."""
    spec, meta = obj.spec, obj.metadata
    words = {name.removeprefix(OVERRIDE): said for name, said in meta.annotations.items() if name.startswith(OVERRIDE)}
    daily = spec.per_number.daily or DEFAULT_DAILY[spec.channel]
    return RotationWant(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        channel=spec.channel,
        pools=tuple(_pool(ref, meta.namespace) for ref in spec.pools),
        daily=daily,
        hourly=spec.per_number.hourly or default_hourly(daily),
        concurrent=spec.per_number.concurrent,
        zone=spec.reset_time_zone,
        volume=spec.daily_volume,
        size=spec.size if spec.daily_volume is None else None,
        governed=govern(_terms(spec), words),
        work_days=spec.cooling.work_days,
        rest_days=spec.cooling.rest_days,
        after_flag=spec.cooling.after_flag,
        regions=tuple(_region(region, meta.namespace) for region in spec.regions),
        presence=spec.local_presence,
        sticky=spec.sticky.mode or DEFAULT_STICKY[spec.channel],
        sticky_scope=spec.sticky.scope,
        sticky_ttl=spec.sticky.ttl,
        max_wait=spec.sticky.max_wait,
        defers=spec.overflow is Overflow.DEFER,
        room_kept=spec.keep_room_for,
        replies_free=spec.replies is Replies.FREE,
        reply_window=spec.reply_window,
        min_answer_rate=float(spec.health.min_answer_rate),
        min_sample=spec.health.min_sample,
        messaging=_messaging(spec.messaging) if spec.messaging else None,
        routing_profile=spec.routing_profile_ref.name if spec.routing_profile_ref else None,
        overload_percent=spec.overload_percent,
        headroom_percent=spec.headroom_percent,
        suspended=spec.suspend,
    )


def pools_of(obj: RotationSet) -> frozenset[ObjectRef]:
    """All pools that the set, or a region of it, draws from: namespace and name."""
    refs = (*obj.spec.pools, *(region.pool_ref for region in obj.spec.regions if region.pool_ref))
    return frozenset(_pool(ref, obj.metadata.namespace) for ref in refs)


def people_of_set(obj: RotationSet) -> tuple[People, ...]:
    """Whom the set's claims are of."""
    brand = obj.spec.messaging.brand if obj.spec.messaging else None
    return people_of(FormerHolder(obj.metadata.namespace, "", brand, obj.metadata.name))


def member_seen(claim: ClaimRecord, number: NumberRecord) -> MemberSeen:
    """A number of a set; `claim` is the set's and holds it."""
    rotation = claim.rotation
    assert rotation is not None, f"claim {claim.key} is not a set's"
    return MemberSeen(
        number=number.number,
        account=str(number.account),
        joined=claim.bound_at or claim.created,
        region=rotation.region,
        country=number.country,
        draining=rotation.draining or claim.deleting,
        quarantined=number.notes.quarantine is not None or number.spam_label is not None,
        stopped=is_stopped(claim, number),
        routed=number.state.routed is not None,
        calls=number.state.routed is not None and number.state.routed.calls,
        messages=number.state.routed is not None and number.state.routed.messages,
        campaign=number.state.routed.campaign if number.state.routed else None,
        attestation=number.attestation,
        seat=number.seat,
        established=number.established,
        left_other=_left_other(rotation.name, number),
    )


def is_stopped(claim: ClaimRecord, number: NumberRecord) -> bool:
    """Whether the traffic of a number is stopped, by whomever, or the number is none of ours to use."""
    return (
        number.suspended
        or claim.suspended
        or number.notes.fraud is not None
        or number.state.stopped is not None
        or number.state.phase in GONE
        or number.left_alone
    )


def _left_other(rotation: str, number: NumberRecord) -> datetime | None:
    """When another set let the number go. The ledger counts each set's uses by the name of the set."""
    had = number.last_claim.rotation if number.last_claim else None
    return number.unbound_at if had not in (None, rotation) else None


def seat_seen(claim: ClaimRecord, number: NumberRecord | None) -> Seat:
    """A claim of a set; `number` is the one that it holds, None while it has none."""
    rotation = claim.rotation
    assert rotation is not None, f"claim {claim.key} is not a set's"
    lost = claim.bound is not None and number is None
    said = next((one for one in claim.conditions if one.type == "Ready" and one.status != "True"), None)
    return Seat(
        name=claim.name,
        region=rotation.region,
        created=claim.created,
        draining=rotation.draining,
        since=rotation.since,
        deleting=claim.deleting,
        gone=claim.failed or lost or (number is not None and number.state.phase in GONE),
        member=member_seen(claim, number) if number else None,
        quarantine=number.notes.quarantine if number else None,
        label=number.spam_label if number else None,
        says=said.message if said else "",
        why=next((reason for reason in NEEDS_A_PERSON if said and said.reason == reason), None),
        profile=claim.routing_profile,
        rent=number.price.monthly if number and number.price else None,
    )


def _terms(spec: RotationSetSpec) -> Terms:
    often, quiet, ramp, health = spec.recipient_frequency, spec.quiet_hours, spec.ramp, spec.health
    return Terms(
        min_attestation=spec.min_attestation,
        frequency=Frequency(often.contacts, often.window),
        quiet=QuietHours(time.fromisoformat(quiet.start), time.fromisoformat(quiet.end), quiet.default_time_zone),
        replaces=health.on_flagged is OnFlagged.QUARANTINE_AND_REPLACE,
        max_churn_percent=health.max_churn_percent,
        ramp=Ramp(ramp.days, ramp.start_percent),
    )


def _pool(ref: PoolRef, namespace: str) -> ObjectRef:
    return ObjectRef(ref.namespace or namespace, ref.name)


def _region(region: Region, namespace: str) -> RegionWant:
    pool = _pool(region.pool_ref, namespace) if region.pool_ref else None
    of_states = (code for state in region.states for code in area_codes_in(region.country, state))
    codes = tuple(dict.fromkeys((*region.area_codes, *of_states)))
    return RegionWant(region.name, region.country, region.percent, codes, pool)


def _messaging(said: MessagingIdentity) -> MessagingWant:
    return MessagingWant(
        brand=said.brand,
        campaign=said.campaign,
        campaign_approved=said.campaign_approved,
        toll_free_verified=said.toll_free_verified,
        pool_approved=said.number_pool is CampaignNumberPool.APPROVED,
        per_minute=said.messages_per_minute,
        daily_limit=said.daily_limit,
        segments=said.segments_per_message,
        opt_out_words=said.opt_out_words,
    )


# The claims that it makes.


def owner_reference(obj: RotationSet) -> dict[str, Any]:
    """By which the set owns a claim."""
    owner = {"apiVersion": API_VERSION, "kind": "RotationSet", "name": obj.metadata.name, "uid": obj.metadata.uid}
    return {**owner, "controller": True, "blockOwnerDeletion": False}


MOST_WISHES = 16
"""How many area codes a claim names after the first: each claim of a region begins with another one of them."""


def claim_body(obj: RotationSet, want: RotationWant, action: CreateClaim) -> dict[str, Any]:
    """The claim as it is created: the set owns it, and it goes when the set goes."""
    meta, (pool_namespace, pool) = obj.metadata, action.pool
    ref = {"name": pool} | ({"namespace": pool_namespace} if pool_namespace != meta.namespace else {})
    region = {REGION_LABEL: action.region} if action.region else {}
    first, *others = action.area_codes or (None,)
    # On demand, so that the pool orders for a whole set at once, and keeps its own target for others.
    spec: dict[str, Any] = {"poolRef": ref, "capabilities": [str(want.channel)], "onNoStock": "Order"}
    if first:
        spec["areaCode"] = first
    if others:
        spec["wishes"] = [{"areaCode": code} for code in others[:MOST_WISHES]]
    if action.required:
        spec["areaCodeRequired"] = True
    if want.routing_profile:
        spec["routingProfileRef"] = {"name": want.routing_profile}
    if want.messaging:
        spec["tenant"] = want.messaging.brand
    return {
        "metadata": {
            "name": action.name,
            "namespace": meta.namespace,
            "labels": {SET_LABEL: meta.name, **region},
            "ownerReferences": [owner_reference(obj)],
            "finalizers": [CLAIM_FINALIZER],
        },
        "spec": spec,
    }


# And back.

_CENT_OF_CENT = Decimal("0.0001")


def set_status(obj: RotationSet, facts: SetFacts, decision: SetDecision, now: datetime) -> RotationSetStatus:
    """What to write; the traffic in it is as it was unless it matters. While the spec makes no sense all of it is."""
    generation, before, plan = obj.metadata.generation, obj.status, decision.plan
    said = conditions(before.conditions, decision.conditions, generation, now)
    if plan is None:
        return before.saying(generation, said)
    want, seen, standing = decision.want, facts.seen, plan.standing
    usage = set_usage(before.usage, plan, seen.usage, now.astimezone(ZoneInfo(want.zone)).date().isoformat())
    matters = usage_matters(before.usage, usage)
    at, cost, currency = before.usage_at, before.cost_per_answered, before.currency
    if matters and seen.usage is not None:
        at = seen.usage.at.replace(microsecond=0)
        cost, currency = _cost(want, seen.usage, tuple(seat.rent for seat in seen.seats if seat.rent))
    return RotationSetStatus(
        observed_generation=generation,
        conditions=said,
        members=MemberCounts(
            total=standing.total,
            active=standing.active,
            cooling=standing.cooling,
            quarantined=standing.quarantined,
            draining=standing.draining,
            waiting=standing.waiting,
        ),
        regions=tuple(_regions(seen, plan)),
        recommended_size=plan.size.recommended,
        sizing=_sizing(plan.size),
        limited_by=str(plan.size.limited_by),
        usage=usage if matters else before.usage,
        usage_at=at,
        cost_per_answered=cost,
        currency=currency,
        replaced=tuple(Replacement(number=str(one.number), at=one.at) for one in plan.replaced),
        overrides=tuple(str(one.guardrail) for one in want.governed.overrides),
        replicas=sum(seat.live for seat in seen.seats),
        selector=f"{SET_LABEL}={want.name}",
    )


def _sizing(size: SetSize) -> Sizing | None:
    if size.volume is None or size.planned_per_number is None or size.base is None:
        return None
    return Sizing(
        volume=size.volume,
        planned_per_number=size.planned_per_number,
        base=size.base,
        headroom=max(0, size.total - size.base),
    )


def _regions(seen: RotationSeen, plan: RotationPlan) -> Iterable[RegionStatus]:
    """Those that numbers are wanted for, and those that still have some."""
    bound = [seat.region for seat in seen.seats if seat.member and seat.region]
    wanted = {region: count for region, count in plan.size.wanted.items() if region}
    rent = _average_rent([seat.rent for seat in seen.seats if seat.rent])
    for region in sorted({*wanted, *bound}):
        many, has = wanted.get(region, 0), bound.count(region)
        short = max(0, many - has) or None
        yield RegionStatus(
            name=region,
            wanted=many,
            bound=has,
            short=short,
            short_monthly=(rent.amount * short).quantize(_CENT) if short and rent else None,
            currency=rent.currency if short and rent else None,
        )


_CENT = Decimal("0.01")


def _average_rent(rents: Sequence[Money]) -> Money | None:
    """What a number of the set costs a month; None: none has a price, or they have them in two currencies."""
    currencies = {rent.currency for rent in rents}
    if len(currencies) != 1:
        return None
    return Money(sum((rent.amount for rent in rents), Decimal(0)) / len(rents), currencies.pop())


def set_usage(old: SetUsage | None, plan: RotationPlan, usage: Usage | None, today: str) -> SetUsage:
    """The day as it is now. While traffic is not known, what was known of the same day stands."""
    capacity = plan.day.capacity
    known: Usage | SetUsage
    if usage is not None:
        day, known = usage.day.isoformat(), usage
    elif old is not None and old.day == today:
        day, known = today, old
    else:
        return SetUsage(day=today, capacity=capacity)
    return SetUsage(day=day, capacity=capacity, used=known.used, replies=known.replies, deferred=known.deferred)


def usage_matters(old: SetUsage | None, new: SetUsage) -> bool:
    """Whether it is worth a write: another day, another capacity, a tenth of it more used, or another step of what is
    put off or of replies."""
    if old is None or (old.day, old.capacity) != (new.day, new.capacity):
        return True
    return (_tenths(old), _steps(old)) != (_tenths(new), _steps(new))


def _steps(usage: SetUsage) -> tuple[int, int, int]:
    """Of what is put off, and of replies: 0, 1, 2, 4, 8 and so on; of the former each tenth of the capacity too."""
    tenths = usage.deferred * 10 // usage.capacity if usage.capacity else 0
    return usage.deferred.bit_length(), usage.replies.bit_length(), min(10, tenths)


def _tenths(usage: SetUsage) -> int:
    return usage.used * 10 // usage.capacity if usage.capacity else 0


def _cost(want: RotationWant, usage: Usage, rents: tuple[Money, ...]) -> tuple[Decimal, str] | tuple[None, None]:
    """The members' rent by the answered calls of thirty days; nothing where it can't be said in one currency."""
    answered = sum(use.answered for use in usage.numbers.values())
    currencies = {rent.currency for rent in rents}
    if want.channel is not Channel.VOICE or not answered or len(currencies) != 1:
        return None, None
    cost = sum((rent.amount for rent in rents), Decimal(0)) / answered
    return cost.quantize(_CENT_OF_CENT), currencies.pop()
