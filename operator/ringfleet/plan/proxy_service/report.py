"""What a proxy service says of itself, for people: why it is not as wished, and what they can do about it.

Ready is about numbers: whether the service has those that it wants. Whether they are enough, now and for a little more,
are conditions beside it, which are there only while they are true.
"""

from __future__ import annotations

from collections.abc import Iterator

from ringfleet.plan.conditions import Condition, Reason, not_ready, ready, reconciling, stalled
from ringfleet.plan.proxy_service.plan import CreateClaim, ProxyWant, ServiceClaim, ServicePlan, ServiceSeen
from ringfleet.plan.sizing.formulas import proxy_size


def service_conditions(want: ProxyWant, seen: ServiceSeen, plan: ServicePlan) -> tuple[Condition, ...]:
    """Ready first; then what else is to be said."""
    said = (*_progress(want, seen, plan), *_exhausted(seen, plan), *_nearly(want, seen, plan))
    return said if seen.sessions is not None or seen.unknown is None else (*said, seen.unknown)


def sessions_unknown(reason: Reason, because: str) -> Condition:
    """What a service says whose sessions are not known. `because` is a sentence."""
    meanwhile = "Until its sessions are known, the service is sized by spec.expected, and no number leaves it."
    return Condition("UsageUnknown", True, reason, f"{because} {meanwhile}")


def _progress(want: ProxyWant, seen: ServiceSeen, plan: ServicePlan) -> tuple[Condition, ...]:
    if want.suspended:
        return (ready(Reason.SUSPENDED, "It is suspended (spec.suspend): no new session is made. Open ones go on."),)
    waiting = sorted((one for one in seen.claims if one.live and one.number is None), key=lambda one: one.name)
    if waiting:
        goes_on = [claim for claim in waiting if claim.why is None]
        return _both(Reason.WAITING_FOR_NUMBER, _waits(goes_on[0])) if goes_on else _stands_still(waiting[0])
    if any(isinstance(action, CreateClaim) for action in plan.actions):
        return _both(Reason.GROWING, "It is claiming numbers.")
    if plan.size.wanted and not any(pool in seen.pools for pool in want.pools):
        named = ", ".join("/".join(pool) for pool in sorted(want.pools))
        message = f"There is no NumberPool {named} to draw numbers from: create it, or correct spec.pools."
        return (not_ready(Reason.POOL_MISSING, message), stalled(Reason.POOL_MISSING, message))
    if any(claim.number for claim in seen.claims) and not _usable(seen):
        message = (
            "None of its numbers can be given: a number is given only once it is answered, and while nobody has "
            "stopped it. Name a RoutingProfile (spec.routingProfileRef), and see each PhoneNumber."
        )
        return (not_ready(Reason.MEMBERS_UNUSABLE, message),)
    return (ready(Reason.AT_TARGET, "It has the numbers that it wants."),)


def _both(reason: Reason, message: str) -> tuple[Condition, ...]:
    return (not_ready(reason, message), reconciling(reason, message))


def _stands_still(claim: ServiceClaim) -> tuple[Condition, ...]:
    """None of the claims that wait gets a number before a person acts."""
    assert claim.why
    return (not_ready(claim.why, _waits(claim)), stalled(claim.why, _waits(claim)))


def _waits(claim: ServiceClaim) -> str:
    says = f": {claim.says}" if claim.says else "."
    return f"NumberClaim {claim.name} of the service waits for a number{says}"


def _usable(seen: ServiceSeen) -> int:
    return sum(claim.live and claim.usable for claim in seen.claims)


def _exhausted(seen: ServiceSeen, plan: ServicePlan) -> Iterator[Condition]:
    if seen.sessions is not None and seen.sessions.refused:
        classes = ", ".join(str(one) for one in sorted(seen.sessions.refused))
        bound = " spec.maxNumbers keeps it from claiming more." if plan.size.is_bounded else ""
        message = (
            f"In the last hour a participant got no number (class {classes}): the problem document of each refusal "
            f"says what would help.{bound}"
        )
        yield Condition("Exhausted", True, Reason.NUMBERS_EXHAUSTED, message)


def _nearly(want: ProxyWant, seen: ServiceSeen, plan: ServicePlan) -> Iterator[Condition]:
    """Ahead of time: fewer numbers than a little more load would take."""
    if seen.sessions is None or not seen.sessions.open:
        return
    usable = sum(claim.live and claim.usable and claim.number not in want.reserved for claim in seen.claims)
    margin = (load.with_margin() for load in seen.sessions.places.values())
    if usable < sum(proxy_size(load.busiest, load.legs, want.bounds.per_number) for load in margin):
        remedy = (
            "raise spec.maxNumbers, or close sessions that are over."
            if plan.size.is_bounded
            else "its claims are on their way, or wait for numbers of its pools."
        )
        message = f"A fifth more load, or one session more of the busiest participant, may find no number: {remedy}"
        yield Condition("NearlyExhausted", True, Reason.NUMBERS_NEARLY_EXHAUSTED, message)
