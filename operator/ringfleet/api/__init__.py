"""The Kubernetes face: one pydantic module a kind, what they share, and the CRDs that are generated from them."""

from ringfleet.api.carrier_account import CarrierAccount
from ringfleet.api.meta import Resource
from ringfleet.api.number_order import NumberOrder
from ringfleet.api.number_pool import NumberPool
from ringfleet.api.phone_number import PhoneNumber
from ringfleet.api.routing_profile import RoutingProfile

KINDS: tuple[type[Resource], ...] = (CarrierAccount, RoutingProfile, NumberPool, NumberOrder, PhoneNumber)

__all__ = ["KINDS", "CarrierAccount", "NumberOrder", "NumberPool", "PhoneNumber", "Resource", "RoutingProfile"]
