"""Which numbers of an account can be adopted into the cluster, and why others can't.

::

    carries this installation's mark   -> ours: the operator has it, or adopts it by itself when its pool is there
    carries another installation's     -> theirs: not offered, never touched (promise 8)
    has an object                      -> managed, or observed, already
    its row can't be read              -> left out: nobody knows what it is
    anything else that is asked for    -> offered; a pool takes only numbers of its own market

A person asks by the command line, for numbers by a list or a pattern; a pool asks by its spec.adopt (`asking.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ringfleet.model import E164, Holding, Market, Unreadable


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to adopt."""

    match: str | None = None
    """A glob such as `+1415*`, or the first digits of the numbers; None: every number of the account."""
    pool: str | None = None
    """The name of the pool that takes the numbers; None: the numbers are only observed."""
    market: Market | None = None
    """The market of the pool, which its numbers must belong to; None when there is no pool."""
    numbers: tuple[E164, ...] = ()
    """Only these, each once; empty: whatever matches."""

    def covers(self, number: E164) -> bool:
        """Whether the number is asked for."""
        return (not self.numbers or number in self.numbers) and matches(self.match, number)


@dataclass(frozen=True, slots=True)
class Object:
    """The PhoneNumber that a number has."""

    namespace: str
    name: str
    pool: str | None
    """Its NumberPool; None: it is of none."""
    observed: bool = False
    """Whether it only watches the number."""

    def __str__(self) -> str:
        if self.observed:
            return f"PhoneNumber {self.namespace}/{self.name} observes it"
        home = f", of pool {self.pool}" if self.pool else ""
        return f"PhoneNumber {self.namespace}/{self.name} manages it{home}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number that nobody manages. `refusal`: why it can't be adopted, empty when it can."""

    holding: Holding
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A number that was asked for and is not offered, and why."""

    number: E164
    reason: str
    as_wished: bool = False
    """Whether it is where the wish would bring it: of the pool, observed, or on its way by a sweep."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The candidates by number; how many more match that are ours already, or another installation's; and all of those
    that are not offered, by number."""

    candidates: tuple[Candidate, ...] = ()
    ours: int = 0
    theirs: int = 0
    left_out: tuple[LeftOut, ...] = ()
    nameless: tuple[str, ...] = ()
    """What is wrong with rows of the listing of which not even the number can be read."""

    @property
    def adoptable(self) -> tuple[Holding, ...]:
        return tuple(candidate.holding for candidate in self.candidates if not candidate.refusal)


def select(
    holdings: Iterable[Holding],
    objects: Mapping[E164, Object],
    installation: str,
    wish: Wish,
    unreadable: Collection[Unreadable] = (),
) -> Selection:
    """Sort out what an account owns. `objects`: the PhoneNumbers of its numbers; `unreadable`: the rows that can't be
    read."""
    numbers = frozenset(wish.numbers)
    asked = {one.number: one for one in holdings if (not numbers or one.number in numbers) and _matches(wish, one)}
    theirs = {number for number, holding in asked.items() if _marked(holding) not in {None, installation}}
    ours = {number for number in asked.keys() - theirs if number in objects or _marked(asked[number])}
    free = sorted(asked.keys() - theirs - ours)
    settled = {number for number in ours if number not in objects or objects[number].pool == wish.pool}
    left = {
        **dict.fromkeys(numbers - asked.keys(), "the account does not have it"),
        **{row.number: _illegible(row) for row in unreadable if row.number and wish.covers(row.number)},
        **{number: _theirs(asked[number]) for number in theirs},
        **{number: _ours(asked[number], objects.get(number)) for number in ours},
    }
    return Selection(
        tuple(Candidate(asked[number], refusal_of(asked[number], wish.pool, wish.market)) for number in free),
        len(ours),
        len(theirs),
        tuple(LeftOut(number, left[number], number in settled) for number in sorted(left)),
        tuple(sorted(row.reason for row in unreadable if row.number is None)),
    )


def matches(pattern: str | None, number: E164) -> bool:
    """Whether a number fits a glob, or begins with the digits of `pattern`; its plus sign may be left out."""
    if not pattern:
        return True
    anchored = pattern if pattern[0] in "+*?[" else f"+{pattern}"
    return fnmatchcase(number, anchored if any(sign in anchored for sign in "*?[") else f"{anchored}*")


def _matches(wish: Wish, holding: Holding) -> bool:
    return matches(wish.match, holding.number)


def _marked(holding: Holding) -> str | None:
    """The installation whose mark the number carries."""
    return holding.mark.installation if holding.mark else None


def _illegible(row: Unreadable) -> str:
    return f"the carrier's row of it can't be read: {row.reason}"


def _theirs(holding: Holding) -> str:
    assert holding.mark
    return f"it carries the mark of another installation, {holding.mark.installation}: it is left alone"


def _ours(holding: Holding, there: Object | None) -> str:
    if there is not None:
        return str(there)
    assert holding.mark
    return f"it carries our mark, for pool {holding.mark.namespace}/{holding.mark.pool}: a sweep adopts it there"


def refusal_of(holding: Holding, pool: str | None, market: Market | None) -> str:
    """Why the pool can't have a number that nobody manages; empty when it can. `market`: the pool's."""
    if market is None:
        return ""
    if (holding.country, holding.type) != (market.country, market.type):
        return f"it is a {holding.country} {holding.type} number, and pool {pool} is for {market.country} {market.type}"
    if holding.capabilities and (lacking := sorted(market.capabilities - holding.capabilities)):
        return f"it has no {' and no '.join(lacking)}, which pool {pool} wants"
    return ""
