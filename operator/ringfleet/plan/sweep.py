"""What a sweep of one carrier account finds: the carrier's listing held against our objects.

::

    listed, ours by mark, object exists    -> nothing, or what changed (status, routing, price, renewal)
    listed, ours by mark, no object        -> in an unfinished order: left to that order
                                              else: an orphan, adopted into its pool (promise 2)
    listed, object exists, mark is missing -> marked again: the record says that we bought it
    listed, anything else                  -> unmanaged: counted, never touched (promise 8)
    object exists, not listed              -> nothing is concluded from one listing

Each page is judged on its own, so a listing that breaks off loses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ringfleet.model import E164, Holding, HoldingStatus, Money, Phase


@dataclass(frozen=True, slots=True)
class Known:
    """What our object remembers of a number."""

    phase: Phase
    external_id: str | None = None
    routing: str | None = None
    monthly: Money | None = None
    renews_at: datetime | None = None
    drifted: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """One page, or several added up, of a sweep."""

    owned: int = 0
    ours: int = 0
    unmanaged: int = 0
    orphans: tuple[Holding, ...] = field(default=())
    changed: tuple[Holding, ...] = field(default=())
    unmarked: tuple[Holding, ...] = field(default=())

    def __add__(self, other: Findings) -> Findings:
        return Findings(
            self.owned + other.owned,
            self.ours + other.ours,
            self.unmanaged + other.unmanaged,
            self.orphans + other.orphans,
            self.changed + other.changed,
            self.unmarked + other.unmarked,
        )


def compare(
    page: Iterable[Holding], known: Mapping[E164, Known], on_order: Collection[E164], installation: str
) -> Findings:
    """Judge one page of the carrier's listing. `on_order`: the numbers of orders that have not ended."""
    findings = Findings()
    for holding in sorted(page, key=lambda holding: str(holding.number)):
        findings += _judge(holding, known.get(holding.number), holding.number in on_order, installation)
    return findings


def _judge(holding: Holding, known: Known | None, on_order: bool, installation: str) -> Findings:
    marked = holding.mark is not None and holding.mark.installation == installation
    if known:
        changed = (holding,) if differs(holding, known) else ()
        unmarked = (holding,) if holding.mark is None else ()
        return Findings(owned=1, ours=1, changed=changed, unmarked=unmarked)
    if marked:
        return Findings(owned=1, ours=1, orphans=() if on_order else (holding,))
    return Findings(owned=1, unmanaged=0 if on_order else 1, ours=1 if on_order else 0)


def differs(holding: Holding, known: Known) -> bool:
    """Whether the carrier says something of a number that its object does not say yet."""
    if holding.external_id != known.external_id:
        return True
    if holding.price.monthly != known.monthly or holding.renews_at != known.renews_at:
        return True
    if holding.status is HoldingStatus.PENDING_DOCUMENTS:
        return known.phase is not Phase.PENDING_DOCUMENTS
    if (holding.status is HoldingStatus.SUSPENDED) is not (known.phase is Phase.SUSPENDED):
        return True
    if holding.status is HoldingStatus.ACTIVE and known.phase in {Phase.ORDERING, Phase.PENDING_DOCUMENTS}:
        return True
    return known.routing is not None and (holding.routing != known.routing) is not known.drifted


def next_sweep(interval: timedelta, waiting: bool, quiet: int) -> timedelta:
    """How long until the next sweep. While numbers wait for the carrier to activate or approve them, it comes sooner:

    5 s after the last change, doubling with each quiet sweep, up to the account's interval.
    """
    if not waiting:
        return interval
    return min(interval, timedelta(seconds=5) * (1 << min(quiet, 20)))
