"""What compliance bundles mean for a pool: where it may order, how long a review takes, and what it says of that.

How the bundle stands at one carrier, and whether an order waits for it, is selection.py; here all carriers of the pool
are looked at together, in the order of its preference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from ringfleet.model import AccountKey
from ringfleet.plan.carrier_account import AccountSeen
from ringfleet.plan.compliance_bundle.selection import (
    AwaitBundle,
    BundleStanding,
    OrderAndPark,
    OrderLeave,
    OrderWith,
    wait_for_bundle,
)
from ringfleet.plan.conditions import Condition, Reason


@dataclass(frozen=True, slots=True)
class MarketSeen:
    """One carrier account of a pool, as far as documents in the pool's market go."""

    account: AccountSeen
    """The account, as an object of the pool's namespace may order from it."""
    standing: BundleStanding
    """How the bundle stands that the pool would use there."""
    open: bool = True
    """Whether there is a client of the account; of an account without one nothing is said."""
    reachable: bool = True
    """Whether the carrier can be asked now what it demands."""
    asked: bool = True
    """Whether the carrier was ever asked what it demands in the market."""
    demanded: bool | None = None
    """Whether the carrier demands documents; None: it has not said."""
    error: str = ""
    """Why the carrier has not said what it demands; empty when nobody knows."""
    review: timedelta | None = None
    """How long the carrier's review takes; None: it has not said."""

    def leave(self, require: bool | None) -> OrderLeave:
        """Whether an order goes ahead there. `require`: the pool's requireApprovedBundle."""
        if not self.asked:  # which is soon over: so no pool parks numbers by guess
            return wait_for_bundle(None, None, self.standing)
        leave = wait_for_bundle(require, self.demanded, self.standing)
        if self.error and isinstance(leave, AwaitBundle) and leave.reason is Reason.READING_REQUIREMENTS:
            return replace(leave, message=f"{leave.message} {_UNREAD.format(self.error.rstrip('.'))}")
        return leave


_UNREAD = (
    "It does not say: {}. It is asked again by itself; to order meanwhile, numbers that wait at the carrier if it does "
    "ask for documents, set spec.ordering.requireApprovedBundle to false."
)


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a pool's bundles mean for it."""

    accounts: Mapping[AccountKey, AccountSeen]
    """The accounts as the pool may use them; one where it waits for its bundle can't be ordered from."""
    review: timedelta = timedelta()
    """How long its orders, or their numbers, have to wait for a review at the carrier that it prefers; 0: not at all.
    """
    conditions: tuple[Condition, ...] = ()
    """Whether its bundles let it order everywhere; none where none is needed."""


def judge_readiness(require: bool | None, carriers: Mapping[AccountKey, MarketSeen]) -> Readiness:
    """What it means for a pool of these carriers, the one that it prefers first. Pure."""
    leaves = {key: market.leave(require) for key, market in carriers.items()}
    said = _conditions([leaves[key] for key, market in carriers.items() if market.open])
    return Readiness(_accounts(carriers, leaves), _review(carriers, leaves), said)


def _accounts(
    carriers: Mapping[AccountKey, MarketSeen], leaves: Mapping[AccountKey, OrderLeave]
) -> dict[AccountKey, AccountSeen]:
    """While one has not said for the first time what it demands, those that the pool likes less wait with it: the next
    moment may tell that it can be ordered from."""
    found: dict[AccountKey, AccountSeen] = {}
    awaited: AccountSeen | None = None
    for key, market in carriers.items():
        seen = _usable(market, leaves[key])
        found[key] = awaited if awaited and not seen.blocked else seen
        if seen.blocked and market.reachable and not market.asked:
            awaited = awaited or seen
    return found


def _usable(market: MarketSeen, leave: OrderLeave) -> AccountSeen:
    if market.account.blocked or not isinstance(leave, AwaitBundle):
        return market.account
    return replace(market.account, blocked=leave.reason, message=leave.message)


def _review(carriers: Mapping[AccountKey, MarketSeen], leaves: Mapping[AccountKey, OrderLeave]) -> timedelta:
    preferred = next(iter(carriers))
    waits = isinstance(leaves[preferred], AwaitBundle | OrderAndPark)
    return (carriers[preferred].review or timedelta()) if waits else timedelta()


def _conditions(leaves: Iterable[OrderLeave]) -> tuple[Condition, ...]:
    leaves = tuple(leaves)
    waits = [leave for leave in leaves if isinstance(leave, AwaitBundle)]
    parks = [leave for leave in leaves if isinstance(leave, OrderAndPark)]
    if waits:
        message = " ".join(dict.fromkeys(leave.message for leave in waits))
        return (Condition("ComplianceReady", False, waits[0].reason, message),)
    if parks:
        message = " ".join(dict.fromkeys(f"Numbers wait at the carrier: {leave.message}" for leave in parks))
        return (Condition("ComplianceReady", False, Reason.PENDING_DOCUMENTS, message),)
    if any(isinstance(leave, OrderWith) for leave in leaves):
        return (Condition("ComplianceReady", True, Reason.APPROVED, "Orders carry an approved ComplianceBundle."),)
    return ()
