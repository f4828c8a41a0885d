"""The routes of masked sessions: from a request to what the ledger is asked, and from its answer to what is told."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import blake2b
from math import isinf
from typing import Any, NoReturn

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringfleet.dispatch.announcing.announced import Standing
from ringfleet.dispatch.auth import Act, Authority
from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.hot_route import PICK_BYTES
from ringfleet.dispatch.http_edge import read_body
from ringfleet.dispatch.inventory import Inventory
from ringfleet.dispatch.ledger.interface import Ledger
from ringfleet.dispatch.ledger.keys import hash_key
from ringfleet.dispatch.ledger.session_types import (
    Alone,
    Bar,
    CloseSession,
    CountSessions,
    EndedSession,
    Exhaustion,
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
    Wish,
)
from ringfleet.dispatch.ledger.types import KeyReused
from ringfleet.dispatch.picks import JSON, not_a_number, read, read_key
from ringfleet.dispatch.problems import Problem, write_time
from ringfleet.dispatch.query import read_limit
from ringfleet.dispatch.recipients import Hasher, is_recipient
from ringfleet.dispatch.sessions.schema import (
    PROXY,
    SESSION,
    ExtendRequest,
    NumberLoad,
    ParticipantReply,
    ParticipantRequest,
    PlaceUse,
    RefusedCount,
    ResolveReply,
    ResolveRequest,
    ServiceRollup,
    SessionList,
    SessionReply,
    SessionRequest,
    SessionStatus,
)
from ringfleet.model import E164
from ringfleet.model.geography import whereabouts
from ringfleet.plan.rotation_set.guardrails import everywhere_in

ID_BYTES = 16
_ID = re.compile("[0-9a-f]{32}")
_STATUS = {State.OPEN: SessionStatus.OPEN, State.CLOSED: SessionStatus.CLOSED, State.EXPIRED: SessionStatus.EXPIRED}

_encode = msgspec.json.Encoder().encode
_read_session = msgspec.json.Decoder(SessionRequest).decode
_read_participant = msgspec.json.Decoder(ParticipantRequest).decode
_read_extension = msgspec.json.Decoder(ExtendRequest).decode
_read_contact = msgspec.json.Decoder(ResolveRequest).decode


class SessionDoor:
    """See the module. `hasher` gives the keys that are in force now."""

    def __init__(
        self,
        ledger: Ledger,
        inventory: Inventory,
        authority: Authority,
        clock: Clock,
        hasher: Callable[[], Hasher],
        standing: Standing,
    ) -> None:
        self._ledger = ledger
        self._inventory = inventory
        self._authority = authority
        self._clock = clock
        self._hasher = hasher
        self._standing = standing

    def routes(self) -> list[Route]:
        return [
            Route(f"{PROXY}/sessions", self.begin, methods=["POST"]),
            Route(f"{PROXY}/sessions", self.list_open, methods=["GET"]),
            Route(SESSION, self.look, methods=["GET"]),
            Route(SESSION, self.extend, methods=["PATCH"]),
            Route(SESSION, self.close, methods=["DELETE"]),
            Route(f"{SESSION}/participants", self.join, methods=["POST"]),
            Route(f"{PROXY}/resolve", self.resolve, methods=["POST"]),
            Route(f"{PROXY}/rollup", self.rollup, methods=["GET"]),
        ]

    # Sessions.

    async def begin(self, request: Request) -> Response:
        service = self._service(*await self._let_in(request, "create", "sessions"))
        wish: SessionRequest = read(_read_session, await read_body(request, PICK_BYTES))
        key = read_key(request.headers.get("idempotency-key"))
        newcomers = tuple(self._newcomer(one, f"/participants/{n}") for n, one in enumerate(wish.participants))
        expires = _moment(wish.expires_at)
        said = (wish.name, wish.ttl_seconds, expires, *map(self._said, wish.participants))
        ask = OpenSession(
            service=service,
            id=secrets.token_bytes(ID_BYTES),
            now=self._clock.now(),
            newcomers=newcomers,
            name=wish.name,
            ttl=wish.ttl_seconds,
            expires=expires,
            once=Once(key, _fingerprint("open", *said)),
        )
        return _json(_session(await self._told(ask)), 201)

    async def join(self, request: Request) -> Response:
        service = self._service(*await self._let_in(request, "create", "sessions"))
        wish: ParticipantRequest = read(_read_participant, await read_body(request, PICK_BYTES))
        key, id_ = read_key(request.headers.get("idempotency-key")), _id(request)
        once = Once(key, _fingerprint("join", id_.hex(), self._said(wish)))
        ask = JoinSession(service, id_, self._clock.now(), self._newcomer(wish, ""), once)
        return _json(_session(await self._told(ask)), 201)

    async def look(self, request: Request) -> Response:
        namespace, name = await self._let_in(request, "get", "sessions")
        ask = LookAtSession(f"{namespace}/{name}", _id(request), self._clock.now())
        return _json(_session(await self._told(ask)))

    async def list_open(self, request: Request) -> Response:
        namespace, name = await self._let_in(request, "get", "sessions")
        self._refuse_unknown(namespace, name)
        limit, after = read_limit(request), request.query_params.get("after", "")
        if after and not _ID.fullmatch(after):
            raise Problem("malformed-request", "Say after as the `next` of the page before.")
        named = request.query_params.get("sessionName")
        if named == "":
            raise Problem("malformed-request", "Say sessionName as the name of a session, or leave it out.")
        key, now = f"{namespace}/{name}", self._clock.now()
        found = await self._ledger.session(ListSessions(key, now, limit, bytes.fromhex(after), named))
        assert isinstance(found, tuple)
        items = tuple(map(_session, found))
        return _json(SessionList(items, items[-1].session_id if len(items) == limit else None))

    async def extend(self, request: Request) -> Response:
        namespace, name = await self._let_in(request, "update", "sessions")
        wish: ExtendRequest = read(_read_extension, await read_body(request, PICK_BYTES))
        ask = ExtendSession(
            f"{namespace}/{name}", _id(request), self._clock.now(), wish.ttl_seconds, _moment(wish.expires_at)
        )
        return _json(_session(await self._told(ask)))

    async def close(self, request: Request) -> Response:
        namespace, name = await self._let_in(request, "delete", "sessions")
        await self._told(CloseSession(f"{namespace}/{name}", _id(request), self._clock.now()))
        return Response(status_code=204)

    async def _told(self, ask: SessionAsk) -> SessionTold:
        """Raises Problem."""
        answer = await self._ledger.session(ask)
        return answer if isinstance(answer, SessionTold) else _refuse(answer)

    # Calls and messages.

    async def resolve(self, request: Request) -> Response:
        namespace, name = await self._let_in(request, "create", "resolve")
        wish: ResolveRequest = read(_read_contact, await read_body(request, PICK_BYTES))
        for pointer, number in (("/from", wish.from_), ("/to", wish.to)):
            if not is_recipient(number):
                raise not_a_number(pointer)
        hasher, key = self._hasher(), f"{namespace}/{name}"
        ask = ResolveContact(
            service=key,
            hashes=hasher.hashes(wish.from_),
            number=wish.to,
            now=self._clock.now(),
            interaction=hash_key(key, wish.interaction_id) if wish.interaction_id else secrets.token_bytes(ID_BYTES),
            channel=wish.channel,
            scopes=(everywhere_in(namespace),),
        )
        found = await self._ledger.session(ask)
        if isinstance(found, UnknownSession):
            raise Problem("no-session", f"Who calls is in no session of ProxyService {key} under that number.")
        if not isinstance(found, Resolved):
            _refuse(found)
        to, session = hasher.sealer.open(found.sealed, found.person), found.session
        return _json(ResolveReply(session.id.hex(), to, found.shown, found.account, session.interactions))

    # The operator's look.

    async def rollup(self, request: Request) -> Response:
        namespace, name = await self._let_in(request, "get", "rollup")
        self._refuse_unknown(namespace, name)
        usage = await self._ledger.session(CountSessions(f"{namespace}/{name}", self._clock.now()))
        assert isinstance(usage, ServiceUsage)
        return _json(
            ServiceRollup(
                usage.open,
                tuple(NumberLoad(number, sessions) for number, sessions in usage.load),
                tuple(PlaceUse(one.geo, one.legs, one.busiest) for one in usage.geos),
                tuple(RefusedCount(int(why), geo, times) for why, geo, times in usage.refused),
            )
        )

    # How.

    async def _let_in(self, request: Request, verb: str, subresource: str) -> tuple[str, str]:
        """The service that the path names, once the caller may. Raises Problem."""
        namespace, name = request.path_params["namespace"], request.path_params["name"]
        act = Act(verb, subresource, namespace, name, "proxyservices")
        await self._authority.allow(request.headers.get("authorization"), act)
        return namespace, name

    def _refuse_unknown(self, namespace: str, name: str) -> None:
        """Raises Problem: there is no such service. While the inventory is not known, there may be."""
        if self._inventory.synced.is_set() and self._inventory.service(namespace, name) is None:
            raise Problem("not-found", f"There is no ProxyService {namespace}/{name}.")

    def _service(self, namespace: str, name: str) -> Service:
        """The service, which new participants may get numbers of now. Raises Problem."""
        if refused := self._standing.refusal():
            raise refused
        found = self._inventory.service(namespace, name)
        if found is None:
            if not self._inventory.synced.is_set():
                raise Problem("inventory-unknown", "The dispatcher has not yet read its inventory from the API server.")
            raise Problem("not-found", f"There is no ProxyService {namespace}/{name}.")
        if found.suspended:
            raise Problem("service-suspended", f"ProxyService {namespace}/{name} is suspended (spec.suspend).")
        if freeze := self._inventory.freeze_of_everything():
            raise Problem("frozen", freeze.message)
        return found.service

    def _newcomer(self, wish: ParticipantRequest, pointer: str) -> Newcomer:
        """Raises Problem."""
        for part, number in (("number", wish.number), ("proxyNumber", wish.proxy_number)):
            if number is not None and not is_recipient(number):
                raise not_a_number(f"{pointer}/{part}")
        hasher = self._hasher()
        hashes = hasher.hashes(wish.number)
        sealed = hasher.sealer.seal(wish.number, hashes[0])
        return Newcomer(hashes, sealed, Wish(whereabouts(E164(wish.number)).places, wish.proxy_number))

    def _said(self, wish: ParticipantRequest) -> tuple[str, str | None]:
        """What a participant's request says, by a hash that a newer key does not change."""
        return self._hasher().oldest(wish.number).hex(), wish.proxy_number


def _fingerprint(*said: object) -> bytes:
    return blake2b(_encode(said), digest_size=ID_BYTES).digest()


def _id(request: Request) -> bytes:
    said: str = request.path_params["session"]
    if not _ID.fullmatch(said):
        raise Problem("not-found", "There is no such session.")
    return bytes.fromhex(said)


def _moment(said: datetime | None) -> float | None:
    if said is not None and said.tzinfo is None:
        raise Problem("malformed-request", "Say expiresAt with its time zone, such as 2026-11-24T12:00:00Z.")
    return None if said is None else said.timestamp()


def _session(one: SessionTold) -> SessionReply:
    return SessionReply(
        session_id=one.id.hex(),
        name=one.name,
        status=_STATUS[one.state],
        created_at=write_time(one.created),
        ends_at=None if isinf(one.ends) else write_time(one.ends),
        interactions=one.interactions,
        last_interaction_at=write_time(one.last) if one.interactions else None,
        participants=tuple(
            ParticipantReply(leg.place, leg.number, leg.account, write_time(leg.joined)) for leg in one.legs
        ),
    )


def _json(reply: Any, status: int = 200) -> Response:
    return Response(_encode(reply), status, media_type=JSON)


# What is refused.


def _refuse(answer: SessionAnswer) -> NoReturn:
    """Raises Problem."""
    match answer:
        case UnknownSession():
            raise Problem("not-found", "There is no such session, or it is remembered no more.")
        case EndedSession(session):
            ended = {"sessionId": session.id.hex(), "endedAt": write_time(session.ends)}
            raise Problem("session-ended", f"The session is {_STATUS[session.state]}.", **ended)
        case Alone(session):
            detail = "The session has no other participant yet."
            raise Problem("session-incomplete", detail, sessionId=session.id.hex())
        case NameTaken(id_):
            raise Problem("session-name-taken", "An open session of the service has the name.", sessionId=id_.hex())
        case SessionFull():
            raise Problem("session-full", "The session has two participants.")
        case SamePerson():
            raise Problem("malformed-request", "Both participants of a session are the same number.")
        case OptedOut(leg):
            detail = "The participant has opted out of all that the namespace sends."
            raise Problem("recipient-suppressed", detail, participant=leg)
        case KeyReused():
            raise Problem("idempotency-key-reused", "This Idempotency-Key has come with another request before.")
        case Refused():
            raise exhausted(answer)
        case _:
            raise AssertionError(answer)


def exhausted(refused: Refused) -> Problem:
    """There is no number for a participant: the class, whose, and what would help."""
    why, would_help = _WORDS.get((refused.why, refused.bar)) or _WORDS[refused.why, None]
    return Problem(
        "proxy-exhausted",
        f"{why} {would_help}",
        errorClass=int(refused.why),
        participant=refused.leg,
        reason=str(refused.bar),
        excluded={str(bar): count for bar, count in refused.excluded},
    )


_WORDS: Mapping[tuple[Exhaustion, Bar | None], tuple[str, str]] = {
    (Exhaustion.EMPTY, None): (
        "The service has no number that may be given.",
        "See its status, and that of its NumberClaims: its pools may have none, or its numbers are not routed.",
    ),
    (Exhaustion.NONE_IN_COUNTRY, None): (
        "The service has no number in the participant's country.",
        "Add a pool of that country to spec.pools, or set spec.geoMatch.level to Any.",
    ),
    (Exhaustion.NO_VOICE, None): (
        "None of the service's numbers there takes calls.",
        "Add a pool whose market has the capability Voice, or take Voice off spec.channels.",
    ),
    (Exhaustion.NO_MESSAGES, None): (
        "None of the service's numbers there takes messages.",
        "Add a pool whose market has the capability SMS, or take SMS off spec.channels.",
    ),
    (Exhaustion.NONE_COMPATIBLE, Bar.ELSEWHERE): (
        "None of the service's numbers is as near to the participant as spec.geoMatch asks.",
        "Add numbers of that place, or set spec.geoMatch.strict to false.",
    ),
    (Exhaustion.NONE_COMPATIBLE, Bar.OTHER_ACCOUNT): (
        "The numbers there are of another CarrierAccount than that of the session's other participant.",
        "Add numbers to that account's pool: a carrier shows only numbers of its own.",
    ),
    (Exhaustion.NONE_COMPATIBLE, Bar.RESTING): (
        "Every number there rests for this participant after an earlier session, or has an open one.",
        "Add numbers, or shorten spec.reuseQuarantine.",
    ),
    (Exhaustion.NONE_COMPATIBLE, None): (
        "The participant has open sessions under every number there.",
        "Close sessions that are over, or add numbers: a participant needs one for each session at once.",
    ),
    (Exhaustion.ONLY_RESERVED, None): (
        "All numbers there are reserved.",
        "Name one as proxyNumber, or take numbers off spec.reserved.",
    ),
    (Exhaustion.ALL_IN_USE, None): (
        "Every number there that the participant could have has spec.maxSessionsPerNumber open sessions.",
        "Add numbers, or close sessions that are over.",
    ),
    (Exhaustion.NOT_IN_SERVICE, Bar.DRAINING): (
        "The number that is named as proxyNumber is on its way out of the service, or can't be used now.",
        "Name another one, or none.",
    ),
    (Exhaustion.NOT_IN_SERVICE, None): (
        "The number that is named as proxyNumber is none of the service's.",
        "Name one that is, or none.",
    ),
}
