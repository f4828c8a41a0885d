"""What a search asks for that a carrier can't be asked for: looked for here, or said.

::

    region, locality, contains    the carrier is asked without it, and its offers are looked through (`looks_through`),
                                  MOST_LOOKED_THROUGH at most
    near                          the search is refused, in a sentence: nothing here knows how far numbers are apart
"""

from __future__ import annotations

from ringfleet.carriers.abilities import EVERYWHERE, Abilities, SearchFilter
from ringfleet.carriers.errors import RequestRejected
from ringfleet.model import Query

MOST_LOOKED_THROUGH = 2000
"""How many offers one search looks through: twenty pages at a carrier."""
UNSUPPORTED = "unsupported_filter"
"""The code of a search that is refused here: no carrier has heard of it."""
_WORDS = {
    SearchFilter.REGION: "a state",
    SearchFilter.LOCALITY: "a city",
    SearchFilter.CONTAINS: "digits of the number",
    SearchFilter.NEAR: "nearness to a place",
}


def asked_of(query: Query) -> frozenset[SearchFilter]:
    """What the query says besides country, type, area code and capabilities."""
    return frozenset(one for one in SearchFilter if getattr(query, one) is not None)


def looks_through(abilities: Abilities, query: Query) -> tuple[str, ...]:
    """What the carrier can't be asked for, so that its offers are looked through for it: in words, sorted."""
    return tuple(sorted(_WORDS[one] for one in (asked_of(query) & EVERYWHERE) - abilities.search_filters))


def refuse_unanswerable(name: str, abilities: Abilities, query: Query) -> None:
    """Raises RequestRejected when nobody can answer the query at this carrier. `name`: of the account."""
    lacking = asked_of(query) - abilities.search_filters - EVERYWHERE
    if lacking:
        words = " and ".join(sorted(_WORDS[one] for one in lacking))
        raise RequestRejected(
            f"{name}: this carrier's search can't be asked for {words}: leave it out there", UNSUPPORTED
        )
