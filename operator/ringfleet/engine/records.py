"""A `PhoneNumber` as the operator remembers it: slim, because there are many, and projected straight from the JSON.

Values that repeat from number to number (pool, account, price, profile, conditions) are shared, so that a record costs
about a kilobyte and ten thousand of them ten megabytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple

from ringfleet.model import E164, AccountKey, Money, Phase, Price
from ringfleet.plan.conditions import Reason
from ringfleet.plan.number import NumberState, Routed


class ConditionSeen(NamedTuple):
    """One condition of an object's status; `since` is its lastTransitionTime."""

    type: str
    status: str
    reason: str
    message: str
    since: str


@dataclass(frozen=True, slots=True)
class NumberRecord:
    """What the operator needs of one PhoneNumber. `status_current`: the status speaks of the present generation."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    number: E164
    account: AccountKey
    pool: str | None
    routing_profile: str | None
    bound: bool
    observed: bool
    state: NumberState
    status_current: bool
    conditions: tuple[ConditionSeen, ...] = ()
    price: Price | None = None
    purchased_at: datetime | None = None
    renews_at: datetime | None = None


def project_number(obj: Mapping[str, Any]) -> NumberRecord:
    """The record of a PhoneNumber's JSON. Fields that are missing are as in a number that was just created."""
    meta, spec, status = obj["metadata"], obj["spec"], obj.get("status", {})
    namespace = intern(meta["namespace"])
    account = spec["accountRef"]
    return NumberRecord(
        namespace=namespace,
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        generation=meta["generation"],
        number=E164(spec["number"]),
        account=_account(account.get("namespace", namespace), account["name"]),
        pool=_ref(spec, "poolRef"),
        routing_profile=_ref(spec, "routingProfileRef"),
        bound="claimRef" in spec,
        observed=spec.get("managementPolicy") == "Observe",
        state=_state(status),
        status_current=status.get("observedGeneration") == meta["generation"],
        conditions=tuple(_condition(condition) for condition in status.get("conditions", ())),
        price=_price(status.get("price")),
        purchased_at=_time(status.get("purchasedAt")),
        renews_at=_time(status.get("renewsAt")),
    )


@lru_cache(maxsize=4096)
def _account(namespace: str, name: str) -> AccountKey:
    return AccountKey(namespace, name)


def _ref(spec: Mapping[str, Any], field: str) -> str | None:
    ref = spec.get(field)
    return intern(ref["name"]) if ref else None


def _state(status: Mapping[str, Any]) -> NumberState:
    routing = status.get("routing")
    return NumberState(
        phase=Phase(status.get("phase", Phase.ORDERING)),
        external_id=status.get("externalId"),
        routed=_routed(routing.get("profile"), routing.get("hash"), routing.get("externalId")) if routing else None,
        drift=status.get("drift"),
        activating=_is_activating(status),
    )


def _is_activating(status: Mapping[str, Any]) -> bool:
    """Whether the carrier was activating the number when it was last heard: its Ready condition says so."""
    conditions = status.get("conditions", ())
    return any((said["type"], said["reason"]) == ("Ready", Reason.ACTIVATING) for said in conditions)


@lru_cache(maxsize=4096)
def _routed(profile: str | None, content: str | None, external_id: str | None) -> Routed:
    return Routed(profile or "", content or "", external_id or "")


def _condition(condition: Mapping[str, Any]) -> ConditionSeen:
    return _condition_of(*(condition[field] for field in ("type", "status", "reason", "message", "lastTransitionTime")))


@lru_cache(maxsize=65536)
def _condition_of(type_: str, status: str, reason: str, message: str, since: str) -> ConditionSeen:
    return ConditionSeen(type_, status, reason, message, since)


def _price(price: Mapping[str, Any] | None) -> Price | None:
    return _price_of(price["monthly"], price["setup"], price["currency"]) if price else None


@lru_cache(maxsize=4096)
def _price_of(monthly: str, setup: str, currency: str) -> Price:
    return Price(Money(Decimal(monthly), currency), Money(Decimal(setup), currency))


def _time(text: str | None) -> datetime | None:
    return _time_of(text) if text else None


@lru_cache(maxsize=65536)
def _time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)
