"""Accounts and profiles that are used are not deleted before what uses them, whatever order a deletion comes in.

::

    used by a number, or an unfinished order  -> the finalizer is put on
    deleted while it is used                  -> it stays, goes on working, and says so; nothing is ordered through it
    used by nobody any more                   -> the finalizer comes off, and a deleted one goes

Without that a namespace could not be deleted: its account and the account's Secret went first, and its numbers waited
for a carrier that nobody could call. Secrets can't carry a finalizer of ours: an account that is being deleted keeps
its open client.
"""

from __future__ import annotations

from ringfleet.api import CarrierAccount, RoutingProfile
from ringfleet.api.meta import IN_USE_FINALIZER
from ringfleet.controllers.services import Services
from ringfleet.model import GONE, AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.refs import Key
from ringfleet.plan.conditions import Condition, Reason


async def guard_account(services: Services, key: Key) -> None:
    """Put the finalizer on an account that is used, and take it off one that is not."""
    obj = services.fleet.get(CarrierAccount, key.namespace, key.name)
    if obj is not None:
        await _guard(services, obj, used=_uses_account(services, AccountKey(key.namespace, key.name)))


async def guard_profile(services: Services, key: Key) -> None:
    """The same for a routing profile."""
    obj = services.fleet.get(RoutingProfile, key.namespace, key.name)
    if obj is not None:
        await _guard(services, obj, used=_routes_numbers(services, ObjectRef(key.namespace, key.name)))


async def _guard(services: Services, obj: CarrierAccount | RoutingProfile, *, used: bool) -> None:
    names, guarded = obj.metadata.finalizers, is_guarded(obj)
    if used and not guarded and not obj.metadata.deletion_timestamp:
        await services.status.set_finalizers_of(obj, (*names, IN_USE_FINALIZER))
    elif guarded and not used:
        await services.status.set_finalizers_of(obj, tuple(name for name in names if name != IN_USE_FINALIZER))


def is_guarded(obj: CarrierAccount | RoutingProfile) -> bool:
    return IN_USE_FINALIZER in obj.metadata.finalizers


def _uses_account(services: Services, account: AccountKey) -> bool:
    """Whether a number that is not gone is at the account, or an order that has not ended."""
    records = services.fleet.numbers.each("account", account)  # the first one answers, as a rule
    if any(record.state.phase not in GONE for record in records):
        return True
    return any(not order.status.done for order in services.fleet.orders_at(account))


def _routes_numbers(services: Services, profile: ObjectRef) -> bool:
    """Whether a number that is not gone is routed by the profile, or is to be."""
    records = (
        *services.fleet.numbers.by("namespace", profile.namespace),
        *services.fleet.borrowed_by(profile.namespace),
    )
    return any(record.state.phase not in GONE and profile in services.fleet.profiles_of(record) for record in records)


ACCOUNT_STAYS = Condition(
    "InUse",
    True,
    Reason.IN_USE,
    "It is being deleted, and stays while a PhoneNumber or an unfinished NumberOrder uses it; nothing more is ordered "
    "through it. `kubectl get pn -A -o wide` shows the numbers and their accounts: it goes when the last has gone.",
)
PROFILE_STAYS = Condition(
    "InUse",
    True,
    Reason.IN_USE,
    "It is being deleted, and stays while a PhoneNumber is routed by it: give the pools, claims and numbers that name "
    "it (spec.routingProfileRef) another one, or delete those numbers.",
)
