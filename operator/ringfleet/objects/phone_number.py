"""A `PhoneNumber` as the operator remembers it: slim, because there are many, and projected straight from the JSON.

Values that repeat from number to number (pool, account, price, profile, conditions) are shared, so that a record costs
about a kilobyte and ten thousand of them ten megabytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from sys import intern
from typing import Any, NamedTuple

from ringfleet.api.meta import (
    ACCOUNT_LABEL,
    ACKNOWLEDGE,
    BOUGHT_AS,
    FRAUD,
    NUMBER_FINALIZER,
    POOL_LABEL,
    QUARANTINE,
    RELEASE,
    REQUESTED_BY,
    SET_LABEL,
    SURPLUS,
    AccountRef,
    LocalRef,
)
from ringfleet.api.number_pool import NumberPool
from ringfleet.api.phone_number import ManagementPolicy, PhoneNumberSpec
from ringfleet.model import (
    E164,
    GONE,
    AccountKey,
    Capability,
    Mark,
    Market,
    Money,
    NumberType,
    Phase,
    Price,
)
from ringfleet.model.asking import Traits, traits_of_number
from ringfleet.model.campaign import CampaignSeat, CampaignState
from ringfleet.model.emergency import EmergencyStanding, EmergencyState
from ringfleet.model.kinds import Kind, parse_kind
from ringfleet.model.policy import DeletionPolicy, SuspendBy
from ringfleet.model.refs import ObjectRef
from ringfleet.objects.conditions import ConditionSeen, parse_conditions, parse_time, time_of
from ringfleet.plan.conditions import Reason
from ringfleet.plan.former_holder import FormerHolder
from ringfleet.plan.number_pool.supply import Lot, Lots, NumberSeen, month_of
from ringfleet.plan.phone_number.case import (
    NO_EMERGENCY,
    NumberEmergency,
    NumberState,
    RefusedAddress,
    RefusedBundle,
    Routed,
)
from ringfleet.plan.phone_number.removal import Cause, Farewell


class Holder(NamedTuple):
    """The claim that holds a number. `tenant` and `rotation` are those that it had when it was bound; a number that was
    bound by an older version tells none."""

    namespace: str
    name: str
    uid: str
    tenant: str | None = None
    rotation: str | None = None

    @property
    def as_former(self) -> FormerHolder:
        """The same once it has let the number go."""
        return FormerHolder(self.namespace, self.name, self.tenant, self.rotation)


class Notes(NamedTuple):
    """What people and pools have written on a number by annotation.

    What may give a number away is believed only when the annotation's value is the number itself, so that no stray or
    copied annotation does it.
    """

    asked: bool = False
    """Whether a person has asked for the number to be released, and has written the number itself."""
    surplus: bool = False
    """Whether the pool has asked for the number to be released as surplus, and has written the number itself."""
    acknowledged: bool = False
    """Whether a person has confirmed the number's release, and has written the number itself."""
    quarantine: str | None = None
    """Why the number is out of use, in the words of who quarantined it; None: it is not in quarantine."""
    fraud: str | None = None
    """Why the number's traffic is stopped for fraud, in the words of who stopped it; None: there is no such
    suspicion."""


NO_NOTES = Notes()


class Labels(NamedTuple):
    """What a number is labelled with, for people who select by it. Nothing is decided by it: spec is what counts."""

    account: str | None = None
    pool: str | None = None
    rotation_set: str | None = None

    def as_labels(self) -> dict[str, str | None]:
        """As they are written; None: there is no such label."""
        return {ACCOUNT_LABEL: self.account, POOL_LABEL: self.pool, SET_LABEL: self.rotation_set}


NO_LABELS = Labels()


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
    created: datetime
    routing_profile: str | None
    claim: Holder | None
    observed: bool
    state: NumberState
    status_current: bool
    conditions: tuple[ConditionSeen, ...] = ()
    price: Price | None = None
    purchased_at: datetime | None = None
    renews_at: datetime | None = None
    unbound_at: datetime | None = None
    last_claim: FormerHolder | None = None
    cooling_until: datetime | None = None
    free_since: datetime | None = None
    area_code: str | None = None
    region: str | None = None
    country: str | None = None
    type: NumberType | None = None
    bought_as: Kind | None = None
    """What its order was to buy; None: no order that says so bought it."""
    attestation: str | None = None
    seat: CampaignSeat | None = None
    spam_label: str | None = None
    answer_rate: Decimal | None = None
    usage_day: str | None = None
    usage_at: datetime | None = None
    last_traffic: datetime | None = None
    open_calls: int = 0
    idle_since: datetime | None = None
    capabilities: frozenset[Capability] = frozenset()
    suspended: bool = False
    protected: bool = False
    release_on_deletion: bool = False
    established: bool = False
    """Whether the number was used for calls before it came here, by the word of who adopted it."""
    deleting: bool = False
    finalizers: tuple[str, ...] = ()
    notes: Notes = NO_NOTES
    requested_by: str | None = None
    labels: Labels = NO_LABELS
    history: str = ""
    """`status.history`, a line each, as `pack_step` writes them: the dearest part of a record, and seldom read."""

    @property
    def place(self) -> ObjectRef:
        return ObjectRef(self.namespace, self.name)

    @property
    def left_alone(self) -> bool:
        """Whether its status says that the number is not this object's to touch."""
        return any(one.type == "Ready" and one.reason in _LEFT_ALONE for one in self.conditions)

    @property
    def ready(self) -> ConditionSeen | None:
        """What its status says in Ready; None: nothing yet."""
        return next((one for one in self.conditions if one.type == "Ready"), None)

    @property
    def emergency(self) -> ConditionSeen | None:
        """What its status says of its emergency address; None: nothing."""
        return next((one for one in self.conditions if one.type == "EmergencyAddressReady"), None)

    @property
    def reconciling(self) -> bool:
        """Whether its status says that something is being done."""
        return any(one.type == "Reconciling" for one in self.conditions)

    @property
    def pool_ref(self) -> ObjectRef | None:
        """Where its pool is; None when it names none."""
        return ObjectRef(self.namespace, self.pool) if self.pool else None

    def is_of(self, market: Market) -> bool:
        """Whether it is of the market: by what the carrier says of it, as far as that is known; or because it was
        bought for such a market, whatever the carrier says of it since. Else a carrier that tells less of a number than
        it has offered would be bought from again and again."""
        kind = Kind(self.country, self.type, self.capabilities)
        return kind.meets(market) or (self.bought_as is not None and self.bought_as.meets(market))

    @property
    def guarded(self) -> bool:
        """Whether our finalizer is on it."""
        return NUMBER_FINALIZER in self.finalizers

    @property
    def free(self) -> bool:
        """Whether a claim may have it: available, by a status that speaks of the present spec, and nothing against."""
        return (
            self.state.phase is Phase.AVAILABLE
            and self.status_current
            and self.claim is None
            and self.spam_label is None
            and not (self.deleting or self.observed or self.suspended)
            and self.notes == NO_NOTES
        )

    @property
    def returns(self) -> bool:
        """Whether the people of the claim that let it go may have it, although it rests: nothing but its rest is
        against that."""
        return self.claim is None and self.last_claim is not None and self.would_return

    @property
    def would_return(self) -> bool:
        """The same of one that a claim holds, if it let it go now."""
        return (
            self.state.phase in _IN_USE
            and self.state.stopped is None
            and self.spam_label is None
            and not (self.deleting or self.observed or self.suspended)
            and self.notes == NO_NOTES
        )


_IN_USE = frozenset({Phase.AVAILABLE, Phase.BOUND, Phase.COOLING})
"""The phases of a number in service. A number that was unbound a moment ago still shows Bound."""
_LEFT_ALONE = frozenset({Reason.NOT_OURS, Reason.NUMBER_TAKEN})


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
        created=time_of(meta["creationTimestamp"]),
        routing_profile=_ref(spec, "routingProfileRef"),
        claim=_holder(spec.get("claimRef")),
        observed=spec.get("managementPolicy") == "Observe",
        state=_state(status),
        status_current=status.get("observedGeneration") == meta["generation"],
        conditions=parse_conditions(status),
        price=_price(status.get("price")),
        purchased_at=parse_time(status.get("purchasedAt")),
        renews_at=parse_time(status.get("renewsAt")),
        unbound_at=parse_time(spec.get("unboundAt")),
        last_claim=_last_claim(spec.get("lastClaimRef")),
        cooling_until=parse_time(status.get("coolingUntil")),
        free_since=_free_since(status, spec),
        area_code=_shared(status.get("areaCode")),
        region=_shared(status.get("region")),
        country=_shared(status.get("country")),
        type=_type(status.get("type")),
        bought_as=parse_kind((meta.get("annotations") or {}).get(BOUGHT_AS)),
        **_health(status),
        capabilities=_capabilities(tuple(status.get("capabilities", ()))),
        suspended=spec.get("suspend", False),
        protected=spec.get("protected", False),
        release_on_deletion=spec.get("deletionPolicy") == "Release",
        established=bool(spec.get("established")),
        deleting="deletionTimestamp" in meta,
        finalizers=tuple(map(intern, meta.get("finalizers", ()))),
        notes=_notes(meta.get("annotations") or {}, spec["number"]),
        labels=_labels(meta.get("labels") or {}),
        requested_by=_shared((meta.get("annotations") or {}).get(REQUESTED_BY)),
        history="\n".join(map(pack_step, status.get("history", ()))),
    )


def pack_step(step: Mapping[str, str]) -> str:
    """A step of `status.history` in a line, whatever somebody else has written there: with a line break in it the
    number would never have a turn again."""
    at, phase, reason = ("".join(step[part].split()) for part in ("at", "phase", "reason"))
    return f"{at} {phase} {reason} {' '.join(step.get('by', '').split())}"


def unpack_step(line: str) -> dict[str, str]:
    """And back."""
    at, phase, reason, by = line.split(" ", 3)
    return {"at": at, "phase": phase, "reason": reason} | ({"by": by} if by else {})


def _health(status: Mapping[str, Any]) -> dict[str, Any]:
    """How the number is received, and what was last written of its usage."""
    health, usage = status.get("health") or {}, status.get("usage") or {}
    rate = health.get("answerRate")
    return {
        "attestation": _shared(health.get("attestation")),
        "seat": _seat(status.get("campaign")),
        "spam_label": _shared(health.get("spamLabel")),
        "answer_rate": None if rate is None else Decimal(str(rate)),
        "usage_day": _shared(usage.get("day")),
        "usage_at": parse_time(usage.get("at")),
        "last_traffic": parse_time(usage.get("lastTraffic")),
        "open_calls": usage.get("openCalls", 0),
        "idle_since": parse_time(status.get("idleSince")),
    }


@cache
def _seat_of(campaign: str, state: str, message: str) -> CampaignSeat:
    """Most numbers of a fleet share theirs."""
    return CampaignSeat(campaign, _STATES.get(state, CampaignState.PENDING), message)


_STATES = {state.value: state for state in CampaignState}


def _seat(said: Mapping[str, str] | None) -> CampaignSeat | None:
    if not said:
        return None
    return _seat_of(said.get("id", ""), said.get("state", ""), said.get("message", ""))


def _free_since(status: Mapping[str, Any], spec: Mapping[str, Any]) -> datetime | None:
    """None, too, when a claim has come and gone since: so short a one that the status never showed it."""
    free, unbound = parse_time(status.get("freeSince")), parse_time(spec.get("unboundAt"))
    return None if free and unbound and free < unbound else free


def _holder(ref: Mapping[str, str] | None) -> Holder | None:
    if not ref:
        return None
    tenant, rotation = _shared(ref.get("tenant")), _shared(ref.get("rotationSet"))
    return Holder(intern(ref["namespace"]), ref["name"], ref["uid"], tenant, rotation)


def _last_claim(ref: Mapping[str, str] | None) -> FormerHolder | None:
    if not ref:
        return None
    tenant, rotation = _shared(ref.get("tenant")), _shared(ref.get("rotationSet"))
    return FormerHolder(intern(ref["namespace"]), ref["name"], tenant, rotation)


def _shared(text: str | None) -> str | None:
    return intern(text) if text else None


@lru_cache(maxsize=64)
def _capabilities(words: tuple[str, ...]) -> frozenset[Capability]:
    """Those that this version knows."""
    return frozenset(Capability(word) for word in words if word in _CAPABILITIES)


_CAPABILITIES = frozenset(Capability)


def _notes(annotations: Mapping[str, str], number: str) -> Notes:
    if not any(name in annotations for name in (RELEASE, SURPLUS, ACKNOWLEDGE, QUARANTINE, FRAUD)):
        return NO_NOTES
    return Notes(
        asked=annotations.get(RELEASE) == number,
        surplus=annotations.get(SURPLUS) == number,
        acknowledged=annotations.get(ACKNOWLEDGE) == number,
        quarantine=_said(annotations, QUARANTINE),
        fraud=_said(annotations, FRAUD),
    )


def _said(annotations: Mapping[str, str], name: str) -> str | None:
    """What the annotation says; one that is there and empty says something too."""
    return (annotations[name].strip() or "no reason given") if name in annotations else None


def _labels(labels: Mapping[str, str]) -> Labels:
    return _same_labels(labels.get(ACCOUNT_LABEL), labels.get(POOL_LABEL), labels.get(SET_LABEL))


@lru_cache(maxsize=4096)
def _same_labels(account: str | None, pool: str | None, rotation_set: str | None) -> Labels:
    return Labels(account, pool, rotation_set)


@lru_cache(maxsize=4096)
def _account(namespace: str, name: str) -> AccountKey:
    return AccountKey(namespace, name)


def _ref(spec: Mapping[str, Any], field: str) -> str | None:
    ref = spec.get(field)
    return intern(ref["name"]) if ref else None


def _state(status: Mapping[str, Any]) -> NumberState:
    routing, documents = status.get("routing"), status.get("documents") or {}
    return NumberState(
        phase=_phase(status.get("phase")),
        external_id=status.get("externalId"),
        routed=_routed(
            routing.get("profile"),
            routing.get("externalId"),
            routing.get("calls", True),
            routing.get("messages", True),
            routing.get("campaign"),
        )
        if routing
        else None,
        drift=status.get("drift"),
        activating=_is_activating(status),
        stopped=_stopped(status.get("suspension")),
        parked=(status.get("suspension") or {}).get("routing"),
        farewell=_farewell(status.get("farewell")),
        foreign_mark=_mark(status.get("foreignMark")),
        attached=documents.get("attached"),
        registered=_place(documents.get("registeredTo")),
        waits_for=_shared(documents.get("waitsFor")),
        refused=_refused(documents.get("refused")),
        emergency=_emergency(status.get("emergency")),
    )


def _emergency(said: Mapping[str, Any] | None) -> NumberEmergency:
    if not said:
        return NO_EMERGENCY
    refused = said.get("refused")
    return NumberEmergency(
        standing=_emergency_standing(said.get("state"), said.get("address")),
        reference=said.get("reference"),
        set_to=said.get("setTo"),
        setting=said.get("setting"),
        refused=RefusedAddress(
            refused["reference"],
            refused.get("code", ""),
            refused.get("message", ""),
            refused.get("times", 1),
            time_of(refused["again"]),
        )
        if refused
        else None,
    )


@lru_cache(maxsize=4096)
def _emergency_standing(state: str | None, address: str | None) -> EmergencyStanding | None:
    """A state that only a newer version knows counts as on its way, and the next sweep tells it anew."""
    if not state:
        return None
    return EmergencyStanding(_EMERGENCY_STATES.get(state, EmergencyState.PENDING), address)


_EMERGENCY_STATES = {state.value: state for state in EmergencyState}


@lru_cache(maxsize=4096)
def _place(text: str | None) -> ObjectRef | None:
    """An object by `namespace/name`."""
    namespace, _, name = (text or "").partition("/")
    return ObjectRef(namespace, name) if name else None


@lru_cache(maxsize=4096)
def _mark(text: str | None) -> Mark | None:
    return Mark.parse(text)


def _type(word: str | None) -> NumberType | None:
    return NumberType(word) if word in _TYPES else None


_TYPES = frozenset(NumberType)


def _phase(word: str | None) -> Phase:
    """A phase that only a newer version knows is none yet: the number counts as on its way until its next look."""
    return Phase(word) if word in _PHASES else Phase.ORDERING


_PHASES = frozenset(Phase)


def _stopped(suspension: Mapping[str, str] | None) -> SuspendBy | None:
    """A way that only a newer version knows is none: of a suspended number without one, the carrier is asked."""
    return SuspendBy(suspension["by"]) if suspension and suspension["by"] in _STOPS else None


_STOPS = frozenset(SuspendBy)


def _farewell(farewell: Mapping[str, str] | None) -> Farewell | None:
    """One for a cause that only a newer version knows is none: who asks is seen anew, and its hold begins anew."""
    if not farewell or farewell["cause"] not in _CAUSES:
        return None
    since = time_of(farewell["since"])
    return Farewell(Cause(farewell["cause"]), since, parse_time(farewell.get("notBefore")) or since)


_CAUSES = frozenset(Cause)


def _refused(refused: Mapping[str, Any] | None) -> RefusedBundle | None:
    if not refused:
        return None
    return RefusedBundle(refused["bundle"], refused["code"], refused["times"], time_of(refused["again"]))


def _is_activating(status: Mapping[str, Any]) -> bool:
    """Whether the carrier was activating the number when it was last heard: its Ready condition says so."""
    conditions = status.get("conditions", ())
    return any((said["type"], said["reason"]) == ("Ready", Reason.ACTIVATING) for said in conditions)


@lru_cache(maxsize=4096)
def _routed(profile: str | None, external_id: str | None, calls: bool, messages: bool, campaign: str | None) -> Routed:
    return Routed(profile or "", external_id or "", calls, messages, campaign)


def _price(price: Mapping[str, Any] | None) -> Price | None:
    return price_of(price["monthly"], price["setup"], price["currency"]) if price else None


@lru_cache(maxsize=4096)
def price_of(monthly: str, setup: str, currency: str) -> Price:
    return Price(Money(Decimal(monthly), currency), Money(Decimal(setup), currency))


def number_body(
    number: E164,
    account: AccountKey,
    namespace: str,
    pool: str | None,
    policy: DeletionPolicy = DeletionPolicy.RETAIN,
    order: str | None = None,
    bought_as: Kind | None = None,
    *,
    established: bool = False,
) -> dict[str, Any]:
    """A PhoneNumber to be created, with its pool's deletion policy as its own. Without a pool it is only observed.
    `bought_as`: what its order was to buy; `established`: whether it has been used before."""
    spec = PhoneNumberSpec(
        number=number,
        account_ref=AccountRef(name=account.name, namespace=account.namespace),
        pool_ref=LocalRef(name=pool) if pool else None,
        order_ref=LocalRef(name=order) if order else None,
        deletion_policy=policy,
        management_policy=ManagementPolicy.MANAGE if pool else ManagementPolicy.OBSERVE,
        established=established or None,  # a bought number has no such field, which older kinds do not know
    )
    labels = {ACCOUNT_LABEL: account.name} | ({POOL_LABEL: pool} if pool else {})
    annotations = {"annotations": {BOUGHT_AS: str(bought_as)}} if bought_as else {}
    return {
        "metadata": {
            "name": number.digits,
            "namespace": namespace,
            "labels": labels,
            **annotations,
            "finalizers": [NUMBER_FINALIZER],
        },
        "spec": spec.as_dict(),
    }


def number_seen(record: NumberRecord, market: Market | None = None, *, returning: bool = False) -> NumberSeen:
    """A number that was bound a moment ago counts as bound, although its own phase is a look behind.

    `market`: its pool's; None where it is not asked whose stock it is. `returning`: it still shows that it leaves, and
    stays after all.
    """
    return NumberSeen(
        record.number,
        _counted_phase(record),
        record.price,
        record.purchased_at,
        returning,
        capabilities=record.capabilities,
        area_code=record.area_code,
        misfit=market is not None and not record.is_of(market),
        account=record.account,
    )


def lot_of(record: NumberRecord) -> Lot | None:
    """The lot that a number counts in, when it is its number's only object; None: it has to be seen by itself.

    By itself is seen what is asked to go, or shows that it goes, or is free but stopped; what people or the carrier's
    mark have set apart; and what tells no price yet, as a listing or an order may know it.
    """
    state = record.state
    if record.deleting or record.observed or record.notes != NO_NOTES or record.price is None:
        return None
    if state.phase is Phase.RELEASING or state.farewell or state.foreign_mark:
        return None
    if state.phase is Phase.SUSPENDED and record.claim is None:
        return None  # it may be about to be resumed, and then nothing is ordered in its place
    purchased = month_of(record.purchased_at) if record.purchased_at else None
    phase = _counted_phase(record)
    place = None if phase in GONE else record.account
    lot = Lot(phase, record.price, purchased, record.claim is not None, account=place)
    if not lot.is_supply:
        return lot  # no claim may get it: what it can do would only make more lots
    kind = Kind(record.country, record.type, record.capabilities)
    return lot._replace(
        capabilities=record.capabilities,
        area_code=record.area_code,
        kind=kind,
        bought_as=record.bought_as,
    )


def sort_out(lots: Lots, market: Market) -> Lots:
    """The lots of a pool, with those set apart that are of another market."""
    sorted_: dict[Lot, int] = {}
    for lot, count in lots.items():
        misfit = lot.kind is not None and not (
            lot.kind.meets(market) or (lot.bought_as is not None and lot.bought_as.meets(market))
        )
        told = lot._replace(kind=None, bought_as=None, misfit=misfit)
        sorted_[told] = sorted_.get(told, 0) + count
    return sorted_


def _counted_phase(record: NumberRecord) -> Phase:
    available = record.state.phase is Phase.AVAILABLE
    return Phase.BOUND if available and record.claim else record.state.phase


def traits_of(record: NumberRecord, codes: tuple[str, ...]) -> Traits:
    """What a claim may ask of the number; `codes`: the area codes that it may ask for."""
    traits = traits_of_number(record.number, record.capabilities, record.area_code, codes)
    return traits._replace(account=record.account)


def resting_until(record: NumberRecord, pool: NumberPool | None) -> datetime | None:
    """The end of the rest after its last claim. A number whose pool is gone is not assigned, and need not rest."""
    if record.unbound_at is None or pool is None or record.claim:
        return None
    return (record.unbound_at + pool.spec.reclaim.cooldown).replace(microsecond=0)


def rests_by_a_clock_ahead(record: NumberRecord, now: datetime) -> bool:
    """Whether the number was unbound by a clock that was ahead: replicas differ by seconds, not by minutes."""
    return record.claim is None and record.unbound_at is not None and record.unbound_at > now + _CLOCKS_DIFFER_BY


_CLOCKS_DIFFER_BY = timedelta(minutes=1)
