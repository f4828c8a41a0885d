"""The DIDHub face: JSON under `/v1`, bearer tokens.

`catalog/search`, `cart/items` and `cart/checkout` are as DIDHub's guide "Provisioning Phone Numbers at Scale" (26 May
2026, section 7) shows them. The guide gives no other path: all others are this simulator's own, and so is `bundle_id`.
Those of compliance are in `compliance`, those of webhooks in `webhooks`.

Amounts are decimal strings, times RFC 3339 in UTC, ids opaque strings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request

from ringfleet.simulator.accounts import Account
from ringfleet.simulator.errors import Code, invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.didhub import compliance, webhooks
from ringfleet.simulator.faces.didhub.compliance import read_bundle_id
from ringfleet.simulator.faces.didhub.ids import format_id, parse_id, read_id, write_time
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.pipeline import Answer, Asked, Face
from ringfleet.simulator.market import TYPES
from ringfleet.simulator.money import format_cents
from ringfleet.simulator.selling.carts import CartItem
from ringfleet.simulator.selling.holdings import Holding, Profile
from ringfleet.simulator.selling.sales import Outcome
from ringfleet.simulator.selling.stock import Offer

Json = dict[str, Any]

_CAPABILITIES: Final = ("voice", "sms", "mms", "fax")
_STATUSES: Final[Mapping[Code, int]] = {
    Code.NOT_FOUND: 404,
    Code.NUMBER_UNAVAILABLE: 409,
    Code.NUMBER_NOT_ACTIVE: 409,
    Code.REFERENCE_TAKEN: 409,
    Code.BUNDLE_STATE: 409,
    Code.TOKEN_EXPIRED: 410,
    Code.INVALID_REQUEST: 422,
    Code.PRICE_CHANGED: 422,
    Code.CART_EMPTY: 422,
    Code.BUNDLE_INCOMPLETE: 422,
}
_PROFILE_FIELDS: Final = (
    "voice_webhook",
    "voice_application",
    "agent",
    "messaging_webhook",
    "messaging_service",
    "campaign",
)


def search(exchange: Exchange, asked: Asked) -> Answer:
    query = Fields(asked.query, "query")
    limit = query.integer("limit", 1, 100) or 25
    offers = exchange.stock.offers(
        country=query.required_text("country"),
        type=query.required_choice("type", TYPES),
        area_code=query.text("area_code") or None,
        capabilities=_capabilities(query.text("capabilities")),
        after=query.text("cursor") or "",
        limit=limit,
    )
    rows = [_offer(offer, exchange.carts.token_of(offer), asked.customer.account) for offer in offers]
    return Answer(200, {"data": rows, "next_cursor": offers[-1].number if len(offers) == limit else None})


def stage(exchange: Exchange, asked: Asked) -> Answer:
    body = Fields(asked.body, "body")
    seen = body.object("snapshot")
    monthly, setup = seen.cents("monthly_price"), seen.cents("setup_price")
    if monthly is None or setup is None:
        raise BadField("snapshot", "is the snapshot of the catalog row, with monthly_price and setup_price")
    item, new = exchange.carts.stage(
        asked.customer,
        token=body.required_text("select_token"),
        number=seen.required_text("number"),
        monthly=monthly,
        setup=setup,
        reference=body.text("reference"),
        bundle=read_bundle_id(body.text("bundle_id")),
    )
    return Answer(201 if new else 200, {"item": _item(item, asked.customer.account)})


def cart(exchange: Exchange, asked: Asked) -> Answer:
    items = exchange.carts.items(asked.customer)
    return Answer(200, {"items": [_item(item, asked.customer.account) for item in items]})


def unstage(exchange: Exchange, asked: Asked) -> Answer:
    exchange.carts.remove(asked.customer, read_id("ci", asked))
    return Answer(204)


def checkout(exchange: Exchange, asked: Asked) -> Answer:
    key = Fields(asked.body, "body").required_text("client_checkout_id")
    outcomes = exchange.carts.checkout(asked.customer, key)
    items = [_outcome(outcome, asked.customer.account) for outcome in outcomes]
    return Answer(200, {"client_checkout_id": key, "items": items})


def numbers(exchange: Exchange, asked: Asked) -> Answer:
    query = Fields(asked.query, "query")
    after = query.integer("cursor", 0, 2**62) or 0
    limit = query.integer("limit", 1, 250) or 100
    page = exchange.listing(asked.customer.account.id, after, limit, query.text("number"))
    return Answer(
        200,
        {
            "data": [_number(exchange, held, asked) for held in page.holdings],
            "next_cursor": None if page.next is None else str(page.next),
            "total": page.total,
        },
    )


def number(exchange: Exchange, asked: Asked) -> Answer:
    held = exchange.holdings.get(asked.customer.account.id, read_id("num", asked))
    return Answer(200, _number(exchange, held, asked))


def patch_number(exchange: Exchange, asked: Asked) -> Answer:
    account, id_ = asked.customer.account.id, read_id("num", asked)
    body = Fields(asked.body, "body")
    profile, reference = body.text("routing_profile_id"), body.text("reference")
    if "routing_profile_id" in body:
        exchange.holdings.route(account, id_, None if profile is None else parse_id("rp", profile))
    if "reference" in body:
        exchange.holdings.set_reference(account, id_, reference)
    return number(exchange, asked)


def suspend(exchange: Exchange, asked: Asked) -> Answer:
    held = exchange.holdings.suspend(asked.customer.account.id, read_id("num", asked), suspended=True)
    return Answer(200, _number(exchange, held, asked))


def resume(exchange: Exchange, asked: Asked) -> Answer:
    held = exchange.holdings.suspend(asked.customer.account.id, read_id("num", asked), suspended=False)
    return Answer(200, _number(exchange, held, asked))


def attach(exchange: Exchange, asked: Asked) -> Answer:
    bundle = read_bundle_id(Fields(asked.body, "body").text("bundle_id"))
    if bundle is None:
        raise invalid("bundle_id", "is required")
    held = exchange.sales.attach(asked.customer.account.id, read_id("num", asked), bundle)
    return Answer(200, _number(exchange, held, asked))


def release(exchange: Exchange, asked: Asked) -> Answer:
    exchange.holdings.release(asked.customer.account.id, read_id("num", asked))
    return Answer(204)


def put_profile(exchange: Exchange, asked: Asked) -> Answer:
    body = Fields(asked.body, "body")
    content: Json = {"name": body.required_text("name"), "sip_targets": _sip_targets(body)}
    content |= {field: body.text(field) for field in _PROFILE_FIELDS}
    profile = exchange.holdings.put_profile(asked.customer.account.id, asked.path["reference"], content)
    return Answer(200, _profile(profile))


def profiles(exchange: Exchange, asked: Asked) -> Answer:
    wanted = Fields(asked.query, "query").text("reference")
    found = exchange.holdings.profiles(asked.customer.account.id)
    return Answer(200, {"data": [_profile(one) for one in found if wanted in (None, one.reference)]})


def account(_: Exchange, asked: Asked) -> Answer:
    mine = asked.customer.account
    return Answer(
        200,
        {
            "id": mine.id,
            "balance": format_cents(mine.balance),
            "currency": mine.currency,
            "status": "active" if mine.balance >= 0 else "past_due",
        },
    )


def _decode(body: bytes) -> object:
    try:
        return json.loads(body) if body else None
    except ValueError as error:
        raise BadField("body", f"is not JSON: {error}") from error


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else None


def _say_no(code: str, message: str, _status: int) -> Json:
    return {"error": {"code": code, "message": message}}


def _capabilities(text: str | None) -> frozenset[str]:
    wanted = frozenset(text.split(",")) if text else frozenset()
    if unknown := sorted(wanted.difference(_CAPABILITIES)):
        raise BadField("capabilities", f"{unknown[0]!r} is not one of {', '.join(_CAPABILITIES)}")
    return wanted


def _sip_targets(body: Fields) -> list[Json]:
    targets = body.any("sip_targets") or []
    if not isinstance(targets, list):
        raise BadField("sip_targets", "is a list of objects with uri, priority and weight")
    return [_sip_target(Fields(target, "sip_targets")) for target in targets]


def _sip_target(target: Fields) -> Json:
    priority, weight = target.integer("priority", 0, 65_535), target.integer("weight", 0, 65_535)
    return {"uri": target.required_text("uri"), "priority": priority, "weight": weight}


def _offer(offer: Offer, token: str, account: Account) -> Json:
    return {
        "select_token": token,
        "number": offer.number,
        "country": offer.country,
        "type": offer.type,
        "area_code": offer.area_code,
        "region": offer.region,
        "capabilities": list(offer.capabilities),
        "requires_documents": offer.documents,
        "snapshot": {"number": offer.number, **_prices(offer, account)},
    }


def _item(item: CartItem, account: Account) -> Json:
    return {
        "id": format_id("ci", item.id),
        "select_token": item.token,
        "number": item.number,
        "reference": item.reference,
        "bundle_id": format_id("bun", item.bundle),
        **_prices(item, account),
    }


def _outcome(outcome: Outcome, account: Account) -> Json:
    return {
        "number": outcome.number,
        "select_token": outcome.token,
        "outcome": outcome.outcome,
        "reason": outcome.reason,
        "message": outcome.message,
        "number_id": format_id("num", outcome.number_id),
        "transaction_id": format_id("txn", outcome.entry),
        **_prices(outcome, account),
        "renews_at": write_time(outcome.renews_at),
        "documents_deadline": write_time(outcome.documents_deadline),
    }


def _number(exchange: Exchange, held: Holding, asked: Asked) -> Json:
    return {
        "id": format_id("num", held.id),
        "number": held.number,
        "status": held.status(exchange.clock.now()),
        "country": held.country,
        "type": held.type,
        "area_code": held.area_code,
        "region": held.region,
        "capabilities": list(held.capabilities),
        **_prices(held, asked.customer.account),
        "reference": held.reference,
        "bundle_id": format_id("bun", held.bundle),
        "routing_profile_id": format_id("rp", held.profile),
        "attestation": held.attestation,
        "purchased_at": write_time(held.purchased_at),
        "renews_at": write_time(held.renews_at),
        "documents_deadline": write_time(held.documents_deadline),
    }


def _profile(profile: Profile) -> Json:
    return {"id": format_id("rp", profile.id), "reference": profile.reference, **profile.content}


def _prices(priced: Offer | CartItem | Outcome | Holding, account: Account) -> Json:
    return {
        "monthly_price": format_cents(priced.monthly),
        "setup_price": format_cents(priced.setup),
        "currency": account.currency,
    }


DIDHUB: Final = Face(
    name=webhooks.NAME,
    routes=(
        ("GET", "/v1/catalog/search", Operation.SEARCH, search),
        ("POST", "/v1/cart/items", Operation.CART_ADD, stage),
        ("POST", "/v1/cart/checkout", Operation.CHECKOUT, checkout),
        ("GET", "/v1/cart", Operation.CART_LIST, cart),
        ("DELETE", "/v1/cart/items/{id}", Operation.CART_REMOVE, unstage),
        ("GET", "/v1/numbers", Operation.NUMBERS_LIST, numbers),
        ("GET", "/v1/numbers/{id}", Operation.NUMBER_GET, number),
        ("PATCH", "/v1/numbers/{id}", Operation.NUMBER_PATCH, patch_number),
        ("POST", "/v1/numbers/{id}/suspend", Operation.SUSPEND, suspend),
        ("POST", "/v1/numbers/{id}/resume", Operation.RESUME, resume),
        ("DELETE", "/v1/numbers/{id}", Operation.RELEASE, release),
        ("PUT", "/v1/routing-profiles/{reference}", Operation.PROFILE_PUT, put_profile),
        ("GET", "/v1/routing-profiles", Operation.PROFILE_LIST, profiles),
        ("GET", "/v1/account", Operation.ACCOUNT, account),
        ("POST", "/v1/numbers/{id}/bundle", Operation.BUNDLE_ATTACH, attach),
        *compliance.ROUTES,
        *webhooks.ROUTES,
    ),
    statuses=_STATUSES,
    token_of=_bearer,
    decode=_decode,
    error=_say_no,
    notify=webhooks.notify,
)
