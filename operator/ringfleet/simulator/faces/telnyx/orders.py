"""Orders at the Telnyx face: many numbers at once, each with an outcome of its own, told when one asks again.

::

    POST number_orders --> pending --the first GET--> each item success, failure, or pending while it waits

The answer to the order itself always says pending. Numbers of one country and type are a sub-order. An order is found
again by its reference; such a row has no outcomes. Nothing is ordered of an order that is refused: a number that no
search has shown to this account (85000), one that it owns (85001), no money for all of them (20100); in some countries
a number without a requirement group that has a value for each requirement, approved or not.
"""

from __future__ import annotations

from typing import Any, Final

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import Code, Refused, invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.telnyx import compliance, numbers
from ringfleet.simulator.faces.telnyx.search import TYPE_WORDS
from ringfleet.simulator.faces.telnyx.wire import V2, Json, filters, format_id, missing, paged, parse_id, user_id
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.records import Record
from ringfleet.simulator.selling.holdings import Status
from ringfleet.simulator.selling.stock import Offer

ORDER: Final = "number_order"
_PENDING, _SUCCESS, _FAILURE = "pending", "success", "failure"
_SHOWN_ITEMS: Final = 50
GROUP_FIRST: Final = frozenset({"CH", "DK", "IT", "NO", "PT", "SE"})
"""The countries in which an order has to carry a requirement group."""


def order(exchange: Exchange, asked: Asked) -> Answer:
    account, body = asked.customer.account.id, Fields(asked.body, "body")
    wishes = _wishes(body)
    reference = body.text("customer_reference")
    connection = numbers.connection(exchange, asked, body.text("connection_id"))
    profile = numbers.profile(exchange, asked, body.text("messaging_profile_id"))
    offers = [_orderable(exchange, account, wish["phone_number"]) for wish in wishes]
    for wish, offer in zip(wishes, offers, strict=True):
        _check_group(exchange, account, wish["requirement_group_id"], offer)
    cost = sum(offer.monthly + offer.setup for offer in offers if offer)
    if cost > exchange.accounts.find(account).balance:
        raise Refused(Code.INSUFFICIENT_FUNDS, "the balance does not cover the order")
    content: Json = {
        "customer_reference": reference,
        "connection_id": connection,
        "messaging_profile_id": profile,
        "billing_group_id": body.text("billing_group_id"),
        "items": [],
    }
    record = exchange.records.add(account, ORDER, content)
    for wish, offer in zip(wishes, offers, strict=True):
        content["items"].append(_buy(exchange, account, record, wish, offer))
    record = exchange.records.change(record, content)
    return Answer(200, {"data": _order(exchange, record, told=False)})


def orders(exchange: Exchange, asked: Asked) -> Answer:
    account, reference = asked.customer.account.id, filters(asked).get(("customer_reference",))
    found = exchange.records.all(account, ORDER)
    kept = [one for one in found if reference in (None, one.content["customer_reference"])]
    return paged(asked, kept, lambda record: _row(exchange, record))


def show(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, {"data": _order(exchange, _find(exchange, asked))})


def sub_orders(exchange: Exchange, asked: Asked) -> Answer:
    account, asked_for = asked.customer.account.id, filters(asked)
    wanted = parse_id(asked_for.get(("order_request_id",))) or None
    found = [one for one in exchange.records.all(account, ORDER) if wanted in (None, one.id)]
    parts = [part for record in found for part in _sub_orders(exchange, account, record)]
    return paged(asked, parts, lambda part: part)


def sub_order(exchange: Exchange, asked: Asked) -> Answer:
    account = asked.customer.account.id
    for record in exchange.records.all(account, ORDER):
        for part in _sub_orders(exchange, account, record):
            if part["id"] == asked.path["id"]:
                return Answer(200, {"data": part})
    raise missing(asked)


def ordered_numbers(exchange: Exchange, asked: Asked) -> Answer:
    """Every number that was ever ordered, without pages."""
    country = filters(asked).get(("country_code",))
    rows = [_ordered(exchange, *one) for one in _items_of(exchange, asked)]
    found = [row for row in rows if country in (None, row["country_code"])]
    return Answer(200, {"data": found, "meta": {"page_number": 1, "total_pages": 1, "total_results": len(found)}})


def give_group(exchange: Exchange, asked: Asked) -> Answer:
    """To a number that waits for documents; one that is in service keeps what it was ordered with."""
    account, group = asked.customer.account.id, Fields(asked.body, "body").required_text("requirement_group_id")
    for record, place in _items_of(exchange, asked):
        if _item_id(record, place) != asked.path["id"]:
            continue
        if _status(exchange, record.content["items"][place])[1]:
            raise invalid("requirement_group_id", "the order of the number is complete")
        exchange.sales.attach(account, record.content["items"][place]["held"], parse_id(group))
        return Answer(200, {"data": _ordered(exchange, record, place)})
    raise missing(asked)


def _items_of(exchange: Exchange, asked: Asked) -> list[tuple[Record, int]]:
    found = exchange.records.all(asked.customer.account.id, ORDER)
    return [(record, place) for record in found for place in range(len(record.content["items"]))]


def _item_id(record: Record, place: int) -> str:
    return format_id(record.id * 10_000 + place)


def _ordered(exchange: Exchange, record: Record, place: int) -> Json:
    item = _item(exchange, record, place, told=True)
    del item["country_iso_alpha2"]
    owner = exchange.holdings.owner(item["phone_number"])
    ends = owner.documents_deadline if owner else None
    return {
        **item,
        "order_request_id": format_id(record.id),
        "sub_number_order_id": None,
        "is_block_number": False,
        "locality": None,
        "deadline": None if ends is None else format_time(ends),
    }


def _wishes(body: Fields) -> list[Json]:
    wishes = body.any("phone_numbers")
    if not isinstance(wishes, list) or not wishes:
        raise BadField("phone_numbers", "is a list of objects with phone_number")
    read = []
    for wish in wishes:
        fields = Fields(wish, "phone_numbers")
        number = fields.required_text("phone_number")
        if not number.startswith("+"):
            raise Refused(Code.INVALID_NUMBER, f"{number} is not +E.164")
        read.append({"phone_number": number, "requirement_group_id": fields.text("requirement_group_id")})
    return read


def _orderable(exchange: Exchange, account: str, number: str) -> Offer | None:
    """None: it was shown, and somebody else has it by now. Refused as the module says."""
    owner = exchange.holdings.owner(number)
    if owner is not None and owner.account == account:
        raise Refused(Code.OWNED_ALREADY, f"{number} is in this account already")
    if not exchange.records.was_shown(account, number):
        raise Refused(Code.NOT_SEARCHED, f"{number} has to be searched for first")
    exchange.sales.let_others_come(number, Operation.CHECKOUT, account)
    return exchange.stock.offer(number)


def _check_group(exchange: Exchange, account: str, group: str | None, offer: Offer | None) -> None:
    if offer is None:
        return
    if group:
        found = exchange.bundles.usable(account, parse_id(group), offer.country, offer.type)
        if compliance.is_fulfilled(exchange, found):
            return
    if offer.documents and offer.country in GROUP_FIRST:
        raise invalid("requirement_group_id", f"numbers of {offer.country} are ordered with a fulfilled group only")


def _buy(exchange: Exchange, account: str, record: Record, wish: Json, offer: Offer | None) -> Json:
    number, reference = wish["phone_number"], record.content["customer_reference"]
    bundle = parse_id(wish["requirement_group_id"]) or None
    outcome = exchange.sales.buy(account, number, None, reference, bundle)
    item = {
        "number": number,
        "held": outcome.number_id,
        "country": offer.country if offer else None,
        "type": offer.type if offer else None,
    }
    if outcome.number_id is not None:
        held = exchange.holdings.get(account, outcome.number_id)
        routing = {name: record.content[name] for name in ("connection_id", "messaging_profile_id")}
        numbers.begin(exchange, held, routing)
    return item


def _find(exchange: Exchange, asked: Asked) -> Record:
    record = exchange.records.get(asked.customer.account.id, ORDER, parse_id(asked.path["id"]))
    if record is None:
        raise missing(asked)
    return record


def _status(exchange: Exchange, item: Json) -> tuple[str, bool]:
    """What became of an item, and whether what is required of it is there."""
    if item["held"] is None:
        return _FAILURE, True
    owner = exchange.holdings.owner(item["number"])
    if owner is None or owner.id != item["held"]:  # it was given back since
        return _SUCCESS, True
    status = owner.status(exchange.clock.now())
    if status is Status.PENDING_DOCUMENTS:
        return _PENDING, False
    return (_PENDING if status is Status.ACTIVATING else _SUCCESS), True


def _waits_for(exchange: Exchange, number: str) -> str:
    """A number that waits, for documents or for the review of those that it has."""
    owner = exchange.holdings.owner(number)
    return f"requirement-info-{'under-review' if owner and owner.bundle else 'pending'}"


def _whole(states: list[str]) -> str:
    if _PENDING in states:
        return _PENDING
    return _FAILURE if _FAILURE in states else _SUCCESS


def _item(exchange: Exchange, record: Record, place: int, told: bool) -> Json:
    item = record.content["items"][place]
    state, met = _status(exchange, item)
    return {
        "record_type": "number_order_phone_number",
        "id": _item_id(record, place),
        "phone_number": item["number"],
        "phone_number_type": None if item["type"] is None else TYPE_WORDS[item["type"]],
        "country_code": item["country"],
        "country_iso_alpha2": item["country"],
        "status": state if told else _PENDING,
        "requirements_met": met,
        "requirements_status": "approved" if met else _waits_for(exchange, item["number"]),
        "regulatory_requirements": [],
        "bundle_id": None,
    }


def _head(exchange: Exchange, record: Record, told: bool) -> Json:
    states = [_status(exchange, item) for item in record.content["items"]]
    parts = sorted({(item["country"] or "", item["type"] or "") for item in record.content["items"]})
    return {
        "record_type": "number_order",
        "id": format_id(record.id),
        **{name: record.content[name] for name in _KEPT},
        "phone_numbers_count": len(states),
        "requirements_met": all(met for _, met in states),
        "status": _whole([state for state, _ in states]) if told else _PENDING,
        "sub_number_orders_ids": [_sub_id(record, place) for place in range(len(parts))],
        "created_at": format_time(record.made_at),
        "updated_at": format_time(record.changed_at),
    }


_KEPT: Final = ("customer_reference", "connection_id", "messaging_profile_id", "billing_group_id")


def _order(exchange: Exchange, record: Record, told: bool = True) -> Json:
    places = range(len(record.content["items"]))
    return {
        **_head(exchange, record, told),
        "phone_numbers": [_item(exchange, record, place, told) for place in places],
    }


def _row(exchange: Exchange, record: Record) -> Json:
    """As the list has it: of each item only its id and its number."""
    items = [_item(exchange, record, place, told=True) for place in range(len(record.content["items"]))]
    slim = [{"id": item["id"], "phone_number": item["phone_number"]} for item in items]
    return {**_head(exchange, record, told=True), "phone_numbers": slim}


def _sub_id(record: Record, place: int) -> str:
    return format_id(record.id * 100 + place)


def _sub_orders(exchange: Exchange, account: str, record: Record) -> list[Json]:
    content: dict[str, Any] = dict(record.content)
    parts = sorted({(item["country"] or "", item["type"] or "") for item in content["items"]})
    read = []
    for place, (country, type_) in enumerate(parts):
        places = [
            at
            for at, item in enumerate(content["items"])
            if (item["country"] or "", item["type"] or "") == (country, type_)
        ]
        items = [_item(exchange, record, at, told=True) for at in places]
        for item in items:
            item.pop("country_iso_alpha2")
        read.append(
            {
                "record_type": "sub_number_order",
                "id": _sub_id(record, place),
                "order_request_id": format_id(record.id),
                "country_code": country or None,
                "phone_number_type": TYPE_WORDS.get(type_),
                "user_id": user_id(account),
                "customer_reference": content["customer_reference"],
                "is_block_sub_number_order": False,
                "regulatory_requirements": [],
                "requirements_met": all(item["requirements_met"] for item in items),
                "phone_numbers_count": len(items),
                "phone_numbers": items[:_SHOWN_ITEMS],
                "status": _whole([item["status"] for item in items]),
                "created_at": format_time(record.made_at),
                "updated_at": format_time(record.changed_at),
            }
        )
    return read


ROUTES: Final = (
    ("POST", f"{V2}/number_orders", Operation.CHECKOUT, order),
    ("GET", f"{V2}/number_orders", Operation.ORDER_FIND, orders),
    ("GET", f"{V2}/number_orders/{{id}}", Operation.ORDER_GET, show),
    ("GET", f"{V2}/number_order_phone_numbers", Operation.ORDER_FIND, ordered_numbers),
    ("POST", f"{V2}/number_order_phone_numbers/{{id}}/requirement_group", Operation.BUNDLE_ATTACH, give_group),
    ("GET", f"{V2}/sub_number_orders", Operation.ORDER_FIND, sub_orders),
    ("GET", f"{V2}/sub_number_orders/{{id}}", Operation.ORDER_GET, sub_order),
)
