"""What a spec chooses by a word: one enum each, which people write and plans decide by."""

from __future__ import annotations

from enum import StrEnum


class OnNoStock(StrEnum):
    """A claim's onNoStock: what becomes of it while no number fits."""

    WAIT = "Wait"
    """The claim waits in the queue, first come, first served."""
    FAIL = "Fail"
    """The claim's phase becomes Failed, and nothing is tried again: make another claim."""
    ORDER = "Order"
    """The claim waits in the queue, and the pool orders a number for it that can do what the claim asks, of its area
    code where that can be had: beyond size.target, within the pool's limits and the NumberQuota. Nothing is ordered
    for a claim that names its number (phoneNumberName), nor for one that must have what the pool can never give
    (PoolCannotServe)."""


class Billing(StrEnum):
    """A quota's billing: how the bills of its namespace stand."""

    CURRENT = "Current"
    """The bills are paid: nothing is suspended for them."""
    PAST_DUE = "PastDue"
    """The bills are late: when spec.grace is over, the same happens as with Suspended."""
    SUSPENDED = "Suspended"
    """The traffic stops at once of every number that the namespace holds: of its own PhoneNumbers, but for those that a
    claim of another namespace holds, and of every number of another namespace that a claim of this one holds. Its pools
    order nothing, and its claims get no number (QuotaExceeded). The numbers are kept and billed; all of it goes on when
    this is Current again."""


class ReleaseMode(StrEnum):
    """A pool's release.mode: who may ask for a number to be given back."""

    NEVER = "Never"
    """No number of the pool is given back, whatever else is asked."""
    MANUAL = "Manual"
    """Numbers that a person asks for are given back: by `kubectl ringfleet release pn/NAME`, or by deleting a
    PhoneNumber whose deletionPolicy is Release."""
    AUTOMATIC = "Automatic"
    """As Manual, and also the surplus above the target that has been free for reclaim.idleAfter, the longest free
    first. Each is marked so that its release.hold ends within the last day before its renewal."""


class SuspendBy(StrEnum):
    """An account's suspendBy: how the traffic of a number is stopped."""

    VERB = "Verb"
    """The carrier's own call for suspending and resuming a number is made; whether it stops outgoing calls too is the
    carrier's rule."""
    PARKING = "Parking"
    """The number's routing is taken off, and given back on resume: incoming calls and messages reach nobody. The
    carrier stops no outgoing ones; the dispatcher picks the number for none."""


class DeletionPolicy(StrEnum):
    """What deleting a PhoneNumber means at the carrier."""

    RETAIN = "Retain"
    """The number stays in the carrier account, is billed, and routed as before; our mark comes off, so that it is not
    taken for ours again. A mark is the tag at the carrier by which our numbers are known. While a claim holds the
    number, the object stays too. `kubectl ringfleet adopt` takes such a number back."""
    RELEASE = "Release"
    """The number is given back to the carrier for good, after the pool's release.hold and within its
    release.maxPerDay; not while the pool's release.mode is Never, or the number is protected or claimed."""
