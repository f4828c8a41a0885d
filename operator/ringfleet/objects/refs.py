"""Objects by name and kind, and the small values that several kinds write alike. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from ringfleet.api import CarrierAccount, NumberClaim, NumberOrder, NumberPool, PhoneNumber
from ringfleet.api.market import Market as MarketSpec
from ringfleet.api.meta import GROUP, VERSION, AccountRef
from ringfleet.api.meta import Resource as ApiObject
from ringfleet.model import AccountKey, Market, Money
from ringfleet.model.refs import Resource

SECRETS = Resource("", "v1", "secrets", "Secret")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")


class Key(NamedTuple):
    """One object to reconcile."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def resource_of(model: type[ApiObject]) -> Resource:
    """Where the API server serves a kind of ours."""
    return Resource(GROUP, VERSION, model.plural, model.__name__)


CARRIER_ACCOUNTS = resource_of(CarrierAccount)
NUMBER_CLAIMS = resource_of(NumberClaim)
NUMBER_ORDERS = resource_of(NumberOrder)
NUMBER_POOLS = resource_of(NumberPool)
CARRIER_ACCOUNTS = resource_of(CarrierAccount)
PHONE_NUMBERS = resource_of(PhoneNumber)


def account_key(ref: AccountRef, namespace: str) -> AccountKey:
    """The account that a reference means; its namespace is that of the object when left out."""
    return AccountKey(ref.namespace or namespace, ref.name)


def market_of(spec: MarketSpec) -> Market:
    capabilities = frozenset(spec.capabilities)
    return Market(
        spec.country, spec.type, spec.area_codes, capabilities, regions=spec.regions, localities=spec.localities
    )


def money_of(amount: Decimal | None, currency: str) -> Money | None:
    return None if amount is None else Money(amount, currency)
