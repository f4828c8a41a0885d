"""Events that the operator has read from the carriers' detail records: into the ledger, on the way of those that
webhooks bring.

It is the operator that asks carriers, because it has their credentials, and the dispatcher that knows what has been
heard: an event is known by its id, whoever brings it. A batch is taken whole, or it is to be sent again; only an event
that will never be taken is refused by itself, such as an opt-out whose sender can't be read.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Final

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from ringfleet.dispatch.auth import Act, Authority
from ringfleet.dispatch.event_intake import Intake
from ringfleet.dispatch.http_edge import read_body
from ringfleet.dispatch.picks import JSON, read
from ringfleet.dispatch.problems import Problem
from ringfleet.dispatch.schema import ToldEvent, ToldEvents, ToldReply
from ringfleet.model import E164, AccountKey
from ringfleet.model.traffic import CarrierEvent

BODY_BYTES: Final = 4_194_304
"""500 messages, of the longest texts that carriers take."""
REFUSALS: Final = frozenset({"sender-unreadable", "malformed-request"})
"""The problems of one event that no second try mends."""

_PLACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{,61}[a-z0-9])?/[a-z0-9]([-.a-z0-9]{,251}[a-z0-9])?")
_read = msgspec.json.Decoder(ToldEvents).decode
_encode = msgspec.json.Encoder().encode

log = structlog.get_logger(__name__)


class EventDoor:
    """See the module."""

    def __init__(self, authority: Authority, intake: Intake) -> None:
        self._authority = authority
        self._intake = intake

    async def receive(self, request: Request) -> Response:
        key = AccountKey(request.path_params["namespace"], request.path_params["account"])
        act = Act("create", "events", key.namespace, key.name, "carrieraccounts")
        await self._authority.allow(request.headers.get("authorization"), act)
        if not _PLACE.fullmatch(str(key)):
            raise Problem("not-found", f"There is no CarrierAccount {str(key)[:100]!r}.")
        told: ToldEvents = read(_read, await read_body(request, BODY_BYTES))
        endings = Counter(await asyncio.gather(*(self._take(key, one) for one in told.events)))
        return Response(
            _encode(ToldReply(**{word: endings[word] for word in ToldReply.__struct_fields__})), media_type=JSON
        )

    async def _take(self, key: AccountKey, told: ToldEvent) -> str:
        """What became of it. Raises Problem: the batch is to be sent again."""
        try:
            return await self._intake.take(key, _event(told))
        except Problem as problem:
            if problem.type.name not in REFUSALS:
                raise
            ids = {"event_id": told.id, "message_id": told.subject}
            log.warning("event of a detail record refused", account=str(key), **ids, problem=problem.type.name)
            return "refused"


def _event(told: ToldEvent) -> CarrierEvent:
    return CarrierEvent(
        id=told.id,
        happening=told.happening,
        at=told.at,
        number=E164(told.number),
        subject=told.subject,
        direction=told.direction,
        peer=None if told.peer is None else E164(told.peer),
        text=told.text,
    )
