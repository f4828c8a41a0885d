"""What a proxy service does next: claim numbers, empty some, and let go of those that are empty.

::

    wanted (size.py)  - live claims  > 0 -->  keep those that were draining, then CreateClaim
                                     < 0 -->  DeleteClaim those that wait; beyond a slack, Drain the emptiest
    draining  -- no open session by what was read since -->  DeleteClaim: the number rests in its pool

A number with an open session is never let go, and what is not known of its sessions counts against it. A quarter more
than is wanted stays, so that an evening's load does not give numbers back that the morning claims again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ringfleet.model import E164
from ringfleet.model.proxy import GeoLevel, NumberSelection
from ringfleet.model.refs import ObjectRef
from ringfleet.model.rotation import Channel
from ringfleet.plan.conditions import Condition, Reason
from ringfleet.plan.proxy_service.size import DEFAULT_BOUNDS, NO_LOAD, Bounds, Load, ServiceSize, size_service

SETTLE = timedelta(seconds=5)
"""How old the word that a number drains must be when its sessions are read: so long, dispatchers may not have heard."""
SLACK = 4
"""One in so many of the wanted numbers stays beyond them."""


@dataclass(frozen=True, slots=True)
class ProxyWant:
    """A ProxyService as it is wished."""

    namespace: str
    name: str
    uid: str = ""
    pools: tuple[ObjectRef, ...] = ()
    channels: frozenset[Channel] = frozenset(Channel)
    level: GeoLevel = GeoLevel.COUNTRY
    strict: bool = False
    ttl: timedelta = timedelta(hours=4)
    longest: timedelta = timedelta(days=90)
    quarantine: timedelta = timedelta(hours=1)
    retention: timedelta = timedelta(hours=24)
    selection: NumberSelection = NumberSelection.PREFER_STICKY
    reserved: frozenset[str] = frozenset()
    expected: Load = NO_LOAD
    bounds: Bounds = DEFAULT_BOUNDS
    routing_profile: str | None = None
    suspended: bool = False

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class ServiceClaim:
    """A claim of the service, with the number that it holds."""

    name: str
    created: datetime
    number: E164 | None = None
    country: str = ""
    """That of the number, or of the pool that it is to come from."""
    usable: bool = False
    """Whether the number may be given to anybody: it is answered, and nobody has stopped it."""
    draining: bool = False
    since: datetime | None = None
    """When it was told to drain, where that can be read."""
    deleting: bool = False
    gone: bool = False
    """It failed for good, or its number is no more."""
    says: str = ""
    why: Reason | None = None
    """Why nothing but a person gets it a number; None: it waits for something else."""
    profile: str | None = None

    @property
    def live(self) -> bool:
        """Whether it counts as a number of the service."""
        return not (self.draining or self.deleting or self.gone)


@dataclass(frozen=True, slots=True)
class SessionsSeen:
    """What the dispatcher told of the service."""

    at: datetime
    open: int = 0
    load: Mapping[E164, int] = field(default_factory=dict)
    """Open sessions by number, of those that have any."""
    places: Mapping[str, Load] = field(default_factory=dict)
    refused: Mapping[int, int] = field(default_factory=dict)
    """How often a participant got no number in the last hour, by error class."""


@dataclass(frozen=True, slots=True)
class PoolSeen:
    """A pool that the service draws from: of which country, and how many of its numbers are free."""

    country: str
    free: int = 0


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """All that plan_service may know of the service's claims, pools and sessions."""

    claims: tuple[ServiceClaim, ...] = ()
    taken: frozenset[str] = frozenset()
    """The names of all claims of the namespace, which a new claim must not take."""
    pools: Mapping[ObjectRef, PoolSeen] = field(default_factory=dict)
    """The service's pools that are there."""
    sessions: SessionsSeen | None = None
    """None: they are not known."""
    unknown: Condition | None = None
    """What the service says while they are not known."""
    read_again: float | None = None
    """Seconds until they are read again; None: there is no dispatcher to read from."""


@dataclass(frozen=True, slots=True, order=True)
class CreateClaim:
    """Claim one more number."""

    name: str
    pool: ObjectRef


@dataclass(frozen=True, slots=True, order=True)
class Drain:
    """Give the claim's number to nobody from now on."""

    claim: str


@dataclass(frozen=True, slots=True, order=True)
class Keep:
    """Give the claim's number, which was draining, again."""

    claim: str


@dataclass(frozen=True, slots=True, order=True)
class DeleteClaim:
    """Let the claim go; its number, if it has one, rests in its pool."""

    claim: str


@dataclass(frozen=True, slots=True, order=True)
class Reroute:
    """Let the claim name the service's routing profile, which is another one now, or none."""

    claim: str
    profile: str | None


Action = Reroute | Keep | Drain | DeleteClaim | CreateClaim


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """What the service does next."""

    size: ServiceSize
    actions: tuple[Action, ...] = ()


def plan_service(want: ProxyWant, seen: ServiceSeen) -> ServicePlan:
    """Decide what the service does next."""
    is_anywhere = want.level is GeoLevel.ANY
    home = "" if is_anywhere else next((seen.pools[pool].country for pool in want.pools if pool in seen.pools), "")
    held = [claim for claim in seen.claims if claim.live and claim.number in want.reserved]
    reserved = Counter("" if is_anywhere else claim.country for claim in held)
    places = seen.sessions.places if seen.sessions else {}
    size = size_service(home, want.expected, places, want.bounds, reserved)
    if want.suspended:
        return ServicePlan(size)
    countries = [""] if is_anywhere else sorted({*size.by_country, *(claim.country for claim in seen.claims)})
    turn = _Turn(want, seen, size)
    actions = [action for country in countries for action in turn.membership(country)]
    return ServicePlan(size, (*_reroutes(want, seen), *actions))


def _reroutes(want: ProxyWant, seen: ServiceSeen) -> Iterator[Reroute]:
    staying = (claim for claim in seen.claims if not (claim.deleting or claim.gone))
    return (Reroute(claim.name, want.routing_profile) for claim in staying if claim.profile != want.routing_profile)


class _Turn:
    """One look at one service, country by country; at "" all of it is one."""

    def __init__(self, want: ProxyWant, seen: ServiceSeen, size: ServiceSize) -> None:
        self._want, self._seen, self._size = want, seen, size
        self._free = {place: pool.free for place, pool in seen.pools.items()}
        self._names, self._turn = set(seen.taken), 1

    def membership(self, country: str) -> Iterator[Action]:
        claims = [claim for claim in self._seen.claims if country in ("", claim.country)]
        live = [claim for claim in claims if claim.live]
        missing = self._size.by_country.get(country, 0) - len(live)
        reusable = (one for one in claims if one.draining and one.usable and not (one.deleting or one.gone))
        kept = sorted(reusable, key=lambda one: one.name)[: max(0, missing)]
        waiting = sorted((claim for claim in live if claim.number is None), key=lambda claim: claim.name, reverse=True)
        gone = [claim for claim in claims if claim not in kept and self._may_go(claim)]
        yield from (Keep(claim.name) for claim in kept)
        yield from sorted(Drain(claim.name) for claim in self._surplus(live, self._size.by_country.get(country, 0)))
        yield from sorted(DeleteClaim(claim.name) for claim in (*waiting[: max(0, -missing)], *gone))
        yield from self._growth(country, missing - len(kept))

    def _surplus(self, live: list[ServiceClaim], wanted: int) -> list[ServiceClaim]:
        """The numbers that are too many, the emptiest first; none while nobody knows what they are used for. A reserved
        one is a person's, and stays."""
        if self._seen.sessions is None:
            return []
        load = self._seen.sessions.load
        bound = [claim for claim in live if claim.number]
        over = len(bound) - min(wanted + wanted // SLACK, max(wanted, self._want.bounds.most))
        others = [claim for claim in bound if claim.number not in self._want.reserved]
        youngest = sorted(others, key=lambda one: (one.created, one.name), reverse=True)
        emptiest = sorted(youngest, key=lambda one: (one.usable, load.get(one.number or E164(""), 0)))
        return emptiest[: max(0, over)]

    def _may_go(self, claim: ServiceClaim) -> bool:
        """Whether nothing is left to do for the claim."""
        sessions = self._seen.sessions
        if claim.deleting:
            return False
        if claim.gone or (claim.draining and claim.number is None):
            return True
        if not claim.draining or claim.number is None or claim.since is None or sessions is None:
            return False
        return sessions.at >= claim.since + SETTLE and not sessions.load.get(claim.number)

    def _growth(self, country: str, missing: int) -> Iterator[CreateClaim]:
        """Claims for so many numbers, of a pool of the country that has one free, else of the first."""
        pools = self._seen.pools
        there = [pool for pool in self._want.pools if pool in pools and country in ("", pools[pool].country)]
        for _ in range(missing if there else 0):
            pool = next((one for one in there if self._free[one] > 0), there[0])
            self._free[pool] -= 1
            yield CreateClaim(self._next_name(), pool)

    def _next_name(self) -> str:
        """With the lowest number that no claim of the namespace has: two operators make the same claims."""
        while (name := f"{self._want.name}-{self._turn}") in self._names:
            self._turn += 1
        self._names.add(name)
        return name
