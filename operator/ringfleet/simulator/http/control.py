"""The control endpoint, `/_sandbox/`: what a test may know and do that no customer can. Loopback callers only.

=======================  ==============================================================================
GET, PUT faults          the rules in force; PUT a list of them (see `rules`), `[]` for fair weather
GET, POST clock          POST {"advance_seconds": 86400}
GET ledger               every entry, and each account's money; `?account=`
GET, POST calls          counts by operation and the last calls, `?last=100`; POST forgets them
GET, POST accounts       POST {"token", "id", "balance"?, "currency"?, "parent"?}: makes it, or brings it to that
                         balance; its parent's token opens it too, at a face that has subaccounts
DELETE tokens/{token}    the token opens nothing any more
GET, POST stock          POST {"country", "type", "area_code"?, "size"?, "monthly_price"?, "setup_price"?,
                         "requires_documents"?, "capabilities"?, "region"?}: changes or makes a block
POST snap                {"numbers": [...]}: another buyer takes those that nobody owns
POST documents/approve   {"numbers": [...] or null}: for these numbers, or for all that wait
GET papers               what was filed: kind, reference, size and hash of each end user and document
GET bundles              every bundle and its state
POST bundles/decide      {"account", "reference", "reason"?, "document"?, "valid_seconds"?, "provisional"?}: ends the
                         review now; approved without a reason, for that long or as long as its market's approvals last,
                         else rejected for it, because of the documents of that type or of all; provisional: approved
                         for the time being, also when it was approved for good before
GET, POST numbers        who owns what, with no lag; `?account=`; POST {"account", "count" or "numbers", "country"?,
                         "type"?, "area_code"?, "reference"?} buys as if by hand in the carrier's portal, billed
POST numbers/move        {"numbers": [...], "account"}: they go to another account, as a port does it, with no bill
POST numbers/attestation {"numbers": [...], "attestation": "A" | "B" | "C"}: how their calls are signed from now on
POST traffic/calls       {"account", "calls": [{"from", "to", "at"?, "pick"?}]}: what became of each; `refused` says why
                         it did not happen, `at` is now or within the last 24 hours, `pick` is told with the events
POST traffic/messages    {"account", "messages": [{"from", "to", "text"?, "at"?, "pick"?}]}
POST traffic/inbound     {"kind": "call" | "message", "from", "to", "text"?, "at"?}: a person to an owned number
GET traffic/numbers      calls, answers, velocity and label of each number, hour by hour; `?account=`, `?since=`, else
                         since midnight, UTC
POST webhooks            {"account", "url", "secret", "face"?}: as at that face, or at the first; a url of null takes it
                         away
GET webhooks/pending     how many events are not told yet, and why; `?account=`, `?wait=30`: until all that are ripe are
GET healthz              the only one that answers to callers from elsewhere
=======================  ==============================================================================
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from ipaddress import ip_address
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ringfleet.simulator.accounts import Account, Entry
from ringfleet.simulator.clock import format_time
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faults.rules import format_rule, parse_rule
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.control_traffic import TrafficControl
from ringfleet.simulator.http.webhook_sender import Courier
from ringfleet.simulator.market import GEOGRAPHIC, SLOTS, TYPES
from ringfleet.simulator.money import format_cents
from ringfleet.simulator.records import SUBACCOUNT
from ringfleet.simulator.review.bundles import Bundle, reject
from ringfleet.simulator.review.documents import Paper
from ringfleet.simulator.selling.holdings import ATTESTATIONS, Holding
from ringfleet.simulator.selling.sales import Outcome, Result
from ringfleet.simulator.selling.stock_change import describe, parse_stock_change
from ringfleet.simulator.traffic.calls import Calls

Json = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]

_CALLS_SHOWN = 100
_CALLS_KEPT = 10_000
_STRANGER = "the control endpoint answers callers on this machine only"


class Control:
    """One method a resource and verb. Each takes the decoded body (empty without one) and the query."""

    def __init__(self, exchange: Exchange, calls: Calls, courier: Courier, faces: tuple[str, ...]) -> None:
        """`faces`: their names."""
        self._exchange = exchange
        self._traffic = TrafficControl(exchange, courier, faces)
        self._calls = calls

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Callable[[Fields, Fields], object]]] = [
            ("GET", "faults", self.faults),
            ("GET", "clock", self.clock),
            ("POST", "clock", self.advance_clock),
            ("GET", "ledger", self.ledger),
            ("GET", "calls", self.calls),
            ("POST", "calls", self.forget_calls),
            ("GET", "accounts", self.accounts),
            ("POST", "accounts", self.open_account),
            ("DELETE", "tokens/{token}", self.revoke_token),
            ("GET", "stock", self.stock),
            ("POST", "stock", self.change_stock),
            ("POST", "snap", self.snap),
            ("POST", "documents/approve", self.approve_documents),
            ("GET", "papers", self.papers),
            ("GET", "bundles", self.bundles),
            ("POST", "bundles/decide", self.decide_review),
            ("GET", "numbers", self.numbers),
            ("POST", "numbers", self.buy_by_hand),
            ("POST", "numbers/move", self.move_numbers),
            ("POST", "numbers/attestation", self.attest_numbers),
            *self._traffic.table(),
        ]
        return [
            Route("/_sandbox/healthz", self._healthz),
            Route("/_sandbox/webhooks/pending", self._pending),
            Route("/_sandbox/faults", self._replace_faults, methods=["PUT"]),
            *(Route(f"/_sandbox/{path}", self._endpoint(act), methods=[method]) for method, path, act in table),
        ]

    def faults(self, _body: Fields, _query: Fields) -> object:
        return [format_rule(rule) for rule in self._exchange.faults.rules]

    def clock(self, _body: Fields, _query: Fields) -> object:
        return {"now": format_time(self._exchange.clock.now())}

    def advance_clock(self, body: Fields, query: Fields) -> object:
        seconds = body.number("advance_seconds")
        if seconds is None:
            raise BadField("advance_seconds", "is required, and is a number of seconds")
        self._exchange.clock.advance(seconds)
        self._exchange.settle()
        self._exchange.webhooks.wake()
        return self.clock(body, query)

    def ledger(self, _body: Fields, query: Fields) -> object:
        accounts = {account.id: account for account in self._exchange.accounts.all()}
        entries = self._exchange.accounts.ledger(query.text("account"))
        return {
            "entries": [_entry(entry, accounts[entry.account]) for entry in entries],
            "accounts": [_account(account) for account in accounts.values()],
        }

    def calls(self, _body: Fields, query: Fields) -> object:
        last = query.integer("last", 0, _CALLS_KEPT)
        return self._calls.report(_CALLS_SHOWN if last is None else last)

    def forget_calls(self, _body: Fields, _query: Fields) -> object:
        self._calls.forget()
        return {}

    def accounts(self, _body: Fields, _query: Fields) -> object:
        return [_account(account) for account in self._exchange.accounts.all()]

    def open_account(self, body: Fields, _query: Fields) -> object:
        account = self._exchange.accounts.open(
            body.required_text("token"), body.required_text("id"), body.cents("balance"), body.text("currency")
        )
        if parent := body.text("parent"):
            self._exchange.records.add(parent, SUBACCOUNT, {"id": account.id, "token": body.required_text("token")})
        return _account(account)

    def revoke_token(self, _body: Fields, query: Fields) -> object:
        self._exchange.accounts.revoke(query.required_text("token"))
        return {}

    def stock(self, _body: Fields, _query: Fields) -> object:
        return [describe(block) for block in self._exchange.stock.blocks]

    def change_stock(self, body: Fields, _query: Fields) -> object:
        return describe(self._exchange.stock.change(parse_stock_change(body.content)))

    def snap(self, body: Fields, _query: Fields) -> object:
        free = [number for number in body.texts("numbers") or () if self._exchange.stock.offer(number)]
        for number in free:
            self._exchange.stock.take(number)
        return {"taken": free}

    def approve_documents(self, body: Fields, _query: Fields) -> object:
        numbers = body.texts("numbers")
        return {"approved": self._exchange.sales.approve_documents(numbers)}

    def papers(self, _body: Fields, _query: Fields) -> object:
        return [_paper(paper) for paper in self._exchange.papers.everyone()]

    def bundles(self, _body: Fields, _query: Fields) -> object:
        now = self._exchange.clock.now()
        return [_bundle(bundle, now) for bundle in self._exchange.bundles.everyone()]

    def decide_review(self, body: Fields, _query: Fields) -> object:
        found = self._exchange.bundles.find(body.required_text("account"), body.required_text("reference"))
        if found is None:
            raise LookupError("there is no such bundle")
        if body.flag("provisional"):
            self._exchange.bundles.make_provisional(found.id)
            return _bundle(self._exchange.bundles.get(found.account, found.id), self._exchange.clock.now())
        reason, document = body.text("reason"), body.text("document")
        papers = [paper for paper in self._exchange.bundles.papers_of(found) if document in (None, paper.type)]
        if reason and not papers:
            raise BadField("document", "is not in the bundle")
        reasons = [reject(paper, reason) for paper in papers] if reason else []
        self._exchange.bundles.decide(found.id, reasons, body.number("valid_seconds"))
        self._exchange.settle()
        return _bundle(self._exchange.bundles.get(found.account, found.id), self._exchange.clock.now())

    def numbers(self, _body: Fields, query: Fields) -> object:
        now = self._exchange.clock.now()
        return {
            "owned": [_holding(held, now) for held in self._exchange.holdings.everyone(query.text("account"))],
            "off_market": self._exchange.stock.off_market(),
        }

    def buy_by_hand(self, body: Fields, _query: Fields) -> object:
        account, reference = self._exchange.accounts.find(body.required_text("account")), body.text("reference")
        named = body.texts("numbers") or tuple(self._choose(body))
        bought = [self._exchange.sales.buy(account.id, number, reference) for number in named]
        return {"items": [_bought(outcome) for outcome in bought]}

    def move_numbers(self, body: Fields, _query: Fields) -> object:
        account = self._exchange.accounts.find(body.required_text("account"))
        return {"moved": self._exchange.holdings.move(body.texts("numbers") or (), account.id)}

    def attest_numbers(self, body: Fields, _query: Fields) -> object:
        attestation = body.required_choice("attestation", ATTESTATIONS)
        return {"numbers": self._exchange.holdings.attest(body.texts("numbers") or (), attestation)}

    def _choose(self, body: Fields) -> list[str]:
        offers = self._exchange.stock.offers(
            country=body.text("country") or "US",
            type=body.choice("type", TYPES) or GEOGRAPHIC,
            area_code=body.text("area_code") or None,
            capabilities=frozenset(),
            after="",
            limit=body.integer("count", 1, SLOTS) or 1,
        )
        return [offer.number for offer in offers]

    def _endpoint(self, act: Callable[[Fields, Fields], object]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            return await self._serve(request, lambda body, query: act(Fields(body or {}, "body"), query))

        return endpoint

    async def _replace_faults(self, request: Request) -> Response:
        return await self._serve(request, self._put_faults)

    def _put_faults(self, body: object, query: Fields) -> object:
        if not isinstance(body, list):
            raise BadField("body", "is a list of fault rules")
        self._exchange.faults.replace([parse_rule(rule) for rule in body])
        return self.faults(query, query)

    async def _serve(self, request: Request, act: Callable[[object, Fields], object]) -> Response:
        if not _from_here(request):
            return _refuse(403, _STRANGER)
        content = await request.body()
        try:
            query = Fields({**request.query_params, **request.path_params}, "query")
            with self._exchange.turn():
                return JSONResponse(act(json.loads(content) if content else None, query))
        except LookupError as error:
            return _refuse(404, str(error))
        except ValueError as error:
            return _refuse(422, str(error))

    async def _pending(self, request: Request) -> Response:
        if not _from_here(request):
            return _refuse(403, _STRANGER)
        try:
            return JSONResponse(await self._traffic.pending(Fields(request.query_params, "query")))
        except BadField as error:
            return _refuse(422, str(error))

    async def _healthz(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"})


def _from_here(request: Request) -> bool:
    return request.client is not None and ip_address(request.client.host).is_loopback


def _refuse(status: int, message: str) -> Response:
    return JSONResponse({"error": {"message": message}}, status)


def _account(account: Account) -> Json:
    return {
        "id": account.id,
        "opening_balance": format_cents(account.opening),
        "balance": format_cents(account.balance),
        "currency": account.currency,
    }


def _entry(entry: Entry, account: Account) -> Json:
    return {
        "id": entry.id,
        "at": format_time(entry.at),
        "account": entry.account,
        "number": entry.number,
        "kind": entry.kind,
        "amount": format_cents(entry.amount),
        "currency": account.currency,
        "client_checkout_id": entry.key,
    }


def _holding(held: Holding, now: float) -> Json:
    return {
        "id": f"num_{held.id:08d}",
        "number": held.number,
        "account": held.account,
        "status": held.status(now),
        "country": held.country,
        "type": held.type,
        "area_code": held.area_code,
        "reference": held.reference,
        "bundle": held.bundle,
        "routing_profile_id": None if held.profile is None else f"rp_{held.profile:08d}",
        "purchased_at": format_time(held.purchased_at),
        "suspended": held.suspended,
        "attestation": held.attestation,
    }


def _paper(paper: Paper) -> Json:
    return {
        "id": paper.id,
        "account": paper.account,
        "reference": paper.reference,
        "kind": paper.kind,
        "type": paper.type,
        "media_type": paper.media_type,
        "size": paper.size,
        "sha256": paper.sha256,
    }


def _bundle(bundle: Bundle, now: float) -> Json:
    return {
        "id": bundle.id,
        "account": bundle.account,
        "reference": bundle.reference,
        "requirement_id": bundle.regulation.id,
        "status": bundle.status(now),
        "items": list(bundle.papers),
        "reasons": [asdict(reason) for reason in bundle.reasons],
    }


def _bought(outcome: Outcome) -> Json:
    ok = outcome.outcome is not Result.FAILED
    return {"number": outcome.number, "outcome": outcome.outcome, "reason": None if ok else outcome.reason}
