"""Masked sessions in the owner's memory: all that are open, and those that are remembered.

::

    open_under   person and number -> session    how what comes in finds its session; one at most
    of_person    person -> sessions              what bars numbers from the person, and which the person has had
    load         number -> open sessions

A session is a value: what a group does to it is another value in its place, by `Undo`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from math import inf
from typing import NamedTuple

import msgspec

from ringfleet.dispatch.ledger.law.sessions import Held, ends_at
from ringfleet.dispatch.ledger.owner.undo import Undo
from ringfleet.dispatch.ledger.session_types import Bar, Exhaustion, GeoUse, LegTold, SessionTold, State
from ringfleet.dispatch.ledger.tables import Row

REFUSALS_KEPT = 10_000
HOUR = 3600.0


class SessionTerms(msgspec.Struct, frozen=True):
    """What a session is promised when it is made, whatever becomes of its service. Seconds, as in `law.Service`."""

    ttl: float
    expires: float | None
    longest: float
    quarantine: float
    retention: float


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(SessionTerms).decode


@dataclass(frozen=True, slots=True)
class Leg:
    """One participant."""

    place: int
    person: bytes
    number: str
    account: str
    geo: str
    sealed: bytes
    joined: float
    rests: float | None = None

    def row(self, session: bytes) -> Row:
        digits, is_open = int(self.number[1:]), int(self.rests is None)
        who = (session, self.place, self.person, digits, self.account)
        return *who, self.geo, self.sealed, self.joined, is_open, self.rests


@dataclass(frozen=True, slots=True)
class Session:
    """A session, with who is in it."""

    id: bytes
    service: str
    name: str | None
    created: float
    terms: SessionTerms
    last: float
    legs: tuple[Leg, ...] = ()
    state: State = State.OPEN
    ended: float | None = None
    interactions: int = 0

    @property
    def is_open(self) -> bool:
        return self.state is State.OPEN

    @property
    def ends(self) -> float:
        """When it ends by itself; when it has ended."""
        terms = self.terms
        by_itself = ends_at(self.created, self.last, terms.ttl, terms.expires, terms.longest)
        return by_itself if self.ended is None else self.ended

    @property
    def remembered_until(self) -> float:
        """Infinite while it is open."""
        rests = max((leg.rests or 0.0 for leg in self.legs), default=0.0)
        return inf if self.ended is None else max(self.ended + self.terms.retention, rests)

    def end(self, state: State, at: float, now: float) -> Session:
        """The same, ended at a moment that may be gone. The numbers rest from now on: until now nobody knew it."""
        rests = now + self.terms.quarantine
        return replace(self, state=state, ended=at, legs=tuple(replace(leg, rests=rests) for leg in self.legs))

    def row(self) -> Row:
        what = (self.id, self.service, self.name, int(self.state), self.created, self.last, self.ended)
        return *what, self.interactions, _encode(self.terms)

    def told(self) -> SessionTold:
        legs = tuple(LegTold(leg.place, leg.number, leg.account, leg.joined) for leg in self.legs)
        return SessionTold(self.id, self.name, self.state, self.created, self.ends, self.interactions, self.last, legs)


class Refusal(NamedTuple):
    """A participant for whom there was no number."""

    at: float
    service: str
    why: Exhaustion
    geo: str


class Sessions:
    """See the module."""

    def __init__(self, sessions: Iterable[Row], legs: Iterable[Row]) -> None:
        self.by_id: dict[bytes, Session] = {}
        self.load: dict[str, int] = {}
        self.refused: deque[Refusal] = deque(maxlen=REFUSALS_KEPT)
        self._open_under: dict[tuple[bytes, str], bytes] = {}
        self._of_person: dict[bytes, tuple[bytes, ...]] = {}
        self._of_service: dict[str, dict[bytes, None]] = {}
        self._named: dict[tuple[str, str], bytes] = {}
        self._due: list[tuple[float, bytes]] = []
        of_session: dict[bytes, list[Leg]] = {}
        for session, place, person, digits, account, geo, sealed, joined, _, rests in legs:
            leg = Leg(place, bytes(person), f"+{digits}", account, geo, bytes(sealed), joined, rests)
            of_session.setdefault(bytes(session), []).append(leg)
        for id_, service, name, state, created, last, ended, interactions, terms in sessions:
            mine = tuple(sorted(of_session.get(bytes(id_), ()), key=lambda leg: leg.place))
            one = Session(
                bytes(id_), service, name, created, _decode(terms), last, mine, State(state), ended, interactions
            )
            self.put(one, Undo())

    # Looking.

    def find(self, service: str, id_: bytes) -> Session | None:
        one = self.by_id.get(id_)
        return one if one is not None and one.service == service else None

    def named(self, service: str, name: str) -> Session | None:
        """The open session of the name."""
        id_ = self._named.get((service, name))
        return None if id_ is None else self.by_id[id_]

    def of_service(self, service: str) -> Iterator[Session]:
        return (self.by_id[id_] for id_ in self._of_service.get(service, ()))

    def of_person(self, hashes: Sequence[bytes]) -> list[Session]:
        """Open and remembered, under whichever of the hashes."""
        ids = dict.fromkeys(id_ for one in hashes for id_ in self._of_person.get(one, ()))
        return [self.by_id[id_] for id_ in ids]

    def under(self, hashes: Sequence[bytes], number: str) -> tuple[Session, Leg] | None:
        """The session that a call of this person to the number is for: the open one, else the one that ended last."""
        for one in hashes:
            if (id_ := self._open_under.get((one, number))) is not None:
                return self._leg_of(self.by_id[id_], hashes, number)
        ended = [one for one in self.of_person(hashes) if any(leg.number == number for leg in _of(one, hashes))]
        last = max(ended, key=lambda one: one.ended or 0.0, default=None)
        return None if last is None else self._leg_of(last, hashes, number)

    @staticmethod
    def _leg_of(session: Session, hashes: Sequence[bytes], number: str) -> tuple[Session, Leg]:
        return session, next(leg for leg in _of(session, hashes) if leg.number == number)

    def held(self, hashes: Sequence[bytes], now: float) -> Held:
        """What bars numbers from the person, and which the person has had."""
        barred: dict[str, Bar] = {}
        had: list[tuple[float, str]] = []
        for session in self.of_person(hashes):
            for leg in _of(session, hashes):
                if session.is_open:
                    barred[leg.number] = Bar.IN_USE
                    continue
                had.append((session.ended or 0.0, leg.number))
                if leg.rests is not None and leg.rests > now:
                    barred.setdefault(leg.number, Bar.RESTING)
        return Held(barred, [number for _, number in sorted(had, reverse=True)])

    def geo_uses(self, service: str, now: float) -> tuple[GeoUse, ...]:
        """By place: the open legs, and the most that one person has at once, those that rest included."""
        legs: Counter[str] = Counter()
        people: Counter[tuple[str, bytes]] = Counter()
        for session in self.of_service(service):
            for leg in session.legs:
                legs[leg.geo] += session.is_open
                people[leg.geo, leg.person] += session.is_open or (leg.rests or 0.0) > now
        busiest: dict[str, int] = {}
        for (geo, _), count in people.items():
            busiest[geo] = max(count, busiest.get(geo, 0))
        return tuple(GeoUse(geo, legs[geo], most) for geo, most in sorted(busiest.items()) if most)

    # What changes.

    def put(self, session: Session, undo: Undo) -> None:
        """The session is so now."""
        before = self.by_id.get(session.id)
        if before is not None and before.is_open:
            self._take_off(before, undo)
        undo.put(self.by_id, session.id, session)
        undo.put(self._of_service.setdefault(session.service, {}), session.id, None)
        for leg in session.legs:
            known = self._of_person.get(leg.person, ())
            if session.id not in known:
                undo.put(self._of_person, leg.person, (*known, session.id))
        if session.is_open:
            self._put_on(session, undo)

    def forget(self, session: Session, undo: Undo) -> None:
        """It is remembered no more."""
        if session.is_open:
            self._take_off(session, undo)
        undo.drop(self.by_id, session.id)
        undo.drop(self._of_service[session.service], session.id)
        for person in {leg.person for leg in session.legs}:
            left = tuple(id_ for id_ in self._of_person.get(person, ()) if id_ != session.id)
            if left:
                undo.put(self._of_person, person, left)
            else:
                undo.drop(self._of_person, person)

    def lapsed(self, now: float) -> list[Session]:
        """The open sessions whose time has run out. They are told again until they are ended for good: a group that
        could not be written has ended none."""
        found, again = [], []
        while self._due and self._due[0][0] <= now:
            entry = heappop(self._due)
            session = self.by_id.get(entry[1])
            if session is None or not session.is_open or session.ends > entry[0]:
                continue  # it has ended, or stands there again for later
            found.append(session)
            again.append(entry)
        for entry in again:
            heappush(self._due, entry)
        return found

    def _put_on(self, session: Session, undo: Undo) -> None:
        if session.name is not None:
            undo.put(self._named, (session.service, session.name), session.id)
        for leg in session.legs:
            undo.put(self._open_under, (leg.person, leg.number), session.id)
        for number in {leg.number for leg in session.legs}:
            undo.put(self.load, number, self.load.get(number, 0) + 1)
        if session.ends < inf:
            heappush(self._due, (session.ends, session.id))

    def _take_off(self, session: Session, undo: Undo) -> None:
        if session.name is not None:
            undo.drop(self._named, (session.service, session.name))
        for leg in session.legs:
            undo.drop(self._open_under, (leg.person, leg.number))
        for number in {leg.number for leg in session.legs}:
            left = self.load[number] - 1
            if left:
                undo.put(self.load, number, left)
            else:
                undo.drop(self.load, number)


def _of(session: Session, hashes: Sequence[bytes]) -> Iterator[Leg]:
    return (leg for leg in session.legs if leg.person in hashes)
