"""The conditions of each kind, as `kubectl explain <kind>.status.conditions` tells them.

The words are here, beside the fields' descriptions. That they are the conditions which the code writes, all of them and
no others, is held by tests/api/test_conditions.py.
"""

from __future__ import annotations

from collections.abc import Mapping

EVERYWHERE: Mapping[str, str] = {
    "Ready": "the object is as its spec wishes; there from first sight",
    "Reconciling": "work goes on; only while it is True",
    "Stalled": "nothing goes on until a person acts; only while it is True",
}
"""What every kind says."""

CONDITIONS: Mapping[str, Mapping[str, str]] = {
    "CarrierAccount": {
        "CatalogStale": "the carrier's search is down, and orders go on from what it offered last",
        "CircuitOpen": "the last calls to the carrier all failed, and it is left alone for a while",
        "InUse": "the account is being deleted, and stays while numbers or orders use it",
        "Frozen": "a person has frozen the account or everything, and no purchase of it is at the carrier any more",
        "ListingFailed": "the account's numbers can't be listed, and buying goes on without it",
        "ListingIncomplete": "the carrier's list of our numbers ended early, and nothing is concluded from it",
        "ListingShrunk": "the carrier's list of our numbers is much shorter than before, and is doubted",
        "Orphans": "the carrier has numbers with our mark that no PhoneNumber can be made of",
        "PurchaseRateReached": "the account has bought spec.limits.purchasesPerHour numbers within the hour",
        "SweepRefused": "the API server or the carrier refused to adopt, mark or look up a number; it is tried again",
        "Throttled": "the carrier asks for fewer calls",
        "Unreadable": "the carrier lists numbers or offers that can't be read, and these are left alone",
    },
    "ComplianceBundle": {
        "Complete": "nothing that a carrier requires is missing; False while something is",
    },
    "NumberPool": {
        "AreaCodeUnknown": "an area code is listed that this version's numbering plan does not know",
        "BelowLowWatermark": "available numbers and those on their way are fewer than the low watermark",
        "CatalogStale": "search is down at a carrier of the pool, and orders go on from what was offered last",
        "ChannelsShort": "the RoutingProfile takes fewer calls at once than the numbers could bring",
        "ComplianceReady": "the pool's ComplianceBundles let it order at every carrier; False while one does not",
        "Exhausted": "the pool has numbers, and none of them is available",
        "FallbackCarrier": "orders go to another carrier than the preferred one",
        "Frozen": "a person has frozen the pool, its accounts or everything; nothing more is bought or given back",
        "LeadTimeDoubled": "orders take twice as long as they used to",
        "LimitReached": "a limit of the pool or of its NumberQuota keeps it from ordering",
        "ReleaseFrozen": "more numbers than usual were asked to go, and none goes until a person has looked",
        "StockShort": "no carrier has numbers that fit, or none at a price within the cap",
    },
    "PhoneNumber": {
        "DocumentsOutdated": "the carrier does not take the newest approved documents for the number",
        "ReleaseBlocked": "the number was asked to go, and stays",
    },
    "RoutingProfile": {
        "Drifted": "a carrier has the profile otherwise than it was told, and the profile is suspended",
        "InUse": "the profile is being deleted, and stays while numbers are routed by it",
    },
    "RotationSet": {
        "CampaignLimited": "a limit of the campaign or brand keeps the set from sending what spec.dailyVolume asks",
        "CapacityShort": "the set's numbers may do less today than is asked of them",
        "ChurnLimited": "flagged numbers are not replaced, because too many were within 30 days",
        "Frozen": "a person has frozen all numbers of the set, and none is picked",
        "GuardrailHolds": "more is asked for than a guardrail allows, and the default holds",
        "GuardrailOverridden": "a guardrail is overridden by annotation",
        "MembersUnusable": "some of the set's numbers are used for nobody, for another reason than a quarantine",
        "SnowshoePattern": "few contacts go out from each of many numbers, which carriers fine",
        "TooManyQuarantined": "more than a fifth of the set's numbers are quarantined",
        "UsageUnknown": "the dispatcher does not say what the set's numbers do",
    },
}
"""What a kind says beside that. All but Complete and ComplianceReady are there only while they are True."""


def conditions_of(kind: str) -> Mapping[str, str]:
    """What each condition type of the kind says while it is True, by type: those of every kind first."""
    return {**EVERYWHERE, **CONDITIONS.get(kind, {})}


def describe_conditions(kind: str) -> str:
    """The same as one text."""
    return " ".join(f"{name}: {said}." for name, said in conditions_of(kind).items())
