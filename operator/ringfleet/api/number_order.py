"""`NumberOrder`: one bulk order of at most 100 numbers, for one pool at one carrier account.

Its spec never changes: it is the intent, written before the carrier is called. Its status is the record of the
purchase: the idempotency key and the chosen numbers are there before the carrier hears of them, and each item's outcome
after.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from ringfleet.api.market import Market
from ringfleet.api.meta import (
    AGE,
    READY,
    AccountRef,
    Amount,
    Column,
    Currency,
    ListType,
    LocalRef,
    Part,
    Resource,
    Status,
    Time,
    immutable,
)
from ringfleet.model import Capability, ItemState, NumberType


class OrderLimits(Part):
    """What the order may spend."""

    max_monthly_price: Amount | None = None
    """The highest monthly price of one number, in major units, such as "3.00". No limit when left out."""
    max_setup_price: Amount | None = None
    """The highest price of setting up one number, in major units. No limit when left out."""
    budget: Amount | None = None
    """Money set aside for the order's first month, setups included, in major units. The order buys no number beyond
    that."""
    currency: Currency = "USD"
    """ISO 4217 code of the currency of all amounts in limits. Offers in another currency are not taken."""


class Approval(StrEnum):
    AUTOMATIC = "Automatic"
    REQUIRED = "Required"


class NumberOrderSpec(Part):
    """What to buy. It can't change."""

    pool_ref: LocalRef
    """NumberPool that the numbers are for."""
    account_ref: AccountRef
    """CarrierAccount that the numbers are bought from."""
    sequence: Annotated[int, Field(ge=1)]
    """The pool's count of its orders; the order is named `<pool>-<sequence>`."""
    market: Market
    """What kind of numbers."""
    count: Annotated[int, Field(ge=1, le=100)]
    """How many numbers to buy, from 1 to 100."""
    limits: OrderLimits = OrderLimits()
    routing_profile_ref: LocalRef | None = None
    """RoutingProfile that the numbers get, unless one of them names another."""
    compliance_bundle_ref: LocalRef | None = None
    """The ComplianceBundle that is attached where a carrier asks for documents."""
    approval: Approval = Approval.AUTOMATIC
    """Required: nothing is bought before the order is annotated ringfleet.dev/approved=true."""


class OrderPhase(StrEnum):
    AWAITING_APPROVAL = "AwaitingApproval"
    SEARCHING = "Searching"
    SUBMITTING = "Submitting"
    PARKED = "Parked"
    COMPLETE = "Complete"
    FAILED = "Failed"


class Source(StrEnum):
    LIVE = "Live"
    CATALOG = "Catalog"


class OrderItem(Part):
    """One number of the order, and what became of it."""

    number: str
    """The number, in E.164 form."""
    state: ItemState
    """Pending: chosen, nothing sent. Submitting: being sent. Provisioned: bought. PendingDocuments: bought, and waits
    for documents. Failed: not bought, see reason. Unknown: the answer was lost; it counts as bought until looked up."""
    token: str | None = None
    """The carrier's handle on the offer."""
    monthly: Amount | None = None
    """Monthly price of the number, in major units."""
    setup: Amount | None = None
    """Price of setting up the number, in major units."""
    currency: Currency | None = None
    """ISO 4217 code of the currency that the carrier bills the number in. The order's when left out."""
    country: str | None = None
    """Country of the number, as its ISO 3166-1 alpha-2 code."""
    type: NumberType | None = None
    """Number type."""
    area_code: str | None = None
    """Area code of the number, such as 415."""
    region: str | None = None
    """City or state that the carrier gives for the number."""
    capabilities: Annotated[tuple[Capability, ...], ListType("set")] = ()
    """What the number can do, such as Voice and SMS."""
    needs_documents: bool | None = None
    """True: the carrier said beforehand that it asks for documents."""
    external_id: str | None = None
    """The carrier's id of the number, once bought."""
    reason: str | None = None
    """One CamelCase word that says why the number was not bought, or waits."""
    message: str | None = None
    """One sentence that says why the number was not bought, or waits."""
    renews_at: Time | None = None
    """Time at which the number's next month is billed."""
    documents_deadline: Time | None = None
    """Time at which the carrier gives the number up unless documents are approved."""


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


class NumberOrderStatus(Status):
    """The record of the purchase; written by the operator."""

    phase: OrderPhase | None = None
    """Where the order stands. Parked: some numbers wait for documents. Failed: it ended and bought nothing."""
    key: str | None = None
    """The idempotency key under which the carrier knows this purchase."""
    source: Source | None = None
    """Live: chosen from a live search. Catalog: the search was down, and remembered offers were taken."""
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
    recorded: bool = False
    """True: every number bought has its PhoneNumber."""
    failure: str | None = None
    """One CamelCase word that says why the order bought less than it was to; the pool rests this carrier for it."""
    message: str | None = None
    """One sentence that says why the order bought less than it was to."""
    started_at: Time | None = None
    """Time at which the order was first worked on."""
    completed_at: Time | None = None
    """Time at which the last item had its outcome."""
    pool_uid: str | None = None
    """metadata.uid of the NumberPool that the numbers were chosen for. A pool that is made anew has another one."""
    abandoned_at: Time | None = None
    """Time at which the order was found to have lost its pool or account while it was being sent. It buys nothing more;
    what it has bought is looked up for a quarter of an hour from then on."""


class NumberOrder(Resource):
    """One bulk order of at most 100 numbers for one pool at one carrier account. The operator writes orders; their spec
    can't change. The status names every chosen number, its price, and what became of it."""

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
    status: NumberOrderStatus = NumberOrderStatus()
