"""The Kubernetes face: one pydantic module a kind, what they share, and the CRDs that are generated from them.

::

    carrier_account.py, routing_profile.py, compliance_bundle.py, number_pool.py, number_order.py, phone_number.py,
    number_claim.py, number_quota.py, rotation_set.py, proxy_service.py

    market.py      country, number type, area codes, capabilities: of pools and orders
    emergency.py   the emergency address of profiles and claims
    meta.py        metadata, references, durations, amounts, rules; names of labels and annotations
    conditions.py  what `kubectl explain` tells of conditions and reasons
    runbook.py     the same by reason: the page `manifests/runbook.md`
    crds.py        the generator: docstrings become descriptions
"""

from ringfleet.api.carrier_account import CarrierAccount
from ringfleet.api.compliance_bundle import ComplianceBundle
from ringfleet.api.meta import Resource
from ringfleet.api.number_claim import NumberClaim
from ringfleet.api.number_order import NumberOrder
from ringfleet.api.number_pool import NumberPool
from ringfleet.api.number_quota import NumberQuota
from ringfleet.api.phone_number import PhoneNumber
from ringfleet.api.proxy_service import ProxyService
from ringfleet.api.rotation_set import RotationSet
from ringfleet.api.routing_profile import RoutingProfile

KINDS: tuple[type[Resource], ...] = (
    CarrierAccount,
    RoutingProfile,
    ComplianceBundle,
    NumberPool,
    NumberOrder,
    PhoneNumber,
    NumberClaim,
    NumberQuota,
    RotationSet,
    ProxyService,
)

__all__ = [
    "KINDS",
    "CarrierAccount",
    "ComplianceBundle",
    "NumberClaim",
    "NumberOrder",
    "NumberPool",
    "NumberQuota",
    "PhoneNumber",
    "ProxyService",
    "Resource",
    "RotationSet",
    "RoutingProfile",
]
