"""Which reconcile serves which kind. Some are none: `BundleCount` is what a ComplianceBundle says of its numbers,
`AccountUse` and `ProfileUse` are whether a CarrierAccount or a RoutingProfile is used, `Requirements` what the carrier
of a CarrierAccount asks for in the markets of its pools, `Profiles` the routing profiles that it is to be told, and
`Catalog` what its searches give, remembered for when they are down, `Prices` what they give of the markets in which a
pool goes by price, and `Records` what it lists of messages and calls.
`AfterRush` is of no object: it gives their turns to those that have given way to the bindings of claims; nor is
`NumberTraffic`, which reads what all numbers are used for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum

import structlog

from ringfleet.controllers.account_catalog import refresh_catalog
from ringfleet.controllers.account_records import read_records
from ringfleet.controllers.after_rush import let_follow
from ringfleet.controllers.bundle_attachments import count_attached
from ringfleet.controllers.bundle_readiness import read_requirements
from ringfleet.controllers.carrier_account import reconcile_account
from ringfleet.controllers.carrier_prices import read_prices
from ringfleet.controllers.compliance_bundle import reconcile_bundle
from ringfleet.controllers.in_use import guard_account, guard_profile
from ringfleet.controllers.lasting_errors import object_of
from ringfleet.controllers.number_claim import reconcile_claim
from ringfleet.controllers.number_order import reconcile_order
from ringfleet.controllers.number_pool import reconcile_pool
from ringfleet.controllers.number_quota import reconcile_quota
from ringfleet.controllers.number_traffic import read_traffic
from ringfleet.controllers.phone_number import reconcile_number
from ringfleet.controllers.profile_telling import tell_profiles
from ringfleet.controllers.proxy_service import reconcile_service
from ringfleet.controllers.rotation_set import reconcile_set
from ringfleet.controllers.routing_profile import reconcile_profile
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import Conflict, KubeError, NotFound
from ringfleet.kube.queue import Later
from ringfleet.objects.refs import Key

log = structlog.get_logger(__name__)


class Ending(StrEnum):
    """How a turn ends."""

    SETTLED = "Settled"
    """Nothing is left to do until something changes."""
    REQUEUED = "Requeued"
    """It wants another turn by itself, now or later."""
    CONFLICT = "Conflict"
    """Another writer was faster: it is taken again, with what that one wrote."""
    FAILED = "Failed"
    """An error; it is taken again after a growing delay. Also a turn that was cut short when the operator stopped."""


async def reconcile(services: Services, key: Key) -> float | None:
    """Take the object of `key` one step further; the delay, in seconds, until it wants another turn."""
    began, ending = services.monotonic(), Ending.FAILED
    try:
        delay = await _reconcile(services, key)
        ending = Ending.SETTLED if delay is None else Ending.REQUEUED
    except Exception as error:
        ending = Ending.CONFLICT if isinstance(error, Conflict) else Ending.FAILED
        await _say_error(services, key, error)
        raise
    finally:
        services.meter.reconciled(key.kind, ending, services.monotonic() - began)
    if not isinstance(delay, Later) and services.errors.forget(key):
        services.queues.wake(*object_of(key))  # its next turn takes back what was said of the error
    return delay


async def _say_error(services: Services, key: Key, error: Exception) -> None:
    """Say on the object that its turns fail, if they have failed for long enough. Never raises: the error goes on."""
    if services.errors.note(key, error) is None:
        return
    try:
        await services.status.say_error(object_of(key))
        services.errors.note_said(key, said=True)
    except (Conflict, NotFound):
        return  # the next failure finds what was written meanwhile
    except KubeError as refused:
        services.errors.note_said(key, said=False)
        log.error("an error can't be said on its object", key=str(key), error=str(refused))  # noqa: TRY400 - in our words


async def _reconcile(services: Services, key: Key) -> float | None:
    return await TURNS[key.kind](services, key)


TURNS: dict[str, Callable[[Services, Key], Awaitable[float | None]]] = {
    "PhoneNumber": reconcile_number,
    "NumberClaim": reconcile_claim,
    "NumberOrder": reconcile_order,
    "NumberPool": reconcile_pool,
    "NumberQuota": reconcile_quota,
    "ComplianceBundle": reconcile_bundle,
    "BundleCount": count_attached,
    "CarrierAccount": reconcile_account,
    "AccountUse": guard_account,
    "AfterRush": let_follow,
    "Catalog": refresh_catalog,
    "Prices": read_prices,
    "Records": read_records,
    "Requirements": read_requirements,
    "RotationSet": reconcile_set,
    "ProxyService": reconcile_service,
    "RoutingProfile": reconcile_profile,
    "ProfileUse": guard_profile,
    "NumberTraffic": read_traffic,
    "Profiles": tell_profiles,
}
"""What takes a turn of a key, by its kind."""
