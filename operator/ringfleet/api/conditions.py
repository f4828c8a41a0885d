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


_LASTING = ("WriteRefused", "ReconcileFailed")
"""Why any object stands still: an error that nobody waits for and that does not pass."""
_UNCALLABLE = (
    *("AccountMissing", "AccountNotReady", "AccountNotAllowed", "Suspended", "SecretMissing", "SecretKeyMissing"),
    *("CredentialsRejected", "InvalidSpec", "CarrierUnavailable", "Throttled"),
)
"""Why a CarrierAccount can't be called for what it holds already."""
_UNORDERABLE = (*_UNCALLABLE, "DuplicateAccount", "AccountDeleted")
"""Why a CarrierAccount can't be ordered from."""
_BUNDLE_AWAITED = ("BundleMissing", "WaitingForBundle", "DocumentsRejected", "ReadingRequirements")
"""Why an order waits for a ComplianceBundle."""
_BOUGHT_LESS = (
    *("NoStock", "PriceAboveCap", "BudgetExhausted", "InsufficientFunds", "OrderRefused", "SearchUnavailable"),
    *("NumberTaken", "Unrecognized"),
)
"""Why an order bought less than it was to, which its pool remembers."""
_WORKING_ORDER = ("Searching", "Submitting", "Ordering", "OutcomeUnknown", "Frozen")
_WAITING_ORDER = ("AwaitingApproval", "WaitingForListing", "WaitingForPurchaseLock", "PurchaseRateReached")


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
        "a person has to act; only while it is True. With WriteRefused and ReconcileFailed it is tried again by itself "
        "all the same, and Stalled ends when a try succeeds"
    )
    return Told(says, (*reasons, *_LASTING))


CONDITIONS: Mapping[str, Mapping[str, Told]] = {
    "CarrierAccount": {
        "Ready": _ready(
            ("Reachable",),
            *("CarrierUnavailable", "CredentialsRejected", "DuplicateAccount", "InvalidSpec"),
            *("SecretMissing", "SecretKeyMissing", "Suspended", "Throttled"),
        ),
        "Reconciling": _reconciling("CarrierUnavailable", "Throttled"),
        "Stalled": _stalled("CredentialsRejected", "DuplicateAccount", "InvalidSpec"),
        "CatalogStale": Told(
            "the carrier's search is down, and orders go on from what it offered last", ("CatalogStale",)
        ),
        "CircuitOpen": Told(
            "the last calls to the carrier all failed, and it is left alone for a while", ("CircuitOpen",)
        ),
        "Frozen": Told(
            "a person has frozen the account or everything, and no purchase of it is at the carrier any more",
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
            "the carrier's list of our numbers is much shorter than before, and is doubted", ("ListingShrunk",)
        ),
        "Orphans": Told("the carrier has numbers with our mark that no PhoneNumber can be made of", ("OrphansFound",)),
        "PurchaseRateReached": Told(
            "the account has bought spec.limits.purchasesPerHour numbers within the hour", ("PurchaseRateReached",)
        ),
        "SearchUnavailable": Told(
            "the carrier's search is down, and no offers are remembered that could be bought", ("SearchUnavailable",)
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
        "Ready": _ready(
            ("Approved",),
            *("ReadingRequirements", "Filing", "InReview", "OutcomeUnknown", "CarrierUnavailable"),
            *("MissingDocuments", "DocumentsUnreadable", "DocumentsRefused", "DocumentsRejected", "DocumentsExpired"),
            *("NotSold", "Suspended"),
            more="Of several filings that stand in the way, the reason is that of one that needs a person, and the "
            "message tells of each",
        ),
        "Reconciling": _reconciling(
            *("ReadingRequirements", "Filing", "InReview", "OutcomeUnknown", "CarrierUnavailable", "Approved"),
            "DocumentsExpired",
        ),
        "Stalled": _stalled(
            "MissingDocuments", "DocumentsUnreadable", "DocumentsRefused", "DocumentsRejected", "NotSold"
        ),
        "Complete": Told(
            "nothing that a carrier requires is missing; False while something is, and absent while it is not known "
            "what is required",
            ("Complete", "MissingDocuments", "DocumentsUnreadable"),
        ),
    },
    "NumberPool": {
        "Ready": _ready(
            ("AtTarget",),
            *("Ordering", "PendingDocuments", "Releasing", "Frozen", "RoutingProfileMissing", "OrphansFound"),
            *("MaxNumbersReached", "QuotaExceeded", "PurchaseRateReached", "OrderingFrozen", "UnsafePlan"),
            "AwaitingApproval",
            *_BUNDLE_AWAITED,
            *_BOUGHT_LESS,
            *_UNORDERABLE,
            more="When none of several carriers can be ordered from, the reason is that of the first in spec.carriers, "
            "and the message tells of each",
        ),
        "Reconciling": _reconciling("Ordering", "OrphansFound"),
        "Stalled": _stalled("UnsafePlan"),
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
            "a person has frozen the pool, its accounts or everything; nothing more is bought or given back",
            ("Frozen",),
        ),
        "LeadTimeDoubled": Told("orders take twice as long as they used to", ("LeadTimeDoubled",)),
        "LimitReached": Told(
            "a limit of the pool or of its NumberQuota keeps it from ordering",
            ("MaxNumbersReached", "BudgetExhausted", "QuotaExceeded"),
        ),
        "ReleaseFrozen": Told(
            "more numbers than usual were asked to go, and none goes until a person has looked", ("ReleaseFrozen",)
        ),
        "StockShort": Told(
            "no carrier has numbers that fit, or none at a price within the cap", ("NoStock", "PriceAboveCap")
        ),
    },
    "NumberOrder": {
        "Ready": _ready(
            ("Complete",),
            *_WORKING_ORDER,
            *_WAITING_ORDER,
            "PendingDocuments",
            *_BOUGHT_LESS,
            *("MaxNumbersReached", "QuotaExceeded", "OrderingFrozen", "PoolMissing"),
            *_UNORDERABLE,
        ),
        "Reconciling": _reconciling(
            *_WORKING_ORDER,
            *_WAITING_ORDER,
            "SearchUnavailable",
            *(reason for reason in _UNCALLABLE if reason != "CredentialsRejected"),
            *("DuplicateAccount", "AccountDeleted", "PoolMissing"),
            says="the order has not ended: it is at work, or waits and goes on by itself as soon as it may. With "
            "AwaitingApproval, Frozen, Suspended, and where a CarrierAccount or its Secret has to be put right, a "
            "person has to act for that",
        ),
        "Stalled": _stalled("CredentialsRejected"),
    },
    "PhoneNumber": {
        "Ready": _ready(
            ("Routed", "NoRoutingWanted", "Cooling", "Observed"),
            *("Probing", "Activating", "PendingDocuments"),
            *("AttachRefused", "Routing", "RoutingProfileMissing", "RoutingDrifted", "Quarantined", "Releasing"),
            *("ReleaseFrozen", "ReleaseForbidden", "Frozen", "Released", "Lost", "NotOurs", "NumberTaken"),
            "NumberMissing",
            *_UNCALLABLE,
        ),
        "Reconciling": _reconciling("Probing", "Activating", "PendingDocuments", "Routing", "Suspended", "Releasing"),
        "Stalled": _stalled(),
        "DocumentsOutdated": Told(
            "the carrier does not take the newest approved documents for the number", ("AttachRefused",)
        ),
        "ReleaseBlocked": Told("the number was asked to go, and stays", ("ReleaseForbidden", "PoolMissing")),
    },
    "NumberClaim": {
        "Ready": _ready(
            ("Bound",),
            *("WaitingForNumber", "NumberNotFree", "NoStock", "PoolMissing", "PoolNotAllowed", "NumberMissing"),
            *("NumberTaken", "Lost", "QuotaExceeded", "BindingRefused", "InvalidSpec", "Suspended", "Frozen"),
        ),
        "Reconciling": _reconciling("WaitingForNumber", "NumberNotFree"),
        "Stalled": _stalled("NoStock"),
    },
    "NumberQuota": {
        "Ready": _ready(
            ("WithinLimits", "Suspended"),
            *("QuotaExceeded", "PastDue"),
            more="Suspended comes with False as well, for unpaid bills: spec.billing",
        ),
        "Stalled": _stalled(),
    },
    "RoutingProfile": {
        "Ready": _ready(
            ("Configured",),
            *("Suspended", "Routing", "ProfileTaken", "ProfileRefused"),
            *_UNCALLABLE,
            more="Of several accounts that do not have the profile, the reason is that of one that is not being told "
            "just now, and the message tells of each",
        ),
        "Reconciling": _reconciling("Routing"),
        "Stalled": _stalled(),
        "Drifted": Told(
            "a carrier has the profile otherwise than it was told, and the profile is suspended", ("RoutingDrifted",)
        ),
        "InUse": Told("the profile is being deleted, and stays while numbers are routed by it", ("InUse",)),
    },
    "RotationSet": {
        "Ready": _ready(
            ("AtTarget",),
            *("Growing", "WaitingForNumber", "PoolMissing", "MembersUnusable", "InvalidSpec"),
            *("Suspended", "Frozen"),
        ),
        "Reconciling": _reconciling("Growing", "WaitingForNumber"),
        "Stalled": _stalled("PoolMissing", "InvalidSpec"),
        "CampaignLimited": Told(
            "a limit of the campaign or brand keeps the set from sending what spec.dailyVolume asks",
            ("CampaignThroughput", "BrandDailyLimit", "NumberPoolNotApproved"),
        ),
        "CapacityShort": Told(
            "the set's numbers may do less today than is asked of them",
            ("TooFewNumbers", "Ramping", "MembersUnusable", "NumberPoolNotApproved"),
        ),
        "ChurnLimited": Told(
            "flagged numbers are not replaced, because too many were within 30 days", ("ChurnLimitReached",)
        ),
        "Frozen": Told("a person has frozen all numbers of the set, and none is picked", ("Frozen",)),
        "GuardrailHolds": Told("more is asked for than a guardrail allows, and the default holds", ("GuardrailHolds",)),
        "GuardrailOverridden": Told("a guardrail is overridden by annotation", ("GuardrailOverridden",)),
        "MembersUnusable": Told(
            "some of the set's numbers are used for nobody, for another reason than a quarantine",
            ("MembersUnusable",),
        ),
        "SnowshoePattern": Told(
            "few contacts go out from each of many numbers, which carriers fine", ("NumbersHardlyUsed",)
        ),
        "TooManyQuarantined": Told("more than a fifth of the set's numbers are quarantined", ("TooManyQuarantined",)),
        "UsageUnknown": Told(
            "the dispatcher does not say what the set's numbers do", ("NoDispatcher", "DispatcherUnavailable")
        ),
    },
}
"""What each kind says. All but Ready, Complete and ComplianceReady are there only while they are True."""

REASONS: Mapping[str, str] = {
    "AccountDeleted": "The CarrierAccount is being deleted: nothing more is ordered through it.",
    "AccountMissing": "A CarrierAccount that is named does not exist.",
    "AccountNotAllowed": "The CarrierAccount's spec.allowedNamespaces does not let in this namespace.",
    "AccountNotReady": "The CarrierAccount is being reached for the first time.",
    "Activating": "The carrier has sold the number, and is activating it.",
    "Approved": "An approved ComplianceBundle is in force, or the carrier asks for no documents.",
    "AreaCodeUnknown": "An area code is not in this version's numbering plan; it is searched all the same.",
    "AtTarget": "The numbers that are asked for are there.",
    "AttachRefused": "The carrier does not take the approved documents for this number.",
    "AwaitingApproval": "A person has to approve the order: `kubectl ringfleet approve norder/NAME`.",
    "BelowLowWatermark": "Supply is below the low watermark.",
    "BindingRefused": "The API server refuses to bind the number to the claim.",
    "Bound": "The claim holds a number.",
    "BrandDailyLimit": "spec.messaging.dailyLimit is below spec.dailyVolume.",
    "BudgetExhausted": "The rest of limits.monthlyBudget, or of a NumberQuota's monthlySpend, buys no number.",
    "BundleMissing": "No ComplianceBundle of the namespace is for this market at this carrier.",
    "CampaignThroughput": "spec.messaging.messagesPerMinute is too low for spec.dailyVolume.",
    "CarrierUnavailable": "The carrier does not answer, or not in a way that can be read; it is asked again.",
    "CatalogStale": "Search is down; offers of an earlier search are taken while they are fresh.",
    "ChannelsShort": "The channels behind the numbers take fewer calls at once than the numbers bring.",
    "ChurnLimitReached": "health.maxChurnPercent of the numbers were replaced within 30 days.",
    "CircuitOpen": "Too many calls in a row failed: the carrier is left alone for a while.",
    "Complete": "Everything is there.",
    "Configured": "The profile is complete, and the carriers know it.",
    "Cooling": "The number rests after its last claim.",
    "CredentialsRejected": "The carrier does not take the credentials of the CarrierAccount.",
    "DispatcherUnavailable": "The dispatcher does not answer the operator.",
    "DocumentsExpired": "The carrier's approval is over.",
    "DocumentsRefused": "The carrier's check of the bundle finds faults, or the carrier refuses a part of it.",
    "DocumentsRejected": "The carrier's review says no.",
    "DocumentsUnreadable": "A Secret, ConfigMap or file that the bundle names can't be read.",
    "DuplicateAccount": "An older CarrierAccount is the same account at the carrier, and is the one that buys.",
    "FallbackCarrier": "The preferred carrier can't be ordered from now.",
    "Filing": "The bundle is being filed at the carrier.",
    "Frozen": "A person has frozen a NumberPool or CarrierAccount (annotation ringfleet.dev/frozen), or everything "
    "(the ConfigMap ringfleet-freeze in the operator's own namespace): `kubectl ringfleet thaw` goes on.",
    "Growing": "Claims are being made.",
    "GuardrailHolds": "The spec asks for more than a guardrail allows; an annotation would have to override it.",
    "GuardrailOverridden": "An annotation override.ringfleet.dev/<guardrail> weakens a guardrail.",
    "InReview": "The carrier reviews the bundle.",
    "InUse": "It is deleted, and numbers still use it.",
    "InsufficientFunds": "The account at the carrier has too little money.",
    "InvalidSpec": "Something in a spec can't be meant, or does not fit together; the message names the field.",
    "LeadTimeDoubled": "The last orders took twice as long as those before.",
    "ListingFailed": "The carrier does not list the account's numbers.",
    "ListingIncomplete": "A listing of the carrier ended early.",
    "ListingShrunk": "A listing of the carrier shows far fewer numbers than the one before.",
    "Lost": "The carrier shows the number no more.",
    "MaxNumbersReached": "The pool holds limits.maxNumbers numbers.",
    "MembersUnusable": "Numbers of the set can't be used: no route, no approved campaign, too low an attestation or "
    "another thing that the message names.",
    "MissingDocuments": "Something that the carrier requires is not in the bundle.",
    "NoDispatcher": "The operator was given no dispatcher (RINGFLEET_DISPATCHER).",
    "NoRoutingWanted": "The number works, and claim, number and pool name no RoutingProfile.",
    "NoStock": "No number that fits is to be had.",
    "NotOurs": "The carrier shows another installation's mark on the number: it is left alone.",
    "NotSold": "The carrier sells no such numbers in this country.",
    "NumberMissing": "The number that is named does not exist where it is named.",
    "NumberNotFree": "The number that spec.phoneNumberName names is bound, rests or is stopped.",
    "NumberPoolNotApproved": "49 US numbers may send for a campaign unless spec.messaging.numberPool is Approved.",
    "NumberTaken": "Another PhoneNumber object stands for the number: this one does nothing.",
    "NumbersHardlyUsed": "The set has more numbers than its traffic needs.",
    "Observed": "The number is seen at the carrier, and only observed (spec.managementPolicy).",
    "OrderRefused": "The carrier refused every number of the order, or the order itself.",
    "Ordering": "Numbers are on order, or were bought and are being written down.",
    "OrderingFrozen": "Nothing is bought in place of numbers that were asked to go and are held: let them go or take "
    "them back, see ReleaseFrozen. Or nothing is bought because the namespace or kind PhoneNumber is being deleted.",
    "OrphansFound": "Numbers with our mark have no PhoneNumber, and no pool may adopt them.",
    "OutcomeUnknown": "The carrier's answer was lost; it is looked up before anything is repeated.",
    "PastDue": "The bills are late: until spec.grace is over all goes on, and then the same happens as with "
    "spec.billing Suspended.",
    "PendingDocuments": "Numbers are bought, and wait at the carrier for documents.",
    "PoolExhausted": "The pool holds numbers, and none is free.",
    "PoolMissing": "The NumberPool does not exist, or not any more.",
    "PoolNotAllowed": "The NumberPool's spec.allowedNamespaces does not let in this namespace.",
    "PriceAboveCap": "All offers are above limits.maxMonthlyPrice or maxSetupPrice, or in another currency.",
    "Probing": "The number is looked up at the carrier.",
    "ProfileRefused": "A carrier refuses the profile.",
    "ProfileTaken": "A carrier has another profile under our reference, which is not overwritten.",
    "PurchaseRateReached": "The CarrierAccount has bought limits.purchasesPerHour numbers: it goes on by itself.",
    "Quarantined": "The annotation ringfleet.dev/quarantine takes the number out of use.",
    "QuotaExceeded": "A NumberQuota of the namespace leaves no room.",
    "Ramping": "New numbers may do less than their caps (spec.ramp).",
    "Reachable": "The carrier answers.",
    "ReadingRequirements": "It is being asked which documents the carrier wants.",
    "ReconcileFailed": "An error that lasts: the message says where it came from, and a person has to look at it. It "
    "is tried again by itself.",
    "ReleaseForbidden": "The number is claimed, protected or only observed, or the pool's release.mode is Never.",
    "ReleaseFrozen": "More numbers than usual were asked to go within ten minutes, or some while the operator was "
    "away, or their namespace or kind is being deleted: none goes before `kubectl ringfleet acknowledge`.",
    "Released": "The number was given back to the carrier.",
    "Releasing": "Numbers were asked to go, and are being let go.",
    "Routed": "The number works, and is routed by its RoutingProfile.",
    "Routing": "The number is being routed at the carrier, or its routing taken off; the profile is being told there.",
    "RoutingDrifted": "The carrier has another routing than it was told.",
    "RoutingProfileMissing": "The RoutingProfile that is named does not exist.",
    "SearchUnavailable": "The carrier's search is down.",
    "Searching": "Numbers are being searched.",
    "SecretKeyMissing": "The Secret of the CarrierAccount has no text under a key that is needed.",
    "SecretMissing": "The Secret of the CarrierAccount does not exist.",
    "Submitting": "Numbers are being bought.",
    "Suspended": "spec.suspend is true: here, or of the account, pool or profile that the message names.",
    "SweepRefused": "A number could not be adopted, marked or looked up.",
    "Throttled": "The carrier has answered that it was called too often.",
    "TooFewNumbers": "The set has fewer numbers than it wants, or too many of them rest at once.",
    "TooManyQuarantined": "More than a fifth of the numbers are quarantined.",
    "UnreadableRows": "The carrier has sent rows that can't be read.",
    "Unrecognized": "A newer version of Ringfleet wrote a reason that this one does not know.",
    "UnsafePlan": "The last check has refused an order beyond a limit: a defect of Ringfleet, please report it.",
    "WaitingForBundle": "The ComplianceBundle for this market is not approved yet.",
    "WaitingForListing": "The carriers have not been listed yet, and the numbers may have been bought before.",
    "WaitingForNumber": "No free number fits: the claim waits in the queue.",
    "WaitingForPurchaseLock": "Another order of the account is at the carrier: they go one at a time.",
    "WithinLimits": "No limit is reached.",
    "WriteRefused": "The API server refuses to write something: a quota, a right or a policy stands in the way, which "
    "a person has to mend. It is tried again by itself.",
}
"""What each reason means."""

REASONS_OF: Mapping[str, Mapping[str, str]] = {
    "CarrierAccount": {"Suspended": "spec.suspend is true: nothing is called at the carrier."},
    "ComplianceBundle": {
        "Approved": "The carrier has approved the bundle, or asks for no documents.",
        "Complete": "Nothing that a carrier requires is missing.",
        "Suspended": "spec.suspend is true: nothing is sent.",
    },
    "NumberClaim": {
        "InvalidSpec": "A wished area code can be none in the pool's country.",
        "NoStock": "No number fitted when the claim was made, and spec.onNoStock is Fail: make another claim.",
        "NumberTaken": "The PhoneNumber that the claim holds does not stand for its number any more: another object or "
        "installation does. Delete the claim and make another one.",
        "Suspended": "spec.suspend is true: the claim is not served, or its number's traffic is stopped.",
        "WriteRefused": "The Secret or ConfigMap of spec.writeTo can't be written, or is somebody else's: the claim "
        "keeps its number. Name another one, or delete that one. Or something else can't be written.",
    },
    "NumberOrder": {
        "Complete": "Every number of the order has its outcome.",
        "NumberTaken": "Others bought every number of the order first: its pool orders other ones.",
        "PoolMissing": "The order's pool is gone: nothing more is bought. Where the order was sent before that, what "
        "it has bought is looked up for a quarter of an hour after status.abandonedAt, and gets its PhoneNumber.",
    },
    "NumberPool": {
        "AtTarget": "At least spec.size.min numbers are available (spec.size.target without it, or the low watermark "
        "of the forecast where that is lower), whatever claims hold besides.",
        "NumberTaken": "Others bought every number of the last order first: other ones are ordered in a moment.",
        "OrphansFound": "The carrier has numbers with the pool's mark that have no PhoneNumber: the next sweep of the "
        "account makes it, or the account's condition Orphans says why not. Nothing is ordered in their place.",
    },
    "NumberQuota": {
        "QuotaExceeded": "A limit of this quota is used up.",
        "Suspended": "With Ready False: the bills are not paid, and the numbers that spec.billing names are suspended. "
        "With Ready True: spec.suspend is true, and no limit is held.",
    },
    "PhoneNumber": {
        "PendingDocuments": "The number is bought, and waits at the carrier for documents.",
        "NumberMissing": "The account does not have the number, and no order of ours bought it.",
        "PoolMissing": "The number's pool is gone, by whose rules it would be given back.",
        "Releasing": "The number was asked to go.",
        "Suspended": "The traffic is stopped: by spec.suspend of the number or its claim, unpaid bills or the "
        "annotation ringfleet.dev/fraud. Or account or profile are suspended: the message says which.",
    },
    "RotationSet": {
        "AtTarget": "The set has the numbers that it wants.",
        "InvalidSpec": "spec.resetTimeZone is no time zone.",
        "PoolMissing": "No pool of spec.pools exists that has numbers for a part of the set.",
        "Suspended": "spec.suspend is true: the set gets and gives back no numbers.",
        "WaitingForNumber": "A claim of the set waits for a number.",
    },
    "RoutingProfile": {"Suspended": "spec.suspend is true, here or of a CarrierAccount that is to be told."},
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
