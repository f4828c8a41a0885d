"""Conditions and their reasons: what an object says about itself, born with the decision and written unchanged.

All reasons that Ringfleet ever writes are in `Reason`, so that alerts can rely on them; what each means to people, and
with which condition of which kind it is written, is in `api/conditions.py`.
`Ready` is always there; every other type is abnormal-true and present only while it is true (kstatus).

While the same is so, a message is the same, whenever it is looked at: it carries names, and no counter. A time is in it
only where a person has to write it and it was fixed when the state began, as in the pool's `ReleaseFrozen`. What moves
with each attempt is a field of the status (`nextAttemptTime`, `attempts`): in a message it would make a write at every
turn, and one event more.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    # Ready=True
    AT_TARGET = "AtTarget"
    REACHABLE = "Reachable"
    CONFIGURED = "Configured"
    COMPLETE = "Complete"
    ROUTED = "Routed"
    UNROUTED_BY_WISH = "NoRoutingWanted"
    BOUND = "Bound"
    OBSERVED = "Observed"
    WITHIN_LIMITS = "WithinLimits"
    APPROVED = "Approved"
    # in progress
    ORDERING = "Ordering"
    SEARCHING = "Searching"
    SUBMITTING = "Submitting"
    ROUTING = "Routing"
    ACTIVATING = "Activating"
    PROBING = "Probing"
    WAITING_FOR_PURCHASE_LOCK = "WaitingForPurchaseLock"
    WAITING_FOR_LISTING = "WaitingForListing"
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    PENDING_DOCUMENTS = "PendingDocuments"
    READING_REQUIREMENTS = "ReadingRequirements"
    FILING = "Filing"
    IN_REVIEW = "InReview"
    WAITING_FOR_BUNDLE = "WaitingForBundle"
    WAITING_FOR_NUMBER = "WaitingForNumber"
    COOLING = "Cooling"
    RELEASING = "Releasing"
    RELEASED = "Released"
    GROWING = "Growing"
    RAMPING = "Ramping"
    # a person must act
    ACCOUNT_MISSING = "AccountMissing"
    ACCOUNT_DELETED = "AccountDeleted"
    ACCOUNT_NOT_ALLOWED = "AccountNotAllowed"
    ACCOUNT_NOT_READY = "AccountNotReady"
    DUPLICATE_ACCOUNT = "DuplicateAccount"
    ROUTING_PROFILE_MISSING = "RoutingProfileMissing"
    SECRET_MISSING = "SecretMissing"
    SECRET_KEY_MISSING = "SecretKeyMissing"
    CREDENTIALS_REJECTED = "CredentialsRejected"
    INSUFFICIENT_FUNDS = "InsufficientFunds"
    MAX_NUMBERS_REACHED = "MaxNumbersReached"
    BUDGET_EXHAUSTED = "BudgetExhausted"
    PURCHASE_RATE_REACHED = "PurchaseRateReached"
    PRICE_ABOVE_CAP = "PriceAboveCap"
    AWAITING_APPROVAL = "AwaitingApproval"
    INVALID_SPEC = "InvalidSpec"
    UNSAFE_PLAN = "UnsafePlan"
    SUSPENDED = "Suspended"
    FROZEN = "Frozen"
    QUARANTINED = "Quarantined"
    POOL_MISSING = "PoolMissing"
    POOL_NOT_ALLOWED = "PoolNotAllowed"
    POOL_CANNOT_SERVE = "PoolCannotServe"
    NUMBER_MISSING = "NumberMissing"
    NUMBER_NOT_FREE = "NumberNotFree"
    BUNDLE_MISSING = "BundleMissing"
    MISSING_DOCUMENTS = "MissingDocuments"
    DOCUMENTS_UNREADABLE = "DocumentsUnreadable"
    DOCUMENTS_REJECTED = "DocumentsRejected"
    DOCUMENTS_REFUSED = "DocumentsRefused"
    DOCUMENTS_EXPIRED = "DocumentsExpired"
    NOT_SOLD = "NotSold"
    WRITE_REFUSED = "WriteRefused"
    RECONCILE_FAILED = "ReconcileFailed"
    BINDING_REFUSED = "BindingRefused"
    QUOTA_EXCEEDED = "QuotaExceeded"
    PAST_DUE = "PastDue"
    OTHER_CURRENCY = "OtherCurrency"
    RELEASE_FROZEN = "ReleaseFrozen"
    ORDERING_FROZEN = "OrderingFrozen"
    NOT_OURS = "NotOurs"
    NUMBER_TAKEN = "NumberTaken"
    PROFILE_TAKEN = "ProfileTaken"
    IN_USE = "InUse"
    LEFT_AT_CARRIER = "LeftAtCarrier"
    RELEASE_FORBIDDEN = "ReleaseForbidden"
    BELOW_LOW_WATERMARK = "BelowLowWatermark"
    EXHAUSTED = "PoolExhausted"
    CHANNELS_SHORT = "ChannelsShort"
    AREA_CODE_UNKNOWN = "AreaCodeUnknown"
    TOO_FEW_NUMBERS = "TooFewNumbers"
    MEMBERS_UNUSABLE = "MembersUnusable"
    CAMPAIGN_THROUGHPUT = "CampaignThroughput"
    BRAND_DAILY_LIMIT = "BrandDailyLimit"
    NUMBER_POOL_NOT_APPROVED = "NumberPoolNotApproved"
    TOO_MANY_QUARANTINED = "TooManyQuarantined"
    HARDLY_USED = "NumbersHardlyUsed"
    GUARDRAIL_OVERRIDDEN = "GuardrailOverridden"
    GUARDRAIL_HOLDS = "GuardrailHolds"
    CHURN_LIMIT_REACHED = "ChurnLimitReached"
    NO_DISPATCHER = "NoDispatcher"
    DISPATCHER_UNAVAILABLE = "DispatcherUnavailable"
    # the carrier must act
    CARRIER_UNAVAILABLE = "CarrierUnavailable"
    SEARCH_UNAVAILABLE = "SearchUnavailable"
    NO_STOCK = "NoStock"
    ORDER_REFUSED = "OrderRefused"
    ATTACH_REFUSED = "AttachRefused"
    PROFILE_REFUSED = "ProfileRefused"
    CATALOG_STALE = "CatalogStale"
    THROTTLED = "Throttled"
    CIRCUIT_OPEN = "CircuitOpen"
    LISTING_INCOMPLETE = "ListingIncomplete"
    LISTING_SHRUNK = "ListingShrunk"
    LISTING_FAILED = "ListingFailed"
    UNREADABLE = "UnreadableRows"
    SWEEP_REFUSED = "SweepRefused"
    LOST = "Lost"
    LEAD_TIME_DOUBLED = "LeadTimeDoubled"
    ORPHANS = "OrphansFound"
    DRIFTED = "RoutingDrifted"
    FALLBACK = "FallbackCarrier"
    # none of these
    UNRECOGNIZED = "Unrecognized"

    @classmethod
    def read(cls, word: str | None) -> Reason | None:
        """The reason in a stored status. A word that is not of this version is still a reason: a newer one wrote it."""
        if not word:
            return None
        return cls(word) if word in cls._value2member_map_ else cls.UNRECOGNIZED


@dataclass(frozen=True, slots=True)
class Condition:
    """One metav1 Condition without its times; the report adds those when the status really changes."""

    type: str
    status: bool
    reason: Reason
    message: str


def ready(reason: Reason, message: str) -> Condition:
    return Condition("Ready", True, reason, message)


def not_ready(reason: Reason, message: str) -> Condition:
    return Condition("Ready", False, reason, message)


def reconciling(reason: Reason, message: str) -> Condition:
    return Condition("Reconciling", True, reason, message)


def stalled(reason: Reason, message: str) -> Condition:
    return Condition("Stalled", True, reason, message)
