"""Reconciling one routing profile: have the carrier accounts of its numbers told, and count what follows it.

::

    its numbers, and unfinished orders of its pools --> the accounts that must know it
    each is told in its own lane (controllers/profile_telling.py), which wakes the profile again
    the carrier's id and a digest of what was told (a note) are written into the status
    that write wakes the numbers, which are then pointed at the id (controllers/phone_number.py)

No carrier is awaited here: what one account was told is written while another one is still being told. What an account
was told is in the status, so that no process has to remember it. That the carrier has it still, a sweep looks up
(`controllers/account_sweep.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from ringfleet.api import NumberPool, RoutingProfile
from ringfleet.api.routing_profile import RoutingProfileStatus
from ringfleet.controllers.in_use import PROFILE_STAYS, is_guarded
from ringfleet.controllers.profile_telling import REFUSED_AGAIN, place_at, refusal_of, tell_soon
from ringfleet.controllers.services import Services
from ringfleet.model import GONE, AccountKey, Routing
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.conditions import conditions
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import Key
from ringfleet.objects.routing_profile import content_hash, told_at, told_notes, told_status
from ringfleet.plan.conditions import Reason
from ringfleet.plan.routing_profile import Failure, ProfilePlace, Told, must_tell, profile_conditions


async def reconcile_profile(services: Services, key: Key) -> float | None:
    """Have the accounts told what they don't know yet, and write what they were told and how many numbers follow."""
    profile = services.fleet.get(RoutingProfile, key.namespace, key.name)
    if profile is None or (profile.metadata.deletion_timestamp and not is_guarded(profile)):
        return None
    routing_at = partial(services.fleet.routing_at, profile)
    places = _places(services, profile, routing_at)
    failures = {} if profile.spec.suspend else _have_told(services, key, places, routing_at)
    await _write(services, profile, routing_at, places, failures)
    return _again(services, routing_at, failures)


RoutingAt = Callable[[AccountKey], Routing]
"""The profile as each account is told it."""


def _have_told(
    services: Services, key: Key, places: list[ProfilePlace], routing_at: RoutingAt
) -> dict[AccountKey, Failure]:
    """Have each account told in its own lane that does not know what the profile says; why one does not know it yet."""
    place = ObjectRef(key.namespace, key.name)
    due = (one for one in places if must_tell(one, content_hash(routing_at(one.account))))
    said = {one.account: tell_soon(services, place, one, routing_at(one.account)) for one in due}
    return {account: failure for account, failure in said.items() if failure}


def _again(services: Services, routing_at: RoutingAt, failures: Iterable[AccountKey]) -> float | None:
    """Seconds until an account that did not take the profile is told again."""
    if not failures:
        return None
    found = ((services.accounts.get(key), routing_at(key)) for key in failures)
    refusals = (refusal_of(account, routing) for account, routing in found if account)
    waits = (refusal.until - services.monotonic() for refusal in refusals if refusal)
    return min((wait for wait in waits if wait > 0), default=REFUSED_AGAIN)


# Looking.


def _places(services: Services, profile: RoutingProfile, routing_at: RoutingAt) -> list[ProfilePlace]:
    """The accounts that must know the profile, with what each was told and what it has, as far as that is known."""
    told, namespace = told_at(profile), profile.metadata.namespace
    needed = {record.account: record.namespace for record in _followers(services, profile)}
    needed = dict.fromkeys(_ordering(services, profile), namespace) | needed
    return [place_at(services, key, needed[key], told.get(key), routing_at(key)) for key in sorted(needed)]


def _followers(services: Services, profile: RoutingProfile) -> list[NumberRecord]:
    """The numbers that are routed by the profile, or are to be, wherever they are, at accounts that let them in. Those
    of a pool that is gone stay routed as they are, and go with the profile when it changes."""
    namespace, place = profile.metadata.namespace, ObjectRef(profile.metadata.namespace, profile.metadata.name)
    records = (*services.fleet.numbers.by("namespace", namespace), *services.fleet.borrowed_by(namespace))
    managed = (record for record in records if not record.observed and record.state.phase not in GONE)
    found = (record for record in managed if place in services.fleet.profiles_of(record))
    return [record for record in found if not _is_shut_out(services, record)]


def _is_shut_out(services: Services, record: NumberRecord) -> bool:
    return services.accounts.seen(record.account, record.namespace).blocked is Reason.ACCOUNT_NOT_ALLOWED


def _ordering(services: Services, profile: RoutingProfile) -> set[AccountKey]:
    """The accounts where pools that name the profile are just buying: told now, no number has to wait for it."""
    namespace, found = profile.metadata.namespace, set[AccountKey]()
    for pool in services.fleet.all_in(namespace, NumberPool):
        if pool.spec.routing_profile_ref and pool.spec.routing_profile_ref.name == profile.metadata.name:
            orders = services.fleet.orders_for(namespace, pool.metadata.name)
            found |= {services.fleet.order_seen(order).account for order in orders if not order.status.done}
    return {key for key in found if services.accounts.seen(key, namespace).blocked is not Reason.ACCOUNT_NOT_ALLOWED}


# Writing.


async def _write(
    services: Services,
    profile: RoutingProfile,
    routing_at: RoutingAt,
    places: list[ProfilePlace],
    failures: dict[AccountKey, Failure],
) -> None:
    told = {place.account: place.told for place in places if place.told}
    said = profile_conditions(profile.spec.suspend, places, failures)
    if profile.metadata.deletion_timestamp:
        said = (*said, PROFILE_STAYS)
    records = [*_routed(services, profile), *_routed_elsewhere(services, profile)]
    drifted = sum(record.state.drift is not None for record in records)
    contents = {key: content_hash(routing_at(key)) for key in told}
    routed = sum(_is_routed(record, told, contents.get(record.account, "")) for record in records)
    generation = profile.metadata.generation
    status = RoutingProfileStatus(
        observed_generation=generation,
        conditions=conditions(profile.status.conditions, said, generation, services.clock()),
        accounts=told_status(told),
        routed=routed - drifted,
        drifted=drifted,
        memory=told_notes(told),
    )
    await services.status.write(profile, status)


def _is_routed(record: NumberRecord, told: dict[AccountKey, Told], content: str) -> bool:
    """Whether the number is pointed at the profile, as its account was told it, and the profile says that still."""
    there = told.get(record.account)
    routed = record.state.routed
    return bool(there and routed and (routed.external_id, content) == (there.external_id, there.hash))


def _routed(services: Services, profile: RoutingProfile) -> list[NumberRecord]:
    """The numbers of the profile's namespace that are routed by it."""
    records = services.fleet.numbers.by("namespace", profile.metadata.namespace)
    name = profile.metadata.name
    return [record for record in records if record.state.routed and record.state.routed.profile == name]


def _routed_elsewhere(services: Services, profile: RoutingProfile) -> list[NumberRecord]:
    """The numbers of other namespaces that its namespace's claims hold, and that are routed by it."""
    records = services.fleet.borrowed_by(profile.metadata.namespace)
    return [record for record in records if record.state.routed and record.state.routed.profile == profile.key]
