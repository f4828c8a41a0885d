"""Which reconcile serves which kind. Some are none: `BundleCount` is what a ComplianceBundle says of its numbers,
`AccountUse` and `ProfileUse` are whether a CarrierAccount or a RoutingProfile is used."""

from __future__ import annotations

from enum import StrEnum

from ringfleet.controllers.bundle_attachments import count_attached
from ringfleet.controllers.carrier_account import reconcile_account
from ringfleet.controllers.compliance_bundle import reconcile_bundle
from ringfleet.controllers.in_use import guard_account, guard_profile
from ringfleet.controllers.number_claim import reconcile_claim
from ringfleet.controllers.number_order import reconcile_order
from ringfleet.controllers.number_pool import reconcile_pool
from ringfleet.controllers.number_quota import reconcile_quota
from ringfleet.controllers.phone_number import reconcile_number
from ringfleet.controllers.rotation_set import reconcile_set
from ringfleet.controllers.routing_profile import reconcile_profile
from ringfleet.controllers.services import Services
from ringfleet.kube.errors import Conflict
from ringfleet.objects.refs import Key


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
    except Conflict:
        ending = Ending.CONFLICT
        raise
    finally:
        services.meter.reconciled(key.kind, ending, services.monotonic() - began)
    return delay


async def _reconcile(services: Services, key: Key) -> float | None:
    match key.kind:
        case "PhoneNumber":
            return await reconcile_number(services, key)
        case "NumberClaim":
            return await reconcile_claim(services, key)
        case "NumberOrder":
            return await reconcile_order(services, key)
        case "NumberPool":
            return await reconcile_pool(services, key)
        case "NumberQuota":
            return await reconcile_quota(services, key)
        case "ComplianceBundle":
            return await reconcile_bundle(services, key)
        case "BundleCount":
            await count_attached(services, key)
            return None
        case "CarrierAccount":
            return await reconcile_account(services, key)
        case "AccountUse":
            await guard_account(services, key)
            return None
        case "ProfileUse":
            await guard_profile(services, key)
            return None
        case "RotationSet":
            return await reconcile_set(services, key)
        case "RoutingProfile":
            return await reconcile_profile(services, key)
    raise ValueError(f"nothing reconciles a {key.kind}")
