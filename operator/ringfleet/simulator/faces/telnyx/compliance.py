"""What Telnyx asks for, documents, addresses and requirement groups at the Telnyx face.

::

    POST documents --id--.
    POST addresses --id---+--> requirement group: one value a requirement --submit_for_approval--> review
    texts ---------------'         unapproved ............................ pending-approval --> approved, declined

The traps are as they are there: a document that is in no group after half an hour is deleted; two things may have one
reference; a group and the list of groups answer without `data`; nobody says why something was declined, only what. The
exchange's requirements are one for each thing to be told: Telnyx' have one value each, so what a document has to say
becomes texts of its own. Telnyx asks the same of a business and of a person: here it is what is asked of a business.
What comes in is personal data: nothing of it is quoted when it is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import Code, Refused, invalid, not_found
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.telnyx import emergency
from ringfleet.simulator.faces.telnyx.search import TYPE_WORDS
from ringfleet.simulator.faces.telnyx.wire import V2, Json, filters, format_id, missing, paged, parse_id
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.records import Record
from ringfleet.simulator.review.bundles import Bundle, Stage
from ringfleet.simulator.review.requirements import (
    DOCUMENT_TYPES,
    EndUser,
    Regulation,
    Requirement,
    Subject,
    find_regulation,
)

UNLINKED_S: Final = 1800.0
"""For how long a document is kept that is in no group, in seconds."""
_GROUP, _DOCUMENT, _ADDRESS = "requirement_group", "telnyx_document", emergency.ADDRESS
_TYPES: Final = {word: type_ for type_, word in TYPE_WORDS.items()}
_MEDIA: Final = {"pdf": "application/pdf", "jpg": "image/jpeg", "png": "image/png"}
_STATUSES: Final = {
    Stage.DRAFT: "unapproved",
    Stage.SUBMITTED: "pending-approval",
    Stage.IN_REVIEW: "pending-approval",
    Stage.APPROVED: "approved",
    Stage.REJECTED: "declined",
    Stage.EXPIRED: "expired",
}
_ADDRESS_FIELDS: Final = (
    *("first_name", "last_name", "business_name", "street_address", "extended_address", "locality"),
    *("administrative_area", "postal_code", "country_code", "borough", "neighborhood", "phone_number"),
    "customer_reference",
)


@dataclass(frozen=True, slots=True)
class Wish:
    """One requirement of Telnyx: `of` is the exchange's, `attribute` what of it; None: the document or address."""

    of: Requirement
    attribute: str | None
    kind: str
    id: str

    @property
    def name(self) -> str:
        """As Telnyx names its requirements: `Registration document number`."""
        words = [self.attribute] if self.of.subject is Subject.END_USER else [self.of.id, self.attribute]
        return " ".join(filter(None, words)).replace("_", " ").capitalize()


def wishes(regulation: Regulation) -> Iterator[Wish]:
    """What Telnyx asks for, one value each."""
    for one in regulation.requirements:
        if one.subject is Subject.ADDRESS:
            yield _wish(regulation, one, None, "address")
            continue
        if one.subject is Subject.DOCUMENT:
            yield _wish(regulation, one, None, "document")
        for attribute in one.attributes:
            dated = attribute.endswith(("_on", "_date"))
            yield _wish(regulation, one, attribute, "datetime" if dated else "textual")


def _wish(regulation: Regulation, one: Requirement, attribute: str | None, kind: str) -> Wish:
    of = f"telnyx/{regulation.country}/{regulation.type}/{one.id}/{attribute}"
    return Wish(one, attribute, kind, str(uuid.uuid5(uuid.NAMESPACE_URL, of)))


def requirements(_: Exchange, asked: Asked) -> Answer:
    told = filters(asked)
    country, type_ = told.get(("country_code",), ""), told.get(("phone_number_type",), "")
    found = find_regulation(country, _TYPES.get(type_, type_), EndUser.BUSINESS)
    if found is None:
        return Answer(200, {"data": []})
    market = {
        "country_code": country,
        "phone_number_type": type_,
        "action": "ordering",
        "regulatory_requirements": [_requirement(one) for one in wishes(found)],
    }
    return Answer(200, {"data": [market]})


def _requirement(one: Wish) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "field_type": one.kind,
        "description": one.of.description,
        "example": "",
        "acceptance_criteria": {},
    }


# Documents and addresses


def upload(exchange: Exchange, asked: Asked) -> Answer:
    """What it is for is told with the group; until then it is taken for a letter."""
    account, body = asked.customer.account.id, Fields(asked.body, "body")
    name, reference = _told(body, "filename"), _told(body, "customer_reference", required=False)
    try:
        content = base64.b64decode(_told(body, "file"), validate=True)
    except binascii.Error:
        raise BadField("file", "is not in Base64") from None
    media_type = _MEDIA.get(name.rpartition(".")[2])
    free = _free(exchange, account, reference)
    made = exchange.papers.create_document(account, free, DOCUMENT_TYPES[-1], {}, media_type, content)
    said = {"reference": reference, "filename": name, "media_type": media_type, "linked": False, "size": len(content)}
    digest = hashlib.sha256(content).hexdigest()
    record = exchange.records.add(account, _DOCUMENT, {**said, "sha256": digest}, made.id)
    return Answer(200, {"data": _document(record)})


def documents(exchange: Exchange, asked: Asked) -> Answer:
    account, wanted = asked.customer.account.id, filters(asked).get(("customer_reference", "eq"))
    papers = [paper.id for paper in exchange.papers.everyone() if paper.account == account]
    found = [one for id_ in papers if (one := _kept_document(exchange, account, id_))]
    return paged(asked, [one for one in found if wanted in (None, one.content["reference"])], _document)


def document(exchange: Exchange, asked: Asked) -> Answer:
    found = _kept_document(exchange, asked.customer.account.id, parse_id(asked.path["id"]))
    if found is None:
        raise missing(asked)
    return Answer(200, {"data": _document(found)})


def _kept_document(exchange: Exchange, account: str, id_: int) -> Record | None:
    """None: there is none, or it was in no group for too long."""
    found = exchange.records.of(account, _DOCUMENT, id_) if id_ else None
    if found is None or found.content["linked"]:
        return found
    return found if exchange.clock.now() < found.made_at + UNLINKED_S else None


def _document(one: Record) -> Json:
    return {
        "record_type": "document",
        "id": format_id(one.parent),
        "customer_reference": one.content["reference"],
        "filename": one.content["filename"],
        "content_type": one.content["media_type"],
        "size": {"unit": "bytes", "amount": one.content["size"]},
        "sha256": one.content["sha256"],
        "status": "pending",
        "av_scan_status": "scanned",
        "created_at": format_time(one.made_at),
        "updated_at": format_time(one.changed_at),
    }


def create_address(exchange: Exchange, asked: Asked) -> Answer:
    account, body = asked.customer.account.id, Fields(asked.body, "body")
    said = {name: _told(body, name, required=False) or None for name in _ADDRESS_FIELDS}
    for name in ("street_address", "locality", "country_code"):
        if not said[name]:
            raise BadField(name, "is required")
    if not said["business_name"] and not (said["first_name"] and said["last_name"]):
        raise BadField("business_name", "or a person's two names are required")
    checked = body.flag("validate_address") is not False
    if checked:
        emergency.refuse_unless_known(said)
    content = {**said, "validate_address": checked, "address_book": False}
    return Answer(200, {"data": _address(exchange.records.add(account, _ADDRESS, content))})


def addresses(exchange: Exchange, asked: Asked) -> Answer:
    wanted = filters(asked).get(("customer_reference", "eq"))
    found = exchange.records.all(asked.customer.account.id, _ADDRESS)
    return paged(asked, [one for one in found if wanted in (None, one.content["customer_reference"])], _address)


def address(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, {"data": _address(_kept_address(exchange, asked))})


def delete_address(exchange: Exchange, asked: Asked) -> Answer:
    """One that a number has is kept."""
    found = _kept_address(exchange, asked)
    numbers = exchange.holdings.everyone(asked.customer.account.id)
    if any(emergency.has(exchange, held, format_id(found.id)) for held in numbers):
        raise Refused(Code.ADDRESS_IN_USE, "the address is used by a phone number")
    exchange.records.remove(found)
    return Answer(200, {"data": _address(found)})


def _kept_address(exchange: Exchange, asked: Asked) -> Record:
    found = exchange.records.get(asked.customer.account.id, _ADDRESS, parse_id(asked.path["id"]))
    if found is None:
        raise missing(asked)
    return found


def _address(one: Record) -> Json:
    times = {"created_at": format_time(one.made_at), "updated_at": format_time(one.changed_at)}
    return {"record_type": "address", "id": format_id(one.id), **one.content, **times}


def _told(body: Fields, name: str, *, required: bool = True) -> str:
    """A text that is never quoted."""
    value = body.any(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value):
        raise BadField(name, "is required, and is a string")
    return value


def _free(exchange: Exchange, account: str, name: str) -> str:
    """Two things may have one reference here, or none, but not at the exchange."""
    copies = sum(1 for one in exchange.papers.everyone() if one.account == account and one.reference.startswith(name))
    return f"{name} ({copies})" if copies else name


# Groups


def create_group(exchange: Exchange, asked: Asked) -> Answer:
    account, body = asked.customer.account.id, Fields(asked.body, "body")
    country, word = _told(body, "country_code"), _told(body, "phone_number_type")
    found = find_regulation(country, _TYPES.get(word, word), EndUser.BUSINESS)
    if found is None:
        raise invalid("country_code", "has no such numbers")
    reference, values = _told(body, "customer_reference", required=False), _values(body)
    others = [one for one in exchange.bundles.everyone() if one.account == account]
    copies = sum(1 for one in others if one.reference.startswith(reference))
    free = f"{reference} ({copies})" if copies else reference
    made = exchange.bundles.create(account, free, found.id, [], f"{account}@example.com")
    content: Json = {"reference": reference, "values": {}, "papers": {}, "user": None}
    exchange.records.add(account, _GROUP, content, made.id)
    return Answer(200, _group(exchange, _fill(exchange, made, values)))


def change_group(exchange: Exchange, asked: Asked) -> Answer:
    made = _one(exchange, asked)
    return Answer(200, _group(exchange, _fill(exchange, made, _values(Fields(asked.body, "body")))))


def groups(exchange: Exchange, asked: Asked) -> Answer:
    """A bare list, without pages."""
    account, told = asked.customer.account.id, filters(asked)
    mine = [one for one in exchange.bundles.everyone() if one.account == account and _record(exchange, one)]
    rows = [_group(exchange, one) for one in mine]
    names = ("country_code", "phone_number_type", "status", "customer_reference", "action")
    return Answer(200, [row for row in rows if all(told.get((name,)) in (None, row[name]) for name in names)])


def group(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, _group(exchange, _one(exchange, asked)))


def submit(exchange: Exchange, asked: Asked) -> Answer:
    made = exchange.bundles.submit(asked.customer.account.id, _one(exchange, asked).id)
    return Answer(200, _group(exchange, made))


def is_fulfilled(exchange: Exchange, made: Bundle) -> bool:
    """Whether every requirement has a value."""
    values = _kept(exchange, made)["values"]
    return all(values.get(one.id) for one in wishes(made.regulation))


def _values(body: Fields) -> dict[str, str]:
    listed = body.any("regulatory_requirements") or []
    if not isinstance(listed, list):
        raise BadField("regulatory_requirements", "is a list of objects")
    rows = [Fields(row, "regulatory_requirements") for row in listed]
    return {_told(row, "requirement_id"): _told(row, "field_value", required=False) for row in rows}


def _fill(exchange: Exchange, made: Bundle, said: Mapping[str, str]) -> Bundle:
    """Give the group these values, and the exchange the papers that they are of."""
    account, known = made.account, {one.id: one for one in wishes(made.regulation)}
    if set(said) - set(known):
        raise invalid("requirement_id", "is of no requirement of this group")
    kept = _kept(exchange, made)
    values = {**kept["values"], **said}
    papers = {id_: _link(exchange, account, values[id_]) for id_, one in known.items() if _is(one, "document", values)}
    for id_, paper in papers.items():
        exchange.papers.say(account, paper, known[id_].of.accepts[0], _said(known, values, known[id_].of))
    user = _user(exchange, made, known, values)
    record = _record(exchange, made)
    assert record is not None
    exchange.records.change(record, {"values": values, "papers": papers, "user": user})
    return exchange.bundles.put_papers(account, made.id, [*filter(None, [user]), *dict.fromkeys(papers.values())])


def _is(one: Wish, kind: str, values: Mapping[str, str]) -> bool:
    return one.kind == kind and bool(values.get(one.id))


def _said(known: Mapping[str, Wish], values: Mapping[str, str], of: Requirement) -> dict[str, str]:
    """What the texts say of the subject of a requirement."""
    texts = ((one.attribute, values.get(id_)) for id_, one in known.items() if one.of == of)
    return {attribute: value for attribute, value in texts if attribute and value}


def _link(exchange: Exchange, account: str, document_id: str) -> int:
    found = _kept_document(exchange, account, parse_id(document_id))
    if found is None:
        raise not_found("document", "with that id")
    exchange.records.change(found, {"linked": True})
    return found.parent


def _user(exchange: Exchange, made: Bundle, known: Mapping[str, Wish], values: Mapping[str, str]) -> int | None:
    """The end user of the exchange, which Telnyx has none of: what the texts and the address say of one."""
    account, kept = made.account, _kept(exchange, made)
    texts = {one.attribute: values.get(id_) for id_, one in known.items() if one.of.subject is Subject.END_USER}
    said = {attribute: value for attribute, value in texts.items() if attribute and value}
    told = next((values[id_] for id_, one in known.items() if _is(one, "address", values)), None)
    lives: Record | None = exchange.records.get(account, _ADDRESS, parse_id(told)) if told else None
    if told and lives is None:
        raise not_found("address", "with that id")
    if not said and lives is None:
        return None
    user = kept["user"]
    if user is None:
        name = lives.content["customer_reference"] if lives else kept["reference"]
        free = _free(exchange, account, name or f"group {made.id}")
        user = exchange.papers.create_end_user(account, free, EndUser.BUSINESS, {}, {}).id
    exchange.papers.say(account, user, EndUser.BUSINESS, said)
    exchange.papers.move_in(account, user, _street(lives))
    return int(user)


def _street(lives: Record | None) -> dict[str, str]:
    if lives is None:
        return {}
    names = {"street": "street_address", "city": "locality", "postal_code": "postal_code", "country": "country_code"}
    return {name: lives.content[field] or "" for name, field in names.items()}


def _record(exchange: Exchange, made: Bundle) -> Record | None:
    return exchange.records.of(made.account, _GROUP, made.id)


def _kept(exchange: Exchange, made: Bundle) -> Mapping[str, Any]:
    record = _record(exchange, made)
    return record.content if record else {"reference": None, "values": {}, "papers": {}, "user": None}


def _one(exchange: Exchange, asked: Asked) -> Bundle:
    return exchange.bundles.get(asked.customer.account.id, parse_id(asked.path["id"]))


def _group(exchange: Exchange, made: Bundle) -> Json:
    record, kept = _record(exchange, made), _kept(exchange, made)
    made_at, changed_at = (record.made_at, record.changed_at) if record else (0.0, 0.0)
    return {
        "record_type": "requirement_group",
        "id": format_id(made.id),
        "country_code": made.regulation.country,
        "phone_number_type": TYPE_WORDS[made.regulation.type],
        "action": "ordering",
        "customer_reference": kept["reference"],
        "status": _STATUSES[made.status(exchange.clock.now())],
        "regulatory_requirements": [_value(exchange, made, kept, one) for one in wishes(made.regulation)],
        "created_at": format_time(made_at),
        "updated_at": format_time(changed_at),
    }


def _value(exchange: Exchange, made: Bundle, kept: Mapping[str, Any], one: Wish) -> Json:
    status = made.status(exchange.clock.now())
    paper = kept["papers"].get(one.id, kept["user"] if one.kind == "address" else None)
    declined = status is Stage.REJECTED and any(lack.paper == paper for lack in made.reasons)
    ends = None if made.expires_at is None else format_time(made.expires_at)
    return {
        "requirement_id": one.id,
        "field_type": one.kind,
        "field_value": kept["values"].get(one.id),
        "status": "approved" if status is Stage.REJECTED and not declined else _STATUSES[status],
        "expires_at": ends,
    }


ROUTES: Final = (
    ("GET", f"{V2}/regulatory_requirements", Operation.REQUIREMENTS, requirements),
    ("GET", f"{V2}/documents", Operation.ITEM_FIND, documents),
    ("POST", f"{V2}/documents", Operation.DOCUMENT_CREATE, upload),
    ("GET", f"{V2}/documents/{{id}}", Operation.ITEM_FIND, document),
    ("GET", f"{V2}/addresses", Operation.ITEM_FIND, addresses),
    ("POST", f"{V2}/addresses", Operation.END_USER_CREATE, create_address),
    ("GET", f"{V2}/addresses/{{id}}", Operation.ITEM_FIND, address),
    ("DELETE", f"{V2}/addresses/{{id}}", Operation.ITEM_DELETE, delete_address),
    ("GET", f"{V2}/requirement_groups", Operation.BUNDLE_FIND, groups),
    ("POST", f"{V2}/requirement_groups", Operation.BUNDLE_CREATE, create_group),
    ("GET", f"{V2}/requirement_groups/{{id}}", Operation.BUNDLE_GET, group),
    ("PATCH", f"{V2}/requirement_groups/{{id}}", Operation.BUNDLE_ITEMS, change_group),
    ("POST", f"{V2}/requirement_groups/{{id}}/submit_for_approval", Operation.BUNDLE_SUBMIT, submit),
)
