"""`NumberOrder`: one bulk order of at most 100 numbers, for one pool at one carrier account.

Its spec never changes: it is the intent, written before the carrier is called. Its status is the record of the
purchase: the idempotency key and the chosen numbers are there before the carrier hears of them, and each item's outcome
after.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from ringfleet.api.market import AreaCode, Market
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
    Resource,
    Rule,
    Status,
    Time,
    immutable,
    known_only,
    or_else,
)
from ringfleet.model import Capability, ItemState, NumberType

NumberText = Annotated[
    str,
    Field(max_length=16),
    Rule(
        r'self.matches("^\\+[1-9][0-9]{6,14}$")',
        "write each number in E.164 form, a plus sign and digits without spaces, such as +14155550123",
    ),
]


class OrderLimits(Part):
    """What the order may spend."""

    max_monthly_price: Amount | None = None
    """The highest monthly price of one number, in major units, such as "3.00". No limit when left out."""
    max_setup_price: Amount | None = None
    """The highest price of setting up one number, in major units. No limit when left out."""
    budget: Amount | None = None
    """Money set aside for the order's first month, setups included, in major units. The order buys no number beyond
    that. Left out where neither limits.monthlyBudget of the pool nor a NumberQuota limits money: then count and price
    caps alone do."""
    currency: Currency = "USD"
    """ISO 4217 code of the currency of all amounts in limits. Offers in another currency are not taken."""


class Approval(StrEnum):
    AUTOMATIC = "Automatic"
    """The order runs by itself."""
    REQUIRED = "Required"
    """Nothing is bought before the order is annotated ringfleet.dev/approved=true, as `kubectl ringfleet approve` does.
    Which numbers, at which prices within spec.limits, is chosen only then. To refuse it, lower the pool's size.target
    or suspend the pool, then delete the order; else another one is written."""


class BundleRef(Part):
    """A ComplianceBundle."""

    namespace: Namespace
    """Namespace of the ComplianceBundle: that of the claims."""
    name: Name
    """Name of the ComplianceBundle."""


class ForClaims(Part):
    """What NumberClaims ask beyond the market, for which the order is made. An order for the pool's own stock, and for
    claims that take any number of it, has none."""

    capabilities: Annotated[tuple[Capability, ...], Field(max_length=4), ListType("set")] = ()
    """What every number must be able to do beside market.capabilities."""
    area_codes: Annotated[tuple[AreaCode, ...], Field(max_length=100)] = ()
    """Area codes to search before those of the market, the preferred one first."""
    area_code_required: bool = False
    """True: only numbers of these area codes are bought."""
    quotas_of: Namespace | None = None
    """Namespace of the claims, where limits.monthlySpend of its NumberQuotas has to leave what the numbers cost a month
    when they are chosen: they could not be bound to others. Absent when no such limit holds for the claims."""
    compliance_bundle_ref: BundleRef | None = None
    """ComplianceBundle of the claims' namespace that the numbers are bought under, in place of the pool's."""
    account_ref: AccountRef | None = None
    """CarrierAccount that the claims ask for: while it can't be ordered from, no other one is asked."""


class NumberOrderSpec(Part):
    """What to buy. It can't change."""

    rules = (
        Rule(
            "has(self.numbers) == (self.sequence == 0)",
            "an order names its numbers and has no sequence, or has a sequence and no numbers: those with a sequence "
            "are the pool's own",
            at=".numbers",
        ),
        Rule(
            "!has(self.numbers) || size(self.numbers) == self.count",
            "count is how many numbers are listed",
            '"count must be how many numbers are listed: %d".format([size(self.numbers)])',
            ".count",
        ),
        Rule(
            "!has(self.numbers) || !has(self.forClaims)",
            "an order that names its numbers is for no claims: leave forClaims out",
            at=".forClaims",
        ),
    )

    pool_ref: LocalRef
    """NumberPool that the numbers are for."""
    account_ref: AccountRef
    """CarrierAccount that the numbers are bought from."""
    sequence: Annotated[int, Field(ge=0)] = 0
    """The pool's count of its orders, from 1; the order is named `<pool>-<sequence>`, such as us-west-1. 0: a person's
    own order, which names its numbers."""
    market: Market
    """What kind of numbers."""
    for_claims: ForClaims | None = None
    count: Annotated[int, Field(ge=1, le=100)]
    """How many numbers to buy, from 1 to 100."""
    numbers: Annotated[
        tuple[NumberText, ...] | None,
        Field(min_length=1, max_length=100),
        Rule(
            "self.all(number, self.exists_one(other, other == number))",
            "a number is listed twice: list each once",
            '"numbers are listed twice: %s; list each once"'
            ".format([self.filter(number, !self.exists_one(other, other == number))])",
        ),
    ] = None
    """The very numbers to buy, in E.164 form, as `kubectl ringfleet order` writes them; left out: any of the market.
    Each is bought if the carrier offers it, it is of the market, and the pool's limits leave room for it, whether or
    not the pool lacks numbers; else its item fails and says why, and the others go on."""
    limits: OrderLimits = OrderLimits.model_construct()
    routing_profile_ref: LocalRef | None = None
    """The pool's RoutingProfile when the order was made, for the record: numbers follow the pool's of today. Of several
    RoutingProfiles for one number that of its NumberClaim wins, then that of its PhoneNumber, then that of its
    NumberPool; a RotationSet or ProxyService gives its own to its claims."""
    compliance_bundle_ref: LocalRef | None = None
    """The ComplianceBundle that is attached where a carrier asks for documents, unless forClaims names another."""
    approval: Approval = Approval.AUTOMATIC
    """Whether a person has to approve the order before anything is bought."""


class OrderPhase(StrEnum):
    AWAITING_APPROVAL = "AwaitingApproval"
    """A person has to approve the order first."""
    SEARCHING = "Searching"
    """Numbers are being searched and chosen."""
    SUBMITTING = "Submitting"
    """The chosen numbers are being bought, or looked up after a lost answer."""
    PARKED = "Parked"
    """The order is settled, and some of its numbers wait at the carrier for documents."""
    COMPLETE = "Complete"
    """The order is settled: every number has its outcome, and what was bought has its PhoneNumber."""
    FAILED = "Failed"
    """The order has ended and bought nothing; status.failure says why."""


class Source(StrEnum):
    LIVE = "Live"
    """A search at the carrier."""
    CATALOG = "Catalog"
    """The carrier's search was down, and offers of an earlier search were taken."""


class OrderItem(Part):
    """One number of the order, and what became of it."""

    number: str
    """The number, in E.164 form."""
    state: Annotated[ItemState, or_else(ItemState, ItemState.UNKNOWN)]
    """What has become of the number so far."""
    monthly: Amount | None = None
    """Monthly price of the number, in major units."""
    setup: Amount | None = None
    """Price of setting up the number, in major units."""
    currency: Currency | None = None
    """ISO 4217 code of the currency that the carrier bills the number in. The order's when left out."""
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
    needs_documents: bool | None = None
    """True: the carrier said beforehand that it asks for documents."""
    external_id: str | None = None
    """The carrier's id of the number, once bought."""
    routing: str | None = None
    """The carrier's id of the routing profile that the purchase itself has pointed the number at."""
    reason: str | None = None
    """One CamelCase word that says why the number was not bought.

    - NumberTaken: The number was sold to another, or is held already.
    - OfferExpired: The offer was too old.
    - PriceChanged: The carrier asks another price than it offered.
    - InsufficientFunds: The account has too little money.
    - AlreadyHeld: Of a number that the order names: it is ours already, or another order has chosen it.
    - NotOffered: Of a named number: the carrier does not offer it.
    - NotOfMarket: Of a named number: it is not what spec.market asks for.
    - PriceAboveCap: Of a named number: it costs more than price caps or quotas let it.
    - LimitReached: Of a named number: pool, quotas or account leave no more.
    - NotSent: The carrier could not be called, and never heard of it. The pool orders as many elsewhere.
    - CarrierRefused: Anything else; the item's message says what.
    """
    message: str | None = None
    """One sentence of the carrier that says why the number was not bought, or waits."""
    renews_at: Time | None = None
    """Time at which the number's next month is billed."""
    documents_deadline: Time | None = None
    """Time at which the carrier takes the number back unless documents are approved. What was paid for it is lost
    then."""


class OrderCounts(Part):
    """The items by state."""

    pending: int = 0
    """How many items are chosen and not yet answered for: Pending or Submitting."""
    provisioned: int = 0
    """How many items are bought and need nothing more."""
    pending_documents: int = 0
    """How many items are bought and wait for documents."""
    failed: int = 0
    """How many items were not bought."""
    unknown: int = 0
    """How many items had their answer lost. They are looked up, and count as bought until then."""


class OrderCost(Part):
    """What the items cost that were bought or may have been, as far as they are billed in the order's currency."""

    monthly: Amount
    """Monthly price of the items that were bought or may have been, in major units."""
    setup: Amount
    """Price of setting up the items that were bought or may have been, in major units, paid once."""
    currency: Currency
    """ISO 4217 code of the currency of the order's cost."""


class OfferToken(Part):
    """What the carrier knows a chosen offer by."""

    number: str
    """The number that is offered, in E.164 form."""
    token: str
    """The carrier's handle on the offer."""


class OrderMemory(Part):
    """The operator's own notes, not an interface: any version may change them. They say how the chosen numbers are
    asked for at the carrier."""

    tokens: Annotated[tuple[OfferToken, ...], ListType("map", ("number",))] = ()
    """What the carrier knows each chosen offer by, as far as it has given such a handle."""
    sent_to: str | None = None
    """The carrier's own id of the account that the numbers were sent to; absent before they were sent, and of a carrier
    that tells none."""
    recorded: Annotated[tuple[str, ...], ListType("set")] = ()
    """The numbers that have their PhoneNumber already, while others of the order are in doubt; empty when it has
    ended."""


class NumberOrderStatus(Status):
    """The record of the purchase; written by the operator."""

    phase: Annotated[OrderPhase | None, or_else(OrderPhase, None)] = None
    """Where the order stands."""
    key: str | None = None
    """The idempotency key under which the carrier knows this purchase."""
    source: Annotated[Source | None, or_else(Source, None)] = None
    """Where the offers come from that the order has chosen."""
    items: Annotated[tuple[OrderItem, ...], Field(max_length=100), ListType("map", ("number",))] | None = None
    """The numbers that were chosen; absent until they are."""
    counts: OrderCounts | None = None
    cost: OrderCost | None = None
    attempts: int = 0
    """How many tries in a row did not get the order further."""
    next_attempt_time: Time | None = None
    """Time at which the order is tried again."""
    last_error: str | None = None
    """One sentence that says what went wrong at the last try."""
    failure: str | None = None
    """One CamelCase word that says why the order bought less than it was to; the pool rests this carrier for it. What
    each word means, the description of conditions.reason says."""
    message: str | None = None
    """One sentence that says why the order bought less than it was to."""
    started_at: Time | None = None
    """Time at which the order was first worked on."""
    completed_at: Time | None = None
    """Time at which the order was done: every item has its outcome, and every number bought its PhoneNumber. Absent
    until then."""
    bundle: str | None = None
    """The carrier's id of the approved ComplianceBundle that numbers are bought with which need documents."""
    pool_uid: str | None = None
    """metadata.uid of the NumberPool that the numbers were chosen for. A pool that is made anew has another one."""
    abandoned_at: Time | None = None
    """Time at which the order was found to have lost its pool or account while it was being sent. It buys nothing more;
    what it has bought is looked up for a quarter of an hour from then on. What shows later a sweep adopts, or reports
    as an orphan (condition Orphans of the CarrierAccount)."""
    memory: OrderMemory = OrderMemory.model_construct()

    @property
    def done(self) -> bool:
        """Whether nothing is left to do: every number bought has its PhoneNumber."""
        return self.completed_at is not None


class NumberOrder(Resource):
    """One bulk order of at most 100 numbers for one pool at one carrier account. The operator writes orders; their spec
    can't change. A person may write one too, which names its numbers (spec.numbers), as `kubectl ringfleet order` does.
    The status names every chosen number, its price, and what became of it. Deleting an order gives no
    number back, and stops no purchase that the carrier has heard of. Limits and quotas count from finished orders too:
    leave them to the pool, which deletes them by itself (spec.ordering.historyLimit).

    What a person may annotate:

    - ringfleet.dev/approved: "true" lets an order buy that waits for approval. `kubectl ringfleet approve` writes it.
      Numbers and prices are chosen after that.
    """

    rules = (
        Rule(
            "self.spec.sequence != 0 || !self.metadata.name.startsWith(self.spec.poolRef.name + '-') || "
            "!self.metadata.name.substring(size(self.spec.poolRef.name) + 1).matches('^[0-9]+$')",
            "metadata.name must not be the pool's name and a count, which names the pool's own orders",
        ),
    )

    plural: ClassVar = "numberorders"
    singular: ClassVar = "numberorder"
    short_names: ClassVar = ("norder",)
    selectable_fields: ClassVar = (".spec.poolRef.name", ".spec.accountRef.name")
    columns: ClassVar = (
        Column("Ready", f"{READY}.status"),
        Column("Phase", ".status.phase"),
        Column("Pool", ".spec.poolRef.name", priority=1),
        Column("Account", ".spec.accountRef.name"),
        Column("Count", ".spec.count", "integer"),
        Column("Provisioned", ".status.counts.provisioned", "integer"),
        Column("Pending", ".status.counts.pending", "integer"),
        Column("Documents", ".status.counts.pendingDocuments", "integer", priority=1),
        Column("Failed", ".status.counts.failed", "integer"),
        Column("Unknown", ".status.counts.unknown", "integer"),
        Column("Monthly", ".status.cost.monthly", priority=1),
        Column("Reason", f"{READY}.reason", priority=1),
        AGE,
    )

    kind: str = "NumberOrder"
    spec: Annotated[
        NumberOrderSpec, immutable("spec", "an order is the record of a purchase; change its pool, which orders anew")
    ]
    status: NumberOrderStatus = NumberOrderStatus.model_construct()
