"""`PhoneNumber`: one owned number, named by its digits.

The name makes buying twice into "already exists". What a person or the binder decides is spec; what the carrier says is
status. No ownerReference points from a number to anything: garbage collection must never reach one.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from ringfleet.api.meta import (
    AGE,
    READY,
    AccountRef,
    Amount,
    Column,
    Currency,
    ListType,
    LocalRef,
    Name,
    Namespace,
    Part,
    Quantity,
    Resource,
    Rule,
    Status,
    Time,
    immutable,
    known_only,
    or_else,
)
from ringfleet.model import Capability, NumberType, Phase
from ringfleet.model.policy import DeletionPolicy


class ClaimRef(Part):
    """The NumberClaim that holds the number."""

    namespace: Namespace
    """Namespace of the NumberClaim that holds the number."""
    name: Name
    """Name of the NumberClaim that holds the number."""
    uid: Annotated[str, Field(min_length=1, max_length=64)]
    """Uid of the NumberClaim. One of this namespace, name and tenant that came back from a backup has another uid, and
    takes the number up again."""
    tenant: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """spec.tenant of the NumberClaim when it was bound; absent without one."""
    rotation_set: Name | None = None
    """Name of the RotationSet that owns the NumberClaim; absent when none does."""


class FormerClaimRef(Part):
    """A NumberClaim that held the number."""

    namespace: Name
    """Namespace of the NumberClaim that held the number last."""
    name: Name
    """Name of the NumberClaim that held the number last."""
    tenant: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """spec.tenant of that NumberClaim, which for a RotationSet's is the set's messaging.brand; absent without one."""
    rotation_set: Name | None = None
    """Name of the RotationSet that owned that NumberClaim; absent when none did."""


class ManagementPolicy(StrEnum):
    MANAGE = "Manage"
    """The number is kept as its spec says."""
    OBSERVE = "Observe"
    """The number's state is reported, and nothing is changed at the carrier."""


class PhoneNumberSpec(Part):
    """What is decided about the number."""

    number: Annotated[
        str,
        Field(max_length=16),
        Rule(
            r'self.matches("^\\+[1-9][0-9]{6,14}$")',
            "write the number in E.164 form, a plus sign and digits without spaces, such as +14155550123",
        ),
        immutable("number", "each PhoneNumber is one number; make another PhoneNumber"),
    ]
    """The number in E.164 form, such as "+14155550123". The object is named by its digits. It can't change."""
    account_ref: Annotated[
        AccountRef, immutable("accountRef", "the number is held by the account that it was bought from")
    ]
    """CarrierAccount that holds the number. It can't change."""
    pool_ref: LocalRef | None = None
    """NumberPool of this namespace that the number belongs to; absent when it belongs to none. A person may write
    another pool of the same market, best while no claim holds the number: the next sweep marks it for that pool at the
    carrier."""
    order_ref: LocalRef | None = None
    """NumberOrder that bought the number; absent when no order of ours did."""
    claim_ref: ClaimRef | None = None
    """NumberClaim that holds the number; written by the operator when it is bound."""
    unbound_at: Time | None = None
    """Time at which the number's last claim let it go; the number rests from then on for its pool's reclaim.cooldown.
    Written by the operator."""
    last_claim_ref: FormerClaimRef | None = None
    """NumberClaim that let the number go last. While the number rests, its people have it back at once, before any
    other number: a claim of that namespace, name and tenant, or of that tenant, made again; of a RotationSet's, any
    claim of the set, or, once that is gone, of another set of the namespace with the same messaging.brand, or none like
    it. Not while the number is quarantined, labelled as spam, suspended or asked to go; and absent when it rests
    because it was seldom answered. Absent while a claim holds the number, unless another RotationSet had it before,
    whose use of it still counts on that day. Written by the operator."""
    routing_profile_ref: LocalRef | None = None
    """RoutingProfile of this namespace that says where calls and messages of the number go; its pool's when left out.
    Of several RoutingProfiles for one number that of its NumberClaim wins, then that of its PhoneNumber, then that of
    its NumberPool; a RotationSet or ProxyService gives its own to its claims."""
    suspend: bool = False
    """True cuts the number's traffic at the carrier, in the way that spec.suspendBy of its CarrierAccount says: by
    Parking incoming traffic only. The number is kept, and billed."""
    protected: bool = False
    """True: the number is never released, whatever policies say."""
    established: bool | None = None
    """True: the number was in use before it was adopted, and callers' networks know it: a RotationSet gives it its
    whole caps from the first day, without spec.ramp. Left out: it was not. `kubectl ringfleet adopt --established` and
    spec.adopt.established of a NumberPool set it."""
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    """What deleting this object means at the carrier. A number that was ordered begins with its pool's
    deletionPolicy."""
    management_policy: ManagementPolicy = ManagementPolicy.MANAGE
    """Whether the number is kept as its spec says, or only watched."""


class NumberPrice(Part):
    """What the number costs."""

    monthly: Amount
    """Monthly price of the number, in major units."""
    setup: Amount
    """Price of setting up the number, in major units, paid once when it was bought."""
    currency: Currency
    """ISO 4217 code of the currency of the number's price."""


class NumberRouting(Part):
    """The routing that the number was last given at the carrier."""

    profile: str | None = None
    """Name of the RoutingProfile that the number was last pointed at."""
    external_id: str | None = None
    """The carrier's id of the routing profile."""
    routed_at: Time | None = None
    """Time at which the carrier confirmed the routing."""
    calls: bool | None = None
    """False: the RoutingProfile says where messages go, and of no destination for calls, so that no Voice RotationSet
    uses the number. Absent else."""
    messages: bool | None = None
    """False: the RoutingProfile says where calls go, and of no destination for messages, so that no SMS RotationSet
    uses the number. Absent else."""
    campaign: str | None = None
    """The campaign that the RoutingProfile attaches the number to, so that a RotationSet of another one does not use it
    to send; absent when the profile names none."""


class Suspension(Part):
    """How we have stopped the number's traffic; written before the carrier is told, gone when it is resumed."""

    by: str
    """How the traffic was stopped.

    - Verb: By the carrier's own call for it.
    - Parking: By taking the number's routing off.
    """
    routing: str | None = None
    """The carrier's id of the routing that the number had when it was parked, and gets back; empty: it had none."""


class Farewell(Part):
    """The number was asked to go."""

    since: Time
    """Time at which the number was first seen to be asked to go. The hold counts from then."""
    cause: str
    """Who asked for the number to go.

    - Manual: A person, as `kubectl ringfleet release` does, by the annotation ringfleet.dev/release.
    - Surplus: The number's pool, which has more than it needs, by release.mode Automatic.
    - Deletion: Whoever has deleted the PhoneNumber object.
    - PoolDeletion: Whoever has deleted the pool, while the number's deletionPolicy is Release.
    """
    not_before: Time | None = None
    """Time before which the number does not go. Until the carrier is called, it can be taken back: by removing the
    annotation ringfleet.dev/release (cause Manual), or, whatever the cause, by setting spec.protected to true. A number
    whose object is deleted stays then, with its object."""


class NumberHealth(Part):
    """How the number is received by the people called."""

    answer_rate: Quantity | None = None
    """The share of its calls that were answered in the last seven days, from "0" to "1"; of messages, delivered. While
    there are few, it is drawn toward that of its rotation set, or else of its pool. It is written when it has moved by
    0.05, at most once an hour."""
    spam_label: str | None = None
    """Label that carriers or call analytics show for the number, such as Spam Likely, as the carrier's webhooks tell
    the dispatcher. Absent when they have told of none, which proves nothing."""
    attestation: str | None = None
    """STIR/SHAKEN level that the number's calls are signed with; absent when the carrier does not say.

    - A: The carrier vouches for the caller, and for the caller's right to the number.
    - B: The carrier vouches for the caller only.
    - C: The carrier vouches for neither.
    - NotApplicable: The carrier says nothing, and calls are signed in the US with its territories and in Canada only.
    """


class NumberCampaign(Part):
    """The registered campaign (in the US: A2P 10DLC) that the carrier lets the number send messages for. Each sweep of
    the CarrierAccount reads it, and puts the number into the campaign that its RoutingProfile names."""

    id: str = ""
    """The campaign, by the id that the RoutingProfile has for it, or else the carrier's; empty: it is in none."""
    state: str
    """How the number stands with the campaign. A RotationSet sends from an Assigned one only.

    - Assigned: The number sends for the campaign, which is approved.
    - Pending: The carrier has not finished yet: neither with the number nor, perhaps, with the campaign.
    - Failed: The carrier or the registry has said no: see message.
    - Unassigned: The number is in no campaign.
    """
    message: str | None = None
    """What the carrier says of a failure; absent when it says nothing."""


class RefusedAddress(Part):
    """The emergency address that the carrier did not take."""

    reference: str
    """What the address is known by at the carrier."""
    code: str = ""
    """The carrier's own word on why; empty: it gave none."""
    message: str = ""
    """What the carrier says of it. A sentence that quotes the address is kept back."""
    times: int = 1
    """How often in a row the carrier has refused the address."""
    again: Time
    """Time at which the carrier is asked again; another address at once."""


class NumberEmergency(Part):
    """The number's emergency address (E911), and how it stands at the carrier. The address itself is not here."""

    state: str | None = None
    """How the carrier says that the number stands; absent when it has not said.

    - Registered: The emergency services are told the number's address when it calls them.
    - Pending: The carrier is registering the address.
    - Removing: The carrier is taking an address off the number.
    - Failed: The carrier could not register the address, or not take it off.
    - Unregistered: The number has no address.
    """
    address: str | None = None
    """The carrier's id of the address that the number has; absent when it has none."""
    reference: str | None = None
    """What the address is known by at the carrier that we have set; absent when we have set none."""
    set_to: str | None = None
    """The carrier's id of the address that we have set; absent when we have set none."""
    setting: str | None = None
    """What the address is known by at the carrier that is being set; absent when none is."""
    refused: RefusedAddress | None = None


class NumberUsage(Part):
    """The number's traffic, as its carrier's webhooks tell the dispatcher; absent where they have told of none. It is
    written when it has moved by a step, and at most once an hour: a number at rest costs no write."""

    day: str | None = None
    """Last day with traffic that is over, in UTC; for a number of a RotationSet in its resetTimeZone."""
    calls: int = 0
    """How many calls the number made on that day; for a number of an SMS RotationSet, how many messages it sent."""
    messages: int = 0
    """How many messages the number sent on that day; 0 for a number of a RotationSet."""
    last_traffic: Time | None = None
    """Hour of the number's last call or message, made or received, when usage was last written: it is written when a
    day has gone by since."""
    open_calls: int = 0
    """How many calls were open at once when usage was last written, where there were two or more. It is written when
    they have doubled or halved."""
    at: Time | None = None
    """Time at which usage or health.answerRate was last written."""


class RefusedBundle(Part):
    """The compliance bundle that the carrier did not take for the number."""

    bundle: str
    """The carrier's id of the bundle."""
    code: str = ""
    """The carrier's own word on why; empty: it gave none that may be quoted."""
    times: int = 1
    """How often in a row the carrier has refused that bundle."""
    again: Time
    """Time at which the carrier is asked again."""


class NumberDocuments(Part):
    """The documents that the carrier wants before the number lives, and those that it has."""

    waits_for: str | None = None
    """ComplianceBundle that the number waits for, and its state at the carrier, such as "germany: InReview"."""
    attached: str | None = None
    """The carrier's id of the compliance bundle that the number carries."""
    registered_to: str | None = None
    """ComplianceBundle of a claim, as `namespace/name`, that the number is registered to, or just being so, in place of
    its pool's. Absent while it is registered to its pool's, or by somebody else."""
    refused: RefusedBundle | None = None


class NumberStep(Part):
    """One step in the number's life."""

    at: Time
    """Time at which the number came into the phase."""
    phase: str
    """Phase that the number came into: one of those of status.phase, or one that only a newer version knows."""
    reason: str
    """Reason of its Ready condition at that time."""
    by: str | None = None
    """Who made it do so: the NumberClaim that was bound or let it go, the NumberPool or RotationSet that asked, or the
    person, as annotation ringfleet.dev/requested-by has it; absent when it was the carrier, or nobody is known."""


class PhoneNumberStatus(Status):
    """The number as the carrier has it; written by the operator."""

    phase: Annotated[Phase | None, or_else(Phase, None)] = None
    """Where the number is in its life, in one word for people; the conditions are the truth."""
    external_id: str | None = None
    """The carrier's own id of the number; absent until the number was found at the carrier."""
    country: str | None = None
    """Country of the number, as its ISO 3166-1 alpha-2 code."""
    type: Annotated[NumberType | None, or_else(NumberType, None)] = None
    """Type of the number."""
    area_code: str | None = None
    """Area code of the number, such as 415."""
    region: str | None = None
    """City or state of the number, in the carrier's words, such as San Francisco, CA. It is no region of a
    RotationSet."""
    capabilities: Annotated[tuple[Capability, ...], known_only(Capability), ListType("set")] = ()
    """What the number can do, such as Voice and SMS."""
    price: NumberPrice | None = None
    purchased_at: Time | None = None
    """Time at which the number was bought."""
    renews_at: Time | None = None
    """Time at which the number's next month is billed."""
    documents: NumberDocuments | None = None
    documents_deadline: Time | None = None
    """Time at which the carrier takes the number back unless documents are approved. What was paid for it is lost
    then."""
    routing: NumberRouting | None = None
    foreign_mark: str | None = None
    """Mark that the carrier shows on the number, as rf/<installation>/<namespace>/<pool>, when it is of another
    installation or of another namespace: this object then leaves the number alone. Absent else."""
    drift: str | None = None
    """Sentence that says how the carrier's routing differs from ours; absent when it does not."""
    suspension: Suspension | None = None
    farewell: Farewell | None = None
    campaign: NumberCampaign | None = None
    """The campaign that the carrier lets the number send for; absent while the carrier has not said, and for a number
    that was never in one."""
    emergency: NumberEmergency | None = None
    """The number's emergency address; absent while it has had none, as far as is known."""
    health: NumberHealth | None = None
    usage: NumberUsage | None = None
    idle_since: Time | None = None
    """Time since which the number has had no call or message, made or received, when that is seven days or more;
    `kubectl ringfleet idle` lists such numbers. Silence counts only for as long as the carrier account has told the
    dispatcher of traffic of any of its numbers: absent in an account whose webhooks do not come."""
    cooling_until: Time | None = None
    """Time from which the number may be assigned again; absent when that is over."""
    free_since: Time | None = None
    """Time at which the operator found the number free to be assigned; absent while a claim has it."""
    history: Annotated[tuple[NumberStep, ...], Field(max_length=20)] = ()
    """The last twenty phases of the number, the newest last; `kubectl ringfleet tree pn/NAME` shows them."""


class PhoneNumber(Resource):
    """One owned number, named by its digits. The operator makes it when the number is bought. A person makes one for a
    number that the account holds already, best by `kubectl ringfleet adopt`; one that the account does not hold buys
    nothing. Deleting it does not give the number back unless its deletionPolicy is Release.

    What a person may annotate:

    - ringfleet.dev/quarantine: Takes the number out of use: no claim gets it and no set picks it, but its claim keeps
      it and its traffic goes on. The value says why.
    - ringfleet.dev/fraud: Stops the number's traffic at the carrier, as spec.suspend does, until it is removed; the
      value says why.
    - ringfleet.dev/release: Asks to give the number back for good; until the carrier is called, removing it takes that
      back. The value is the number, in E.164 form. `kubectl ringfleet release` writes it.
    - ringfleet.dev/acknowledge-release: Lets a deleted number go that is held and has no pool (reason ReleaseFrozen):
      it stays in the carrier account, and is billed. The value is the number, in E.164 form. `kubectl ringfleet
      acknowledge` writes it.
    """

    rules = (
        Rule(
            '"+" + self.metadata.name == self.spec.number',
            "metadata.name must be the digits of spec.number: for +14155550123 it is 14155550123",
            '"metadata.name must be the digits of spec.number: for %s it is %s"'
            '.format([self.spec.number, self.spec.number.replace("+", "")])',
            ".spec.number",
        ),
    )

    plural: ClassVar = "phonenumbers"
    singular: ClassVar = "phonenumber"
    short_names: ClassVar = ("pn",)
    selectable_fields: ClassVar = (
        ".spec.poolRef.name",
        ".spec.accountRef.name",
        ".spec.claimRef.uid",
        ".status.phase",
    )
    columns: ClassVar = (
        Column("Ready", f"{READY}.status"),
        Column("Phase", ".status.phase"),
        Column("Pool", ".spec.poolRef.name"),
        Column("Claim", ".spec.claimRef.name"),
        Column("Reason", f"{READY}.reason", priority=1),
        Column("Region", ".status.region", priority=1),
        Column("Monthly", ".status.price.monthly", priority=1),
        Column("Answered", ".status.health.answerRate", priority=1),
        Column("Label", ".status.health.spamLabel", priority=1),
        Column("Idle since", ".status.idleSince", priority=1),
        Column("Renews", ".status.renewsAt", priority=1),
        Column("Waits for", ".status.documents.waitsFor", priority=1),
        Column("Due", ".status.documentsDeadline", priority=1),
        Column("Leaves", ".status.farewell.notBefore", priority=1),
        Column("Account", ".spec.accountRef.name", priority=1),
        Column("Routing", ".status.routing.profile", priority=1),
        AGE,
    )

    kind: str = "PhoneNumber"
    spec: PhoneNumberSpec
    status: PhoneNumberStatus = PhoneNumberStatus.model_construct()
