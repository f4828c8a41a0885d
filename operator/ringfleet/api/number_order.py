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
    """The highest monthly price of one number."""
    max_setup_price: Amount | None = None
    """The highest price of setting up one number."""
    budget: Amount | None = None
    """The money set aside for the order's first month, setups included. It buys no number beyond that."""
    currency: Currency = "USD"
    """The currency of all these amounts. Offers in another one are not taken."""


class Approval(StrEnum):
    AUTOMATIC = "Automatic"
    REQUIRED = "Required"


class NumberOrderSpec(Part):
    """What to buy. It can't change."""

    pool_ref: LocalRef
    """The pool that the numbers are for."""
    account_ref: AccountRef
    """The account that they are bought from."""
    sequence: Annotated[int, Field(ge=1)]
    """The pool's count of its orders; the order is named `<pool>-<sequence>`."""
    market: Market
    """What kind of numbers."""
    count: Annotated[int, Field(ge=1, le=100)]
    """How many."""
    limits: OrderLimits = OrderLimits()
    routing_profile_ref: LocalRef | None = None
    """The profile that the numbers get, unless one of them names another."""
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
    """The monthly price."""
    setup: Amount | None = None
    """The price of setting it up."""
    country: str | None = None
    """Its country."""
    type: NumberType | None = None
    """Its number type."""
    area_code: str | None = None
    """Its area code."""
    region: str | None = None
    """The city or state that the carrier gives for it."""
    capabilities: Annotated[tuple[Capability, ...], ListType("set")] = ()
    """What it can do."""
    needs_documents: bool | None = None
    """The carrier said beforehand that it asks for documents."""
    external_id: str | None = None
    """The carrier's id of the number, once bought."""
    reason: str | None = None
    """Why it failed or waits, in one word."""
    message: str | None = None
    """Why it failed or waits, in a sentence."""
    renews_at: Time | None = None
    """When its next month is billed."""
    documents_deadline: Time | None = None
    """When the carrier gives it up unless documents are approved."""


class OrderCounts(Part):
    """The items by state."""

    pending: int = 0
    """Chosen and not yet answered for: Pending or Submitting."""
    provisioned: int = 0
    """Bought."""
    pending_documents: int = 0
    """Bought, and waiting for documents."""
    failed: int = 0
    """Not bought."""
    unknown: int = 0
    """The answer was lost; being looked up."""


class OrderCost(Part):
    """What the items cost that were bought or may have been."""

    monthly: Amount
    """Every month."""
    setup: Amount
    """Once."""
    currency: Currency
    """The currency of both."""


class NumberOrderStatus(Status):
    """The record of the purchase; written by the operator."""

    phase: OrderPhase | None = None
    """Where the order stands. Parked: some numbers wait for documents. Failed: it ended and bought nothing."""
    key: str | None = None
    """The idempotency key under which the carrier knows this purchase."""
    source: Source | None = None
    """Live: chosen from a live search. Catalog: the search was down, and remembered offers were taken."""
    items: Annotated[tuple[OrderItem, ...], Field(max_length=100), ListType("map", ("number",))] | None = None
    """The chosen numbers; absent until they are chosen."""
    counts: OrderCounts | None = None
    cost: OrderCost | None = None
    attempts: int = 0
    """Tries in a row that did not get the order further."""
    next_attempt_time: Time | None = None
    """When it is tried again."""
    last_error: str | None = None
    """What went wrong at the last try, in a sentence."""
    recorded: bool = False
    """Every number bought has its PhoneNumber."""
    failure: str | None = None
    """Why the order bought less than it was to, in one word; the pool rests this carrier for it."""
    message: str | None = None
    """The same in a sentence."""
    started_at: Time | None = None
    """When it was first worked on."""
    completed_at: Time | None = None
    """When its last item had its outcome."""


class NumberOrder(Resource):
    """One bulk order of at most 100 numbers for one pool at one carrier account. The operator writes orders; their spec
    can't change. The status names every chosen number, its price, and what became of it."""

    plural: ClassVar = "numberorders"
    singular: ClassVar = "numberorder"
    short_names: ClassVar = ("norder",)
    selectable_fields: ClassVar = (".spec.poolRef.name", ".spec.accountRef.name")
    columns: ClassVar = (
        Column("Pool", ".spec.poolRef.name"),
        Column("Account", ".spec.accountRef.name"),
        Column("Count", ".spec.count", "integer"),
        Column("Provisioned", ".status.counts.provisioned", "integer"),
        Column("Pending", ".status.counts.pending", "integer"),
        Column("Documents", ".status.counts.pendingDocuments", "integer", priority=1),
        Column("Failed", ".status.counts.failed", "integer"),
        Column("Unknown", ".status.counts.unknown", "integer"),
        Column("Monthly", ".status.cost.monthly", priority=1),
        Column("Phase", ".status.phase"),
        Column("Reason", f"{READY}.reason", priority=1),
        AGE,
    )

    kind: str = "NumberOrder"
    spec: Annotated[
        NumberOrderSpec, immutable("spec", "an order is the record of a purchase; change its pool, which orders anew")
    ]
    status: NumberOrderStatus = NumberOrderStatus()
