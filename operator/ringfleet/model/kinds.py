"""What kind of number a number is, and whether it belongs to a pool's market.

A market is known by its pool's name at the carrier (the mark), and a name outlives what it stood for: a pool is deleted
and made again for another country, or its capabilities are edited. The numbers from before are then of another market.
They are kept and paid for, and are no stock.

Area codes do not tell markets apart: they say what is looked for, in an order of preference, and a person may adopt or
move numbers of others into the pool.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ringfleet.model import Capability, Market, NumberType


class Kind(NamedTuple):
    """Country, type and capabilities of a number, as far as they are known, or of all that an order buys."""

    country: str | None = None
    """ISO 3166-1 alpha-2; None: it is not known."""
    type: NumberType | None = None
    """None: it is not known."""
    capabilities: frozenset[Capability] = frozenset()
    """What the number can do; empty: it is not known."""

    def meets(self, market: Market) -> bool:
        """Whether it may be of the market: what is not known stands against nothing."""
        return (
            self.country in (None, market.country)
            and self.type in (None, market.type)
            and (not self.capabilities or market.capabilities <= self.capabilities)
        )

    def __str__(self) -> str:
        return " ".join((self.country or "", self.type or "", *sorted(self.capabilities)))


def kind_of(market: Market) -> Kind:
    """What all numbers of the market are."""
    return Kind(market.country, market.type, market.capabilities)


@lru_cache(maxsize=256)
def parse_kind(text: str | None) -> Kind | None:
    """A kind as `str` has written it; None: there is none that can be read."""
    match (text or "").split(" "):
        case [country, type_, *capabilities] if country and type_ in _TYPES:
            known = frozenset(Capability(one) for one in capabilities if one in _CAPABILITIES)
            return Kind(country, NumberType(type_), known)
        case _:
            return None


_TYPES, _CAPABILITIES = frozenset(NumberType), frozenset(Capability)
