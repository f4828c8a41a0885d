"""What a rotation set says of itself, for people: why it is not as wished, and what they can do about it.

Ready is about numbers: whether the set has those that it wants. Whether they are enough for today, and fit for use, are
conditions beside it, which are there only while they are true.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling, stalled
from ringfleet.plan.rotation_set.guardrails import Guardrail, RotationWant
from ringfleet.plan.rotation_set.plan import CreateClaim, RotationPlan, is_snowshoe, pools_for
from ringfleet.plan.rotation_set.roster import State, Unfit
from ringfleet.plan.rotation_set.seen import RotationSeen, Seat
from ringfleet.plan.rotation_set.size import MOST_NUMBERS, LimitedBy, parts_of, traffic_of
from ringfleet.plan.sizing.rotation import Limit

NAMED = 3
"""So many numbers are named where more are meant."""
MOST_QUARANTINED_PERCENT = 20


def rotation_conditions(
    want: RotationWant, seen: RotationSeen, plan: RotationPlan, now: datetime
) -> tuple[Condition, ...]:
    """Ready first; then what else is to be said."""
    said = (
        *_progress(want, seen, plan),
        *_campaign(plan),
        *_capacity(want, seen, plan),
        *_members(plan),
        *_quarantined(plan),
        *_churn(want, plan),
        *_snowshoe(want, seen, plan, now),
        *_guardrails(want, plan),
        *_split(seen),
    )
    return (*said, seen.unknown) if seen.usage is None else said


def unreadable(misnamed: str) -> tuple[Condition, ...]:
    """What a set says whose time zone is none. `misnamed`: the field, and what stands there."""
    message = f"{misnamed} is no time zone: write one of the IANA's, such as America/Los_Angeles."
    return (not_ready(Reason.INVALID_SPEC, message), stalled(Reason.INVALID_SPEC, message))


# Ready.


def _progress(want: RotationWant, seen: RotationSeen, plan: RotationPlan) -> tuple[Condition, ...]:
    if want.suspended:
        return (ready(Reason.SUSPENDED, "It is suspended (spec.suspend): it gets and gives back no numbers."),)
    if seen.frozen:
        return (not_ready(Reason.FROZEN, seen.frozen), Condition("Frozen", True, Reason.FROZEN, seen.frozen))
    if plan.size.is_too_large:
        message = (
            f"With the caps and rests of the set, spec.dailyVolume takes more than the {MOST_NUMBERS} numbers that a "
            "set may have, so that it claims none: raise spec.perNumber.daily, lower the volume, or spread it over "
            "several sets."
        )
        return (not_ready(Reason.INVALID_SPEC, message), stalled(Reason.INVALID_SPEC, message))
    waiting = sorted((seat for seat in seen.seats if seat.live and seat.member is None), key=lambda seat: seat.name)
    if waiting:
        goes_on = [seat for seat in waiting if seat.why is None]
        return _both(Reason.WAITING_FOR_NUMBER, _waits(goes_on[0])) if goes_on else _stands_still(waiting[0])
    if any(isinstance(action, CreateClaim) for action in plan.actions):
        return _both(Reason.GROWING, "It is claiming numbers.")
    if missing := _missing_pools(want, seen, plan):
        message = f"There is no {missing} to draw numbers from: create it, or correct spec.pools."
        return (not_ready(Reason.POOL_MISSING, message), stalled(Reason.POOL_MISSING, message))
    if plan.standing.total and not _usable(plan):
        return (not_ready(Reason.MEMBERS_UNUSABLE, f"None of its numbers can be used: {_unfit_names(plan)}."),)
    if want.size == 0:
        return (ready(Reason.AT_TARGET, "It wants no numbers: give it spec.size, or spec.dailyVolume."),)
    return (ready(Reason.AT_TARGET, "It has the numbers that it wants."),)


def _both(reason: Reason, message: str) -> tuple[Condition, ...]:
    return (not_ready(reason, message), reconciling(reason, message))


def _stands_still(seat: Seat) -> tuple[Condition, ...]:
    """None of the claims that wait gets a number before a person acts."""
    assert seat.why
    return (not_ready(seat.why, _waits(seat)), stalled(seat.why, _waits(seat)))


def _waits(seat: Seat) -> str:
    says = f": {seat.says}" if seat.says else "."
    return f"NumberClaim {seat.name} of the set waits for a number{says}"


def _missing_pools(want: RotationWant, seen: RotationSeen, plan: RotationPlan) -> str:
    """The pools that a part of the set lacks all of, or that are of another country than it."""
    for part in parts_of(want, "") if plan.size.total else ():
        if not pools_for(want, part, seen.pools):
            named = ", ".join("/".join(name) for name in sorted((part.pool,) if part.pool else want.pools))
            return f"NumberPool {named}" + (f" of country {part.country}" if part.country else "")
    return ""


def _usable(plan: RotationPlan) -> bool:
    return any(member.state is not State.QUARANTINED for member in plan.day.members)


# Beside it.


def _campaign(plan: RotationPlan) -> Iterator[Condition]:
    match plan.size.limited_by:
        case LimitedBy.CAMPAIGN:
            message = (
                "spec.messaging.messagesPerMinute allows fewer messages a day than spec.dailyVolume, and more numbers "
                "do not change that: have the campaign's throughput raised at the carrier, or lower the volume."
            )
            yield Condition("CampaignLimited", True, Reason.CAMPAIGN_THROUGHPUT, message)
        case LimitedBy.BRAND:
            message = (
                "spec.messaging.dailyLimit allows fewer messages a day than spec.dailyVolume, and more numbers do not "
                "change that: have the brand vetted for a higher limit, or lower the volume."
            )
            yield Condition("CampaignLimited", True, Reason.BRAND_DAILY_LIMIT, message)
        case LimitedBy.NUMBER_POOL:
            message = (
                "A US campaign may use at most 49 numbers unless its number pool is approved, so the set stays at "
                "that. Ask the carrier for a number pool and then set spec.messaging.numberPool to Approved."
            )
            yield Condition("CampaignLimited", True, Reason.NUMBER_POOL_NOT_APPROVED, message)


def _capacity(want: RotationWant, seen: RotationSeen, plan: RotationPlan) -> Iterator[Condition]:
    capacity, asked = plan.day.capacity, plan.size.volume
    if want.suspended or plan.size.total == 0:
        return
    if asked is None:
        usage = seen.usage
        if usage is not None and usage.used + usage.deferred > capacity:
            yield Condition("CapacityShort", True, *_short(want, plan))
    elif capacity < asked:
        yield Condition("CapacityShort", True, *_short(want, plan))


_MORE_IS_ASKED = "More is asked of it than"
_OF_BRAND = (
    f"{_MORE_IS_ASKED} spec.messaging.dailyLimit lets through in a day, and more numbers do not change that: have the "
    "brand vetted for a higher limit, or spread the traffic."
)
_OF_CAMPAIGN = (
    f"{_MORE_IS_ASKED} spec.messaging.messagesPerMinute lets through in a day, and more numbers do not change that: "
    "have the campaign's throughput raised at the carrier, or spread the traffic."
)


def _short(want: RotationWant, plan: RotationPlan) -> tuple[Reason, str]:
    """Why the active numbers may do less today than the set is for, or than is asked of a set of a size."""
    if plan.size.volume is None and plan.day.is_limited:
        limits = traffic_of(want).shared_limits()
        brand = min(limits, key=lambda limit: limits[limit]) is Limit.BRAND
        return (Reason.BRAND_DAILY_LIMIT, _OF_BRAND) if brand else (Reason.CAMPAIGN_THROUGHPUT, _OF_CAMPAIGN)
    if plan.size.volume is None:
        return (
            Reason.TOO_FEW_NUMBERS,
            f"{_MORE_IS_ASKED} its numbers may do today: raise spec.size, or spread the traffic.",
        )
    standing, short = plan.standing, "Its numbers may do less today than spec.dailyVolume"
    if standing.total - standing.draining < plan.size.total:
        return Reason.TOO_FEW_NUMBERS, f"{short}: it does not have all that it wants."
    if plan.day.unfit:
        return Reason.MEMBERS_UNUSABLE, f"{short}: {_unfit_names(plan)}."
    if plan.size.limited_by is LimitedBy.NUMBER_POOL:
        return Reason.NUMBER_POOL_NOT_APPROVED, f"{short}: its campaign may use no more of them (CampaignLimited)."
    if standing.active * want.daily >= (plan.size.volume or 0):
        return Reason.RAMPING, f"{short}: some are new, and their caps grow day by day (spec.ramp)."
    return Reason.TOO_FEW_NUMBERS, f"{short}: too many of them rest at once (spec.cooling)."


def _members(plan: RotationPlan) -> Iterator[Condition]:
    """Numbers that are used for nobody, for another reason than a quarantine. Each reason has its remedy."""
    if names := _unfit_names(plan, but=Unfit.QUARANTINED):
        message = f"Some of its numbers are not used: {names}. {' '.join(_remedies(plan))}"
        yield Condition("MembersUnusable", True, Reason.MEMBERS_UNUSABLE, message)


def _unfit_names(plan: RotationPlan, but: Unfit | None = None) -> str:
    parts = []
    for why in sorted({why for _, why in plan.day.unfit} - {but}):
        numbers = [number for number, reason in plan.day.unfit if reason is why]
        more = ", ..." if len(numbers) > NAMED else ""
        parts.append(f"{why} ({', '.join(numbers[:NAMED])}{more})")
    return "; ".join(parts)


_REMEDIES = {
    Unfit.NOT_ROUTED: "A number is used only once it is answered: name a RoutingProfile for the set "
    "(spec.routingProfileRef), its claims or its pools; that of a Voice set has to say where calls go (spec.voice), "
    "that of an SMS set where messages go (spec.messaging).",
    Unfit.ATTESTATION: "The carrier does not sign their calls as spec.minAttestation asks, or has not said how: have "
    "the business verified there, and name its SHAKEN trust product where it has one (spec.trustProduct of the "
    "CarrierAccount).",
    Unfit.CAMPAIGN: "No number of the US or its territories sends messages before spec.messaging.campaignApproved is "
    "true.",
    Unfit.TOLL_FREE: "No toll-free number sends messages before the carrier has verified the business for them, and "
    "spec.messaging.tollFreeVerified is true.",
    Unfit.CAMPAIGN_FULL: "A US campaign may use at most 49 numbers, those of all its sets together, unless "
    "spec.messaging.numberPool is Approved; those that joined first are used.",
    Unfit.CAMPAIGN_OTHER: "Their RoutingProfile attaches them to another campaign (spec.messaging.service.campaign) "
    "than the set names (spec.messaging.campaign): write the same there, or none here.",
    Unfit.NOT_ENROLLED: "The carrier has not put them into the campaign of their RoutingProfile yet, or refuses "
    "to: see status.campaign of each PhoneNumber. Each sweep of the CarrierAccount asks it to.",
    Unfit.STOPPED: "Their traffic is stopped: see each PhoneNumber.",
}


def _remedies(plan: RotationPlan) -> Sequence[str]:
    present = {why for _, why in plan.day.unfit}
    return [text for why, text in sorted(_REMEDIES.items()) if why in present]


def _quarantined(plan: RotationPlan) -> Iterator[Condition]:
    standing = plan.standing
    if standing.quarantined * 100 > standing.total * MOST_QUARANTINED_PERCENT:
        message = (
            "More than a fifth of its numbers are labelled as spam or seldom answered. Look at what is called, and how "
            "often, before you add numbers: new ones would be labelled as well."
        )
        yield Condition("TooManyQuarantined", True, Reason.TOO_MANY_QUARANTINED, message)


def _split(seen: RotationSeen) -> Iterator[Condition]:
    if seen.split:
        yield Condition("LedgerSplit", True, Reason.LEDGER_SPLIT, seen.split)


def _churn(want: RotationWant, plan: RotationPlan) -> Iterator[Condition]:
    if plan.churned:
        message = (
            f"Flagged numbers are not replaced: spec.health.maxChurnPercent ({want.terms.max_churn_percent}) of the "
            "set's numbers have been replaced in 30 days, or one more would be beyond it."
        )
        yield Condition("ChurnLimited", True, Reason.CHURN_LIMIT_REACHED, message)


def _snowshoe(want: RotationWant, seen: RotationSeen, plan: RotationPlan, now: datetime) -> Iterator[Condition]:
    if is_snowshoe(want, seen, plan, now):
        message = (
            "The set has grown, and most of its numbers do less than a tenth of what they may. Few contacts from each "
            "of many numbers is what carriers call snowshoeing, and fine: use fewer numbers."
        )
        yield Condition("SnowshoePattern", True, Reason.HARDLY_USED, message)


def _guardrails(want: RotationWant, plan: RotationPlan) -> Iterator[Condition]:
    if overrides := want.governed.overrides:
        said = "; ".join(f"{one.guardrail} ({one.why})" for one in overrides)
        yield Condition("GuardrailOverridden", True, Reason.GUARDRAIL_OVERRIDDEN, f"By annotation: {said}.")
    unused = (Guardrail.MIN_UTILISATION,) if plan.size.limited_by is LimitedBy.UTILISATION else ()
    if refused := sorted((*want.governed.refused, *unused)):
        names = ", ".join(f"{_FIELDS[guardrail]} ({guardrail})" for guardrail in refused)
        message = (
            f"More is asked for than a guardrail allows, and the default holds: {names}. To override it, annotate the "
            "set with override.ringfleet.dev/ and the guardrail's name; the value says who allowed it, and why."
        )
        yield Condition("GuardrailHolds", True, Reason.GUARDRAIL_HOLDS, message)


_FIELDS = {
    Guardrail.MIN_ATTESTATION: "spec.minAttestation",
    Guardrail.RECIPIENT_FREQUENCY: "spec.recipientFrequency",
    Guardrail.QUIET_HOURS: "spec.quietHours",
    Guardrail.ON_FLAGGED: "spec.health.onFlagged",
    Guardrail.CHURN: "spec.health.maxChurnPercent",
    Guardrail.MIN_UTILISATION: "spec.size",
    Guardrail.RAMP: "spec.ramp",
}
