"""What pools ask to adopt (`spec.adopt`), held against an account's listing, number by number. Pure.

::

    unmarked, without an object    -> adopted by the one pool that asks for it; by name before a pattern
    asked for by several pools     -> by none: each says so
    marked by another installation -> left alone (promise 8)
    has an object                  -> of the pool: adopted; observed, or of another pool: left where it is
    bought a moment ago, and only  -> waits: whoever has bought it may be about to mark it
    a pattern asks for it

Nothing is asked to go: a number that the spec names no more stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ringfleet.model import E164, Holding, Market
from ringfleet.model.refs import ObjectRef
from ringfleet.plan.carrier_account.adopt import matches, refusal_of
from ringfleet.plan.carrier_account.loss import SETTLING


@dataclass(frozen=True, slots=True)
class Asked:
    """What one pool asks to adopt."""

    pool: ObjectRef
    market: Market
    numbers: frozenset[E164] = frozenset()
    """The numbers that it names."""
    patterns: tuple[str, ...] = ()
    """Globs, or first digits, of others."""
    established: bool = False

    def names(self, number: E164) -> bool:
        return number in self.numbers

    def covers(self, number: E164) -> bool:
        return number in self.numbers or any(matches(pattern, number) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Known:
    """The PhoneNumber that a number has."""

    pool: ObjectRef | None
    """None: it is of no pool."""
    observed: bool = False
    bought: bool = False
    """Whether an order of ours has bought the number: no pattern claims to have adopted it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one number that is asked for. `by`: the pool that adopts it now; None: none does."""

    by: Asked | None = None
    adopted: frozenset[ObjectRef] = frozenset()
    """The pools that asked for it and have it."""
    refused: Mapping[ObjectRef, str] = field(default_factory=dict)
    """Why the other pools that asked for it do not get it, a clause each."""


NOBODY = Verdict()
OTHERS = "it carries the mark of another installation"
SEVERAL = "another pool asks for it too: name it in one of them only"
ELSEWHERE = "it is managed already, by another pool"
OBSERVED = "its PhoneNumber only observes it: set spec.managementPolicy and spec.poolRef there, or delete it"
TOO_NEW = "it was bought a moment ago, and whoever has bought it may mark it yet: it is looked at again"


def judge(holding: Holding, known: Known | None, asked: Iterable[Asked], installation: str, now: datetime) -> Verdict:
    """What becomes of a number of the listing. `known`: its PhoneNumber at this account; None: it has none, or only one
    that says that it was given back. `asked`: of the pools that order from this account."""
    askers = [one for one in asked if one.covers(holding.number)]
    if not askers:
        return NOBODY
    if holding.mark is not None and holding.mark.installation != installation:
        return _refuse(askers, OTHERS)
    if known is not None:
        return _standing(askers, holding.number, known)
    if holding.mark is not None:
        return NOBODY  # an orphan of ours: its mark says where it goes
    naming = [one for one in askers if one.names(holding.number)]
    first, *others = naming or askers
    if others:
        return _refuse(askers, SEVERAL)
    if not naming and holding.purchased_at is not None and now - holding.purchased_at < SETTLING:
        return _refuse(askers, TOO_NEW)
    if why := refusal_of(holding, first.pool.name, first.market):
        return _refuse(askers, why)
    return Verdict(first, frozenset({first.pool}), {one.pool: SEVERAL for one in askers if one is not first})


def _standing(askers: list[Asked], number: E164, known: Known) -> Verdict:
    """Of one that has its object. One that a pattern covers and an order has bought is no news to anybody."""
    concerned = [one for one in askers if one.names(number) or not known.bought]
    if known.observed:
        return _refuse(concerned, OBSERVED)
    has = frozenset(one.pool for one in concerned if one.pool == known.pool)
    return Verdict(None, has, {one.pool: ELSEWHERE for one in concerned if one.pool != known.pool})


def _refuse(askers: Iterable[Asked], why: str) -> Verdict:
    return Verdict(refused={one.pool: why for one in askers})
