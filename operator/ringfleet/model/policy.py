"""What a spec chooses by a word: one enum each, which people write and plans decide by."""

from __future__ import annotations

from enum import StrEnum


class OnNoStock(StrEnum):
    """A claim's onNoStock: what becomes of it while no number fits."""

    WAIT = "Wait"
    FAIL = "Fail"
    ORDER = "Order"


class Billing(StrEnum):
    """A quota's billing: how the bills of its namespace stand."""

    CURRENT = "Current"
    PAST_DUE = "PastDue"
    SUSPENDED = "Suspended"


class ReleaseMode(StrEnum):
    """A pool's release.mode: who may ask for a number to be given back."""

    NEVER = "Never"
    MANUAL = "Manual"
    AUTOMATIC = "Automatic"


class SuspendBy(StrEnum):
    """An account's suspendBy: how the traffic of a number is stopped."""

    VERB = "Verb"
    """By the carrier's own call for it; the carrier shows the number as suspended."""
    PARKING = "Parking"
    """By taking the routing off; the carrier shows the number as active, with no routing."""


class DeletionPolicy(StrEnum):
    """What deleting a PhoneNumber means at the carrier."""

    RETAIN = "Retain"
    RELEASE = "Release"
