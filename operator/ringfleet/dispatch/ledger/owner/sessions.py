"""Masked sessions: what the owner does when one is opened, joined, extended, closed, used, or has run out of time.

Each of these first ends what has run out of time by the clock of who asks, so that nothing is open for longer than it
says, whoever looks. What is answered under a key is answered again, as picks are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from ringfleet.dispatch.ledger.interface import KEPT
from ringfleet.dispatch.ledger.keys import hash_key
from ringfleet.dispatch.ledger.law.sessions import choose_all
from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.owner.jobs import Job
from ringfleet.dispatch.ledger.owner.session_memory import HOUR, Leg, Refusal, Session, SessionTerms
from ringfleet.dispatch.ledger.session_types import (
    Alone,
    CloseSession,
    CountSessions,
    EndedSession,
    ExtendSession,
    JoinSession,
    ListSessions,
    LookAtSession,
    NameTaken,
    Newcomer,
    Once,
    OpenSession,
    OptedOut,
    Refused,
    ResolveContact,
    Resolved,
    SamePerson,
    Service,
    ServiceUsage,
    SessionAnswer,
    SessionAsk,
    SessionFull,
    SessionTold,
    State,
    UnknownSession,
)
from ringfleet.dispatch.ledger.tables import (
    INTERACTIONS,
    LEG_ENDS,
    LEGS,
    SESSION_REPLAYS,
    SESSIONS,
    SUPPRESSIONS,
    Wanted,
)
from ringfleet.dispatch.ledger.types import KeyReused

MOST_LEGS = 2

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SessionTold).decode


def job_of(ask: SessionAsk) -> Job:
    """What is asked of the owner."""
    do = _DOES[type(ask)]
    return Job(lambda group: do(ask, group), lambda group, wanted: _want(ask, group, wanted))


def _want(ask: SessionAsk, group: Group, wanted: Wanted) -> None:
    hashes: list[bytes] = []
    match ask:
        case OpenSession() | JoinSession():
            hashes = [one for newcomer in _newcomers(ask) for one in newcomer.hashes]
            if ask.once is not None:
                wanted.setdefault(SESSION_REPLAYS, set()).add((hash_key(ask.service.key, ask.once.key),))
        case ResolveContact():
            found = group.memory.sessions.under(ask.hashes, ask.number)
            hashes = [leg.person for leg in found[0].legs] if found else []
            wanted.setdefault(INTERACTIONS, set()).add((ask.interaction,))
        case _:
            return
    wanted.setdefault(SUPPRESSIONS, set()).update((one,) for one in hashes)


def _newcomers(ask: OpenSession | JoinSession) -> tuple[Newcomer, ...]:
    return ask.newcomers if isinstance(ask, OpenSession) else (ask.newcomer,)


# Opening and joining.


def open_session(ask: OpenSession, group: Group) -> SessionAnswer:
    end_lapsed(ask.now, group)
    if (before := _told_before(ask.service.key, ask.once, ask.now, group)) is not None:
        return before
    if ask.name is not None and (other := group.memory.sessions.named(ask.service.key, ask.name)) is not None:
        return NameTaken(other.id)
    service = ask.service
    ttl = service.ttl if ask.ttl is None else ask.ttl
    terms = SessionTerms(ttl, ask.expires, service.longest, service.quarantine, service.retention)
    new = Session(ask.id, service.key, ask.name, ask.now, terms, ask.now)
    return _let_in(service, new, ask.newcomers, ask.now, ask.once, group)


def join_session(ask: JoinSession, group: Group) -> SessionAnswer:
    end_lapsed(ask.now, group)
    if (before := _told_before(ask.service.key, ask.once, ask.now, group)) is not None:
        return before
    session = group.memory.sessions.find(ask.service.key, ask.id)
    if session is None or not session.is_open:
        return EndedSession(session.told()) if session else UnknownSession()
    return _let_in(ask.service, session, (ask.newcomer,), ask.now, ask.once, group)


def _let_in(
    service: Service, session: Session, newcomers: Sequence[Newcomer], now: float, once: Once | None, group: Group
) -> SessionAnswer:
    if len(session.legs) + len(newcomers) > MOST_LEGS:
        return SessionFull()
    if refused := _objection(service, session, newcomers, group):
        return refused
    sessions = group.memory.sessions
    account = session.legs[0].account if session.legs else None
    wishes = [(one.wish, sessions.held(one.hashes, now)) for one in newcomers]
    found = choose_all(service, wishes, sessions.load, account, frozenset(leg.number for leg in session.legs))
    if isinstance(found, Refused):
        geo = _geo(service, newcomers[found.leg])
        sessions.refused.append(Refusal(now, service.key, found.why, geo))
        return found
    legs = [
        Leg(place, one.hashes[0], number.number, number.account, _geo(service, one), one.sealed, now)
        for place, (one, number) in enumerate(zip(newcomers, found, strict=True), len(session.legs))
    ]
    after = replace(session, legs=(*session.legs, *legs))
    _write(after, group)
    if once is not None:
        key, answer = hash_key(service.key, once.key), _encode(after.told())
        row = (key, now, once.fingerprint, answer)
        group.session_replays[key] = row
        group.changes.put(SESSION_REPLAYS, (key,), row)
    return after.told()


def _objection(service: Service, session: Session, newcomers: Sequence[Newcomer], group: Group) -> SessionAnswer | None:
    known = [frozenset([leg.person]) for leg in session.legs] + [frozenset(one.hashes) for one in newcomers]
    if len(known) == MOST_LEGS and known[0] & known[1]:
        return SamePerson()
    for place, one in enumerate(newcomers):
        if (scope := _opted_out(one.hashes, service.scopes, group)) is not None:
            return OptedOut(place, scope)
    return None


def _geo(service: Service, one: Newcomer) -> str:
    """The widest place that a number is looked for in: what has to be large enough by itself."""
    return (service.tiers(one.wish.places) or ("",))[-1]


def _opted_out(hashes: Collection[bytes], scopes: Sequence[str], group: Group) -> str | None:
    return next((scope for one in hashes for scope in scopes if scope in group.opt_outs.get(one, {})), None)


def _told_before(service: str, once: Once | None, now: float, group: Group) -> SessionAnswer | None:
    row = group.session_replays.get(hash_key(service, once.key)) if once is not None else None
    if row is None or once is None or row[1] <= now - KEPT:
        return None
    return _decode(row[3]) if bytes(row[2]) == once.fingerprint else KeyReused()


# Looking, extending and closing.


def look_at(ask: LookAtSession, group: Group) -> SessionAnswer:
    end_lapsed(ask.now, group)
    session = group.memory.sessions.find(ask.service, ask.id)
    return session.told() if session else UnknownSession()


def list_open(ask: ListSessions, group: Group) -> SessionAnswer:
    end_lapsed(ask.now, group)
    found = (one for one in group.memory.sessions.of_service(ask.service) if one.is_open and one.id > ask.after)
    named = (one for one in found if ask.name in (None, one.name))
    return tuple(one.told() for one in sorted(named, key=lambda one: one.id)[: ask.limit])


def extend(ask: ExtendSession, group: Group) -> SessionAnswer:
    end_lapsed(ask.now, group)
    session = group.memory.sessions.find(ask.service, ask.id)
    if session is None or not session.is_open:
        return EndedSession(session.told()) if session else UnknownSession()
    terms = session.terms
    ttl, expires = (terms.ttl if ask.ttl is None else ask.ttl), ask.expires
    if expires is None and ask.ttl is None:
        expires = terms.expires
    after = replace(session, terms=msgspec.structs.replace(terms, ttl=ttl, expires=expires))
    _write(after, group)
    end_lapsed(ask.now, group)  # to an end that is gone
    return group.memory.sessions.by_id[ask.id].told()


def close(ask: CloseSession, group: Group) -> SessionAnswer:
    end_lapsed(ask.now, group)
    session = group.memory.sessions.find(ask.service, ask.id)
    if session is None:
        return UnknownSession()
    if session.is_open:
        session = session.end(State.CLOSED, ask.now, ask.now)
        _write(session, group)
    return session.told()


def count(ask: CountSessions, group: Group) -> SessionAnswer:
    end_lapsed(ask.now, group)
    sessions = group.memory.sessions
    running = [one for one in sessions.of_service(ask.service) if one.is_open]
    load = Counter(number for one in running for number in {leg.number for leg in one.legs})
    refused = Counter(
        (why, geo) for at, key, why, geo in sessions.refused if key == ask.service and at > ask.now - HOUR
    )
    return ServiceUsage(
        open=len(running),
        load=tuple(sorted(load.items())),
        geos=sessions.geo_uses(ask.service, ask.now),
        refused=tuple((why, geo, times) for (why, geo), times in sorted(refused.items())),
    )


# Calls and messages.


def resolve(ask: ResolveContact, group: Group) -> SessionAnswer:
    end_lapsed(ask.now, group)
    found = group.memory.sessions.under(ask.hashes, ask.number)
    if found is None or found[0].service != ask.service:
        return UnknownSession()
    session, leg = found
    if not session.is_open:
        return EndedSession(session.told())
    other = next((one for one in session.legs if one.place != leg.place), None)
    if other is None:
        return Alone(session.told())
    if (scope := _opted_out([other.person], ask.scopes, group)) is not None:
        return OptedOut(other.place, scope)
    if ask.interaction not in group.interactions:
        session = replace(session, last=max(session.last, ask.now), interactions=session.interactions + 1)
        _write(session, group)
        group.interactions.add(ask.interaction)
        row = (ask.interaction, session.id, ask.now, leg.place, str(ask.channel))
        group.changes.put(INTERACTIONS, (ask.interaction,), row)
    return Resolved(session.told(), other.person, other.sealed, other.number, other.account)


# Time, and forgetting.


def end_lapsed(now: float, group: Group) -> None:
    """End what has run out of time."""
    for session in group.memory.sessions.lapsed(now):
        _write(session.end(State.EXPIRED, session.ends, now), group)


def forget_ended(now: float, group: Group) -> int:
    """Erase the sessions that are remembered no more; returns how many."""
    end_lapsed(now, group)
    old = [one for one in group.memory.sessions.by_id.values() if one.remembered_until <= now]
    for session in old:
        _erase(session, group)
    return len(old)


def erase_sessions_of(hashes: Sequence[bytes], group: Group) -> int:
    """All that a person was or is in: it ends, and nothing of it is left. Returns how many there were."""
    found = group.memory.sessions.of_person(hashes)
    for session in found:
        _erase(session, group)
    return len(found)


def _erase(session: Session, group: Group) -> None:
    group.memory.sessions.forget(session, group.undo)
    group.changes.drop(SESSIONS, (session.id,))
    for leg in session.legs:
        group.changes.rows.get(LEG_ENDS, {}).pop((session.id, leg.place), None)
        group.changes.drop(LEGS, (session.id, leg.place))


def _write(session: Session, group: Group) -> None:
    """The session is so now, in memory and in the group."""
    before = group.memory.sessions.by_id.get(session.id)
    group.memory.sessions.put(session, group.undo)
    group.changes.put(SESSIONS, (session.id,), session.row())
    there = {leg.place: leg for leg in before.legs} if before else {}
    for leg in session.legs:
        key = (session.id, leg.place)
        if leg.place not in there or key in group.changes.rows.get(LEGS, {}):
            group.changes.put(LEGS, key, leg.row(session.id))
        elif leg != there[leg.place]:
            group.changes.put(LEG_ENDS, key, (*key, int(leg.rests is None), leg.rests))


_DOES: dict[type, Callable[[Any, Group], SessionAnswer]] = {
    OpenSession: open_session,
    JoinSession: join_session,
    LookAtSession: look_at,
    ListSessions: list_open,
    ExtendSession: extend,
    CloseSession: close,
    ResolveContact: resolve,
    CountSessions: count,
}
