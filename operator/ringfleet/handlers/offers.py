"""`POST /v1/offers`: what carriers offer, asked by a person who needs no right to the carriers' Secrets for it.

On a port of its own, apart from health and metrics. Who asks is known by a Kubernetes token for our audience, in the
header `Ringfleet-Token`: a token for the API server itself is refused, its owner gave it to nobody but the API server.
`Authorization` is read too, but does not come through the API server's service proxy, which takes it off::

    person --own credentials--> API server: TokenRequest of a ServiceAccount, audience offers.ringfleet.dev
    person --own credentials--> API server --service proxy--> here     (or by a port-forward)
                  Ringfleet-Token goes with it
    here --> API server: TokenReview; then SubjectAccessReview: create carrieraccounts/offers in the namespace

Who has no right there hears the same whatever is there. An account of another namespace answers only who it lets in,
and one that lets nobody in sounds like one that is not there.

What a question may cost is bounded: its body and the time to send it, rows, searches, time at the carriers, how many
are answered at once, a pace for each person, one search an account at a time. Carriers are called at the pace that is
kept for the account.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from math import ceil
from typing import Any

import structlog
from aiohttp import web

from ringfleet.api import CarrierAccount
from ringfleet.api.meta import GROUP
from ringfleet.carriers.errors import CarrierError
from ringfleet.controllers.offers import offers_of
from ringfleet.controllers.services import Services
from ringfleet.kube.access import Access, Caller, may, review_token
from ringfleet.kube.errors import KubeError
from ringfleet.model import AccountKey
from ringfleet.objects.offers import (
    OFFERS_AUDIENCE,
    OFFERS_PATH,
    TOKEN_HEADER,
    BadWish,
    Wish,
    answer_json,
    parse_wish,
    wish_json,
)
from ringfleet.rate import TokenBucket

log = structlog.get_logger(__name__)

MOST_BYTES = 16_384
BODY_SECONDS = 5.0
"""In which the body of a question has to come."""
SEARCH_SECONDS = 25.0
"""For which one account's carrier is asked."""
MOST_ROWS = 200
DEFAULT_ROWS = 20
MOST_ACCOUNTS = 10
AT_ONCE = 16
"""How many questions are answered at once, of all people."""
PER_SECOND, BURST = 0.5, 5
"""How often one person may ask."""
REMEMBERED = 1024
"""Of how many people it is remembered when they have asked."""
LONGEST_TOKEN = 16_384


class Refusal(Exception):
    """A question that is not answered."""

    def __init__(self, status: int, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.retry_after = retry_after


class OffersDesk:
    """See the module."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._answering = 0
        self._paces: OrderedDict[str, TokenBucket] = OrderedDict()
        self._searching: dict[AccountKey, asyncio.Lock] = {}

    async def answer(self, request: web.Request) -> web.Response:
        """The answer, or a problem document (RFC 9457)."""
        if self._answering >= AT_ONCE:
            return _problem(Refusal(503, "Too many questions are being answered. Ask again soon.", 1.0))
        self._answering += 1
        try:
            return web.json_response(await self._answer(request))
        except Refusal as refusal:
            return _problem(refusal)
        finally:
            self._answering -= 1

    async def _answer(self, request: web.Request) -> dict[str, Any]:
        caller = await self._known(_token(request))
        self._keep_pace(caller)
        body = await _read(request)
        namespace = body.get("namespace")
        if not isinstance(namespace, str) or not namespace:
            raise Refusal(400, "namespace: name the namespace that you ask for")
        await self._admit(caller, namespace)
        try:
            wish, count = parse_wish(body), _count(body.get("count"))
        except BadWish as error:
            raise Refusal(400, f"{error.field}: {error}") from error
        keys = self._accounts(namespace, body.get("accounts"))
        answers = await asyncio.gather(*(self._ask(key, namespace, wish, count) for key in keys))
        log.info("offers asked", caller=caller.user, namespace=namespace, accounts=len(keys))
        return {**wish_json(wish), "carriers": list(answers)}

    async def _known(self, token: str) -> Caller:
        try:
            caller = await review_token(self._services.kube, token, OFFERS_AUDIENCE)
        except KubeError as error:
            raise Refusal(503, "The API server can't be asked who you are. Ask again soon.", 5.0) from error
        if caller is None:
            raise Refusal(401, f"The token is none of this cluster for the audience {OFFERS_AUDIENCE}.")
        return caller

    def _keep_pace(self, caller: Caller) -> None:
        """Each person is let in at a pace. Whoever has not asked for longest is forgotten first."""
        now = asyncio.get_running_loop().time()
        pace = self._paces.pop(caller.user, None) or TokenBucket(PER_SECOND, BURST)
        self._paces[caller.user] = pace
        if len(self._paces) > REMEMBERED:
            self._paces.popitem(last=False)
        if wait := pace.take(now):
            raise Refusal(429, f"You may ask again in {ceil(wait)} seconds.", wait)

    async def _admit(self, caller: Caller, namespace: str) -> None:
        access = Access("create", GROUP, "carrieraccounts", "offers", namespace, "")
        try:
            allowed = await may(self._services.kube, caller, access)
        except KubeError as error:
            raise Refusal(503, "The API server can't be asked what you may do. Ask again soon.", 5.0) from error
        if not allowed:
            raise Refusal(403, f"You may not create carrieraccounts/offers ({GROUP}) in namespace {namespace}.")

    def _accounts(self, namespace: str, names: object) -> list[AccountKey]:
        """Those that are named, or all of the namespace."""
        if names is None or names == []:
            found = self._services.fleet.all_in(namespace, CarrierAccount)
            return sorted(AccountKey(namespace, one.metadata.name) for one in found)[:MOST_ACCOUNTS]
        if not isinstance(names, list) or not all(isinstance(one, str) and one for one in names):
            raise Refusal(400, "accounts: a list of NAME or NAMESPACE/NAME")
        if len(names) > MOST_ACCOUNTS:
            raise Refusal(400, f"accounts: at most {MOST_ACCOUNTS}")
        parted = (name.rpartition("/") for name in dict.fromkeys(names))
        return [AccountKey(home or namespace, rest) for home, _, rest in parted]

    async def _ask(self, key: AccountKey, namespace: str, wish: Wish, count: int) -> dict[str, Any]:
        """One account's answer, or why there is none."""
        account, accounts = self._services.accounts.get(key), self._services.accounts
        lets_in = account is not None and (key.namespace == namespace or namespace in account.allowed_namespaces)
        seen = accounts.seen(key, namespace)
        if key.namespace != namespace and not (lets_in and seen.blocked is None):
            return answer_json(str(key), None, "There is no such account, or it does not let this namespace in.")
        if account is None or seen.blocked is not None:
            return answer_json(str(key), None, seen.message)
        turn = self._searching.setdefault(key, asyncio.Lock())
        if turn.locked():
            return answer_json(str(key), None, "Somebody else is searching at this account: ask again soon.")
        try:
            async with turn, asyncio.timeout(SEARCH_SECONDS):
                return answer_json(str(key), await offers_of(wish, count, account.carrier), "")
        except TimeoutError:
            return answer_json(str(key), None, f"The carrier has not answered within {SEARCH_SECONDS:g} seconds.")
        except CarrierError as error:
            return answer_json(str(key), None, str(error))


def _token(request: web.Request) -> str:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    token = request.headers.get(TOKEN_HEADER) or (bearer if scheme.lower() == "bearer" else "")
    if not token or len(token) > LONGEST_TOKEN:
        raise Refusal(401, f"Send a token for the audience {OFFERS_AUDIENCE} in the header {TOKEN_HEADER}.")
    return token.strip()


async def _read(request: web.Request) -> Mapping[str, Any]:
    """The question. One that is too large or too slow is not read to its end."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await request.read()
    except TimeoutError as error:
        raise Refusal(408, f"The body has not come within {BODY_SECONDS:g} seconds.") from error
    except web.HTTPRequestEntityTooLarge as error:
        raise Refusal(413, f"The body has more than {MOST_BYTES} bytes.") from error
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise Refusal(400, "The body is a JSON object.")
    return body


def _count(value: object) -> int:
    if value is None:
        return DEFAULT_ROWS
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_ROWS:
        raise BadWish("count", f"a whole number from 1 to {MOST_ROWS}")
    return value


def _problem(refusal: Refusal) -> web.Response:
    body = {"title": "No offers", "status": refusal.status, "detail": str(refusal)}
    headers = {} if refusal.retry_after is None else {"Retry-After": str(ceil(refusal.retry_after))}
    return web.json_response(body, status=refusal.status, headers=headers, content_type="application/problem+json")


@asynccontextmanager
async def serve_offers(host: str, port: int, services: Services) -> AsyncIterator[int]:
    """Serve the one route while the body runs; yields the port."""
    app = web.Application(client_max_size=MOST_BYTES)
    app.router.add_post(OFFERS_PATH, OffersDesk(services).answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
