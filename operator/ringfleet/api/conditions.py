"""The conditions of each kind and their reasons, as `kubectl explain <kind>.status.conditions` tells them.

The words are here, beside the fields' descriptions: what a condition says while it is True, which reasons it is written
with, and what each reason means. That they are those which the code writes, all of them and no others, is held by
tests/api/test_conditions.py; at every status that a controller writes in a unit test, the API server's double
(tests/controllers/api_double.py) looks whether kind, type and reason are told here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Told(NamedTuple):
    """What is told of one condition of one kind."""

    says: str
    """What is so while the condition is True."""
    reasons: tuple[str, ...]
    """The reasons that it is written with: with Ready, those of True first."""
    true: tuple[str, ...] = ()
    """Of Ready, the reasons that come with True."""


NEEDS_A_PERSON = frozenset(
    {
        *("AccountMissing", "AccountDeleted", "AccountNotAllowed", "DuplicateAccount", "SecretMissing"),
        *("SecretKeyMissing", "RoutingProfileMissing", "BundleMissing", "PoolMissing", "PoolNotAllowed"),
        *("NumberMissing", "InvalidSpec", "CredentialsRejected", "ProfileTaken", "ProfileRefused", "BindingRefused"),
        *("WriteRefused", "UnsafePlan", "NotSold", "NotOurs", "NumberTaken", "Lost", "Released", "ReleaseForbidden"),
        *("RoutingDrifted", "MembersUnusable", "MaxNumbersReached", "BudgetExhausted", "QuotaExceeded"),
        *("PriceAboveCap", "InsufficientFunds", "MissingDocuments", "DocumentsUnreadable", "DocumentsRefused"),
        *("DocumentsRejected", "AttachRefused", "Suspended", "Frozen", "Quarantined", "ReleaseFrozen"),
        *("OrderingFrozen", "AwaitingApproval", "PoolCannotServe", "AccountChanged"),
        *("AmbiguousBundle", "AccountRestricted"),
    }
)
"""With these, whatever is not ready stays so until a person acts (`plan/conditions.py`)."""
_LASTING = ("WriteRefused", "ReconcileFailed")
"""Why any object stands still: an error that nobody waits for and that does not pass."""
_UNCALLABLE = (
    *("AccountMissing", "AccountNotReady", "AccountNotAllowed", "Suspended", "SecretMissing", "SecretKeyMissing"),
    *("CredentialsRejected", "AccountRestricted", "AccountChanged", "InvalidSpec", "CarrierUnavailable", "Throttled"),
)
"""Why a CarrierAccount can't be called for what it holds already."""
_UNORDERABLE = (*_UNCALLABLE, "DuplicateAccount", "AccountDeleted")
"""Why a CarrierAccount can't be ordered from."""
_UNUSABLE = (
    *("AccountMissing", "AccountNotAllowed", "SecretMissing", "SecretKeyMissing", "CredentialsRejected"),
    *("AccountRestricted", "InvalidSpec", "DuplicateAccount", "AccountChanged"),
)
"""Why a bundle can't be filed through a CarrierAccount until a person acts."""
_OF_A_NUMBER = (
    *("Probing", "Activating", "PendingDocuments", "Registering"),
    *("BundleMissing", "AmbiguousBundle", "WaitingForBundle", "DocumentsRejected"),
    *("AttachRefused", "Routing", "RoutingProfileMissing", "RoutingDrifted", "Quarantined", "Releasing"),
    *("ReleaseFrozen", "ReleaseForbidden", "Frozen", "Released", "Lost", "NotOurs", "NumberTaken"),
    "NumberMissing",
    *_UNCALLABLE,
)
"""Why a number is not ready."""
_EMERGENCY = (
    *("EmergencyRegistered", "EmergencyNotApplicable", "EmergencyPending", "EmergencyRefused"),
    *("EmergencyMissing", "EmergencyUnreadable", "EmergencyUnsupported"),
)
"""How a number stands with its emergency address."""
_WORK_ON_A_NUMBER = ("Probing", "Activating", "PendingDocuments", "Registering", "Routing", "Suspended", "Releasing")
_BUNDLE_AWAITED = ("BundleMissing", "AmbiguousBundle", "WaitingForBundle", "DocumentsRejected", "ReadingRequirements")
"""Why an order waits for a ComplianceBundle."""
_BOUGHT_LESS = (
    *(
        "ShareReached",
        "NoStock",
        "PriceAboveCap",
        "BudgetExhausted",
        "InsufficientFunds",
        "OrderRefused",
        "SearchUnavailable",
    ),
    *("NumberTaken", "Unrecognized"),
)
"""Why an order bought less than it was to, which its pool remembers."""
_WORKING_ORDER = ("Searching", "Submitting", "Ordering", "OutcomeUnknown", "Frozen")
_WAITING_ORDER = ("AwaitingApproval", "WaitingForListing", "WaitingForPurchaseLock", "PurchaseRateReached", "Routing")


_CAMPAIGN = ("CampaignThroughput", "BrandDailyLimit", "NumberPoolNotApproved")
"""The limits of a campaign and a brand."""


def _ready(true: tuple[str, ...], *reasons: str, more: str = "") -> Told:
    """Ready with the reasons of True, then those of False. `more`: sentences that a reader of this kind needs."""
    says = f"the object is as its spec wishes; there from first sight. True with {_and(true)}, else False. {more}"
    return Told(says.rstrip(" ."), tuple(dict.fromkeys((*true, *reasons, *_LASTING))), true)


def _and(words: tuple[str, ...]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _reconciling(*reasons: str, says: str = "work goes on") -> Told:
    return Told(f"{says}; only while it is True", reasons)


def _stalled(*reasons: str) -> Told:
    says = (
        "nothing goes on before a person acts; only while it is True. With WriteRefused and ReconcileFailed it is "
        "tried again by itself all the same, and Stalled ends when a try succeeds"
    )
    return Told(says, tuple(dict.fromkeys((*reasons, *_LASTING))))


def _standing(ready: Told, reconciling: Told | None, *stalled: str, but: tuple[str, ...] = ()) -> dict[str, Told]:
    """Ready with the two that go with it. Stalled comes with each reason of a Ready that is False and that only a
    person ends, `but` some, and with those that are named."""
    of_ready = (reason for reason in ready.reasons if reason in NEEDS_A_PERSON and reason not in (*ready.true, *but))
    found = {"Ready": ready, "Stalled": _stalled(*of_ready, *stalled)}
    return found if reconciling is None else {"Ready": ready, "Reconciling": reconciling, "Stalled": found["Stalled"]}


CONDITIONS: Mapping[str, Mapping[str, Told]] = {
    "CarrierAccount": {
        **_standing(
            _ready(
                ("Reachable", "Suspended"),
                *("CarrierUnavailable", "CredentialsRejected", "DuplicateAccount", "AccountChanged", "InvalidSpec"),
                *("AccountRestricted", "SecretMissing", "SecretKeyMissing", "Throttled"),
            ),
            _reconciling("CarrierUnavailable", "Throttled"),
        ),
        "AnswerRateDropped": Told(
            "the numbers of the account, all together, are answered less, or their messages delivered less, than "
            "in the weeks before; it is over at nine tenths of that",
            ("FewerAnswered", "FewerDelivered"),
        ),
        "BalanceSpent": Told("the carrier says that the account has no money left", ("BalanceSpent",)),
        "CatalogStale": Told(
            "the carrier's search is down, and orders go on from what it offered last", ("CatalogStale",)
        ),
        "CircuitOpen": Told(
            "the last calls to the carrier all failed, and it is left alone for a while", ("CircuitOpen",)
        ),
        "Frozen": Told(
            "a person has frozen the account or everything, and no purchase of it is at the carrier any more; incoming "
            "calls go on",
            ("Frozen",),
        ),
        "InUse": Told("the account is being deleted, and stays while numbers or orders use it", ("InUse",)),
        "ListingFailed": Told(
            "the account's numbers can't be listed, and buying goes on without it", ("ListingFailed",)
        ),
        "ListingIncomplete": Told(
            "the carrier's list of our numbers ended early, and nothing is concluded from it", ("ListingIncomplete",)
        ),
        "ListingShrunk": Told(
            "the carrier lists far fewer of our numbers than before: none is Lost by that, and buying goes on",
            ("ListingShrunk",),
        ),
        "Orphans": Told("the carrier has numbers with our mark that no PhoneNumber can be made of", ("OrphansFound",)),
        "PurchaseRateReached": Told(
            "the account has bought spec.limits.purchasesPerHour numbers within the hour", ("PurchaseRateReached",)
        ),
        "RecordsUnread": Told(
            "what the carrier lists of messages or calls does not reach the dispatcher: a STOP whose webhook was lost "
            "is not heard",
            ("RecordsUnread",),
        ),
        "SearchUnavailable": Told(
            "the carrier's search is down, and no offers are remembered that could be bought", ("SearchUnavailable",)
        ),
        "StreamBroken": Told(
            "the sink of ours that the carrier should tell of messages is not there, or not active "
            "(spec.webhooks.inbound)",
            ("StreamBroken",),
        ),
        "SweepRefused": Told(
            "the API server or the carrier refused to adopt, mark or look up a number; it is tried again",
            ("SweepRefused",),
        ),
        "Throttled": Told("the carrier asks for fewer calls", ("Throttled",)),
        "Unreadable": Told(
            "the carrier lists numbers or offers that can't be read, and these are left alone", ("UnreadableRows",)
        ),
    },
    "ComplianceBundle": {
        **_standing(
            _ready(
                ("Approved", "Suspended"),
                *("ReadingRequirements", "Filing", "InReview", "OutcomeUnknown", "CarrierUnavailable"),
                *("MissingDocuments", "DocumentsUnreadable", "DocumentsRefused", "DocumentsRejected"),
                *("DocumentsExpired", "NotSold", "Suspended", *_UNUSABLE),
                more="Of several filings that stand in the way, the reason is that of one that needs a person, and the "
                "message tells of each",
            ),
            _reconciling(
                *("ReadingRequirements", "Filing", "InReview", "OutcomeUnknown", "CarrierUnavailable", "Approved"),
                "DocumentsExpired",
            ),
            "Suspended",
        ),
        "Complete": Told(
            "nothing that a carrier requires is missing; False while something is, and absent while it is not known "
            "what is required",
            ("Complete", "MissingDocuments", "DocumentsUnreadable"),
        ),
    },
    "NumberPool": {
        **_standing(
            _ready(
                ("AtTarget", "Suspended"),
                *("Ordering", "PendingDocuments", "Releasing", "Frozen", "RoutingProfileMissing", "OrphansFound"),
                *("MaxNumbersReached", "QuotaExceeded", "PurchaseRateReached", "OrderingFrozen", "UnsafePlan"),
                *("AwaitingApproval", "ReadingPrices"),
                *_BUNDLE_AWAITED,
                *_BOUGHT_LESS,
                *_UNORDERABLE,
                more="When none of several carriers can be ordered from, the reason is that of the first in "
                "spec.carriers that may be so again by itself, else of the first, and the message tells of each",
            ),
            _reconciling(
                *("Ordering", "OrphansFound", "Releasing", "PurchaseRateReached", "WaitingForBundle"),
                *("ReadingRequirements", "ReadingPrices", "NoStock", "OrderRefused", "SearchUnavailable"),
                "NumberTaken",
                *("CarrierUnavailable", "Throttled", "AccountNotReady", "Unrecognized"),
                says="numbers are on order or are to be ordered, or what keeps them from it ends by itself",
            ),
            "Suspended",
            but=("NumberTaken",),
        ),
        "AdoptionIncomplete": Told(
            "numbers that spec.adopt asks for are not adopted, or not yet; status.adoption names them",
            ("NotAdopted", "Adopting"),
        ),
        "AnswerRateDropped": Told(
            "the numbers of the pool, all together, are answered less, or their messages delivered less, than "
            "in the weeks before; it is over at nine tenths of that",
            ("FewerAnswered", "FewerDelivered"),
        ),
        "AreaCodeUnknown": Told(
            "an area code is listed that this version's numbering plan does not know", ("AreaCodeUnknown",)
        ),
        "BelowLowWatermark": Told(
            "available numbers and those on their way are fewer than the low watermark", ("BelowLowWatermark",)
        ),
        "CatalogStale": Told(
            "search is down at a carrier of the pool, and orders go on from what was offered last", ("CatalogStale",)
        ),
        "ChannelsShort": Told(
            "the RoutingProfile takes fewer calls at once than the numbers could bring", ("ChannelsShort",)
        ),
        "ComplianceReady": Told(
            "the pool's ComplianceBundles let it order at every carrier; False while one does not, absent where no "
            "carrier asks for documents",
            ("Approved", *_BUNDLE_AWAITED, "PendingDocuments"),
        ),
        "Exhausted": Told("the pool has numbers, and none of them is available", ("PoolExhausted",)),
        "FallbackCarrier": Told("orders go to another carrier than the preferred one", ("FallbackCarrier",)),
        "Frozen": Told(
            "a person has frozen the pool, its accounts or everything, and no purchase or release of it is at the "
            "carrier any more; incoming calls go on",
            ("Frozen",),
        ),
        "LeadTimeDoubled": Told("orders take twice as long as they used to", ("LeadTimeDoubled",)),
        "LimitReached": Told(
            "a limit of the pool or of its NumberQuota keeps it from ordering",
            ("MaxNumbersReached", "BudgetExhausted", "QuotaExceeded"),
        ),
        "OtherMarket": Told(
            "the pool has numbers that are not of its market, which are paid for and are no supply", ("OtherMarket",)
        ),
        "PlacesShort": Told(
            "a place has fewer free numbers than its share (spec.size.shares), and none is on order for it",
            ("PlacesShort",),
        ),
        "PriceUnknown": Told(
            "accounts of one preference are to be compared by price, and one offers its numbers in another currency "
            "than the pool orders in: it comes last among them",
            ("PriceUnknown",),
        ),
        "ReleaseFrozen": Told(
            "no number goes that was asked to; protect those that are to stay, then acknowledge", ("ReleaseFrozen",)
        ),
        "StockShort": Told(
            "no carrier has numbers that fit, or none at a price within the cap", ("NoStock", "PriceAboveCap")
        ),
    },
    "NumberOrder": {
        **_standing(
            _ready(
                ("Complete",),
                *_WORKING_ORDER,
                *_WAITING_ORDER,
                "PendingDocuments",
                *_BUNDLE_AWAITED,
                *_BOUGHT_LESS,
                *("MaxNumbersReached", "QuotaExceeded", "OrderingFrozen", "PoolMissing", "OtherMarket"),
                *_UNORDERABLE,
            ),
            _reconciling(
                *_WORKING_ORDER,
                *(reason for reason in _WAITING_ORDER if reason not in NEEDS_A_PERSON),
                *("PendingDocuments", "SearchUnavailable", "CarrierUnavailable", "Throttled", "AccountNotReady"),
                *("Suspended", "AccountDeleted", "AccountChanged", "PoolMissing", "QuotaExceeded"),
                "WaitingForBundle",
                says="the order has not ended: it is at work, or waits and goes on by itself. With Frozen, Suspended, "
                "QuotaExceeded, AccountDeleted, AccountChanged and PoolMissing what it has sent before is looked up, "
                "and nothing more is bought",
            ),
            *(*_BOUGHT_LESS, "PurchaseRateReached", "CarrierUnavailable", "Throttled", "OtherMarket"),
            "WaitingForBundle",
        ),
    },
    "PhoneNumber": {
        **_standing(
            _ready(("Routed", "NoRoutingWanted", "Cooling", "Observed", "Suspended"), *_OF_A_NUMBER),
            _reconciling(*_WORK_ON_A_NUMBER),
            *("Suspended", "PendingDocuments"),
        ),
        "DocumentsOutdated": Told(
            "the carrier does not take the newest approved documents for the number", ("AttachRefused",)
        ),
        "EmergencyAddressReady": Told(
            "nothing is amiss with the number's emergency address; it is there, True or False, while somebody has one "
            "for the number or requires one. Ready does not depend on it",
            _EMERGENCY,
        ),
        "ReleaseBlocked": Told("the number was asked to go, and stays", ("ReleaseForbidden", "PoolMissing")),
        "ReplaceAdvised": Told(
            "carriers show a spam label for the number, which a claim holds that is no RotationSet's", ("SpamLabelled",)
        ),
    },
    "NumberClaim": {
        **_standing(
            _ready(
                ("Bound", "Suspended"),
                *("WaitingForNumber", "NumberNotFree", "NoStock", "PoolMissing", "PoolNotAllowed", "NumberMissing"),
                *("NumberTaken", "Lost", "QuotaExceeded", "BindingRefused", "InvalidSpec", "Suspended", "Frozen"),
                *_OF_A_NUMBER,
                *("ReadingRequirements", "PoolCannotServe", "Unrecognized"),
                more="A claim that holds a number is as ready as its number, and says why not in the words of its "
                "PhoneNumber",
            ),
            _reconciling(
                *("WaitingForNumber", "NumberNotFree", "WaitingForBundle", "ReadingRequirements"), *_WORK_ON_A_NUMBER
            ),
            *("NoStock", "Suspended"),
        ),
        "EmergencyAddressReady": Told(
            "nothing is amiss with the emergency address of the number that the claim holds, in the words of its "
            "PhoneNumber",
            _EMERGENCY,
        ),
        "ReplaceAdvised": Told(
            "carriers show a spam label for the number that the claim holds; the claim keeps it all the same",
            ("SpamLabelled",),
        ),
    },
    "NumberQuota": {
        **_standing(
            _ready(
                ("WithinLimits", "QuotaExceeded", "PastDue", "BillingSuspended", "Suspended"),
                more="A limit that is used up is held, and bills are as spec.billing says: that is as it is wished",
            ),
            None,
        ),
        "OtherCurrencies": Told(
            "numbers are priced in another currency than limits.monthlySpend, which does not hold them",
            ("OtherCurrency",),
        ),
    },
    "RoutingProfile": {
        **_standing(
            _ready(
                ("Configured", "Suspended"),
                *("Routing", "ProfileTaken", "ProfileRefused"),
                *_UNCALLABLE,
                more="Of several accounts that do not have the profile, the reason is that of one that is not being "
                "told just now, and the message tells of each",
            ),
            _reconciling("Routing"),
            "Suspended",
        ),
        "Drifted": Told(
            "a carrier has the profile otherwise than it was told, and the profile is suspended", ("RoutingDrifted",)
        ),
        "InUse": Told("the profile is being deleted, and stays while numbers are routed by it", ("InUse",)),
    },
    "RotationSet": {
        **_standing(
            _ready(
                ("AtTarget", "Suspended"),
                *("Growing", "WaitingForNumber", "PoolMissing", "MembersUnusable", "InvalidSpec", "Frozen"),
                *("PoolNotAllowed", "PoolCannotServe", "QuotaExceeded", "BindingRefused"),
                *("BundleMissing", "AmbiguousBundle", "DocumentsRejected"),
            ),
            _reconciling("Growing", "WaitingForNumber"),
        ),
        "AnswerRateDropped": Told(
            "the numbers of the set, all together, are answered less, or their messages delivered less, than "
            "in the weeks before; it is over at nine tenths of that",
            ("FewerAnswered", "FewerDelivered"),
        ),
        "CampaignLimited": Told(
            "a limit of the campaign or brand keeps the set from sending what spec.dailyVolume asks",
            _CAMPAIGN,
        ),
        "CapacityShort": Told(
            "the set's numbers may do less today than is asked of them",
            ("TooFewNumbers", "Ramping", "MembersUnusable", *_CAMPAIGN),
        ),
        "ChurnLimited": Told(
            "flagged numbers are not replaced, because too many were within 30 days", ("ChurnLimitReached",)
        ),
        "Frozen": Told("a person has frozen all numbers of the set, and none is picked", ("Frozen",)),
        "GuardrailHolds": Told("more is asked for than a guardrail allows, and the default holds", ("GuardrailHolds",)),
        "GuardrailOverridden": Told("a guardrail is overridden by annotation", ("GuardrailOverridden",)),
        "LedgerSplit": Told(
            "two dispatchers with two ledgers serve the set, where each would allow the whole of every cap; the second "
            "is refused, and not ready",
            ("LedgerSplit",),
        ),
        "MembersUnusable": Told(
            "some of the set's numbers are used for nobody, for another reason than a quarantine",
            ("MembersUnusable",),
        ),
        "SnowshoePattern": Told(
            "few contacts go out from each of many numbers, which carriers fine", ("NumbersHardlyUsed",)
        ),
        "TooManyQuarantined": Told("more than a fifth of the set's numbers are quarantined", ("TooManyQuarantined",)),
        "UsageUnknown": Told(
            "the dispatcher does not tell the operator what the set's numbers do, so that no flagged one is "
            "quarantined; picks do not need the operator",
            ("NoDispatcher", "DispatcherUnavailable"),
        ),
    },
    "ProxyService": {
        **_standing(
            _ready(
                ("AtTarget", "Suspended"),
                *("Growing", "WaitingForNumber", "PoolMissing", "MembersUnusable"),
                *("PoolNotAllowed", "PoolCannotServe", "QuotaExceeded", "BindingRefused"),
                *("BundleMissing", "AmbiguousBundle", "DocumentsRejected"),
            ),
            _reconciling("Growing", "WaitingForNumber"),
        ),
        "Exhausted": Told("a participant got no number in the last hour", ("NumbersExhausted",)),
        "NearlyExhausted": Told(
            "a fifth more load, or one session more of the busiest participant, may find no number",
            ("NumbersNearlyExhausted",),
        ),
        "UsageUnknown": Told(
            "the dispatcher does not tell the operator of the service's sessions, so that spec.expected alone sizes "
            "it, and no number leaves it; sessions do not need the operator",
            ("NoDispatcher", "DispatcherUnavailable"),
        ),
    },
}
"""What each kind says. All but Ready, Complete, ComplianceReady and EmergencyAddressReady are there only while they are
True."""

REASONS: Mapping[str, str] = {
    "AccountChanged": "The CarrierAccount opens another account at the carrier than before (status.accountId), and "
    "what it has is at the old one: nothing is bought, swept or changed. Put the old credentials back, or annotate it "
    "with ringfleet.dev/accept-account. An order that was sent to the old account buys nothing at the new one.",
    "AccountDeleted": "The CarrierAccount is being deleted: nothing more is ordered through it.",
    "AccountMissing": "A CarrierAccount that is named does not exist: create it, or name one that does. Calls go on.",
    "AccountNotAllowed": "The CarrierAccount's spec.allowedNamespaces does not let in this namespace: its owner can "
    "add it. Calls go on.",
    "AccountNotReady": "The CarrierAccount is being reached for the first time.",
    "AccountRestricted": "The carrier knows the credentials of the CarrierAccount and lets it do nothing: see in the "
    "carrier's console whether the account is suspended, closed or in trial, and what its key may do. Nothing is "
    "bought or changed meanwhile; it is asked again by itself, at least every ten minutes.",
    "Activating": "The carrier has sold the number, and is activating it.",
    "Adopting": "The numbers that spec.adopt asks for are looked for with the next listing of the accounts.",
    "AmbiguousBundle": "Several ComplianceBundles are for this market at this carrier, and none is named: nothing is "
    "ordered before one is, in complianceBundleRef.",
    "Approved": "An approved ComplianceBundle is in force, or the carrier asks for no documents.",
    "AreaCodeUnknown": "An area code is not in this version's numbering plan; it is searched all the same.",
    "AtTarget": "The numbers that are asked for are there.",
    "AttachRefused": "The carrier does not take the approved documents for this number; it is asked again by itself.",
    "AwaitingApproval": "A person has to approve the order: `kubectl ringfleet approve norder/NAME`. Numbers and "
    "prices are chosen after that. To refuse it, lower the pool's size.target or suspend the pool, then delete the "
    "order.",
    "BalanceSpent": "The carrier says that the account has no money left: it may refuse to sell, and take numbers back "
    "when they renew. Add money at the carrier.",
    "BelowLowWatermark": "Supply is below the low watermark.",
    "BillingSuspended": "The bills are not paid (spec.billing Suspended, or PastDue for longer than spec.grace): every "
    "number that the namespace holds is suspended, its pools order nothing and its claims get no number.",
    "BindingRefused": "The API server refuses to bind the number to the claim, for what the message quotes; it is "
    "tried again by itself.",
    "Bound": "The claim holds a number.",
    "BrandDailyLimit": "spec.messaging.dailyLimit is below spec.dailyVolume, and the set has numbers for the limit "
    "only; or below what is asked of a set with spec.size.",
    "BudgetExhausted": "The rest of limits.monthlyBudget, or of a NumberQuota's monthlySpend, buys no number: raise "
    "it, or wait for the next month in UTC. Numbers that are there are kept, and renew.",
    "BundleMissing": "No ComplianceBundle of the namespace is for this market at this carrier: create one, or list the "
    "CarrierAccount in spec.carriers of one.",
    "CampaignThroughput": "spec.messaging.messagesPerMinute is too low for spec.dailyVolume, and the set has numbers "
    "for that throughput only; or too low for what is asked of a set with spec.size.",
    "CarrierUnavailable": "The carrier does not answer, or not in a way that can be read; it is asked again by itself.",
    "CatalogStale": "Search is down; offers of an earlier search are taken while they are fresh.",
    "ChannelsShort": "The channels behind the numbers take fewer calls at once than the numbers bring.",
    "ChurnLimitReached": "health.maxChurnPercent of the numbers were replaced within 30 days.",
    "CircuitOpen": "Too many calls in a row failed: the carrier is left alone for a while.",
    "Complete": "Everything is there.",
    "Configured": "The profile is complete, and the carriers know it.",
    "Cooling": "The number rests after its last claim.",
    "CredentialsRejected": "The carrier does not take the credentials of the CarrierAccount: put the right ones into "
    "its Secret, which is read again by itself. Nothing is bought or changed meanwhile, and calls go on.",
    "DispatcherUnavailable": "The dispatcher does not answer the operator. If it answers nobody, no number is picked, "
    "and contacts wait; calls under way and incoming ones go on.",
    "DocumentsExpired": "The carrier's approval is over: orders wait, and the bundle is filed anew by itself. Numbers "
    "in use stay as they are; whether they may go on is the carrier's rule.",
    "DocumentsRefused": "The carrier's check before a review finds faults, or the carrier does not take a part of the "
    "bundle: nothing is reviewed. Change what the message names, also in a Secret: it is filed anew by itself.",
    "DocumentsRejected": "The carrier has reviewed the ComplianceBundle and says no, for its status.filings.reasons. "
    "Change what they name, also in a Secret: it is filed anew by itself. Orders wait unless an older approval is in "
    "force.",
    "DocumentsUnreadable": "A Secret, ConfigMap or file that the bundle names can't be read: nothing is filed, and it "
    "is read again by itself.",
    "DuplicateAccount": "An older CarrierAccount is the same account at the carrier (status.accountId), and is the one "
    "that buys and sweeps; this one only looks after the numbers that it has. Let the pools' spec.carriers name the "
    "older one, which lets other namespaces in by spec.allowedNamespaces, and delete this one when it has no number.",
    "FallbackCarrier": "The preferred carrier can't be ordered from now, and the last order went to another one.",
    "Filing": "The bundle is being filed at the carrier.",
    "Frozen": "A person has frozen a NumberPool or CarrierAccount (annotation ringfleet.dev/frozen), or everything "
    "(the ConfigMap ringfleet-freeze in the operator's own namespace): nothing is bought, given back, bound or picked "
    "there, and incoming calls go on. `kubectl ringfleet thaw` ends it.",
    "Growing": "Claims are being made.",
    "GuardrailHolds": "The spec asks for more than a guardrail allows; an annotation would have to override it.",
    "GuardrailOverridden": "An annotation override.ringfleet.dev/<guardrail> weakens a guardrail.",
    "InReview": "The carrier reviews the bundle.",
    "InUse": "It is deleted, and numbers still use it.",
    "InsufficientFunds": "The account at the carrier has too little money: add some there. The pool tries again by "
    "itself, at least every ten minutes.",
    "InvalidSpec": "Something in a spec can't be meant, or does not fit together; the message names the field.",
    "LeadTimeDoubled": "The last orders took twice as long as those before.",
    "LedgerSplit": "Two ledgers are announced for the same sets. Let one dispatcher run, or several with one "
    "PostgreSQL ledger, or give them namespaces that differ.",
    "ListingFailed": "The carrier does not list the account's numbers; it is asked again by itself, and buying goes "
    "on.",
    "ListingIncomplete": "A listing of the carrier ended early: nothing is concluded from it, and it is listed again "
    "by itself.",
    "ListingShrunk": "A listing of the carrier shows under 80 percent of the numbers of the one before, less those "
    "given back since: nothing is concluded from it, and buying goes on. Look into the carrier's console, and whether "
    "spec.endpoint and the Secret still open the same account; only if numbers are really gone, write the annotation "
    "ringfleet.dev/accept-listing.",
    "Lost": "The carrier shows the number no more: ask the carrier what became of it. It counts for no size or limit, "
    "and if it was free, its pool buys another one. It comes back by itself when the carrier shows it again; if it is "
    "gone for good, delete its PhoneNumber.",
    "ShareReached": "The account has its share of the pool, spec.spread.maxShare, and no other one can bring what is "
    "missing: raise the share, or mend the others.",
    "MaxNumbersReached": "The pool holds limits.maxNumbers numbers: it buys no more until that is raised. Numbers that "
    "are there work on.",
    "MembersUnusable": "Numbers of the set can't be used: no route, no approved campaign, too low an attestation or "
    "another thing that the message names.",
    "MissingDocuments": "Something that the carrier requires is not in the bundle: status.filings.missing names it. "
    "Nothing is filed, and orders wait unless an older approval is in force.",
    "NoDispatcher": "The operator was given no dispatcher (RINGFLEET_DISPATCHER). Programs that reach a dispatcher are "
    "given numbers all the same.",
    "NoRoutingWanted": "The number works, and claim, number and pool name no RoutingProfile.",
    "NoStock": "No number that fits is to be had: allow more area codes, or list another CarrierAccount. The pool asks "
    "again by itself, at least every ten minutes.",
    "NotAdopted": "A number that spec.adopt asks for can't be had, for what the message and status.adoption say: it is "
    "another installation's, another pool's or of another market, no account of spec.carriers has it, or the list "
    "can't be read. Correct the list, or free the number; it is looked at again with each listing.",
    "NotOurs": "The carrier shows another installation's mark on the number: it is left alone, and calls go on as they "
    "are routed there. When the cluster was made anew, give the operator its old id (status.installation of the "
    "CarrierAccount); else delete this object, or set spec.managementPolicy to Observe.",
    "NotSold": "The carrier sells no such numbers in this country.",
    "NumbersExhausted": "There was no proxy number for a participant: the problem document of the refusal names the "
    "class, whose leg it was, and what would help.",
    "NumbersNearlyExhausted": "The service has fewer numbers that may be given than a little more load would take.",
    "NumberMissing": "The number that is named does not exist where it is named.",
    "NumberNotFree": "The number that spec.phoneNumberName names is bound, rests or is stopped.",
    "NumberPoolNotApproved": "49 US numbers of a campaign may send unless spec.messaging.numberPool is Approved.",
    "NumberTaken": "Another PhoneNumber object stands for the number: this one does nothing.",
    "NumbersHardlyUsed": "The set has more numbers than its traffic needs.",
    "Observed": "The number is seen at the carrier, and only observed (spec.managementPolicy).",
    "OrderRefused": "The carrier refused every number of the order, or the order itself, for what the message quotes: "
    "mend that in its console, or change the pool's market. The pool orders again by itself, at least every hour; a "
    "change of the pool, or of a CarrierAccount that says what is wrong with it, has it order at once.",
    "Ordering": "Numbers are on order, or were bought and are being written down.",
    "OrderingFrozen": "Nothing is bought in place of numbers that were asked to go and are held: let them go or take "
    "them back, see ReleaseFrozen. Or nothing is bought because the namespace or kind PhoneNumber is being deleted, or "
    "because an order of the pool can't be read, which a newer version has written.",
    "OrphansFound": "Numbers with our mark, which are billed, have no PhoneNumber, and no pool may adopt them: the "
    "message says what would let one.",
    "OtherCurrency": "Something is priced in another currency than the limit, and nothing is converted.",
    "OtherMarket": "Numbers, or an order, are not of the pool's spec.market: an older pool of its name bought them, or "
    "spec.market was edited. Such numbers are paid for and are no supply; such an order buys nothing more.",
    "OutcomeUnknown": "The carrier's answer was lost; it is looked up before anything is repeated.",
    "PastDue": "The bills are late: until spec.grace is over all goes on, and then the same happens as with "
    "spec.billing Suspended.",
    "PendingDocuments": "Numbers are bought and billed, and wait at the carrier for documents: status.documents of "
    "each PhoneNumber says for which.",
    "PlacesShort": "Free numbers of a place are fewer than its share of size.target: its carriers have none, a limit "
    "is reached, or the pool has its target with numbers of other places, which it does not give back for that.",
    "PoolCannotServe": "What the claim must have, the NumberPool can never give: nothing is ordered for it. The "
    "message says what; change the one or the other.",
    "PoolExhausted": "The pool holds numbers, and none is free.",
    "PoolMissing": "The NumberPool does not exist, or not any more.",
    "PoolNotAllowed": "The NumberPool's spec.allowedNamespaces does not let in this namespace.",
    "PriceAboveCap": "All offers are above limits.maxMonthlyPrice or maxSetupPrice, or in another currency than "
    "limits.currency: the message names the cheapest with its currency. The pool asks again by itself, at least every "
    "ten minutes.",
    "PriceUnknown": "Offers in two currencies can't be compared: give accounts of one currency one preference.",
    "Probing": "The number is looked up at the carrier.",
    "ProfileRefused": "A carrier refuses the profile, for what the message says; it is told again by itself. Until "
    "then no number is newly routed by the profile there.",
    "ProfileTaken": "A carrier has another profile under our reference, which is not overwritten: rename or delete it "
    "there, as the message says. Until then no number is newly routed by the profile there.",
    "PurchaseRateReached": "The CarrierAccount has bought limits.purchasesPerHour numbers: it goes on by itself.",
    "Quarantined": "The annotation ringfleet.dev/quarantine takes the number out of use: no claim gets it, no set "
    "picks it, and its traffic goes on. Removing the annotation brings it back.",
    "QuotaExceeded": "A NumberQuota of the namespace leaves no room, or says that the bills are not paid.",
    "Ramping": "New numbers may do less than their caps (spec.ramp).",
    "Reachable": "The carrier answers.",
    "ReadingPrices": "Accounts of one preference are being asked what they offer: the cheaper one gets the order.",
    "ReadingRequirements": "It is being asked which documents the carrier wants.",
    "ReconcileFailed": "An error that lasts: the message says where it came from, and a person has to look at it. It "
    "is tried again by itself.",
    "ReleaseForbidden": "The number was asked to go and stays, for it is claimed, protected or only observed, or the "
    "pool's release.mode is Never. It works and is billed on; to keep it, nothing has to be done.",
    "ReleaseFrozen": "More than 5 numbers of a pool (more than 5 percent, where it has under 100; never for one alone) "
    "were asked to go within ten minutes, or some while the operator was away, or their namespace or kind is being "
    "deleted: none goes, and calls go on. To keep a number, set its spec.protected to true, or remove its annotation "
    "ringfleet.dev/release. Then `kubectl ringfleet acknowledge` lets all others go, and a number that was given back "
    "can't be got again.",
    "Released": "The number was given back to the carrier.",
    "RecordsUnread": "What the carrier lists of messages or calls can't be read, or the dispatcher doesn't take it.",
    "Registering": "The number is being registered at its carrier to the ComplianceBundle of who has it now.",
    "Releasing": "Numbers were asked to go, and are being let go.",
    "Routed": "The number works, and is routed by its RoutingProfile.",
    "Routing": "The number is being routed at the carrier, or its routing taken off; the profile is being told there.",
    "RoutingDrifted": "The carrier has another routing than it was told: calls go where the carrier has it.",
    "RoutingProfileMissing": "The RoutingProfile that is named does not exist: create it, or correct the name. Numbers "
    "keep the routing that they have, and new ones do not become Available.",
    "SearchUnavailable": "The carrier's search is down; it is tried again by itself.",
    "Searching": "Numbers are being searched.",
    "SecretKeyMissing": "The Secret of the CarrierAccount has no text under a key that is needed: add it. Nothing is "
    "bought or changed meanwhile, and calls go on.",
    "SecretMissing": "The Secret of the CarrierAccount does not exist: create it. Nothing is bought or changed "
    "meanwhile, and calls go on.",
    "EmergencyMissing": "spec.emergencyAddressRequired of the RoutingProfile is true, and the number has no "
    "emergency address: write spec.emergencyAddress in that profile, or in the NumberClaim. Calls go on.",
    "EmergencyNotApplicable": "The number makes no calls, or its carrier registers no emergency addresses for numbers "
    "of its country: there is nothing to set.",
    "EmergencyPending": "The emergency address is being set, or the carrier is registering it, or is taking the "
    "former one off. It goes on by itself.",
    "EmergencyRefused": "The carrier does not take the emergency address, or could not register it: the message has "
    "its code and sentence. Correct spec.emergencyAddress of the RoutingProfile or NumberClaim that the message names; "
    "one that was refused is tried again as it is, ever more seldom.",
    "EmergencyRegistered": "The emergency services are told the number's address when it calls them.",
    "EmergencyUnreadable": "The Secret that is to hold the emergency address does not exist, or holds none that can be "
    "set: the message says what is missing. The number keeps the address that it has. The Secret is read again with "
    "each sweep of the CarrierAccount.",
    "EmergencyUnsupported": "An emergency address is wished or required, and the number's carrier takes none by its "
    "API: register it in the carrier's console, or use a number of another carrier.",
    "FewerAnswered": "Of at least 100 calls of the last 24 hours, or else of the last seven days, surely less than "
    "three quarters of the share was answered that was in the weeks before, 35 days in all, by 95 % Wilson intervals "
    "of both. Look at labels, attestation, routes and what is called.",
    "FewerDelivered": "The same of messages, by those that were delivered. Look at filters, the campaign's "
    "registration and what is sent.",
    "SpamLabelled": "Carriers show a label such as Spam Likely for the number to the people it calls, who hardly "
    "answer then: have it taken off at the carrier, or use another number.",
    "Submitting": "Numbers are being bought.",
    "Suspended": "spec.suspend is true: here, which is as wished (Ready is True), or of the account, pool or profile "
    "that the message names.",
    "StreamBroken": "The carrier does not tell the dispatcher of messages by its event stream: the message says why. "
    "With spec.webhooks.inbound Auto they are relayed meanwhile; a STOP is in the list of messages, too.",
    "SweepRefused": "A number could not be adopted, marked, looked up or put into the trust product.",
    "Throttled": "The carrier has answered that it was called too often.",
    "TooFewNumbers": "The set has fewer numbers than it wants, or too many of them rest at once.",
    "TooManyQuarantined": "More than a fifth of the numbers are quarantined.",
    "UnreadableRows": "The carrier has sent rows that can't be read.",
    "Unrecognized": "A newer version of Ringfleet wrote a reason that this one does not know.",
    "UnsafePlan": "The last check has refused an order beyond a limit: a defect of Ringfleet, please report it. The "
    "pool orders nothing until it plans another order, as after a change of its size or limits; numbers that are there "
    "work on.",
    "WaitingForBundle": "The ComplianceBundle for this market is not approved yet, or not any more: the message says "
    "how it stands.",
    "WaitingForListing": "The carriers have not been listed yet, and the numbers may have been bought before: nothing "
    "is bought until they are.",
    "WaitingForNumber": "No free number fits: the claim waits in the queue, and is bound by itself when one does. The "
    "pool's Ready says whether numbers are coming.",
    "WaitingForPurchaseLock": "Another order of the account is at the carrier: they go one at a time.",
    "WithinLimits": "No limit is reached.",
    "WriteRefused": "The API server refuses to write something: a quota, a right or a policy stands in the way, which "
    "a person has to mend. It is tried again by itself.",
}
"""What each reason means."""

REASONS_OF: Mapping[str, Mapping[str, str]] = {
    "CarrierAccount": {
        "Suspended": "spec.suspend is true: nothing is called at the carrier, and calls go on.",
    },
    "ComplianceBundle": {
        "Approved": "The carrier has approved the bundle, or asks for no documents.",
        "Complete": "Nothing that a carrier requires is missing.",
        "Suspended": "With Ready True: spec.suspend is true, and nothing is sent, no renewal either; what is approved "
        "stays in use until it expires. With Ready False: a CarrierAccount is suspended.",
    },
    "NumberClaim": {
        "InvalidSpec": "A wished area code can be none in the pool's country.",
        "Lost": "The carrier shows the claim's number no more. The claim keeps it and gets no other one: wait until it "
        "comes back by itself, or delete the claim and make another one.",
        "NoStock": "No number fitted when the claim was made, and spec.onNoStock is Fail: make another claim.",
        "NumberTaken": "The PhoneNumber that the claim holds does not stand for its number any more: another object or "
        "installation does. Delete the claim and make another one.",
        "Suspended": "With Ready True: spec.suspend is true, and the claim is not served, or its number's traffic is "
        "stopped. With Ready False: its number's traffic is stopped, or about to be, for another reason.",
        "WriteRefused": "The Secret or ConfigMap of spec.writeTo can't be written, or is somebody else's: the claim "
        "keeps its number. Name another one, or delete that one. Or something else can't be written.",
    },
    "NumberOrder": {
        "Complete": "Every number of the order has its outcome.",
        "InvalidSpec": "spec.endpoint of the CarrierAccount can't be meant, or the order's currency is not that of its "
        "pool or NumberQuota any more: the pool makes another order in that of today. The message says which.",
        "NumberTaken": "Others bought every number of the order first: its pool orders other ones.",
        "OutcomeUnknown": "The carrier's answer was lost: the numbers count as bought until they are looked up, which "
        "goes on by itself. Do not buy by hand meanwhile.",
        "Routing": "The account is being told the pool's RoutingProfile: the purchase then routes the numbers.",
        "PoolMissing": "The order's pool is gone: nothing more is bought. Where the order was sent before that, what "
        "it has bought is looked up for a quarter of an hour after status.abandonedAt, and gets its PhoneNumber. What "
        "the carrier shows later is reported as an orphan, or adopted when the pool is made again.",
    },
    "NumberPool": {
        "AtTarget": "At least spec.size.min numbers are available (spec.size.target without it, or the low watermark "
        "of the forecast where that is lower), whatever claims hold besides. Without spec.size.min a pool that was "
        "ready stays so while some are left and those that were taken are being replaced.",
        "NumberTaken": "Others bought every number of the last order first: other ones are ordered in a moment.",
        "OrphansFound": "The carrier has numbers with the pool's mark that have no PhoneNumber: the next sweep of the "
        "account makes it, or the account's condition Orphans says why not. Nothing is ordered in their place.",
        "Suspended": "spec.suspend is true, of the pool or of the accounts that the message names: nothing new is "
        "ordered. Numbers are claimed and routed as before, and calls go on.",
    },
    "NumberQuota": {
        "QuotaExceeded": "A limit of this quota is used up.",
        "Suspended": "spec.suspend is true, and no limit is held.",
    },
    "PhoneNumber": {
        "PendingDocuments": "The number is bought and billed, and waits at the carrier for documents: "
        "status.documents.waitsFor says for which, and status.documentsDeadline until when.",
        "NumberMissing": "The account does not have the number, and no order of ours bought it.",
        "PoolMissing": "The number was asked to go and stays, for its pool is gone, by whose rules it would be given "
        "back: it is billed on. Create the pool again, or set spec.deletionPolicy to Retain to let go of it.",
        "ReleaseFrozen": "The number was asked to go, and its NumberPool holds it: the pool's condition ReleaseFrozen "
        "says why. Or it is deleted and has no pool. It stays until `kubectl ringfleet acknowledge`, and calls go on; "
        "to keep it, set spec.protected to true.",
        "Releasing": "The number was asked to go: status.farewell says by whom, and when at the earliest. Until it has "
        "gone, spec.protected keeps it.",
        "Suspended": "With Ready True the number's own spec.suspend alone cuts its traffic. With phase Suspended the "
        "traffic is cut, by spec.suspend of the number or its claim, unpaid bills, the annotation ringfleet.dev/fraud "
        "or the carrier; the number is kept and billed. With another phase calls go on: the stop is under way, or "
        "CarrierAccount or RoutingProfile are suspended and a change waits for them. The message says which.",
    },
    "ProxyService": {
        "AtTarget": "The service has the numbers that it wants.",
        "MembersUnusable": "None of the service's numbers can be given: they are not routed, stopped or quarantined.",
        "PoolCannotServe": "A claim of the service must have what its NumberPool can never give.",
        "PoolMissing": "No pool of spec.pools exists.",
        "Suspended": "spec.suspend is true: the service gets and gives back no numbers, and no new session is made. "
        "Open ones go on.",
        "WaitingForNumber": "A claim of the service waits for a number.",
    },
    "RotationSet": {
        "AtTarget": "The set has the numbers that it wants.",
        "InvalidSpec": "spec.resetTimeZone is no time zone.",
        "PoolCannotServe": "A claim of the set must have what its NumberPool can never give.",
        "PoolMissing": "No pool of spec.pools exists that has numbers for a part of the set.",
        "Suspended": "spec.suspend is true: the set gets and gives back no numbers, and none is picked. Incoming calls "
        "go on.",
        "WaitingForNumber": "A claim of the set waits for a number.",
    },
    "RoutingProfile": {
        "Suspended": "spec.suspend is true, here or of a CarrierAccount that is to be told. Numbers keep the routing "
        "that they have; new ones do not become Available.",
    },
}
"""What a reason means of one kind, where that is more exact."""


def conditions_of(kind: str) -> Mapping[str, Told]:
    """What is told of each condition type of the kind, by type."""
    return CONDITIONS.get(kind, {})


def reasons_of(kind: str) -> Mapping[str, str]:
    """What each reason means that an object of the kind may say, by reason."""
    said = {reason for told in conditions_of(kind).values() for reason in told.reasons}
    meanings = {**REASONS, **REASONS_OF.get(kind, {})}
    return {reason: meanings[reason] for reason in sorted(said)}


def describe_conditions(kind: str) -> str:
    """The conditions of the kind with their reasons, as a list."""
    return _listed({name: f"{told.says}. {_with(told.reasons)}" for name, told in conditions_of(kind).items()})


def describe_reasons(kind: str) -> str:
    """The reasons of the kind with their meanings, as a list."""
    return _listed(reasons_of(kind))


def _with(reasons: tuple[str, ...]) -> str:
    return f"Reason{'s' if len(reasons) > 1 else ''}: {', '.join(reasons)}."


def _listed(entries: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {text}" for name, text in entries.items())
