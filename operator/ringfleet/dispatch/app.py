"""The routes of the dispatcher: who may call is asked first, then the body is read, then the ledger is asked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import date
from math import floor
from time import perf_counter
from typing import Any

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from ringfleet.dispatch.announcing.announced import ALONE, Standing
from ringfleet.dispatch.auth import Act, Authority
from ringfleet.dispatch.calculators import size_routes
from ringfleet.dispatch.clock import Clock
from ringfleet.dispatch.event_intake import Intake
from ringfleet.dispatch.hot_route import PICK_BYTES, HotPicks
from ringfleet.dispatch.http_edge import on_error, on_http_error, read_body, tell_fault
from ringfleet.dispatch.inventory import Inventory, SetView
from ringfleet.dispatch.ledger.interface import KeysUnknown, Ledger, LedgerUnavailable, Unwritable
from ringfleet.dispatch.ledger.types import Cancelled, Deferral, Deferrals, GivenBack, Suppression
from ringfleet.dispatch.metrics import Metrics
from ringfleet.dispatch.openapi import committed
from ringfleet.dispatch.operations import EVENTS, LONGEST_WAIT, NUMBERS, SET
from ringfleet.dispatch.picks import JSON, Picker, not_a_number, read
from ringfleet.dispatch.problems import Problem, answer, unwritable, write_time
from ringfleet.dispatch.query import read_limit, read_number
from ringfleet.dispatch.recipients import Hasher, is_recipient
from ringfleet.dispatch.rollup import spans_of, write_numbers, write_rollup
from ringfleet.dispatch.schema import (
    Advance,
    DayCount,
    DeferredItem,
    DeferredList,
    Scope,
    SuppressionItem,
    SuppressionList,
    SuppressionReply,
    SuppressionRequest,
    UnclearItem,
    UnclearList,
)
from ringfleet.dispatch.senders import Fleet
from ringfleet.dispatch.sessions.routes import SessionDoor
from ringfleet.dispatch.told_events import EventDoor
from ringfleet.plan.rotation_set.guardrails import everywhere_in

LIST_BYTES = 1_048_576
_NAMESPACE = re.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_AFTER = re.compile(r"(\+[0-9]{1,15})?")

_encode = msgspec.json.Encoder().encode
_read_suppressions = msgspec.json.Decoder(SuppressionRequest).decode
_read_advance = msgspec.json.Decoder(Advance).decode

log = structlog.get_logger(__name__)


class Dispatcher:
    """What the routes work with. `dev`: the clock can be moved."""

    def __init__(
        self,
        ledger: Ledger,
        inventory: Inventory,
        authority: Authority,
        clock: Clock,
        hasher: Callable[[], Hasher],
        metrics: Metrics,
        dev: bool = False,
        standing: Standing = ALONE,
    ) -> None:
        self._ledger = ledger
        self._inventory = inventory
        self._authority = authority
        self._clock = clock
        self._hasher = hasher
        self._standing = standing
        self._picker = Picker(ledger, inventory, clock, hasher, standing)
        hashes = lambda number: hasher().hashes(number)  # noqa: E731 - by the keys that are in force then
        intake = Intake(ledger, Fleet(inventory), hashes, clock.now, metrics, standing=standing)
        self._events = EventDoor(authority, intake)
        self._sessions = SessionDoor(ledger, inventory, authority, clock, hasher, standing)
        self._metrics = metrics
        self._dev = dev

    def app(self) -> ASGIApp:
        routes = [
            Route(f"{SET}/picks", self.pick, methods=["POST"]),
            Route(f"{SET}/picks/{{pick}}", self.give_back, methods=["DELETE"]),
            Route(f"{SET}/deferred", self.deferred, methods=["GET"]),
            Route(f"{SET}/deferred/{{deferral}}", self.cancel, methods=["DELETE"]),
            Route(f"{SET}/suppressions", self.suppressions, methods=["GET"]),
            Route(f"{SET}/suppressions", self.suppress, methods=["POST"]),
            Route(f"{SET}/suppressions", self.allow, methods=["DELETE"]),
            Route(f"{SET}/unclear", self.unclear, methods=["GET"]),
            Route(f"{SET}/unclear", self.has_read, methods=["DELETE"]),
            Route(f"{SET}/rollup", self.rollup, methods=["GET"]),
            Route(NUMBERS, self.numbers, methods=["GET"]),
            Route(EVENTS, self._events.receive, methods=["POST"]),
            *self._sessions.routes(),
            *size_routes(),
            Route("/openapi.json", describe, methods=["GET"]),
            *([Route("/dev/clock", self.advance, methods=["POST"])] if self._dev else []),
        ]
        app = Starlette(routes=routes, exception_handlers=self._handlers())
        app.router.redirect_slashes = False  # it would send the caller to whatever Host the request names
        return only_json(app) if self._dev else app

    def hot(self) -> HotPicks:
        """The same picks without the app around them, for `HotProtocol`."""
        return HotPicks(self._picker, self._authority, self._ledger, self._metrics, self._refuse, only_json=self._dev)

    # Picks.

    async def pick(self, request: Request) -> Response:
        started = perf_counter()
        try:
            namespace, name = await self._let_in(request, "create", "picks")
            dry_run = _flag(request, "dryRun")
            body = await read_body(request, PICK_BYTES)
            key = request.headers.get("idempotency-key")
            response = await self._picker.pick(namespace, name, key, body, dry_run)
        finally:
            self._metrics.took(perf_counter() - started)
        status = response.status_code
        self._metrics.answered("dry-run" if dry_run else "picked" if status == 200 else "deferred", status)  # noqa: PLR2004
        return response

    async def give_back(self, request: Request) -> Response:
        namespace, name = await self._let_in(request, "delete", "picks")
        view = self._picker.find(namespace, name)
        day = view.window(self._clock.now()).day
        pick = request.path_params["pick"]
        match await self._ledger.give_back(view.want.key, pick, day.toordinal()):
            case GivenBack.RETURNED:
                return Response(status_code=204)
            case GivenBack.TOO_LATE:
                raise Problem("pick-too-old", "The day of the pick is over: its unit can't be given back.")
            case GivenBack.IN_USE:
                raise Problem("pick-in-use", "The carrier has told of its call or message: it was used.")
            case GivenBack.UNKNOWN:
                raise Problem("not-found", f"RotationSet {namespace}/{name} has no pick {pick[:40]!r}.")

    async def deferred(self, request: Request) -> Response:
        namespace, name = await self._let_in(request, "get", "deferred")
        view = self._picker.find(namespace, name)
        limit, wait = read_limit(request), read_number(request, "wait", 0, LONGEST_WAIT, 0)
        due = request.query_params.get("due")
        if due not in (None, "now"):
            raise Problem("malformed-request", "Say due=now, or leave it out.")
        ready = await self._wait_for_due(view, limit, wait) if due else None
        found = await self._put_off(view, limit)
        by_day = tuple(DayCount(date.fromordinal(on).isoformat(), count) for on, count in found.by_day)
        return _json(DeferredList(by_day, tuple(map(_item, found.first if ready is None else ready))))

    async def _put_off(self, view: SetView, limit: int) -> Deferrals:
        now = self._clock.now()
        return await self._ledger.deferrals(view.want.key, view.window(now).day.toordinal(), limit, now)

    async def _wait_for_due(self, view: SetView, limit: int, wait: float) -> tuple[Deferral, ...]:
        """What may go out now; when nothing may, as soon as something does."""
        elapsed = asyncio.get_running_loop().time
        until = elapsed() + wait
        while True:
            before, now = self._ledger.put_off, self._clock.now()
            due = await self._ledger.due(view.want.key, now, limit)
            left = until - elapsed()
            if due or left <= 0:
                return due
            first = (await self._put_off(view, 1)).first
            await self._ledger.more_put_off(before, min(left, max(0.0, first[0].not_before - now) if first else left))

    async def cancel(self, request: Request) -> Response:
        namespace, name = await self._let_in(request, "delete", "deferred")
        view, deferral = self._picker.find(namespace, name), request.path_params["deferral"]
        match await self._ledger.cancel(view.want.key, deferral):
            case Cancelled.FREED:
                return Response(status_code=204)
            case Cancelled.USED:
                raise Problem("deferral-used", "The contact has gone out: nothing is put off any more.")
            case Cancelled.UNKNOWN:
                raise Problem("not-found", f"RotationSet {namespace}/{name} has no deferral {deferral[:40]!r}.")

    # Opt-outs.

    async def suppress(self, request: Request) -> Response:
        scope, wish = await self._opt_outs(request, "create")
        self._decide()
        now, hashes = self._clock.now(), await self._hashes(wish)
        entries = [Suppression(scope, newest, now, wish.reason, also=tuple(others)) for newest, *others in hashes]
        return _json(SuppressionReply(await self._ledger.suppress(entries)))

    async def allow(self, request: Request) -> Response:
        scope, wish = await self._opt_outs(request, "delete")
        self._decide()
        hashes = [hash_ for of_one in await self._hashes(wish) for hash_ in of_one]
        return _json(SuppressionReply(await self._ledger.allow(scope, hashes)))

    async def _hashes(self, wish: SuppressionRequest) -> list[tuple[bytes, ...]]:
        """Of each recipient. A long list takes a while, in which picks go on. Raises Problem."""
        return await asyncio.to_thread(_hash_all, self._hasher(), wish.recipients)

    async def _opt_outs(self, request: Request, verb: str) -> tuple[str, SuppressionRequest]:
        namespace, name = await self._let_in(request, verb, "suppressions")
        wish: SuppressionRequest = read(_read_suppressions, await read_body(request, LIST_BYTES))
        return self._scope(namespace, name, wish.scope), wish

    async def suppressions(self, request: Request) -> Response:
        namespace, name = await self._let_in(request, "get", "suppressions")
        asked = request.query_params
        try:
            scope = self._scope(namespace, name, Scope(asked.get("scope", Scope.BRAND)))
            after = bytes.fromhex(asked.get("after", ""))
        except ValueError as error:
            raise Problem(
                "malformed-request", "Say scope=set, brand or namespace, and after as a recipientHash."
            ) from error
        limit = read_limit(request)
        found = await self._ledger.suppressions(scope, limit, after)
        items = tuple(SuppressionItem(one.recipient.hex(), write_time(one.since), one.reason) for one in found)
        return _json(SuppressionList(items, items[-1].recipient_hash if len(items) == limit else None))

    def _scope(self, namespace: str, name: str, scope: Scope) -> str:
        of_set, of_brand = self._picker.find(namespace, name).want.scopes
        return {Scope.SET: of_set, Scope.BRAND: of_brand, Scope.NAMESPACE: everywhere_in(namespace)}[scope]

    async def unclear(self, request: Request) -> Response:
        namespace, name = await self._let_in(request, "get", "suppressions")
        view = self._picker.find(namespace, name)
        found = await self._ledger.unclear(view.want.key, read_limit(request))
        items = (UnclearItem(one.account, one.event, one.message, one.number, write_time(one.at)) for one in found)
        return _json(UnclearList(tuple(items)))

    async def has_read(self, request: Request) -> Response:
        namespace, name = await self._let_in(request, "create", "suppressions")
        view = self._picker.find(namespace, name)
        account, event = (request.query_params.get(one, "") for one in ("account", "eventId"))
        if not account or not event:
            raise Problem("malformed-request", "Say account and eventId, as the item has them.")
        if not await self._ledger.has_read(view.want.key, account, event):
            raise Problem("not-found", f"RotationSet {namespace}/{name} has no such message.")
        return Response(status_code=204)

    # The operator's look.

    async def rollup(self, request: Request) -> Response:
        namespace, name = await self._let_in(request, "get", "rollup")
        view = self._picker.find(namespace, name)
        now = self._clock.now()
        day = view.window(now).day
        if view.day is None or view.day < day:
            await self._inventory.enter_day(view, day)
        self._decide()
        rollup = await self._ledger.rollup(view.want.key, now, day.toordinal())
        return _json(write_rollup(rollup, now, view.want.zone, view.roster.capacity, self._standing.waiting()))

    async def numbers(self, request: Request) -> Response:
        namespace = request.path_params["namespace"]
        act = Act("get", "rollup", namespace, "", "phonenumbers")
        await self._authority.allow(request.headers.get("authorization"), act)
        if not _NAMESPACE.fullmatch(namespace):
            raise Problem("malformed-request", "The path names no namespace, which is a DNS label.")
        after, limit = request.query_params.get("after", ""), read_limit(request)
        if not _AFTER.fullmatch(after):
            raise Problem("malformed-request", "Say after as the `next` of the answer before: a number, or nothing.")
        if not self._inventory.synced_informers():
            raise Problem("inventory-unknown", "The numbers have not been read yet. Ask again soon.")
        owned, now = self._inventory.owned_in(namespace, after, limit), self._clock.now()
        known = await self._ledger.numbers(owned, now, spans_of(now))
        return _json(write_numbers(known, now, owned[-1][0] if len(owned) == limit else None))

    async def advance(self, request: Request) -> Response:
        wish: Advance = read(_read_advance, await read_body(request, PICK_BYTES))
        self._clock.advance(wish.advance_seconds)
        return _json({"now": write_time(floor(self._clock.now()))})  # it has come to what is told

    # How.

    def _decide(self) -> None:
        """Raises Problem: another ledger does."""
        if refused := self._standing.refusal():
            raise refused

    async def _let_in(self, request: Request, verb: str, subresource: str) -> tuple[str, str]:
        """The set that the path names, once the caller may. Raises Problem."""
        namespace, name = request.path_params["namespace"], request.path_params["name"]
        await self._authority.allow(request.headers.get("authorization"), Act(verb, subresource, namespace, name))
        return namespace, name

    def _handlers(self) -> dict[Any, Callable[[Request, Exception], Awaitable[Response]]]:
        return {
            Problem: self._on_problem,
            LedgerUnavailable: self._on_ledger,
            HTTPException: on_http_error,
            Exception: on_error,
        }

    async def _on_problem(self, request: Request, problem: Exception) -> Response:
        return self._refuse(problem, request.url.path)

    async def _on_ledger(self, request: Request, error: Exception) -> Response:
        return self._refuse(error, request.url.path)

    def _refuse(self, error: Exception, path: str) -> Response:
        """What is answered when a request ends with this. Whatever it is, it was not done."""
        match error:
            case Problem():
                self._metrics.answered(error.type.name, int(error.type.status))
                return answer(error, path, self._clock.now())
            case Unwritable():
                return self._refuse(unwritable(), path)
            case LedgerUnavailable():
                log.error("ledger unavailable", error=str(error))
                self._metrics.ledger_failed()
                said = str(error) if isinstance(error, KeysUnknown) else "The ledger can't be written now."
                problem = Problem("ledger-unavailable", f"{said} Ask again with the same key.")
                self._metrics.answered(problem.type.name, int(problem.type.status))
                return answer(problem, path)
            case _:
                return tell_fault(error, path)


async def describe(_: Request) -> Response:
    """The API's own description, open to everybody."""
    return Response(committed(), media_type=JSON)


def only_json(app: ASGIApp) -> ASGIApp:
    """Dev mode asks for no token, so nothing may change by what a browser sends for any page without asking first: a
    POST that is no JSON, or says nothing of itself."""

    async def asked(scope: Connection, receive: Receive, send: Send) -> None:
        said = Headers(scope=scope).get("content-type", "") if scope["type"] == "http" else ""
        if scope["type"] != "http" or scope["method"] != "POST" or said.partition(";")[0].strip() == JSON:
            await app(scope, receive, send)
            return
        problem = Problem("not-json", f"Send the header Content-Type: {JSON}.")
        await answer(problem, scope["path"])(scope, receive, send)

    return asked


def _hash_all(hasher: Hasher, recipients: Iterable[str]) -> list[tuple[bytes, ...]]:
    hashes = []
    for place, recipient in enumerate(recipients):
        if not is_recipient(recipient):
            raise not_a_number(f"/recipients/{place}")
        hashes.append(hasher.hashes(recipient))
    return hashes


def _item(one: Deferral) -> DeferredItem:
    return DeferredItem(one.id, one.number, write_time(one.not_before), write_time(one.since), one.key)


def _json(reply: Any) -> Response:
    return Response(_encode(reply), media_type=JSON)


def _flag(request: Request, name: str) -> bool:
    if not request.scope["query_string"]:  # to parse nothing takes a while too
        return False
    said = request.query_params.get(name, "false")
    if said not in {"true", "false"}:
        raise Problem("malformed-request", f"Say {name}=true or {name}=false.")
    return said == "true"
