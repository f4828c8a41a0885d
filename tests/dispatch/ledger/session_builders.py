"""What is asked of masked sessions in tests. Participants are names; two of them call each other by proxy numbers."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b
from typing import Any

from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.session_types import (
    CloseSession,
    CountSessions,
    JoinSession,
    LookAtSession,
    Newcomer,
    OpenSession,
    ProxyNumber,
    ResolveContact,
    Service,
    ServiceUsage,
    SessionAnswer,
    SessionTold,
)
from ringfleet.model.proxy import GeoLevel
from tests.dispatch.ledger.builders import HOUR, NOON, SET_SCOPE, a_number, somebody

SERVICE = "shop/rides"
QUARANTINE = 4 * HOUR


def a_service(numbers: int = 2, **changes: Any) -> Service:
    held = tuple(ProxyNumber(a_number(n), "shop/sandbox") for n in range(1, numbers + 1))
    plain = {"level": GeoLevel.ANY, "ttl": HOUR, "quarantine": QUARANTINE, "retention": 24 * HOUR}
    return Service(SERVICE, held, scopes=(SET_SCOPE,), **{**plain, **changes})


def sid(name: str) -> bytes:
    """A session's id."""
    return blake2b(name.encode(), digest_size=16).digest()


def newcomer(name: str, *also: str) -> Newcomer:
    """`also`: names whose hash is the same person's, under an older key."""
    return Newcomer(tuple(map(somebody, (name, *also))), b"sealed " + name.encode())


async def begin(
    ledger: Ledger, *people: str, session: str = "s", after: float = 0.0, service: Service | None = None, **changes: Any
) -> SessionAnswer:
    asked = tuple(map(newcomer, people))
    return await ledger.session(OpenSession(service or a_service(), sid(session), NOON + after, asked, **changes))


async def begun(ledger: Ledger, *people: str, **changes: Any) -> SessionTold:
    answer = await begin(ledger, *people, **changes)
    assert isinstance(answer, SessionTold), answer
    return answer


async def join(ledger: Ledger, name: str, session: str = "s", after: float = 0.0, **changes: Any) -> SessionAnswer:
    return await ledger.session(JoinSession(a_service(), sid(session), NOON + after, newcomer(name), **changes))


async def look(ledger: Ledger, session: str = "s", after: float = 0.0) -> SessionAnswer:
    return await ledger.session(LookAtSession(SERVICE, sid(session), NOON + after))


async def end(ledger: Ledger, session: str = "s", after: float = 0.0) -> SessionAnswer:
    return await ledger.session(CloseSession(SERVICE, sid(session), NOON + after))


async def call(
    ledger: Ledger, name: str, number: str, after: float = 0.0, id_: str = "call-1", **changes: Any
) -> SessionAnswer:
    ask = ResolveContact(SERVICE, (somebody(name),), number, NOON + after, sid(id_), scopes=(SET_SCOPE,))
    return await ledger.session(replace(ask, **changes))


async def usage(ledger: Ledger, after: float = 0.0) -> ServiceUsage:
    answer = await ledger.session(CountSessions(SERVICE, NOON + after))
    assert isinstance(answer, ServiceUsage)
    return answer
