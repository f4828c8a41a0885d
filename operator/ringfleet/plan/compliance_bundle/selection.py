"""Which bundle an order lives by, and whether it waits for one.

Where several bundles are for a market, a person has to name one: whichever was taken, numbers could come to be
registered to somebody else's name, and change it when another approval arrives.

An approval that is in force counts, whatever its successor does. A bundle that was rejected stops ordering even where
numbers may be parked: they would be paid for, and never live.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import FilingState
from ringfleet.plan.compliance_bundle.filing import Approval
from ringfleet.plan.conditions import Reason


@dataclass(frozen=True, slots=True)
class BundleFiling:
    """One filing, as its bundle's status tells it. `lacks`: what is missing, or was found wrong, a sentence each."""

    account: AccountKey
    type: NumberType
    state: FilingState
    approved: Approval | None = None
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BundleSeen:
    """One ComplianceBundle of the pool's namespace: its spec's country, types and accounts, its status' filings."""

    name: str
    country: str
    types: tuple[NumberType, ...]
    accounts: tuple[AccountKey, ...]
    filings: tuple[BundleFiling, ...] = ()


@dataclass(frozen=True, slots=True)
class Approved:
    """The bundle's id at the carrier, in force."""

    bundle: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The bundle is there, and not approved yet or not any more."""

    bundle: str
    state: FilingState
    message: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The carrier said no, and nothing older is in force."""

    bundle: str
    message: str


@dataclass(frozen=True, slots=True)
class NoBundle:
    """No bundle is for this market and account; `message` says what to create."""

    message: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several bundles are for this market and account, and nobody has named one; `message` says where to."""

    message: str


BundleStanding = Approved | Waiting | Rejected | NoBundle | Ambiguous


@dataclass(frozen=True, slots=True)
class OrderFreely:
    """No bundle is needed."""


@dataclass(frozen=True, slots=True)
class OrderWith:
    """Order with this bundle of the carrier."""

    external_id: str


@dataclass(frozen=True, slots=True)
class OrderAndPark:
    """Order, and let the numbers wait at the carrier for their documents."""

    message: str


@dataclass(frozen=True, slots=True)
class AwaitBundle:
    """Order nothing here until that changes."""

    reason: Reason
    message: str


OrderLeave = OrderFreely | OrderWith | OrderAndPark | AwaitBundle


def bundle_for(
    country: str,
    type_: NumberType,
    account: AccountKey,
    bundles: Iterable[BundleSeen],
    now: datetime,
    named: str | None = None,
) -> BundleStanding:
    """How the bundle stands that this market would use at this account: the pool's `named` one, or the only one."""
    rivals = sorted((one for one in bundles if named in (None, one.name)), key=lambda one: one.name)
    fitting = [one for one in rivals if one.country == country and type_ in one.types and account in one.accounts]
    if not fitting:
        return NoBundle(_what_to_create(country, type_, account, named, exists=bool(named and rivals)))
    if len(fitting) > 1:
        return Ambiguous(_which_to_name(country, type_, account, fitting))
    (bundle,) = fitting
    return _standing_of(bundle, _filing(bundle, account, type_), account, now)


def _standing_of(bundle: BundleSeen, filing: BundleFiling, account: AccountKey, now: datetime) -> BundleStanding:
    if filing.approved and filing.approved.in_force(now):
        return Approved(bundle.name, filing.approved.id)
    if filing.state is FilingState.REJECTED:
        said = _lacking(filing) or ": see its conditions."
        return Rejected(bundle.name, f"ComplianceBundle {bundle.name} is Rejected by {account}{said}")
    state = FilingState.EXPIRED if filing.approved else filing.state
    said = _lacking(filing) or "."
    return Waiting(bundle.name, state, f"ComplianceBundle {bundle.name} is {state} at {account}{said}")


def _lacking(filing: BundleFiling) -> str:
    """What keeps it, as the end of a sentence; empty when it only waits."""
    return f": {'; '.join(lack.rstrip('.') for lack in filing.lacks)}." if filing.lacks else ""


def _filing(bundle: BundleSeen, account: AccountKey, type_: NumberType) -> BundleFiling:
    """Its filing there; one that its status does not tell of yet is a draft."""
    found = (one for one in bundle.filings if (one.account, one.type) == (account, type_))
    return next(found, BundleFiling(account, type_, FilingState.DRAFT))


def _what_to_create(country: str, type_: NumberType, account: AccountKey, named: str | None, *, exists: bool) -> str:
    if exists:
        return f"ComplianceBundle {named} is not for {type_} numbers in {country} at {account}: extend it."
    name = f"ComplianceBundle {named}" if named else "a ComplianceBundle"
    return (
        f"Create {name} for {type_} numbers in {country} that names {account}; "
        f"`kubectl ringfleet requirements {country} --type {type_}` lists what it needs."
    )


def _which_to_name(country: str, type_: NumberType, account: AccountKey, fitting: Iterable[BundleSeen]) -> str:
    names = ", ".join(one.name for one in fitting)
    return (
        f"Several ComplianceBundles are for {type_} numbers in {country} at {account}: {names}. Name the one to use in "
        "spec.complianceBundleRef of the NumberPool."
    )


def wait_for_bundle(require: bool | None, demanded: bool | None, standing: BundleStanding) -> OrderLeave:
    """Whether an order goes ahead. `require`: the pool's requireApprovedBundle; None: as the carrier demands.

    `demanded`: whether the carrier asks for documents; None: not known yet, which waits, unless parking is allowed.
    Where nothing is asked nothing can be approved, so even `require` waits for nothing there.
    """
    if isinstance(standing, Approved):
        return OrderWith(standing.external_id)
    if demanded is False:
        return OrderFreely()
    if isinstance(standing, Rejected):
        return AwaitBundle(Reason.DOCUMENTS_REJECTED, standing.message)
    if require is False and not isinstance(standing, Ambiguous):
        return OrderAndPark(standing.message)
    if demanded is None and require is None:
        return AwaitBundle(Reason.READING_REQUIREMENTS, "It is not known yet whether the carrier asks for documents.")
    if isinstance(standing, Ambiguous):
        return AwaitBundle(Reason.AMBIGUOUS_BUNDLE, standing.message)
    if isinstance(standing, NoBundle):
        return AwaitBundle(Reason.BUNDLE_MISSING, standing.message)
    return AwaitBundle(Reason.WAITING_FOR_BUNDLE, standing.message)
