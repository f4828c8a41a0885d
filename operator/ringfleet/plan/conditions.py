"""Conditions and their reasons: what an object says about itself, born with the decision and written unchanged.

All reasons that Ringfleet ever writes are in `Reason`, so that alerts can rely on them; what each means to people, and
with which condition of which kind it is written, is in `api/conditions.py`.
`Ready` is always there; every other type is abnormal-true and present only while it is true (kstatus). What nothing but
a person ends (`NEEDS_A_PERSON`) is Stalled on every kind alike: `with_stalled` sees to that where a status is made.
What is as the spec wishes is Ready, also where the wish is to stand still (spec.suspend).

While the same is so, a message is the same, whenever it is looked at: it carries names, and no counter. A time is in it
only where a person has to write it and it was fixed when the state began, as in the pool's `ReleaseFrozen`. What moves
with each attempt is a field of the status (`nextAttemptTime`, `attempts`): in a message it would make a write at every
turn, and one event more.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    EMERGENCY_REGISTERED = "EmergencyRegistered"
    EMERGENCY_NOT_APPLICABLE = "EmergencyNotApplicable"
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
    ADOPTING = "Adopting"
    READING_REQUIREMENTS = "ReadingRequirements"
    READING_PRICES = "ReadingPrices"
    FILING = "Filing"
    REGISTERING = "Registering"
    IN_REVIEW = "InReview"
    WAITING_FOR_BUNDLE = "WaitingForBundle"
    WAITING_FOR_NUMBER = "WaitingForNumber"
    COOLING = "Cooling"
    EMERGENCY_PENDING = "EmergencyPending"
    RELEASING = "Releasing"
    RELEASED = "Released"
    GROWING = "Growing"
    RAMPING = "Ramping"
    # a person must act
    ACCOUNT_MISSING = "AccountMissing"
    ACCOUNT_DELETED = "AccountDeleted"
    ACCOUNT_CHANGED = "AccountChanged"
    ACCOUNT_NOT_ALLOWED = "AccountNotAllowed"
    ACCOUNT_NOT_READY = "AccountNotReady"
    DUPLICATE_ACCOUNT = "DuplicateAccount"
    ROUTING_PROFILE_MISSING = "RoutingProfileMissing"
    SECRET_MISSING = "SecretMissing"
    SECRET_KEY_MISSING = "SecretKeyMissing"
    CREDENTIALS_REJECTED = "CredentialsRejected"
    ACCOUNT_RESTRICTED = "AccountRestricted"
    INSUFFICIENT_FUNDS = "InsufficientFunds"
    SHARE_REACHED = "ShareReached"
    MAX_NUMBERS_REACHED = "MaxNumbersReached"
    BUDGET_EXHAUSTED = "BudgetExhausted"
    PURCHASE_RATE_REACHED = "PurchaseRateReached"
    PRICE_ABOVE_CAP = "PriceAboveCap"
    AWAITING_APPROVAL = "AwaitingApproval"
    INVALID_SPEC = "InvalidSpec"
    UNSAFE_PLAN = "UnsafePlan"
    SUSPENDED = "Suspended"
    BILLING_SUSPENDED = "BillingSuspended"
    FROZEN = "Frozen"
    LEDGER_SPLIT = "LedgerSplit"
    QUARANTINED = "Quarantined"
    POOL_MISSING = "PoolMissing"
    POOL_NOT_ALLOWED = "PoolNotAllowed"
    POOL_CANNOT_SERVE = "PoolCannotServe"
    NUMBER_MISSING = "NumberMissing"
    NUMBER_NOT_FREE = "NumberNotFree"
    BUNDLE_MISSING = "BundleMissing"
    AMBIGUOUS_BUNDLE = "AmbiguousBundle"
    MISSING_DOCUMENTS = "MissingDocuments"
    DOCUMENTS_UNREADABLE = "DocumentsUnreadable"
    DOCUMENTS_REJECTED = "DocumentsRejected"
    DOCUMENTS_REFUSED = "DocumentsRefused"
    DOCUMENTS_EXPIRED = "DocumentsExpired"
    NOT_SOLD = "NotSold"
    EMERGENCY_MISSING = "EmergencyMissing"
    EMERGENCY_UNREADABLE = "EmergencyUnreadable"
    EMERGENCY_UNSUPPORTED = "EmergencyUnsupported"
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
    NOT_ADOPTED = "NotAdopted"
    BELOW_LOW_WATERMARK = "BelowLowWatermark"
    EXHAUSTED = "PoolExhausted"
    CHANNELS_SHORT = "ChannelsShort"
    AREA_CODE_UNKNOWN = "AreaCodeUnknown"
    PLACES_SHORT = "PlacesShort"
    OTHER_MARKET = "OtherMarket"
    TOO_FEW_NUMBERS = "TooFewNumbers"
    NUMBERS_EXHAUSTED = "NumbersExhausted"
    NUMBERS_NEARLY_EXHAUSTED = "NumbersNearlyExhausted"
    MEMBERS_UNUSABLE = "MembersUnusable"
    CAMPAIGN_THROUGHPUT = "CampaignThroughput"
    BRAND_DAILY_LIMIT = "BrandDailyLimit"
    NUMBER_POOL_NOT_APPROVED = "NumberPoolNotApproved"
    TOO_MANY_QUARANTINED = "TooManyQuarantined"
    HARDLY_USED = "NumbersHardlyUsed"
    GUARDRAIL_OVERRIDDEN = "GuardrailOverridden"
    GUARDRAIL_HOLDS = "GuardrailHolds"
    FEWER_ANSWERED = "FewerAnswered"
    FEWER_DELIVERED = "FewerDelivered"
    SPAM_LABELLED = "SpamLabelled"
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
    EMERGENCY_REFUSED = "EmergencyRefused"
    CATALOG_STALE = "CatalogStale"
    THROTTLED = "Throttled"
    CIRCUIT_OPEN = "CircuitOpen"
    BALANCE_SPENT = "BalanceSpent"
    LISTING_INCOMPLETE = "ListingIncomplete"
    LISTING_SHRUNK = "ListingShrunk"
    LISTING_FAILED = "ListingFailed"
    UNREADABLE = "UnreadableRows"
    RECORDS_UNREAD = "RecordsUnread"
    SWEEP_REFUSED = "SweepRefused"
    STREAM_BROKEN = "StreamBroken"
    LOST = "Lost"
    LEAD_TIME_DOUBLED = "LeadTimeDoubled"
    ORPHANS = "OrphansFound"
    DRIFTED = "RoutingDrifted"
    FALLBACK = "FallbackCarrier"
    PRICE_UNKNOWN = "PriceUnknown"
    # none of these
    UNRECOGNIZED = "Unrecognized"

    @classmethod
    def read(cls, word: str | None) -> Reason | None:
        """The reason in a stored status. A word that is not of this version is still a reason: a newer one wrote it."""
        if not word:
            return None
        return cls(word) if word in cls._value2member_map_ else cls.UNRECOGNIZED


NEEDS_A_PERSON = frozenset(
    {
        # an object that is named is not there, or is not for this one
        *(Reason.ACCOUNT_MISSING, Reason.ACCOUNT_DELETED, Reason.ACCOUNT_NOT_ALLOWED, Reason.DUPLICATE_ACCOUNT),
        *(Reason.SECRET_MISSING, Reason.SECRET_KEY_MISSING, Reason.ROUTING_PROFILE_MISSING, Reason.BUNDLE_MISSING),
        *(Reason.POOL_MISSING, Reason.POOL_NOT_ALLOWED, Reason.NUMBER_MISSING, Reason.ACCOUNT_CHANGED),
        *(Reason.AMBIGUOUS_BUNDLE, Reason.ACCOUNT_RESTRICTED),
        # what is asked for can't be, or may not be
        *(Reason.INVALID_SPEC, Reason.CREDENTIALS_REJECTED, Reason.PROFILE_TAKEN, Reason.PROFILE_REFUSED),
        *(Reason.WRITE_REFUSED, Reason.BINDING_REFUSED, Reason.UNSAFE_PLAN, Reason.NOT_SOLD),
        Reason.POOL_CANNOT_SERVE,
        *(Reason.NOT_OURS, Reason.NUMBER_TAKEN, Reason.LOST, Reason.RELEASED, Reason.RELEASE_FORBIDDEN),
        *(Reason.DRIFTED, Reason.MEMBERS_UNUSABLE),
        # a limit
        *(Reason.MAX_NUMBERS_REACHED, Reason.BUDGET_EXHAUSTED, Reason.QUOTA_EXCEEDED, Reason.PRICE_ABOVE_CAP),
        Reason.INSUFFICIENT_FUNDS,
        # documents
        *(Reason.MISSING_DOCUMENTS, Reason.DOCUMENTS_UNREADABLE, Reason.DOCUMENTS_REFUSED, Reason.DOCUMENTS_REJECTED),
        Reason.ATTACH_REFUSED,
        # a person's own word, which another one has to take back, or to give
        *(Reason.SUSPENDED, Reason.FROZEN, Reason.QUARANTINED, Reason.RELEASE_FROZEN, Reason.ORDERING_FROZEN),
        Reason.AWAITING_APPROVAL,
    }
)
"""Why an object that is not ready stays so until a person acts: time, a carrier or another try ends none of these."""


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


def with_stalled(said: Iterable[Condition]) -> tuple[Condition, ...]:
    """What an object says, with Stalled where it is not ready, does nothing about that, and nothing but a person ends
    it. Where something goes on all the same, its maker says Reconciling, and is left alone."""
    said = tuple(said)
    first = next((one for one in said if one.type == "Ready"), None)
    if first is None or first.status or first.reason not in NEEDS_A_PERSON:
        return said
    if any(one.type in _OF_PROGRESS for one in said):
        return said
    return (*said, stalled(first.reason, first.message))


_OF_PROGRESS = frozenset({"Reconciling", "Stalled"})
