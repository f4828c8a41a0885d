"""What a carrier can do, as its adapter says: the core asks for an ability, and never for a carrier's name.

::

    cart              orders of an account buy one at a time, under its purchase lock    controllers/purchase_lock.py
                      without one they buy side by side, as many as its lane carries
    mark_length       longer marks are shortened, and known again                        carriers/short_marks.py
    all of them       the table of carriers in README.md

No ability has a default: whoever writes an adapter says of each whether the carrier has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class BundleTime(StrEnum):
    """When a number that needs documents can be given the bundle that has them."""

    AT_ORDER = "AtOrder"
    """The purchase names the bundle; without it the number is not sold."""
    AFTER_ORDER = "AfterOrder"
    """The number is bought first, waits, and is given the bundle then."""
    EITHER = "Either"
    """Both ways."""


class SearchFilter(StrEnum):
    """What a search may ask for besides country, type, area code and capabilities; the fields of `model.Query`."""

    REGION = "region"
    """A state or province."""
    LOCALITY = "locality"
    """A city."""
    CONTAINS = "contains"
    """Digits of the number."""
    NEAR = "near"
    """Nearness to a number or to a point of the map."""


EVERYWHERE = frozenset({SearchFilter.REGION, SearchFilter.LOCALITY, SearchFilter.CONTAINS})
"""What can be asked at every carrier: where its search has no such filter, its offers are looked through here. How near
a number is to another, nobody here knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """See the module."""

    cart: bool
    """Whether what an account buys goes through one cart that all its purchases share: two at once may pay for what the
    other has only set aside. So orders buy in turn."""
    bulk: int
    """How many numbers one call buys at most."""
    idempotency_key: bool
    """Whether a purchase carries a key under which the carrier makes it once."""
    order_reference: bool
    """Whether a purchase carries a reference of ours by which it can be found again."""
    hold: timedelta | None
    """For how long a number can be held before it is bought; None: it can't."""
    mark_length: int | None
    """How many characters of our mark the carrier keeps on a number; None: more than any mark has."""
    native_suspend: bool
    """Whether the carrier has a call that stops the traffic of a number; without one its adapter parks the routing."""
    search_filters: frozenset[SearchFilter]
    """What its search can be asked for by itself; of the rest see `EVERYWHERE`."""
    price_in_search: bool
    """Whether each offer says what it costs; else the adapter reads a price list."""
    bundle: BundleTime | None
    """When a number gets its documents; None: the carrier takes none by its API."""
    per_item_status: bool
    """Whether a purchase of several numbers tells the outcome of each."""
    routing_in_purchase: bool
    """Whether the purchase itself can point the number at a routing profile: it is then never without one."""
    call_records: bool
    """Whether calls that were made from a number can be read afterwards."""
    reputation: bool
    """Whether the carrier tells how calls from a number are labelled, such as spam."""

    signs: str | None
    """How calls from every number of an account are signed where calls are signed (STIR/SHAKEN): `A`, `B` or `C`; None:
    it depends on the number."""

    @property
    def buys_in_turn(self) -> bool:
        """Whether orders of an account buy one at a time; else they buy side by side."""
        return self.cart
