"""Which numbers of an account can be adopted into the cluster, and why others can't.

::

    carries this installation's mark   -> ours: the operator has it, or adopts it by itself when its pool is there
    carries another installation's     -> theirs: not offered, never touched (promise 8)
    has an object                      -> managed, or observed, already
    anything else that matches         -> offered; a pool takes only numbers of its own market
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ringfleet.model import E164, Holding, Market


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to adopt."""

    match: str | None = None
    """A glob such as `+1415*`, or the first digits of the numbers; None: every number of the account."""
    pool: str | None = None
    """The name of the pool that takes the numbers; None: the numbers are only observed."""
    market: Market | None = None
    """The market of the pool, which its numbers must belong to; None when there is no pool."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number that nobody manages. `refusal`: why it can't be adopted, empty when it can."""

    holding: Holding
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The candidates by number, and how many more match that are ours already, or another installation's."""

    candidates: tuple[Candidate, ...] = ()
    ours: int = 0
    theirs: int = 0

    @property
    def adoptable(self) -> tuple[Holding, ...]:
        return tuple(candidate.holding for candidate in self.candidates if not candidate.refusal)


def select(holdings: Iterable[Holding], objects: Collection[E164], installation: str, wish: Wish) -> Selection:
    """Sort out what an account owns. `objects`: the numbers that have a PhoneNumber."""
    matching = {holding.number: holding for holding in holdings if matches(wish.match, holding.number)}
    foreign = {number for number, holding in matching.items() if _marked(holding) not in {None, installation}}
    ours = {number for number in matching.keys() - foreign if number in objects or _marked(matching[number])}
    free = sorted(matching.keys() - foreign - ours)
    candidates = tuple(Candidate(matching[number], _refusal(matching[number], wish)) for number in free)
    return Selection(candidates, len(ours), len(foreign))


def matches(pattern: str | None, number: E164) -> bool:
    """Whether a number fits a glob, or begins with the digits of `pattern`; its plus sign may be left out."""
    if not pattern:
        return True
    anchored = pattern if pattern[0] in "+*?[" else f"+{pattern}"
    return fnmatchcase(number, anchored if any(sign in anchored for sign in "*?[") else f"{anchored}*")


def _marked(holding: Holding) -> str | None:
    """The installation whose mark the number carries."""
    return holding.mark.installation if holding.mark else None


def _refusal(holding: Holding, wish: Wish) -> str:
    market = wish.market
    if market is None:
        return ""
    if (holding.country, holding.type) != (market.country, market.type):
        return (
            f"it is a {holding.country} {holding.type} number, "
            f"and pool {wish.pool} is for {market.country} {market.type}"
        )
    if holding.capabilities and (lacking := sorted(market.capabilities - holding.capabilities)):
        return f"it has no {' and no '.join(lacking)}, which pool {wish.pool} wants"
    return ""
