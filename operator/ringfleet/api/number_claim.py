"""`NumberClaim`: one request for one number out of a pool, bound at once, as a PersistentVolumeClaim is.

The claim says what is wished; the binding itself is written on the number (`spec.claimRef`), where one resourceVersion
guards it. No ownerReference points either way: deleting a claim must never reach a number.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from ringfleet.api.emergency import EmergencyAddress
from ringfleet.api.market import AreaCode
from ringfleet.api.meta import (
    AGE,
    READY,
    REASON,
    Column,
    ListType,
    LocalRef,
    MicroTime,
    Name,
    Namespace,
    Part,
    Resource,
    Rule,
    Status,
    Time,
    immutable,
    or_else,
)
from ringfleet.api.phone_number import NumberHealth, NumberPrice
from ringfleet.model import Capability
from ringfleet.model.policy import OnNoStock


class PoolRef(Part):
    """A NumberPool."""

    name: Name
    """Name of the NumberPool, such as us-west."""
    namespace: Namespace | None = None
    """Namespace of the NumberPool; this object's own when left out. A pool of another namespace has to let this
    namespace in, by its spec.allowedNamespaces."""


class ClaimAccountRef(Part):
    """A CarrierAccount of the pool."""

    name: Name
    """Name of the CarrierAccount, such as sandbox."""
    namespace: Namespace | None = None
    """Namespace of the CarrierAccount; this object's own when left out. It has to let in the pool's namespace only."""


class Wish(Part):
    """One thing that a number may have: exactly one of the fields."""

    rules = (Rule("has(self.areaCode) != has(self.region)", "name exactly one wish in each entry: areaCode or region"),)

    area_code: AreaCode | None = None
    """An area code to take, in quotes, such as "628"."""
    region: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """A city or state to take, exactly as status.region of PhoneNumbers has it from the carrier, such as San Francisco,
    CA. It is no region of a RotationSet."""


class WriteTo(Part):
    """Where the number is written to: exactly one of the fields."""

    rules = (Rule("has(self.secret) != has(self.configMap)", "name exactly one place: secret or configMap"),)

    secret: LocalRef | None = None
    """A Secret in the claim's namespace. It is made, put right within minutes when it is changed or deleted, and
    deleted when this names another one or the claim goes. One that somebody else made is left alone:
    the claim keeps its number, and says WriteRefused in Ready and Stalled."""
    config_map: LocalRef | None = None
    """A ConfigMap in the claim's namespace. It is made, put right within minutes when it is changed or deleted, and
    deleted when this names another one or the claim goes. One that somebody else made is left alone:
    the claim keeps its number, and says WriteRefused in Ready and Stalled."""


class NumberClaimSpec(Part):
    """The number as you want it."""

    rules = (
        Rule(
            "has(self.phoneNumberName) == has(oldSelf.phoneNumberName) && "
            "(!has(self.phoneNumberName) || self.phoneNumberName == oldSelf.phoneNumberName)",
            "phoneNumberName can't change: delete the claim and make another one",
            at=".phoneNumberName",
        ),
        Rule(
            "!has(self.areaCodeRequired) || !self.areaCodeRequired || has(self.areaCode) || "
            "(has(self.wishes) && self.wishes.exists(wish, has(wish.areaCode)))",
            "areaCodeRequired needs an area code to require: name one in areaCode or wishes",
            at=".areaCodeRequired",
        ),
    )

    pool_ref: Annotated[PoolRef, immutable("poolRef", "make another claim for a number of another pool")]
    """NumberPool that the number comes from. It can't change."""
    area_code: AreaCode | None = None
    """Area code to take first, in quotes, such as "628". It is no condition unless areaCodeRequired is true: another
    one is taken when the pool has none of it free."""
    area_code_required: bool = False
    """True: a number of another area code is never taken, and never ordered for the claim. Each area code that the
    claim names will do, in this order: areaCode, then those of wishes."""
    wishes: Annotated[tuple[Wish, ...], Field(max_length=16)] = ()
    """What to take when the pool has no number of spec.areaCode free, in this order, before any other number of the
    pool."""
    capabilities: Annotated[tuple[Capability, ...], Field(max_length=4), ListType("set")] = ()
    """What the number must be able to do. A number without one of them is never taken."""
    account_ref: ClaimAccountRef | None = None
    """CarrierAccount that the number must be of, one of the pool's spec.carriers, where its documents, its campaign or
    a contract want that carrier. A number of another account is never taken; with onNoStock Order one is ordered from
    this account, whatever the pool prefers. It says nothing of a number that the claim holds already."""
    phone_number_name: (
        Annotated[
            str,
            Field(max_length=15),
            Rule(
                'self.matches("^[1-9][0-9]{6,14}$")', "write the name of a PhoneNumber: its digits, such as 14155550123"
            ),
        ]
        | None
    ) = None
    """This very number and no other: the name of a PhoneNumber of the pool, which is its digits, in quotes, such as
    "14155550123". It can't change."""
    tenant: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """For whom the number is; shown, and written to the place of writeTo. A number that a claim of this namespace and
    tenant let go is taken first, even while it rests; so is one that a claim of this very name and tenant let go, with
    or without a tenant. A RotationSet's claims have its messaging.brand as their tenant."""
    on_no_stock: OnNoStock = OnNoStock.WAIT
    """What to do when the pool has no free number that fits. With Order a number is bought at the cost of the pool's
    account, after an approval where its topUp.mode is Manual; it stays in the pool and is billed, also when the claim
    is gone."""
    routing_profile_ref: LocalRef | None = None
    """RoutingProfile in the claim's namespace that says where calls and messages of the number go. Of several
    RoutingProfiles for one number that of its NumberClaim wins, then that of its PhoneNumber, then that of its
    NumberPool; a RotationSet or ProxyService gives its own to its claims."""
    compliance_bundle_ref: LocalRef | None = None
    """ComplianceBundle in the claim's namespace that the number is registered to where its carrier asks for documents,
    for who uses the number is the claim's tenant and not the pool's owner. A number is bought under it, and one that is
    bound from the pool's stock is registered to it before it is routed; the claim gets no number before the bundle is
    approved, at a carrier of the pool. When the claim goes, the number goes back to the pool's bundle, and to nobody
    before that. When left out, the one that a NumberQuota of the claim's namespace names for that market, for a pool of
    another namespace; else the pool's own."""
    write_to: WriteTo | None = None
    """Where to write the number and its route, for a program that uses them: one Secret or one ConfigMap. The keys are
    number (E.164), digits, inService ("true", or "false" while no call or message may be expected to get through),
    reason (why not, as a word of conditions.reason; only with "false"), tenant, routingProfile, sipUri (the first SIP
    target), sipUris (all, one a line), voiceWebhook, voiceApplication, agent, agentProvider, messagingWebhook,
    messagingService and campaign: those of which there is something to say. The route is that of the RoutingProfile
    that the number follows."""
    emergency_address: EmergencyAddress | None = None
    """Emergency address (E911) of the number, set at carriers that take one while the claim holds the number. It goes
    before that of the RoutingProfile. How it stands is in the condition EmergencyAddressReady of the claim and of its
    PhoneNumber."""
    suspend: bool = False
    """True cuts the traffic of the bound number, as spec.suspend of its PhoneNumber does: the number is kept and
    billed. A claim that waits is not served."""


class ClaimPhase(StrEnum):
    WAITING = "Waiting"
    """The claim has no number yet."""
    BOUND = "Bound"
    """The claim holds a number."""
    FAILED = "Failed"
    """No number fitted when the claim was made, and spec.onNoStock is Fail: nothing is tried again."""


class BoundNumber(Part):
    """The number that the claim holds, and what its PhoneNumber tells of it, which may be in a namespace that you may
    not read."""

    name: str
    """Name of the PhoneNumber."""
    namespace: str
    """Namespace of the PhoneNumber."""
    number: str
    """The number in E.164 form, such as +14155550123."""
    region: str | None = None
    """City or state of the number, in the carrier's words, such as San Francisco, CA."""
    price: NumberPrice | None = None
    health: NumberHealth | None = None
    idle_since: Time | None = None
    """Time since which the number has had no call or message, when that is seven days or more: whoever needs it no more
    deletes the claim."""


class WrittenPlace(Part):
    """A Secret or ConfigMap that the number was written to."""

    kind: str
    """Secret or ConfigMap."""
    name: str
    """Name of the Secret or ConfigMap, in the claim's namespace."""


class ClaimMemory(Part):
    """The operator's own notes, not an interface: any version may change them. They say when the claim came, and where
    its number was written to."""

    ticket: int | None = None
    """Number of the claim in the order of arrival, which never changes: waiting claims are served by rising tickets."""
    written_to: tuple[WrittenPlace, ...] = ()
    """Where the number is written to, noted before it is. One that spec.writeTo does not name any more is deleted."""


class NumberClaimStatus(Status):
    """The claim as it is; written by the operator."""

    phase: Annotated[ClaimPhase | None, or_else(ClaimPhase, None)] = None
    """Where the claim stands."""
    phone_number: BoundNumber | None = None
    bound_at: MicroTime | None = None
    """Time at which the claim got its number."""
    time_to_bind: str | None = None
    """How long the claim waited, from its creation to its binding, such as 45ms or 3h10m."""
    place: int | None = None
    """Place of the claim in its pool's queue when that was last looked at; 1 is served next. Absent once bound."""
    memory: ClaimMemory = ClaimMemory.model_construct()


class NumberClaim(Resource):
    """One request for one number out of a pool. It is bound at once from the numbers that are ready, with no call to a
    carrier, and keeps its number until it is deleted; then the number rests before anybody else gets it. The claim made
    again under that name and tenant has it back at once."""

    plural: ClassVar = "numberclaims"
    singular: ClassVar = "numberclaim"
    short_names: ClassVar = ("nc",)
    selectable_fields: ClassVar = (".spec.poolRef.name", ".status.phase")
    columns: ClassVar = (
        Column("Ready", f"{READY}.status"),
        Column("Pool", ".spec.poolRef.name"),
        Column("Number", ".status.phoneNumber.number"),
        Column("Phase", ".status.phase"),
        Column("Place", ".status.place", "integer"),
        Column("Took", ".status.timeToBind"),
        REASON,
        Column("Tenant", ".spec.tenant", priority=1),
        AGE,
    )

    kind: str = "NumberClaim"
    spec: NumberClaimSpec
    status: NumberClaimStatus = NumberClaimStatus.model_construct()
