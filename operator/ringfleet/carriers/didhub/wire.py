"""DIDHub's wire: its paths, what we say, and how what it says is read.

What is public of this API is the guide "Provisioning Phone Numbers at Scale" (DIDHub blog, 2026-05-26), section 7. It
gives three paths, named so in `PATHS`: catalog search, cart items and checkout, and for their replies the select token
with its snapshot, and the three outcomes of an item. **Every other path, and every other field, is ours**: what such an
API would plausibly say, spoken by the sandbox carrier, and to be checked when a real account is at hand.

Amounts are decimal texts and stay exact; times are RFC 3339. A reply that does not read raises ReplyUnreadable with
the name of the field.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from urllib.parse import quote

import httpx

from ringfleet.carriers.errors import ReplyUnreadable
from ringfleet.carriers.http import Refusal
from ringfleet.carriers.json_fields import Fields, number_in
from ringfleet.model import (
    E164,
    Capability,
    HeldRouting,
    Holding,
    HoldingStatus,
    ItemState,
    Mark,
    NumberType,
    Offer,
    Outcome,
    Price,
    Query,
    Routing,
    SipTarget,
)
from ringfleet.model.failures import FailureReason
from ringfleet.model.rotation import Attestation

PATHS = MappingProxyType(
    {
        # The guide's.
        "catalog": "/v1/catalog/search",
        "cart items": "/v1/cart/items",
        "checkout": "/v1/cart/checkout",
        # Ours.
        "account": "/v1/account",
        "cart": "/v1/cart",
        "cart item": "/v1/cart/items/{id}",
        "numbers": "/v1/numbers",
        "number": "/v1/numbers/{id}",
        "suspend": "/v1/numbers/{id}/suspend",
        "resume": "/v1/numbers/{id}/resume",
        "routing profiles": "/v1/routing-profiles",
        "routing profile": "/v1/routing-profiles/{id}",
        "requirements": "/v1/compliance/requirements",
        "compliance items": "/v1/compliance/items",
        "end users": "/v1/compliance/end-users",
        "documents": "/v1/compliance/documents",
        "bundles": "/v1/compliance/bundles",
        "bundle": "/v1/compliance/bundles/{id}",
        "bundle items": "/v1/compliance/bundles/{id}/items",
        "evaluate bundle": "/v1/compliance/bundles/{id}/evaluate",
        "submit bundle": "/v1/compliance/bundles/{id}/submit",
        "number bundle": "/v1/numbers/{id}/bundle",
    }
)

CATALOG_PAGE = 100
NUMBERS_PAGE = 250
MESSAGE_LENGTH = 300

TYPES = {
    "geographic": NumberType.GEOGRAPHIC,
    "mobile": NumberType.MOBILE,
    "national": NumberType.NATIONAL,
    "toll_free": NumberType.TOLL_FREE,
}
TYPE_WORDS = {type_: word for word, type_ in TYPES.items()}
CAPABILITIES = {
    "voice": Capability.VOICE,
    "sms": Capability.SMS,
    "mms": Capability.MMS,
    "fax": Capability.FAX,
}
CAPABILITY_WORDS = {capability: word for word, capability in CAPABILITIES.items()}
STATUSES = {status.value: status for status in HoldingStatus}
ATTESTATIONS = {level.value: level for level in Attestation}
OUTCOMES = {
    "provisioned": ItemState.PROVISIONED,
    "pending_documents": ItemState.PENDING_DOCUMENTS,
    "failed": ItemState.FAILED,
}
REASONS = {
    "number_unavailable": FailureReason.NUMBER_TAKEN,
    "select_token_expired": FailureReason.OFFER_EXPIRED,
    "price_changed": FailureReason.PRICE_CHANGED,
    "insufficient_funds": FailureReason.INSUFFICIENT_FUNDS,
}


@dataclass(frozen=True, slots=True)
class CartItem:
    """One offer in the cart. `id` is the cart's handle on it; `reference` the mark that the number gets when bought.

    `number` and `token` are None where they can't be read: it is not ours then, and only taken out.
    """

    id: str
    number: E164 | None
    token: str | None
    reference: str | None


def path(name: str, id_: str = "") -> str:
    """A path of the table, with the id that it is about."""
    return PATHS[name].format(id=quote(id_, safe=""))


# What DIDHub says


def parse_offer(json: object) -> Offer:
    """One row of the catalog."""
    row = Fields(json, "offer")
    return Offer(
        number=row.number("number"),
        country=row.text("country"),
        type=row.choice("type", TYPES),
        price=_price(row.inside("snapshot")),
        area_code=row.maybe_text("area_code"),
        region=row.maybe_text("region"),
        capabilities=_capabilities(row),
        needs_documents=row.flag("requires_documents"),
        token=row.text("select_token"),
    )


def parse_holding(json: object) -> Holding:
    """One number of the account; `mark` is None when its reference is no mark of a Ringfleet installation.

    A word for an attestation that we don't know is none: a number is not trusted for what nobody here can read.
    """
    row = Fields(json, "number")
    reference = row.maybe_text("reference")
    mark = Mark.parse(reference)
    return Holding(
        number=row.number("number"),
        external_id=row.text("id"),
        status=row.choice("status", STATUSES),
        country=row.text("country"),
        type=row.choice("type", TYPES),
        price=_price(row),
        area_code=row.maybe_text("area_code"),
        region=row.maybe_text("region"),
        capabilities=_capabilities(row),
        mark=mark,
        reference=None if mark else reference,
        routing=row.maybe_text("routing_profile_id"),
        bundle=row.maybe_text("bundle_id"),
        purchased_at=row.maybe_time("purchased_at"),
        renews_at=row.maybe_time("renews_at"),
        documents_deadline=row.maybe_time("documents_deadline"),
        attestation=ATTESTATIONS.get(row.maybe_text("attestation") or ""),
    )


def parse_profile(json: object) -> HeldRouting:
    """One routing profile of the account. One whose content is not as we would have written it leads nowhere, so that
    it is no profile of ours as we know it."""
    row = Fields(json, "routing profile")
    external_id, nowhere = row.text("id"), Routing(row.text("reference"), row.text("name"))
    try:
        return HeldRouting(external_id, _routing(row, nowhere))
    except ReplyUnreadable:
        return HeldRouting(external_id, nowhere)


def _routing(row: Fields, nowhere: Routing) -> Routing:
    return replace(
        nowhere,
        sip_targets=tuple(_sip_target(target) for target in row.items("sip_targets")),
        voice_webhook=row.maybe_text("voice_webhook"),
        voice_application=row.maybe_text("voice_application"),
        agent=row.maybe_text("agent"),
        messaging_webhook=row.maybe_text("messaging_webhook"),
        messaging_service=row.maybe_text("messaging_service"),
        campaign=row.maybe_text("campaign"),
    )


def _sip_target(json: object) -> SipTarget:
    row = Fields(json, "routing profile.sip_targets")
    return SipTarget(row.text("uri"), row.count("priority"), row.count("weight"))


def parse_cart_item(json: object) -> CartItem:
    """One item of the cart."""
    row = Fields(json, "cart item")
    return CartItem(row.text("id"), number_in(row), row.maybe_text("select_token"), row.maybe_text("reference"))


def parse_outcome(json: object) -> Outcome:
    """One item of a checkout's reply. The caller turns what this raises into OutcomeUnknown: money has moved."""
    row = Fields(json, "checkout item")
    if row.choice("outcome", OUTCOMES) is ItemState.FAILED:
        return failed(row.number("number"), row.maybe_text("reason") or "", row.maybe_text("message") or "")
    return Outcome(
        number=row.number("number"),
        state=row.choice("outcome", OUTCOMES),
        external_id=row.maybe_text("number_id"),
        price=_price(row),
        renews_at=row.maybe_time("renews_at"),
        documents_deadline=row.maybe_time("documents_deadline"),
    )


def failed(number: E164, code: str, message: str) -> Outcome:
    """The outcome of a number that was not sold; `code` is DIDHub's word for why."""
    reason = REASONS.get(code, FailureReason.CARRIER_REFUSED)
    return Outcome(number, ItemState.FAILED, reason, " ".join((message or code).split())[:MESSAGE_LENGTH])


def read_refusal(response: httpx.Response) -> Refusal:
    """`{"error": {"code", "message"}}`; nothing when something between us and DIDHub answered in its own way."""
    try:
        error = Fields(response.json(), "reply").inside("error")
        return Refusal(error.text("code"), error.maybe_text("message") or "")
    except (ValueError, RecursionError, ReplyUnreadable):
        return Refusal()


def _price(row: Fields) -> Price:
    currency = row.text("currency")
    return Price(row.price("monthly_price", currency), row.price("setup_price", currency))


def _capabilities(row: Fields) -> frozenset[Capability]:
    """Those that we know; a carrier may well have others."""
    return frozenset(CAPABILITIES[word] for word in row.texts("capabilities") if word in CAPABILITIES)


# What we say


def search_params(query: Query) -> dict[str, str]:
    """The catalog search of `query`, in whole pages."""
    params = {"country": query.country, "type": TYPE_WORDS[query.type], "limit": str(CATALOG_PAGE)}
    if query.area_code:
        params["area_code"] = query.area_code
    if query.capabilities:
        params["capabilities"] = ",".join(sorted(CAPABILITY_WORDS[one] for one in query.capabilities))
    return params


def staging(offer: Offer, mark: Mark, bundle: str | None = None) -> dict[str, object]:
    """The cart item to add. The snapshot tells the offered price back, so that one which has moved is refused. Only
    what needs documents carries the bundle."""
    price = offer.price
    snapshot = {
        "number": str(offer.number),
        "monthly_price": f"{price.monthly.amount:f}",
        "setup_price": f"{price.setup.amount:f}",
        "currency": price.monthly.currency,
    }
    item: dict[str, object] = {"select_token": offer.token, "snapshot": snapshot, "reference": str(mark)}
    return {**item, "bundle_id": bundle} if bundle and offer.needs_documents else item


def profile(routing: Routing) -> dict[str, object]:
    """The whole routing profile; what is not set is said to be null, so that it is also unset there."""
    targets = [{"uri": to.uri, "priority": to.priority, "weight": to.weight} for to in routing.sip_targets]
    return {
        "name": routing.name,
        "sip_targets": targets,
        "voice_webhook": routing.voice_webhook,
        "voice_application": routing.voice_application,
        "agent": routing.agent,
        "messaging_webhook": routing.messaging_webhook,
        "messaging_service": routing.messaging_service,
        "campaign": routing.campaign,
    }
