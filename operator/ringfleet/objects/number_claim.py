"""A `NumberClaim` as the operator remembers it: slim like a number's record, as there is one for every bound number.

Claims are followed by our own informer and not by Kopf: their binding is what a caller waits for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple

from ringfleet.api.meta import CLAIM_FINALIZER, DRAINING, PROXY_LABEL, REGION_LABEL, SET_LABEL
from ringfleet.model import AccountKey, Capability, Price
from ringfleet.model.asking import Ask
from ringfleet.model.numbering import misspelt_area_codes
from ringfleet.model.policy import OnNoStock
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.conditions import ConditionSeen, parse_conditions, parse_time, stamp
from ringfleet.objects.emergency import SaidAddress, said_address
from ringfleet.objects.phone_number import NumberRecord, price_of
from ringfleet.plan.claim_allocator import AreaCodeWish, ClaimWish, RegionWish, Wish
from ringfleet.plan.former_holder import FormerHolder, people_of
from ringfleet.plan.number_claim import ClaimWant


class Place(NamedTuple):
    """Where a claim's number is written to: a `Secret` or `ConfigMap` of its namespace."""

    kind: str
    name: str


class Shown(NamedTuple):
    """What a claim shows of the number that it holds, for those who may not read PhoneNumbers."""

    region: str | None = None
    price: Price | None = None
    attestation: str | None = None
    spam_label: str | None = None
    answer_rate: Decimal | None = None
    idle_since: datetime | None = None

    def as_status(self) -> dict[str, Any]:
        """The same as a part of the status, as a merge patch: null takes away what there is no more."""
        price, rate = self.price, self.answer_rate
        health = {
            "attestation": self.attestation,
            "spamLabel": self.spam_label,
            "answerRate": None if rate is None else f"{rate:f}",
        }
        return {
            "region": self.region,
            "price": price
            and {
                "monthly": f"{price.monthly.amount:f}",
                "setup": f"{price.setup.amount:f}",
                "currency": price.monthly.currency,
            },
            "health": health if any(health.values()) else None,
            "idleSince": stamp(self.idle_since) if self.idle_since else None,
        }


NOTHING_SHOWN = Shown()


def shown_of(number: NumberRecord) -> Shown:
    """What a claim is to show of a number."""
    seen = (number.attestation, number.spam_label, number.answer_rate)
    return Shown(number.region, number.price, *seen, number.idle_since)


class InSet(NamedTuple):
    """The RotationSet of its namespace that the claim is for, for which region, and whether it is on its way out.

    `since`: when it was told to drain, where that can be read. `owner`: the uid of the set that made it, and owns it.
    """

    name: str
    region: str | None
    draining: bool
    since: datetime | None = None
    owner: str | None = None


class InService(NamedTuple):
    """The ProxyService of its namespace that the claim is for, and whether it is on its way out: see InSet."""

    name: str
    draining: bool
    since: datetime | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """What the operator needs of one NumberClaim."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int
    created: datetime
    deleting: bool
    finalizers: tuple[str, ...]
    pool: ObjectRef
    wishes: tuple[Wish, ...]
    ask: Ask
    named: str | None
    on_no_stock: OnNoStock
    routing_profile: str | None
    write_to: Place | None
    tenant: str | None
    suspended: bool
    status_current: bool
    phase: str | None
    bound: ObjectRef | None
    bound_at: datetime | None
    ticket: int | None
    place: int | None
    written_to: tuple[Place, ...] = ()
    conditions: tuple[ConditionSeen, ...] = ()
    rotation: InSet | None = None
    shown: Shown = NOTHING_SHOWN
    service: InService | None = None
    bundle: str | None = None
    """The ComplianceBundle of its namespace that its number is registered to; None: it names none."""
    emergency: SaidAddress | None = None
    """The emergency address that its number is to have; None: it has none of its own."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What its number must be able to do."""
        return self.ask.capabilities

    @property
    def has_one_ordered(self) -> bool:
        """Whether the pool orders for it while nothing fits. No order brings the very number that a claim names."""
        return self.on_no_stock is OnNoStock.ORDER and self.named is None

    @property
    def guarded(self) -> bool:
        """Whether our finalizer is on it."""
        return CLAIM_FINALIZER in self.finalizers

    @property
    def to_be_guarded(self) -> bool:
        """Whether it is to carry our finalizer: only where a rotation set owns it, for another set of that name may
        take its number over while the garbage collector deletes it. Whoever deletes another claim lets its number go.
        """
        return self.rotation is not None and self.rotation.owner is not None

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def failed(self) -> bool:
        """Failed for good, by a status that speaks of the present spec."""
        return self.phase == "Failed" and self.status_current

    def is_of(self, set_uid: str) -> bool:
        """Whether that set owns it. The label alone is anybody's to write."""
        return self.rotation is not None and self.rotation.owner == set_uid

    def is_of_service(self, uid: str) -> bool:
        """Whether that ProxyService owns it. The label alone is anybody's to write."""
        return self.service is not None and self.service.owner == uid

    @property
    def holder(self) -> FormerHolder:
        """The claim as the holder of a number. The label alone makes it no set's."""
        rotation = self.rotation.name if self.rotation and self.rotation.owner else None
        return FormerHolder(self.namespace, self.name, self.tenant, rotation)

    def misspelt(self, country: str) -> str | None:
        """Which area codes that it wishes can be none in `country`, and what to write; None when all can be.

        Those of a set are of its regions' countries, and any pool of the set may serve them: the set's own schema
        checks them.
        """
        if self.rotation is not None:
            return None
        return misspelt_area_codes(country, (wish.area_code for wish in self.wishes if isinstance(wish, AreaCodeWish)))

    def want(self) -> ClaimWant:
        return ClaimWant(
            self.namespace, str(self.pool), self.pool.namespace, self.on_no_stock, self.named, self.suspended
        )

    def wish(self) -> ClaimWish:
        """What it asks of its pool. Before a ticket is written, the version in which it was created is its ticket."""
        ticket = int(self.resource_version) if self.ticket is None else self.ticket
        return ClaimWish(
            self.uid,
            ticket,
            self.wishes,
            self.capabilities,
            self.named,
            people_of(self.holder),
            area_codes=self.ask.must_codes,
            account=self.ask.account,
        )


def project_claim(obj: Mapping[str, Any]) -> ClaimRecord:
    """The record of a NumberClaim's JSON. Fields that are missing are as in a claim that was just created."""
    meta, spec, status = obj["metadata"], obj["spec"], obj.get("status", {})
    namespace = intern(meta["namespace"])
    memory = status.get("memory", {})
    pool, created, wishes = spec["poolRef"], parse_time(meta["creationTimestamp"]), _wishes(spec)
    assert created
    return ClaimRecord(
        namespace=namespace,
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        generation=meta["generation"],
        created=created,
        deleting="deletionTimestamp" in meta,
        finalizers=tuple(map(intern, meta.get("finalizers", ()))),
        pool=_pool(pool.get("namespace", namespace), pool["name"]),
        wishes=wishes,
        ask=_ask(
            tuple(sorted(spec.get("capabilities", ()))),
            tuple(wish.area_code for wish in wishes if isinstance(wish, AreaCodeWish)),
            spec.get("areaCodeRequired", False),
            _account(spec.get("accountRef"), namespace),
        ),
        named=spec.get("phoneNumberName"),
        on_no_stock=OnNoStock(spec.get("onNoStock", OnNoStock.WAIT)),
        routing_profile=spec["routingProfileRef"]["name"] if "routingProfileRef" in spec else None,
        write_to=_place(spec.get("writeTo")),
        tenant=_shared(spec.get("tenant")),
        suspended=spec.get("suspend", False),
        status_current=status.get("observedGeneration") == meta["generation"],
        phase=status.get("phase"),
        bound=_bound(status.get("phoneNumber")),
        bound_at=parse_time(status.get("boundAt")),
        ticket=memory.get("ticket"),
        place=status.get("place"),
        written_to=tuple(Place(one["kind"], one["name"]) for one in memory.get("writtenTo", ())),
        conditions=parse_conditions(status),
        rotation=_in_set(meta),
        service=_in_service(meta),
        shown=_shown(status.get("phoneNumber")),
        bundle=_shared((spec.get("complianceBundleRef") or {}).get("name")),
        emergency=said_address(spec.get("emergencyAddress")),
    )


@lru_cache(maxsize=4096)
def _pool(namespace: str, name: str) -> ObjectRef:
    return ObjectRef(namespace, name)


@lru_cache(maxsize=4096)
def _ask(capabilities: tuple[str, ...], area_codes: tuple[str, ...], required: bool, account: AccountKey | None) -> Ask:
    """Shared by all the claims that ask the same."""
    codes = tuple(dict.fromkeys(area_codes))
    return Ask(frozenset(map(Capability, capabilities)), codes, required, account=account)


def _account(ref: Mapping[str, str] | None, namespace: str) -> AccountKey | None:
    return AccountKey(ref.get("namespace", namespace), ref["name"]) if ref else None


def _in_set(meta: Mapping[str, Any]) -> InSet | None:
    """The set that owns the claim, whatever its label says: that can be edited by hand, and another claim would be made
    in its place. One that came back from a backup has no owner, and is its label's."""
    labels = meta.get("labels") or {}
    owned = (ref["name"] for ref in meta.get("ownerReferences") or () if _is_set(ref))
    name = next(owned, labels.get(SET_LABEL))
    if name is None:
        return None
    since = (meta.get("annotations") or {}).get(DRAINING)
    name = intern(name)
    return InSet(name, labels.get(REGION_LABEL), since is not None, _when(since), _owner(meta, name))


def _in_service(meta: Mapping[str, Any]) -> InService | None:
    """The service that owns the claim; one that came back from a backup has no owner, and is its label's."""
    owners = [ref for ref in meta.get("ownerReferences") or () if _is_controlled_by(ref, "ProxyService")]
    name = owners[0]["name"] if owners else (meta.get("labels") or {}).get(PROXY_LABEL)
    if name is None:
        return None
    since = (meta.get("annotations") or {}).get(DRAINING)
    owner = intern(owners[0]["uid"]) if owners else None
    return InService(intern(name), since is not None, _when(since), owner)


def _when(text: str | None) -> datetime | None:
    """The time that an annotation names; None when it names none, as one that was written by hand may."""
    try:
        moment = parse_time(text)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def _owner(meta: Mapping[str, Any], name: str) -> str | None:
    """The uid of the RotationSet of that name which owns the claim."""
    owners = (ref for ref in meta.get("ownerReferences") or () if _is_set(ref))
    return next((intern(ref["uid"]) for ref in owners if ref["name"] == name), None)


def _is_set(ref: Mapping[str, Any]) -> bool:
    return _is_controlled_by(ref, "RotationSet")


def _is_controlled_by(ref: Mapping[str, Any], kind: str) -> bool:
    return bool(ref.get("controller")) and ref["kind"] == kind


def _shared(text: str | None) -> str | None:
    return intern(text) if text else None


def _wishes(spec: Mapping[str, Any]) -> tuple[Wish, ...]:
    first = (AreaCodeWish(spec["areaCode"]),) if "areaCode" in spec else ()
    return (*first, *(_wish(wish) for wish in spec.get("wishes", ())))


def _wish(wish: Mapping[str, str]) -> Wish:
    return AreaCodeWish(wish["areaCode"]) if "areaCode" in wish else RegionWish(wish["region"])


def _place(write_to: Mapping[str, Any] | None) -> Place | None:
    if not write_to:
        return None
    if "secret" in write_to:
        return Place("Secret", write_to["secret"]["name"])
    return Place("ConfigMap", write_to["configMap"]["name"])


def _shown(number: Mapping[str, Any] | None) -> Shown:
    if not number or not number.keys() & {"region", "price", "health", "idleSince"}:
        return NOTHING_SHOWN
    price, health = number.get("price") or {}, number.get("health") or {}
    cost = tuple(price[field] for field in ("monthly", "setup", "currency")) if price else None
    seen = (health.get("attestation"), health.get("spamLabel"), health.get("answerRate"))
    return _shown_as(number.get("region"), cost, *seen, number.get("idleSince"))


@lru_cache(maxsize=65536)
def _shown_as(
    region: str | None,
    cost: tuple[str, str, str] | None,
    attestation: str | None,
    label: str | None,
    rate: str | None,
    idle: str | None,
) -> Shown:
    price = price_of(*cost) if cost else None
    return Shown(region, price, attestation, label, None if rate is None else Decimal(str(rate)), parse_time(idle))


def _bound(number: Mapping[str, str] | None) -> ObjectRef | None:
    return ObjectRef(intern(number["namespace"]), number["name"]) if number else None
