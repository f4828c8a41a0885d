"""Reconciling one routing profile: tell it to the carrier accounts of its numbers, and count what follows it.

::

    its numbers, and unfinished orders of its pools --> the accounts that must know it
    look at the account: another key's profile under our reference? leave it alone, and say so
    tell it, write the carrier's id into status.accounts, a digest of what was told into its notes
    that write wakes the numbers, which are then pointed at the id (controllers/phone_number.py)

What an account was told is in the status, so that no process has to remember it. That the carrier has it still, a sweep
looks up (`controllers/account_sweep.py`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from ringfleet.api import NumberPool, RoutingProfile
from ringfleet.api.routing_profile import RoutingProfileStatus
from ringfleet.carriers.errors import CarrierError, CarrierUnavailable, CredentialsRejected
from ringfleet.controllers.carrier_clients import NotOpen, OpenAccount
from ringfleet.controllers.in_use import PROFILE_STAYS, is_guarded
from ringfleet.controllers.services import Services
from ringfleet.model import GONE, AccountKey, HeldRouting, Routing
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.conditions import conditions
from ringfleet.objects.phone_number import NumberRecord
from ringfleet.objects.refs import Key
from ringfleet.objects.routing_profile import as_told, content_hash, routing_of, told_at, told_notes, told_status
from ringfleet.plan.conditions import Reason
from ringfleet.plan.routing_profile import Failure, ProfilePlace, Refusal, Told, must_tell, profile_conditions

log = structlog.get_logger(__name__)

REFUSED_AGAIN = 300.0
"""Seconds until an account that refused the profile, or has another one in its place, is asked again."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of telling one account. `error`: what the key is tried again for, after a growing delay."""

    told: Told | None
    failure: Failure | None = None
    error: Exception | None = None


class ProfileTaken(Exception):
    """The account has a profile of another key under our reference."""


async def reconcile_profile(services: Services, key: Key) -> float | None:
    """Tell the accounts what they don't know yet, and write what they were told and how many numbers follow.

    Raises:
        CarrierError: an account can't be asked; what was told to the others is written.
    """
    profile = services.fleet.get(RoutingProfile, key.namespace, key.name)
    if profile is None or (profile.metadata.deletion_timestamp and not is_guarded(profile)):
        return None
    routing = routing_of(profile, services.installation)
    places = _places(services, profile, routing)
    answers = {place.account: _Answer(place.told) for place in places}
    if not profile.spec.suspend:
        due = [place for place in places if must_tell(place, content_hash(routing))]
        told = await asyncio.gather(*(_tell(services, place, routing) for place in due))
        answers |= {place.account: answer for place, answer in zip(due, told, strict=True)}
    await _write(services, profile, routing, places, answers)
    if error := next((answer.error for answer in answers.values() if answer.error), None):
        raise error
    return REFUSED_AGAIN if any(answer.failure for answer in answers.values()) else None


# Looking.


def _places(services: Services, profile: RoutingProfile, routing: Routing) -> list[ProfilePlace]:
    """The accounts that must know the profile, with what each was told and what it has, as far as that is known."""
    told, namespace = told_at(profile), profile.metadata.namespace
    needed = {record.account: record.namespace for record in _followers(services, profile)}
    needed = dict.fromkeys(_ordering(services, profile), namespace) | needed
    return [_place(services, key, needed[key], told.get(key), routing) for key in sorted(needed)]


def _place(services: Services, key: AccountKey, user: str, told: Told | None, routing: Routing) -> ProfilePlace:
    """`user`: a namespace whose objects use the profile there."""
    account = services.accounts.get(key)
    seen = services.accounts.seen_by_holder(key, user)
    if account is None or routing.reference not in account.routings:
        return ProfilePlace(key, seen, told)
    held = account.routings[routing.reference]
    return ProfilePlace(key, seen, told, looked=True, held=as_told(held) if held else None)


def _followers(services: Services, profile: RoutingProfile) -> list[NumberRecord]:
    """The numbers that are to be routed by the profile, wherever they are, at accounts that let them in."""
    namespace, place = profile.metadata.namespace, ObjectRef(profile.metadata.namespace, profile.metadata.name)
    records = (*services.fleet.numbers.by("namespace", namespace), *services.fleet.borrowed_by(namespace))
    managed = (record for record in records if not record.observed and record.state.phase not in GONE)
    found = (record for record in managed if services.fleet.profile_place(record) == place)
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


# Telling.


async def _tell(services: Services, place: ProfilePlace, routing: Routing) -> _Answer:
    """Tell one account; what went wrong there is for the other accounts no matter."""
    if place.seen.blocked:
        return _Answer(place.told, Failure(place.seen.blocked, place.seen.message))
    try:
        account = services.accounts.opened(place.account)
        if failure := _still_refused(services, account, routing):
            return _Answer(place.told, failure)
        async with account.number_calls:
            held = await _ensure(account, routing)
    except ProfileTaken as error:
        failure = Failure(Reason.PROFILE_TAKEN, f"CarrierAccount {place.account}: {error}")
        return _Answer(place.told, _refused(services, account, routing, failure))
    except (CarrierUnavailable, CredentialsRejected, NotOpen) as error:
        services.queues.wake_account(place.account)
        message = f"CarrierAccount {place.account} could not be told the profile; it is told as soon as it answers."
        return _Answer(place.told, Failure(Reason.CARRIER_UNAVAILABLE, message), error)
    except CarrierError as error:
        failure = Failure(Reason.PROFILE_REFUSED, f"CarrierAccount {place.account} refused the profile: {error}")
        return _Answer(place.told, _refused(services, account, routing, failure))
    return _Answer(as_told(held))


def _refused(services: Services, account: OpenAccount, routing: Routing, failure: Failure) -> Failure:
    log.warning("profile not taken", profile=routing.name, reason=str(failure.reason), message=failure.message)
    until = services.monotonic() + REFUSED_AGAIN
    account.refusals[routing.reference] = Refusal(content_hash(routing), failure, until)
    return failure


def _still_refused(services: Services, account: OpenAccount, routing: Routing) -> Failure | None:
    """Why the account did not take this very content a short time ago."""
    refusal = account.refusals.get(routing.reference)
    if refusal and refusal.content == content_hash(routing) and services.monotonic() < refusal.until:
        return refusal.failure
    account.refusals.pop(routing.reference, None)
    return None


async def _ensure(account: OpenAccount, routing: Routing) -> HeldRouting:
    """Have the account hold the profile as we say. Until that is known, what it has counts as unknown.

    Raises:
        ProfileTaken: under our reference is a profile that is not ours.
        CarrierError: the carrier refused, or can't be asked.
    """
    reference = routing.reference
    account.routings[reference] = None
    found = await account.carrier.find_routing(reference)
    if found and found.routing.name != routing.name:
        raise ProfileTaken(
            f"the carrier has a routing profile under our reference {reference} that is named {found.routing.name!r}, "
            f"and it is not overwritten: rename it to {routing.name!r} there, or delete it."
        )
    if found is None or found.routing != routing:
        found = HeldRouting(await account.carrier.ensure_routing(routing), routing)
        log.info("profile told", profile=routing.name, external_id=found.external_id)
    account.routings[reference] = found
    return found


# Writing.


async def _write(
    services: Services,
    profile: RoutingProfile,
    routing: Routing,
    places: list[ProfilePlace],
    answers: dict[AccountKey, _Answer],
) -> None:
    told = {account: answer.told for account, answer in answers.items() if answer.told}
    failures = {account: answer.failure for account, answer in answers.items() if answer.failure}
    said = profile_conditions(profile.spec.suspend, places, failures)
    if profile.metadata.deletion_timestamp:
        said = (*said, PROFILE_STAYS)
    records = [*_routed(services, profile), *_routed_elsewhere(services, profile)]
    drifted = sum(record.state.drift is not None for record in records)
    routed = sum(_is_routed(record, told, content_hash(routing)) for record in records)
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
