"""What a sweep of one carrier account finds: the carrier's listing held against our objects.

::

    listed, ours by mark, object exists    -> nothing, or what changed (status, routing, bundle, price, renewal)
    listed, ours by mark, no object        -> in an unfinished order: left to that order
                                              else: an orphan, adopted into its pool (promise 2)
    listed, object exists, mark is missing -> marked again: the record says that we bought it
    listed, object exists, mark is of      -> marked again: the number was moved to another pool, or its namespace is
    another pool or namespace of ours         gone (of several objects, which one counts is `objects/ownership.py`)
    listed, object exists, mark is of      -> told to the object, which leaves the number alone (promise 8)
    another installation
    listed, object only observes it        -> what changed is told to the object; the number is never touched
    listed, released by us                 -> the listing lags behind: nothing to act on
    listed, anything else                  -> unmanaged: counted, never touched (promise 8)
    listed, and can't be read              -> counted, never touched; it is there, so nothing is lost by it
    object exists, not listed              -> nothing is concluded from one listing (`plan/carrier_account/loss.py`)

Each page is judged on its own, so a listing that breaks off loses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ringfleet.model import E164, GONE, Holding, HoldingStatus, Mark, Money, Phase
from ringfleet.model.attestation import attestation_now, attestation_of
from ringfleet.model.campaign import CampaignSeat, says_more
from ringfleet.model.emergency import EmergencyStanding
from ringfleet.model.emergency import says_more as stands_otherwise
from ringfleet.model.numbering import sends_registered


@dataclass(frozen=True, slots=True)
class Known:
    """What our object remembers of a number."""

    phase: Phase
    """The number's phase, by its status."""
    external_id: str | None = None
    """The carrier's own id of the number; None: the carrier has not told it yet."""
    routing: str | None = None
    """The carrier's id of the routing profile that we gave the number; None: we have routed it nowhere."""
    bundle: str | None = None
    """The carrier's id of the compliance bundle that the number carries; None: it carries none."""
    monthly: Money | None = None
    """The price of a month; None: it is not known."""
    renews_at: datetime | None = None
    """When the next month is charged; None: it is not known."""
    drifted: bool = False
    """Whether the number's status says that the carrier routes it elsewhere than we do."""
    activating: bool = False
    """Whether the number's status says that the carrier is activating it."""
    suspended: bool = False
    """Whether the carrier had the number suspended when we heard of it last, by its own doing or by ours."""
    parked: bool = False
    """Whether we have stopped the number's traffic by taking its routing off."""
    observed: bool = False
    """Whether the number is only watched (managementPolicy Observe)."""
    leaving: bool = False
    """Whether the number is on its way out: its object is being deleted, or its phase is Releasing."""
    unable: bool = False
    """Whether our object does not know what the number can carry."""
    attestation: str | None = None
    """How the carrier signs the number's calls: `A`, `B` or `C`, or `NotApplicable`; None: it is not known."""
    campaign: str | None = None
    """The campaign that the number's profile attaches it to; None: it names none, or the number has no profile."""
    seat: CampaignSeat | None = None
    """The campaign that the carrier lets the number send for, by our object; None: it does not say."""
    emergency: EmergencyStanding | None = None
    """How the number stood with its emergency address, by our object; None: it does not say."""
    home: Mark | None = None
    """The mark that the number has to carry; None: it belongs to no pool, and any mark is right."""
    foreign_mark: Mark | None = None
    """The mark of another installation or namespace that its status says the carrier shows; None: none such."""

    def foreign(self, mark: Mark | None) -> Mark | None:
        """The mark, when it is of another installation or of another namespace than the number's object."""
        if mark is None or self.home is None or self.observed:
            return None
        ours = (mark.installation, mark.namespace) == (self.home.installation, self.home.namespace)
        return None if ours else mark


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
    if known is None or known.phase is Phase.RELEASED:  # given back, says its object, and the carrier has it still
        counted = _counted(ours=marked or on_order)
        return replace(counted, orphans=(holding,)) if marked and not on_order else counted
    changed = (holding,) if differs(holding, known) else ()
    if known.observed or _is_anothers(holding, installation):
        return replace(_counted(ours=marked), changed=changed)
    misses_mark = holding.mark is None or (known.home is not None and holding.mark != known.home and not on_order)
    unmarked = (holding,) if misses_mark and not known.leaving else ()
    return replace(_counted(ours=True), changed=changed, unmarked=unmarked)


def _is_anothers(holding: Holding, installation: str) -> bool:
    return holding.mark is not None and holding.mark.installation != installation


def _counted(ours: bool) -> Findings:
    return Findings(owned=1, ours=1 if ours else 0, unmanaged=0 if ours else 1)


def differs(holding: Holding, known: Known) -> bool:
    """Whether the carrier says something of a number that its object does not say yet. Of a number that another
    installation has marked, its object says nothing but that."""
    foreign = known.foreign(holding.mark)
    if foreign != known.foreign_mark:
        return True
    if foreign and known.home and foreign.installation != known.home.installation:
        return False
    if known.phase is Phase.LOST or holding.external_id != known.external_id:
        return True
    monthly = holding.price.monthly if holding.price else known.monthly
    facts = (monthly, holding.renews_at, attestation_now(holding, known.attestation))
    if facts != (known.monthly, known.renews_at, known.attestation):
        return True
    if known.unable and holding.capabilities:
        return True
    if holding.bundle is not None and holding.bundle != known.bundle:
        return True
    if holding.seat is not None and says_more(holding.seat, known.seat):
        return True
    if holding.emergency is not None and stands_otherwise(holding.emergency, known.emergency):
        return True
    if holding.status is HoldingStatus.PENDING_DOCUMENTS:
        return known.phase is not Phase.PENDING_DOCUMENTS
    if (holding.status is HoldingStatus.SUSPENDED) is not known.suspended:
        return True
    if holding.status is HoldingStatus.ACTIVE and (known.activating or known.phase is Phase.PENDING_DOCUMENTS):
        return True  # of one that waits for anything else, such as its routing profile, that is no news
    return _routed_anew(holding, known)


def _routed_anew(holding: Holding, known: Known) -> bool:
    """Whether the routing has drifted, or is back. A parked number's is off; an observed one's is whatever it is."""
    if known.observed:
        return holding.routing != known.routing
    if known.parked:
        return holding.routing is not None
    return known.routing is not None and (holding.routing != known.routing) is not known.drifted


def unsigned(holding: Holding, known: Known, installation: str) -> bool:
    """Whether the number's calls should be signed, are not as far as the carrier says, and are ours to have signed."""
    if known.observed or known.leaving or known.phase in (Phase.RELEASED, Phase.LOST):
        return False
    ours = holding.mark is not None and holding.mark.installation == installation
    return ours and needs_signing(holding)


def needs_signing(holding: Holding) -> bool:
    """Whether the number's calls can be signed, and are not as far as the carrier says."""
    unsigned = holding.signing_asked and attestation_of(holding) is None
    return unsigned and holding.status is not HoldingStatus.PENDING_DOCUMENTS


def called_as_known(holding: Holding, known: Known | None) -> Holding:
    """The number with its campaign called as its profile calls it."""
    if holding.seat is None:
        return holding
    return replace(holding, seat=holding.seat.called(known.campaign if known else None, holding.campaign_aliases))


def unseated(holding: Holding, known: Known, installation: str) -> bool:
    """Whether the number should be in a campaign, is ours to put there, and is not as far as the carrier says. What the
    carrier has refused, or is at, is left to it."""
    if known.campaign is None or known.observed or known.leaving or known.parked or known.phase in GONE:
        return False
    if holding.mark is None or holding.mark.installation != installation or holding.status is not HoldingStatus.ACTIVE:
        return False
    if not sends_registered(holding.country, holding.number):
        return False
    return holding.seat is None or holding.seat.campaign != known.campaign


def next_sweep(interval: timedelta, waiting: bool, quiet: int) -> timedelta:
    """How long until the next sweep. While numbers wait for the carrier to activate or approve them, it comes sooner:

    5 s after the last change, doubling with each quiet sweep, up to the account's interval.
    """
    if not waiting:
        return interval
    return min(interval, timedelta(seconds=5) * (1 << min(quiet, 20)))
