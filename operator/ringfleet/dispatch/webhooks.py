"""The listener that carriers call: webhooks in, events out. Apart from picks, so that no public route reaches those.

::

    account known? -> at most 1 MiB -> signed, and now? -> reads? -> `event_intake`: the ledger has it, once -> 200

It runs in the webhook process (`webhook_process`), so what strangers send takes no time from picks; neither ledger,
inventory nor cluster is loaded with it. What is answered with a 2xx is in the ledger, or concerns nobody.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, Protocol

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ringfleet.carriers.webhooks import Doubt, MalformedEvent, SignatureRefused, WebhookReader, WebhookRequest
from ringfleet.dispatch.hot_protocol import PATHS, Begun, Told, told
from ringfleet.dispatch.http_edge import on_error, on_http_error, read_body, tell_fault
from ringfleet.dispatch.problems import Problem, answer
from ringfleet.dispatch.public_address import PublicAddress
from ringfleet.model import E164, AccountKey
from ringfleet.model.refs import ObjectRef
from ringfleet.model.traffic import CarrierEvent

EVENT_BYTES: Final = 1_048_576
AT_ONCE_BYTES: Final = 65_536
"""A longer body is hashed and read beside the event loop: picks are answered there, and a stranger may send as many."""
NO_ANSWER: Final = b"<Response/>"
"""That nothing is to be written back, to a carrier that does what the answer says. To others it is any answer."""
_PATH: Final = re.compile(rb"/v1/events/([a-z0-9.-]+)/([a-z0-9.-]+)")


class Sent(NamedTuple):
    """A call whose headers are whole: for which account, by which scheme, to which path, and what they say."""

    key: AccountKey
    scheme: str
    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sender:
    """How the account's webhooks are read, and the secrets of which one must have signed them."""

    reader: WebhookReader
    secrets: tuple[str, ...]


class Accounts(Protocol):
    """Who may send: `senders.Senders`, and in the webhook process `webhook_process.accounts.Accounts`."""

    async def find(self, key: AccountKey) -> Sender:
        """Raises Problem."""
        ...


class Taker(Protocol):
    """Who takes an event in: `event_intake.Intake`, and in the webhook process `webhook_process.handover.Handover`."""

    async def take(self, key: AccountKey, event: CarrierEvent) -> str:
        """What became of it, which is on disk now: see `Happened`. Raises Problem: nothing, or it is not known."""
        ...

    async def pass_on(
        self, key: AccountKey, profile: ObjectRef, request: WebhookRequest, peer: E164 | None = None
    ) -> None:
        """See that the program gets the request to which the RoutingProfile sends messages. `peer`: whose words it has;
        None: nobody's. Raises Problem: nobody will."""
        ...


class Answers(Protocol):
    """Who counts what is answered: `metrics.Metrics`, and in the webhook process `webhook_process.process.Counts`."""

    def answered(self, outcome: str, status: int) -> None: ...


class Unread(Problem):
    """Something of a request does not read. `others`: what else is in it, and does."""

    def __init__(self, detail: str, others: tuple[CarrierEvent, ...]) -> None:
        super().__init__("malformed-request", detail)
        self.others = others


class Happened(msgspec.Struct, frozen=True):
    """`status`: counted; known, when it was counted before; ignored, when it concerns nobody here."""

    status: str


_ANSWERS: Final = {word: msgspec.json.encode(Happened(word)) for word in ("counted", "known", "ignored")}


class Events:
    """`accounts` say who may send; `taker` takes what is believed; `now`: POSIX seconds."""

    def __init__(
        self, accounts: Accounts, taker: Taker, now: Callable[[], float], answers: Answers, address: PublicAddress
    ) -> None:
        self._accounts = accounts
        self._taker = taker
        self._now = now
        self._answers = answers
        self._address = address

    async def receive(self, request: Request) -> Response:
        key = AccountKey(request.path_params["namespace"], request.path_params["account"])
        sender = await self._accounts.find(key)
        url = self._address.url_of(request.url.scheme, request.headers, _target(request))
        body = await read_body(request, EVENT_BYTES)
        sent = WebhookRequest(request.method, url, request.headers, body, self._now())
        return Response(await self._hear(key, sender, sent), media_type="application/json")

    async def receive_for(self, request: Request) -> Response:
        """The same of a call that was meant for the program of a RoutingProfile: it is passed on, once what it says is
        in the ledger. When it can't be, the carrier is told so, and calls the program itself: see `Routing`."""
        path = request.path_params
        key, profile = AccountKey(path["namespace"], path["account"]), ObjectRef(path["owner"], path["profile"])
        sender = await self._accounts.find(key)
        url = self._address.url_of(request.url.scheme, request.headers, _target(request))
        body = await read_body(request, EVENT_BYTES)
        sent = WebhookRequest(request.method, url, request.headers, body, self._now())
        events = await self._believe(sender, sent)
        await self._take(key, events)
        peer = next((event.peer for event in events if event.peer), None)
        await self._taker.pass_on(key, profile, sent, peer)
        return Response(NO_ANSWER, media_type="text/xml")

    async def hear(self, key: AccountKey, scheme: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """The same of a call that is whole. Raises Problem."""
        sender = await self._accounts.find(key)
        url = self._address.url_of(scheme, headers, target)
        return await self._hear(key, sender, WebhookRequest("POST", url, headers, body, self._now()))

    async def _hear(self, key: AccountKey, sender: Sender, sent: WebhookRequest) -> bytes:
        """What is answered."""
        try:
            return _ANSWERS[await self._take(key, await self._believe(sender, sent))]
        except Unread as unread:  # what does read is kept all the same: the rest may never read, however often it comes
            await self._take(key, unread.others)
            raise

    async def _take(self, key: AccountKey, events: Sequence[CarrierEvent]) -> str:
        """What became of the request that has these. Raises Problem: of one of them nothing; all others are taken."""
        if len(events) == 1:  # as nearly always: it needs no task of its own
            status = await self._taker.take(key, events[0])
        else:
            results = await asyncio.gather(*(self._taker.take(key, event) for event in events), return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
            status = next((word for word in ("counted", "known") if word in results), "ignored")
        self._answers.answered(f"event-{status}", 200)
        return status

    async def _believe(self, sender: Sender, sent: WebhookRequest) -> tuple[CarrierEvent, ...]:
        """The events, once the signature holds. Raises Problem."""
        if len(sent.body) > AT_ONCE_BYTES:
            return await asyncio.to_thread(self._read, sender, sent)
        return self._read(sender, sent)

    def _read(self, sender: Sender, request: WebhookRequest) -> tuple[CarrierEvent, ...]:
        try:
            sender.reader.verify(request, sender.secrets, self._now())
            return sender.reader.read(request)
        except SignatureRefused as refused:
            type_ = "stale-signature" if refused.doubt is Doubt.STALE else "bad-signature"
            raise Problem(type_, str(refused), reason=refused.doubt.value) from refused
        except MalformedEvent as malformed:
            raise Unread(f"The event does not read: {malformed}.", malformed.others) from malformed

    async def on_problem(self, request: Request, error: Exception) -> Response:
        return self.refuse(error, request.url.path)

    def refuse(self, error: Exception, path: str) -> Response:
        """What is answered when a call ends with this."""
        if not isinstance(error, Problem):
            return tell_fault(error, path)
        self._answers.answered(f"event-{error.type.name}", int(error.type.status))
        return answer(error, path, self._now())


class HotEvents:
    """Events that need no app: those that are plain, and are hashed at once (see `hot_protocol`)."""

    most = AT_ONCE_BYTES

    def __init__(self, events: Events) -> None:
        self._events = events
        self._keys: dict[bytes, AccountKey] = {}

    def take(self, url: bytes, headers: dict[bytes, bytes], scheme: str) -> Sent | None:
        key = self._keys.get(url)
        if key is None:
            found = _PATH.fullmatch(url)
            if found is None:
                return None
            key = AccountKey(found[1].decode(), found[2].decode())
            if len(self._keys) < PATHS:
                self._keys[url] = key
        said = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        return Sent(key, scheme, url.decode(), said)

    def begin(self, sent: Sent, body: bytes) -> Begun:
        task = asyncio.create_task(self._events.hear(*sent, body))
        return Begun(task, partial(self._tell, sent.target))

    def _tell(self, path: str, heard: asyncio.Future[bytes]) -> Told:
        try:
            body = heard.result()
        except Exception as error:
            return told(self._events.refuse(error, path))
        return Told(200, b"content-length: %d\r\ncontent-type: application/json\r\n" % len(body), body)


def app_of(events: Events) -> Starlette:
    app = Starlette(
        routes=[
            Route("/v1/events/{namespace}/{account}", events.receive, methods=["POST"]),
            Route("/v1/events/{namespace}/{account}/{owner}/{profile}", events.receive_for, methods=["POST"]),
        ],
        exception_handlers={
            Problem: events.on_problem,
            HTTPException: on_http_error,
            Exception: on_error,
        },
    )
    app.router.redirect_slashes = False  # it would send the carrier to whatever Host the request names
    return app


def _target(request: Request) -> str:
    """Path and query as they came."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def accounts_unread() -> Problem:
    return Problem("inventory-unknown", "The carrier accounts have not been read yet. Send the event again.")


def no_such_account(key: AccountKey) -> Problem:
    """The name is out of a stranger's URL, so it is cut."""
    return Problem("not-found", f"There is no CarrierAccount {str(key)[:100]}: see the URL that the carrier calls.")
