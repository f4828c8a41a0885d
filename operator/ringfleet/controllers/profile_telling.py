"""Telling a carrier account the routing profiles that its numbers are to follow, in the account's own lane.

::

    a profile's turn     an account does not know what it says? the account's key is woken, for that profile
    the account's turn   look at the account: another key's profile under our reference? leave it alone
                         tell it; what the account has, or why it did not take it, is remembered with its client
    the profile's turn   is woken, and writes what came of it into its status (controllers/routing_profile.py)

So nobody waits for a slow carrier but its own account.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from ringfleet.api import RoutingProfile
from ringfleet.carriers.errors import CarrierError, CarrierUnavailable, CredentialsRejected
from ringfleet.controllers.carrier_clients import OpenAccount
from ringfleet.controllers.services import Services
from ringfleet.controllers.wake import wake_orders
from ringfleet.model import AccountKey, HeldRouting, Routing
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.refs import Key
from ringfleet.objects.routing_profile import as_told, content_hash, told_at
from ringfleet.plan.conditions import Reason
from ringfleet.plan.routing_profile import Failure, ProfilePlace, Refusal, Told, caught_up, must_tell
from ringfleet.rate import backoff

log = structlog.get_logger(__name__)

REFUSED_AGAIN = 300.0
"""Seconds until an account that refused the profile, or has another one in its place, is asked again."""


class ProfileTaken(Exception):
    """The account has a profile of another key under our reference."""


def place_at(services: Services, key: AccountKey, user: str, told: Told | None, routing: Routing) -> ProfilePlace:
    """One account as the profile sees it. `user`: a namespace whose objects use the profile there."""
    account = services.accounts.get(key)
    seen = services.accounts.seen_by_holder(key, user)
    if account is None or routing.reference not in account.routings:
        return ProfilePlace(key, seen, told)
    held = account.routings[routing.reference]
    return caught_up(ProfilePlace(key, seen, told, True, as_told(held) if held else None), content_hash(routing))


def tell_soon(services: Services, profile: ObjectRef, place: ProfilePlace, routing: Routing) -> Failure | None:
    """Have the account told, unless it can't be called or has refused this very content a short time ago. What is said
    of it until it was; None of one that was told, and is only looked at again."""
    if place.seen.blocked:
        return Failure(place.seen.blocked, place.seen.message)
    account = services.accounts.opened(place.account)
    refusal = refusal_of(account, routing)
    if refusal is None or services.monotonic() >= refusal.until:
        _wake_lane(services, place.account, account, profile)
    if refusal:
        return refusal.failure
    if place.told and place.told.hash == content_hash(routing) and place.held is None:
        return None
    return Failure(Reason.ROUTING, f"CarrierAccount {place.account} is being told the profile.")


def refusal_of(account: OpenAccount, routing: Routing) -> Refusal | None:
    """Why the account did not take this very content when it was told last."""
    refusal = account.refusals.get(routing.reference)
    return refusal if refusal and refusal.content == content_hash(routing) else None


def _wake_lane(services: Services, key: AccountKey, account: OpenAccount, profile: ObjectRef) -> None:
    if profile not in account.untold:
        account.untold.add(profile)
        services.queues.wake_untold(key)


# In the account's lane.


async def tell_profiles(services: Services, key: Key) -> None:
    """Tell one account every profile that it is to be told, one after the other, which leaves the carrier to orders
    and numbers too; each fails alone.

    Raises:
        Exception: the first of those that nobody has foreseen; the profiles that they have met are told again.
    """
    name = AccountKey(key.namespace, key.name)
    account = services.accounts.get(name)
    if account is None:
        return  # the profiles are woken when it is open
    errors: list[Exception] = []
    for place in sorted(account.untold):
        try:
            await _tell_one(services, name, account, place)
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]


async def _tell_one(services: Services, key: AccountKey, account: OpenAccount, place: ObjectRef) -> None:
    profile = services.fleet.get(RoutingProfile, *place)
    if profile and not profile.spec.suspend:
        await _tell(services, key, account, profile)
    account.untold.discard(place)
    services.queues.wake("RoutingProfile", *place)


async def _tell(services: Services, key: AccountKey, account: OpenAccount, profile: RoutingProfile) -> None:
    """Tell the profile as it is now, and remember why the account did not take it, if so."""
    routing = services.fleet.routing_at(profile, key)
    place = place_at(services, key, profile.metadata.namespace, told_at(profile).get(key), routing)
    if not must_tell(place, content_hash(routing)):
        return
    try:
        await _ensure(account, routing)
    except ProfileTaken as error:
        failure = Failure(Reason.PROFILE_TAKEN, f"CarrierAccount {key}: {error}")
        _note(services, key, account, routing, failure, REFUSED_AGAIN)
    except CarrierUnavailable:
        services.queues.wake_account(key)
        message = f"CarrierAccount {key} could not be told the profile; it is told as soon as it answers."
        _note(services, key, account, routing, Failure(Reason.CARRIER_UNAVAILABLE, message), None)
    except CarrierError as error:
        if isinstance(error, CredentialsRejected):  # of everything, or only of what a profile needs
            services.queues.wake_account(key)
        failure = Failure(Reason.PROFILE_REFUSED, f"CarrierAccount {key} refused the profile: {error}")
        _note(services, key, account, routing, failure, REFUSED_AGAIN)
    else:
        account.refusals.pop(routing.reference, None)


def _note(
    services: Services, key: AccountKey, account: OpenAccount, routing: Routing, failure: Failure, again: float | None
) -> None:
    """Remember that the account did not take the profile, and for how long it is not asked `again`, in seconds; None:
    for ever longer."""
    log.warning("profile not taken", profile=routing.name, reason=str(failure.reason), message=failure.message)
    before = refusal_of(account, routing)
    failures = before.failures + 1 if before else 1
    if again is None:
        again = backoff(failures, _FIRST_RETRY, _LONGEST_RETRY).total_seconds()
    until = services.monotonic() + again
    account.refusals[routing.reference] = Refusal(content_hash(routing), failure, until, failures)
    wake_orders(services, key)  # those that wait for it buy without


_FIRST_RETRY = timedelta(seconds=1)
_LONGEST_RETRY = timedelta(minutes=1)


async def _ensure(account: OpenAccount, routing: Routing) -> None:
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
