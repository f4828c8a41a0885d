"""Whose documents the number of a claim is registered under: those of the tenant who claims it, or the pool's.

::

    the claim names a bundle of its namespace               -> that one
    NumberQuotas of the claim's namespace name bundles, and -> the one that is for the pool's market; of several none
      the pool is another namespace's                          (AmbiguousBundle), as nobody can tell which is meant
    neither                                                 -> the pool's own

Carriers, and those whom they answer to, ask who uses a number. So a number is bought and used under the bundle of
whoever uses it; where that is not approved, the claim waits, and is given no number and has none ordered: a number that
rings for one would else be registered to another. Where a carrier asks for no documents, no bundle is needed, whoever
names one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ringfleet.model import AccountKey, NumberType
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.compliance_bundle.selection import AwaitBundle, BundleStanding, OrderLeave, wait_for_bundle
from ringfleet.plan.conditions import Reason


@dataclass(frozen=True, slots=True)
class Unnamed:
    """Several bundles could be meant, and nobody says which; `message` says who can."""

    message: str


@dataclass(frozen=True, slots=True)
class Papers:
    """The bundle that a claim's number is registered to, and where that can be done."""

    bundle: ObjectRef | None = None
    """The tenant's ComplianceBundle; None: the pool's own, or none is needed."""
    accounts: frozenset[AccountKey] | None = None
    """The accounts at which the tenant's bundle is approved, or no documents are asked for: only numbers of these may
    be taken. None: of any."""
    awaited: AwaitBundle | None = None
    """Why it is not approved at the first account of the pool at which it is not; None: it is at all."""
    unread: frozenset[AccountKey] = frozenset()
    """The accounts of which it is not known yet whether they ask for documents."""

    @property
    def supply(self) -> frozenset[AccountKey] | None:
        """Where what the pool has counts as supply for the claim; None: anywhere. What is not known yet counts, so that
        nothing is bought elsewhere because an operator has just started."""
        return None if self.accounts is None else self.accounts | self.unread

    @property
    def bar(self) -> AwaitBundle | None:
        """What keeps the claim from every number; None: it may have some."""
        return self.awaited if self.accounts is not None and not self.accounts else None


POOLS_OWN = Papers()
"""The number stays registered to the pool's bundle."""


@dataclass(frozen=True, slots=True)
class BundleAt:
    """A tenant's bundle at one account."""

    demanded: bool | None
    """Whether the carrier asks for documents in the pool's market; None: it has not said."""
    standing: BundleStanding
    """How the bundle stands there."""


def judge_papers(named: ObjectRef | Unnamed | None, there: Mapping[AccountKey, BundleAt]) -> Papers:
    """What the bundle that is named means for the claim. `there`: the pool's accounts, the preferred one first; those
    at which the bundle is approved besides may be among them. Pure."""
    if named is None or all(at.demanded is False for at in there.values()):
        return POOLS_OWN
    if isinstance(named, Unnamed):
        return Papers(accounts=frozenset(), awaited=AwaitBundle(Reason.AMBIGUOUS_BUNDLE, named.message))
    leaves = {account: wait_for_bundle(None, at.demanded, at.standing) for account, at in there.items()}
    awaited = next((leave for leave in leaves.values() if isinstance(leave, AwaitBundle)), None)
    usable = frozenset(account for account, leave in leaves.items() if not isinstance(leave, AwaitBundle))
    unread = frozenset(account for account, leave in leaves.items() if _is_being_read(leave))
    return Papers(named, usable, awaited, unread)


def _is_being_read(leave: OrderLeave) -> bool:
    return isinstance(leave, AwaitBundle) and leave.reason is Reason.READING_REQUIREMENTS


def name_one(defaults: Iterable[ObjectRef], country: str, type_: NumberType) -> ObjectRef | Unnamed | None:
    """The one of a namespace's default bundles that is meant; `defaults`: those that are for the pool's market, and
    those that do not exist, of which nobody knows what they are for."""
    found = sorted(set(defaults))
    if not found:
        return None
    first, *others = found
    if not others:
        return first
    names = ", ".join(one.name for one in found)
    return Unnamed(
        f"NumberQuotas of namespace {first.namespace} name several ComplianceBundles for {type_} numbers in "
        f"{country}: {names}. Name the one to use in spec.complianceBundleRef of the NumberClaim."
    )
