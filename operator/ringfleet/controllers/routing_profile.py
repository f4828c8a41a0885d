"""Reconciling one routing profile: count what follows it. Its numbers are routed by their own reconcile."""

from __future__ import annotations

from ringfleet.api import RoutingProfile
from ringfleet.api.routing_profile import RoutingProfileStatus
from ringfleet.controllers.services import Services
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.conditions import conditions
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import Key
from ringfleet.plan.conditions import Reason, not_ready, ready


async def reconcile_profile(services: Services, key: Key) -> None:
    """Write how many numbers follow the profile, and how many were found routed otherwise."""
    profile = services.fleet.get(RoutingProfile, key.namespace, key.name)
    if profile is None or profile.metadata.deletion_timestamp:
        return
    records = [*_followers(services, key), *_borrowed_followers(services, key)]
    wanted = services.fleet.routing_want(ObjectRef(key.namespace, key.name), key.namespace).hash
    drifted = sum(record.state.drift is not None for record in records)
    routed = sum(record.state.routed is not None and record.state.routed.hash == wanted for record in records)
    said = (
        not_ready(Reason.SUSPENDED, "The profile is suspended (spec.suspend): changes do not reach the carrier.")
        if profile.spec.suspend
        else ready(Reason.CONFIGURED, "The profile is complete; its numbers are routed by it.")
    )
    generation = profile.metadata.generation
    status = RoutingProfileStatus(
        observed_generation=generation,
        conditions=conditions(profile.status.conditions, (said,), generation, services.clock()),
        routed=routed - drifted,
        drifted=drifted,
    )
    await services.status.write(profile, status)


def _followers(services: Services, key: Key) -> list[NumberRecord]:
    """The numbers of the profile's namespace that are routed by it."""
    records = services.fleet.numbers.by("namespace", key.namespace)
    return [record for record in records if record.state.routed and record.state.routed.profile == key.name]


def _borrowed_followers(services: Services, key: Key) -> list[NumberRecord]:
    """The numbers of other namespaces that its namespace's claims hold, and that are routed by it."""
    records, name = services.fleet.borrowed_by(key.namespace), f"{key.namespace}/{key.name}"
    return [record for record in records if record.state.routed and record.state.routed.profile == name]
