"""The Kubernetes face: one pydantic module a kind, what they share, and the CRDs that are generated from them."""

from ringfleet.api.carrier_account import CarrierAccount
from ringfleet.api.compliance_bundle import ComplianceBundle
from ringfleet.api.meta import Resource
from ringfleet.api.number_claim import NumberClaim
from ringfleet.api.number_order import NumberOrder
from ringfleet.api.number_pool import NumberPool
from ringfleet.api.number_quota import NumberQuota
from ringfleet.api.phone_number import PhoneNumber
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
    "Resource",
    "RotationSet",
    "RoutingProfile",
]
