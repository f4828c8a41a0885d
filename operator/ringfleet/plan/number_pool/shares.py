"""How a pool's free numbers are spread over area codes and states (`spec.size.shares`). Pure.

::

    target 10   415: 60 percent   CA: 25 percent   any: the rest
        |           6                  3 (2.5)         1 (1.5)      apportion: the largest remainders get what is left
        |
    spare by place, in flight included: 415 has 6, CA 0, any 1  ->  CA is short of 3
        |
    lines: what is ordered for the stock, place by place, never more than the target leaves

A number counts for the first place that it is in, so that a state after one of its area codes means the rest of the
state. What the target leaves goes to the places that are short, in proportion; a place that has too many is not made
smaller: nothing is given back for a share. A place that its carriers have nothing for keeps no other one from being
filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ringfleet.model.asking import Ask, Traits


@dataclass(frozen=True, slots=True)
class PlaceShare:
    """A place, and how much of the pool's free numbers is to be there."""

    name: str
    """As it is written: an area code, or a state."""
    codes: tuple[str, ...]
    """Its area codes, sorted; no other share has one of them."""
    percent: int
    """From 1 to 100. Those of all shares are 100 at most."""

    @property
    def ask(self) -> Ask:
        """What an order for the place must bring."""
        return Ask(area_codes=self.codes, required=True)


@dataclass(frozen=True, slots=True)
class PlaceStanding:
    """How a place stands: its free numbers, those on their way included."""

    share: PlaceShare
    wanted: int
    held: int

    @property
    def short(self) -> int:
        return max(0, self.wanted - self.held)


def apportion(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """`total` in proportion to the weights, each to one number, by the largest remainder (Hare quota); of equal
    remainders the first. All zeros when there is no weight."""
    whole = sum(weights)
    if whole <= 0:
        return (0,) * len(weights)
    parts = [total * weight // whole for weight in weights]
    rest = total - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda at: (-(total * weights[at] % whole), at))
    for at in by_remainder[:rest]:
        parts[at] += 1
    return tuple(parts)


def codes_of_shares(shares: Iterable[PlaceShare]) -> tuple[str, ...]:
    """The area codes by which numbers have to be told apart for these shares."""
    return tuple(sorted({code for share in shares for code in share.codes}))


def place_stock(shares: Sequence[PlaceShare], target: int, spare: Mapping[Traits, int]) -> tuple[PlaceStanding, ...]:
    """How each place stands. `spare`: the pool's supply, less what is for claims, by traits, of which the area codes
    are those of `codes_of_shares`."""
    wanted = apportion(target, weights_of(shares))
    return tuple(PlaceStanding(share, many, _held(share, spare)) for share, many in zip(shares, wanted, strict=False))


def stock_by_place(
    shares: Sequence[PlaceShare], target: int, spare: Mapping[Traits, int], stock: int
) -> tuple[tuple[PlaceShare | None, int], ...]:
    """How many of the `stock` missing numbers are ordered for each place; None: for any. They are `stock` together."""
    standings = place_stock(shares, target, spare)
    anywhere = sum(spare.values()) - sum(one.held for one in standings)
    rest = apportion(target, weights_of(shares))[-1]
    short = (*(one.short for one in standings), max(0, rest - anywhere))
    given = apportion(stock, short) if stock < sum(short) else short
    left = stock - sum(given)
    ordered = [*((one.share, many) for one, many in zip(standings, given, strict=False)), (None, given[-1] + left)]
    return tuple((place, many) for place, many in ordered if many)


def weights_of(shares: Iterable[PlaceShare]) -> tuple[int, ...]:
    """The percents of the places, and of any at last."""
    percents = [share.percent for share in shares]
    return (*percents, max(0, 100 - sum(percents)))


def _held(share: PlaceShare, spare: Mapping[Traits, int]) -> int:
    codes = frozenset(share.codes)
    return sum(count for traits, count in spare.items() if traits.area_codes and traits.area_codes <= codes)
