"""The door between the wire and the exchange: who calls, what befalls the call, and one turn at the exchange.

::

    token? -> rate limit -> latency -> 429, 5xx, reset -> [ one turn: act, commit ] -> 5xx, reset, reply lost -> reply
                                       (nothing done)                                  (all done)

A wire face gives the door its routes and its manners (`Face`); what befalls a call is the same for all of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate

from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ringfleet.simulator.errors import Code, Refused
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faults.faults import Strike
from ringfleet.simulator.faults.rules import Fault, Operation
from ringfleet.simulator.faults.wire import CloseConnection, ResetConnection, Silence
from ringfleet.simulator.fields import BadField
from ringfleet.simulator.selling.carts import Customer
from ringfleet.simulator.traffic.calls import Calls
from ringfleet.simulator.traffic.webhooks import Event, Webhook


@dataclass(frozen=True, slots=True)
class Asked:
    """One call that got through the door, its body already decoded."""

    customer: Customer
    path: Mapping[str, str]
    query: QueryParams
    body: object


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content: object = None


Action = Callable[[Exchange, Asked], Answer]


@dataclass(frozen=True, slots=True)
class Notice:
    """A call of a customer's webhook, all but the URL: what tells of one event, signed. `query`: what is put behind the
    URL, with its question mark."""

    headers: Mapping[str, str]
    body: bytes
    query: str = ""


@dataclass(frozen=True, slots=True)
class Face:
    """A carrier's wire: its routes (method, path, operation, action), how it reads callers, how it says no (code,
    message, HTTP status), and how it tells a customer's webhook of an event, if it tells such events at all; the time
    is the exchange's. `repeats`: what the webhook did not take is told again."""

    name: str
    routes: tuple[tuple[str, str, Operation, Action], ...]
    statuses: Mapping[Code, int]
    token_of: Callable[[Request], str | None]
    decode: Callable[[bytes], object]
    error: Callable[[str, str, int], object]
    notify: Callable[[Webhook, Event, float], Notice | None]
    repeats: bool = True
    acts_for: Callable[[Exchange, Customer, Mapping[str, str]], Customer] = lambda _exchange, caller, _path: caller
    """Whose account the call is about, by the variables of its path; the caller's own unless it has others."""


@dataclass(slots=True)
class RateLimit:
    """At most `rate` calls a second and a burst of one second's calls, for each account; None is no limit."""

    rate: float | None = None
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def allows(self, account: str) -> bool:
        if self.rate is None:
            return True
        now, burst = time.monotonic(), max(self.rate, 1.0)
        left, seen = self._left.get(account, (burst, now))
        left = min(burst, left + (now - seen) * self.rate)
        allowed = left >= 1
        self._left[account] = (left - 1 if allowed else left, now)
        return allowed


@dataclass(frozen=True, slots=True)
class Door:
    """`closing` is set when the simulator stops: calls that wait or hang end then."""

    exchange: Exchange
    calls: Calls
    rate_limit: RateLimit
    closing: asyncio.Event

    def routes(self, face: Face) -> list[Route]:
        return [
            Route(path, self._endpoint(face, operation, action), methods=[method])
            for method, path, operation, action in face.routes
        ]

    def _endpoint(self, face: Face, operation: Operation, action: Action) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            try:
                body = await request.body()
            except ClientDisconnect:  # it died in the middle of its request: nothing was asked
                return ResetConnection()
            response = await self._serve(face, operation, action, request, body)
            response.headers["Date"] = formatdate(self.exchange.clock.now(), usegmt=True)
            return response

        return endpoint

    async def _serve(self, face: Face, operation: Operation, action: Action, request: Request, body: bytes) -> Response:
        token = face.token_of(request)
        account = self.exchange.accounts.of_token(token) if token else None
        call = self.calls.begin(operation, account.id if account else "", _target(request))
        if account is None or token is None:
            call.outcome = "401"
            return _error(face, 401, "invalid_token", "the bearer token is missing or unknown")
        call.outcome, response = await self._before(face, operation, account.id)
        if response is not None:
            return response
        answer = self._act(face, action, token, request, body)
        call.outcome, response = self._after(face, operation, account.id, answer)
        return response

    async def _before(self, face: Face, operation: Operation, account: str) -> tuple[str | None, Response | None]:
        """What befalls a call that is then not processed: the name of its outcome, and the reply."""
        if not self.rate_limit.allows(account):
            return "429", _throttled(face, 1)
        if (strike := self._strike(Fault.LATENCY, operation, account)) and await self._closes_within(strike.seconds):
            return "closed", ResetConnection()
        if strike := self._strike(Fault.RATE_LIMITED, operation, account):
            return "429", _throttled(face, strike.rule.retry_after)
        if self._strike(Fault.SEARCH_DOWN, operation, account):
            return "503", _unavailable(face, 503)
        if strike := self._strike(Fault.SERVER_ERROR, operation, account):
            return str(strike.rule.status), _unavailable(face, strike.rule.status)
        if self._strike(Fault.RESET_BEFORE_COMMIT, operation, account):
            return Fault.RESET_BEFORE_COMMIT, ResetConnection()
        return None, None

    def _act(self, face: Face, action: Action, token: str, request: Request, body: bytes) -> Answer:
        """One turn at the exchange. The account is looked up in it, so that its balance is the one of this turn."""
        try:
            with self.exchange.turn():
                account = self.exchange.accounts.of_token(token)
                assert account is not None
                customer = face.acts_for(self.exchange, Customer(account, token), request.path_params)
                asked = Asked(customer, request.path_params, request.query_params, face.decode(body))
                return action(self.exchange, asked)
        except Refused as refused:
            return _refusal(face, refused.code, refused.message)
        except BadField as bad:
            return _refusal(face, Code.INVALID_REQUEST, str(bad))

    def _after(self, face: Face, operation: Operation, account: str, answer: Answer) -> tuple[str, Response]:
        if strike := self._strike(Fault.SERVER_ERROR_AFTER_COMMIT, operation, account):
            return str(strike.rule.status), _unavailable(face, strike.rule.status)
        if self._strike(Fault.RESET_AFTER_COMMIT, operation, account):
            return Fault.RESET_AFTER_COMMIT, ResetConnection()
        if strike := self._strike(Fault.REPLY_LOST, operation, account):
            return Fault.REPLY_LOST, CloseConnection() if strike.rule.how == "close" else Silence(self.closing)
        return str(answer.status), _reply(answer)

    def _strike(self, fault: Fault, operation: Operation, account: str) -> Strike | None:
        return self.exchange.faults.strike(fault, operation, account)

    async def _closes_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self.closing.wait()
        except TimeoutError:
            return False


def _reply(answer: Answer) -> Response:
    if answer.content is None:
        return Response(status_code=answer.status)
    return JSONResponse(answer.content, answer.status)


def _refusal(face: Face, code: Code, message: str) -> Answer:
    status = face.statuses[code]
    return Answer(status, face.error(code, message, status))


def _error(face: Face, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(face.error(code, message, status), status, headers)


def _throttled(face: Face, retry_after: int | None) -> Response:
    headers = None if retry_after is None else {"Retry-After": str(retry_after)}
    return _error(face, 429, "rate_limited", "too many calls: this one was not processed", headers)


def _unavailable(face: Face, status: int) -> Response:
    return _error(face, status, "unavailable", "the carrier is having trouble: try again later")


def _target(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
