"""Regulatory Compliance v2 at the Twilio face: what is asked for, end users, documents, bundles and what is in them.

::

    Address <--address_sids-- SupportingDocument --+
                              EndUser -------------+--ItemAssignment--> Bundle --Status=pending-review--> review

Three traps are as they are there: two things may have one FriendlyName, and end users and documents can't be searched;
the bytes of a document go to another host; a bundle says no reason when it is rejected, only its documents do. What
comes in here is personal data: nothing that is read is quoted when it is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import invalid
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.wire import (
    API,
    Json,
    account_of,
    account_sid,
    format_sid,
    mail_time,
    meta_page,
    missing,
    parse_sid,
    whole_v2010_page,
)
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.records import Record
from ringfleet.simulator.review.bundles import Bundle, Stage
from ringfleet.simulator.review.documents import Paper, PaperKind
from ringfleet.simulator.review.evaluation import Lack
from ringfleet.simulator.review.requirements import REGULATIONS, EndUser, Regulation, Requirement, Subject

_ADDRESS, _PAPER, _BUNDLE, _ASSIGNMENT, _PROOF = "address", "rc_item", "rc_bundle", "rc_assignment", "rc_proof"
_PROOFS: Final = 1 << 40
"""Documents that only name an address are none of the exchange's: their ids begin here."""
_ADDRESS_DOCUMENT: Final = "business_address"
_URL: Final = "https://numbers.twilio.com/v2/RegulatoryCompliance"
_TYPES: Final = {"geographic": "local", "mobile": "mobile", "national": "national", "toll_free": "toll-free"}
_STATUSES: Final = {
    Stage.DRAFT: "draft",
    Stage.SUBMITTED: "pending-review",
    Stage.IN_REVIEW: "in-review",
    Stage.APPROVED: "twilio-approved",
    Stage.REJECTED: "twilio-rejected",
    Stage.EXPIRED: "twilio-rejected",
}
_PAPER_STATUSES: Final = {
    Stage.DRAFT: "draft",
    Stage.SUBMITTED: "pending-review",
    Stage.IN_REVIEW: "pending-review",
    Stage.APPROVED: "approved",
    Stage.EXPIRED: "expired",
    Stage.REJECTED: "draft",
}
_LACKS: Final = {"end_user_missing": 22214, "attribute_missing": 22215, "document_missing": 22216}
_STREETS: Final = {
    "Street": "street",
    "City": "city",
    "Region": "region",
    "PostalCode": "postal_code",
    "IsoCountry": "country",
}


# What is asked for


def regulations(_: Exchange, asked: Asked) -> Answer:
    query = Fields(asked.query, "query")
    country, type_, user = (query.text(name) for name in ("IsoCountry", "NumberType", "EndUserType"))
    found = [
        one
        for one in REGULATIONS.values()
        if one.requirements
        and country in (None, one.country)
        and type_ in (None, _TYPES.get(one.type, one.type))
        and user in (None, one.end_user)
    ]
    order = {one.id: place for place, one in enumerate(found, 1)}
    return meta_page(asked, "results", f"{_URL}/Regulations", found, lambda one: order[one.id], _regulation)


def regulation(_: Exchange, asked: Asked) -> Answer:
    return Answer(200, _regulation(_regulation_of(asked.path["sid"])))


def _regulation_of(sid: str | None) -> Regulation:
    for one in REGULATIONS.values():
        if _regulation_sid(one) == sid:
            return one
    raise invalid("RegulationSid", "is of no regulation")


def _regulation_sid(regulation: Regulation) -> str:
    return "RN" + hashlib.md5(regulation.id.encode(), usedforsecurity=False).hexdigest()


def _regulation(one: Regulation) -> Json:
    sid = _regulation_sid(one)
    users = [asked for asked in one.requirements if asked.subject is Subject.END_USER]
    papers = [[_paper_asked(asked)] for asked in one.requirements if asked.subject is not Subject.END_USER]
    return {
        "sid": sid,
        "friendly_name": f"{one.country}: {one.type} - {one.end_user}",
        "iso_country": one.country,
        "number_type": _TYPES[one.type],
        "end_user_type": str(one.end_user),
        "requirements": {"end_user": [_user_asked(one, asked) for asked in users], "supporting_document": papers},
        "url": f"{_URL}/Regulations/{sid}",
    }


def _user_asked(one: Regulation, asked: Requirement) -> Json:
    return {"type": str(one.end_user), "name": asked.description, "requirement_name": asked.id, **_fields(asked)}


def _paper_asked(asked: Requirement) -> Json:
    fields = {"fields": ["address_sids"], "detailed_fields": [_field("address_sids")]}
    if asked.subject is Subject.DOCUMENT:
        accepted = [{"name": type_, "type": type_, **_fields(asked)} for type_ in asked.accepts]
    else:
        accepted = [{"name": "Address", "type": _ADDRESS_DOCUMENT, **fields}]
    return {
        "type": "document",
        "name": asked.description,
        "requirement_name": asked.id,
        "description": asked.description,
        "accepted_documents": accepted,
    }


def _fields(asked: Requirement) -> Json:
    return {"fields": list(asked.attributes), "detailed_fields": [_field(name) for name in asked.attributes]}


def _field(name: str) -> Json:
    return {"machine_name": name, "friendly_name": name.replace("_", " "), "description": name}


# Addresses


def create_address(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), _Form(asked.body)
    told = {field: form.text(name) for name, field in _STREETS.items()}
    content = {**told, "name": form.text("CustomerName"), "friendly_name": form.text("FriendlyName", required=False)}
    return Answer(201, _address(asked, exchange.records.add(account, _ADDRESS, content)))


def addresses(exchange: Exchange, asked: Asked) -> Answer:
    account, name = account_of(asked), Fields(asked.query, "query").text("FriendlyName")
    found = [one for one in exchange.records.all(account, _ADDRESS) if name in (None, one.content["friendly_name"])]
    path = f"/2010-04-01/Accounts/{account_sid(account)}/Addresses.json"
    return whole_v2010_page(asked, "addresses", path, found, lambda one: one.id, lambda one: _address(asked, one))


def _address(asked: Asked, one: Record) -> Json:
    owner, sid = account_sid(account_of(asked)), format_sid("AD", one.id)
    return {
        "sid": sid,
        "account_sid": owner,
        "customer_name": one.content["name"],
        "friendly_name": one.content["friendly_name"],
        "street": one.content["street"],
        "city": one.content["city"],
        "region": one.content["region"],
        "postal_code": one.content["postal_code"],
        "iso_country": one.content["country"],
        "emergency_enabled": False,
        "validated": False,
        "verified": False,
        "date_created": mail_time(one.made_at),
        "date_updated": mail_time(one.changed_at),
        "uri": f"/2010-04-01/Accounts/{owner}/Addresses/{sid}.json",
    }


# End users and documents


def create_end_user(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), _Form(asked.body)
    name, type_ = form.text("FriendlyName"), form.text("Type")
    if type_ not in tuple(EndUser):
        raise BadField("Type", f"is one of {', '.join(EndUser)}")
    attributes = form.attributes()
    made = exchange.papers.create_end_user(account, _free(exchange, account, name), EndUser(type_), attributes, {})
    exchange.records.add(account, _PAPER, {"name": name, "attributes": attributes}, made.id)
    return Answer(201, _end_user(exchange, asked, made))


def end_users(exchange: Exchange, asked: Asked) -> Answer:
    found = _papers(exchange, asked, PaperKind.END_USER)
    url = f"{_URL}/EndUsers"
    return meta_page(asked, "results", url, found, lambda one: one.id, lambda one: _end_user(exchange, asked, one))


def end_user(exchange: Exchange, asked: Asked) -> Answer:
    for one in exchange.papers.of(account_of(asked), [parse_sid("IT", asked.path["sid"])]):
        return Answer(200, _end_user(exchange, asked, one))
    raise missing(asked)


def create_document(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), _Form(asked.body)
    name, type_, attributes = form.text("FriendlyName"), form.text("Type"), form.attributes()
    content = {"name": name, "attributes": attributes}
    if type_ == _ADDRESS_DOCUMENT:
        return Answer(201, _document(exchange, asked, _PROOFS + exchange.records.add(account, _PROOF, content).id))
    file, media_type = form.file()
    said = {field: value for field, value in attributes.items() if isinstance(value, str)}
    free = _free(exchange, account, name)
    made = exchange.papers.create_document(account, free, type_, said, media_type, file)
    exchange.records.add(account, _PAPER, content, made.id)
    return Answer(201, _document(exchange, asked, made.id))


def documents(exchange: Exchange, asked: Asked) -> Answer:
    papers = [one.id for one in _papers(exchange, asked, PaperKind.DOCUMENT)]
    proofs = [_PROOFS + one.id for one in exchange.records.all(account_of(asked), _PROOF)]
    url, found = f"{_URL}/SupportingDocuments", papers + proofs
    return meta_page(asked, "results", url, found, lambda id_: id_, lambda id_: _document(exchange, asked, id_))


def document(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, _document(exchange, asked, parse_sid("RD", asked.path["sid"])))


def _free(exchange: Exchange, account: str, name: str) -> str:
    """Two things may have one name here, but not at the exchange."""
    copies = sum(1 for one in exchange.papers.everyone() if one.account == account and one.reference.startswith(name))
    return f"{name} ({copies})" if copies else name


def _papers(exchange: Exchange, asked: Asked, kind: PaperKind) -> list[Paper]:
    return [one for one in exchange.papers.everyone() if (one.account, one.kind) == (account_of(asked), kind)]


def _kept(exchange: Exchange, account: str, kind: str, id_: int) -> Mapping[str, Any]:
    record = exchange.records.of(account, kind, id_)
    return record.content if record else {"name": "", "attributes": {}, "email": ""}


def _end_user(exchange: Exchange, asked: Asked, one: Paper) -> Json:
    kept, sid = _kept(exchange, one.account, _PAPER, one.id), format_sid("IT", one.id)
    return {
        "sid": sid,
        "account_sid": account_sid(one.account),
        "friendly_name": kept["name"],
        "type": one.type,
        "attributes": kept["attributes"],
        **_times(exchange, account_of(asked), _PAPER, one.id),
        "url": f"{_URL}/EndUsers/{sid}",
    }


def _document(exchange: Exchange, asked: Asked, id_: int) -> Json:
    account = account_of(asked)
    found = exchange.papers.of(account, [id_])
    proof = exchange.records.get(account, _PROOF, id_ - _PROOFS) if id_ > _PROOFS else None
    if not found and proof is None:
        raise missing(asked)
    kept = proof.content if proof else _kept(exchange, account, _PAPER, id_)
    stage, lacks = _review_of(exchange, account, id_)
    sid = format_sid("RD", id_)
    times = {"date_created": format_time(proof.made_at), "date_updated": format_time(proof.changed_at)} if proof else {}
    return {
        "sid": sid,
        "account_sid": account_sid(account),
        "friendly_name": kept["name"],
        "mime_type": (found[0].media_type if found else None) or "",
        "status": "rejected" if lacks else _PAPER_STATUSES[stage],
        "failure_reason": "; ".join(lack.message for lack in lacks),
        "errors": [{"code": 22217, "message": lack.message} for lack in lacks],
        "type": found[0].type if found else _ADDRESS_DOCUMENT,
        "attributes": kept["attributes"],
        **(times or _times(exchange, account, _PAPER, id_)),
        "url": f"{_URL}/SupportingDocuments/{sid}",
    }


def _times(exchange: Exchange, account: str, kind: str, parent: int) -> Json:
    record = exchange.records.of(account, kind, parent)
    made, changed = (record.made_at, record.changed_at) if record else (0.0, 0.0)
    return {"date_created": format_time(made), "date_updated": format_time(changed)}


def _review_of(exchange: Exchange, account: str, paper: int) -> tuple[Stage, list[Lack]]:
    """The stage of the newest bundle with this document, and what its review found wrong with it."""
    for bundle in reversed(exchange.bundles.everyone()):
        if bundle.account == account and paper in bundle.papers:
            return bundle.status(exchange.clock.now()), [lack for lack in bundle.reasons if lack.paper == paper]
    return Stage.DRAFT, []


# Bundles


def create_bundle(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), _Form(asked.body)
    name, email = form.text("FriendlyName"), form.text("Email")
    wanted = _regulation_of(form.text("RegulationSid"))
    copies = sum(1 for one in _bundles(exchange, account) if one.reference.startswith(name))
    reference = f"{name} ({copies})" if copies else name
    made = exchange.bundles.create(account, reference, wanted.id, [], email)
    exchange.records.add(account, _BUNDLE, {"name": name, "email": email}, made.id)
    return Answer(201, _bundle(exchange, made))


def bundles(exchange: Exchange, asked: Asked) -> Answer:
    account, name = account_of(asked), Fields(asked.query, "query").text("FriendlyName")
    found = [
        one for one in _bundles(exchange, account) if name in (None, _kept(exchange, account, _BUNDLE, one.id)["name"])
    ]
    return meta_page(asked, "results", f"{_URL}/Bundles", found, lambda one: one.id, lambda one: _bundle(exchange, one))


def bundle(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, _bundle(exchange, _one(exchange, asked)))


def change_bundle(exchange: Exchange, asked: Asked) -> Answer:
    account, found = account_of(asked), _one(exchange, asked)
    match Fields(asked.body, "body").text("Status"):
        case "pending-review":
            found = exchange.bundles.submit(account, found.id)
        case "draft":
            found = exchange.bundles.put_papers(account, found.id, found.papers)
    return Answer(200, _bundle(exchange, found))


def assign(exchange: Exchange, asked: Asked) -> Answer:
    account, found, object_ = account_of(asked), _one(exchange, asked), _Form(asked.body).text("ObjectSid")
    record = exchange.records.add(account, _ASSIGNMENT, {"object_sid": object_}, found.id)
    _put(exchange, account, found)
    return Answer(201, _assignment(asked, record))


def assignments(exchange: Exchange, asked: Asked) -> Answer:
    found = exchange.records.all(account_of(asked), _ASSIGNMENT, _one(exchange, asked).id)
    url = f"{_URL}/Bundles/{asked.path['sid']}/ItemAssignments"
    return meta_page(asked, "results", url, found, lambda one: one.id, lambda one: _assignment(asked, one))


def take_out(exchange: Exchange, asked: Asked) -> Answer:
    account, found = account_of(asked), _one(exchange, asked)
    record = exchange.records.get(account, _ASSIGNMENT, parse_sid("BV", asked.path["item"]), found.id)
    if record is None:
        raise missing(asked)
    exchange.records.remove(record)
    _put(exchange, account, found)
    return Answer(204)


def evaluate(exchange: Exchange, asked: Asked) -> Answer:
    account, found = account_of(asked), _one(exchange, asked)
    lacks = exchange.bundles.evaluate(account, found.id)
    record = exchange.records.add(account, "rc_evaluation", {}, found.id)
    sid, of = format_sid("EL", record.id), asked.path["sid"]
    told = {
        "sid": sid,
        "account_sid": account_sid(account),
        "regulation_sid": _regulation_sid(found.regulation),
        "bundle_sid": of,
        "status": "noncompliant" if lacks else "compliant",
        "results": [_result(one, list(_of(one, lacks))) for one in found.regulation.requirements],
        "date_created": format_time(record.made_at),
        "url": f"{_URL}/Bundles/{of}/Evaluations/{sid}",
    }
    return Answer(201, told)


def _of(one: Requirement, lacks: list[Lack]) -> Iterator[Lack]:
    return (lack for lack in lacks if lack.message.startswith(f"{one.id}: "))


def _result(one: Requirement, lacks: list[Lack]) -> Json:
    told = [
        {
            "friendly_name": one.id,
            "object_field": lack.message.rpartition(" ")[0].rpartition(" ")[2],
            "failure_reason": lack.message,
            "error_code": _LACKS.get(lack.reason, 22217),
        }
        for lack in lacks
    ]
    return {
        "friendly_name": one.description,
        "object_type": str(one.subject),
        "requirement_name": one.id,
        "requirement_friendly_name": one.description,
        "passed": not lacks,
        "failure_reason": told[0]["failure_reason"] if told else "",
        "error_code": told[0]["error_code"] if told else None,
        "valid": [],
        "invalid": told,
    }


def _put(exchange: Exchange, account: str, found: Bundle) -> None:
    """Tell the exchange what is in the bundle: its papers, and where its end user lives."""
    sids = [one.content["object_sid"] for one in exchange.records.all(account, _ASSIGNMENT, found.id)]
    users = [id_ for sid in sids if (id_ := parse_sid("IT", sid))]
    papers = [id_ for sid in sids if (id_ := parse_sid("RD", sid))]
    address: Mapping[str, Any] = {}
    for proof in (exchange.records.get(account, _PROOF, id_ - _PROOFS) for id_ in papers if id_ > _PROOFS):
        for sid in proof.content["attributes"].get("address_sids", ()) if proof else ():
            named = exchange.records.get(account, _ADDRESS, parse_sid("AD", sid))
            address = {field: named.content[field] for field in _STREETS.values()} if named else {}
    for user in users:
        exchange.papers.move_in(account, user, address)
    exchange.bundles.put_papers(account, found.id, [*users, *(id_ for id_ in papers if id_ < _PROOFS)])


def _bundles(exchange: Exchange, account: str) -> list[Bundle]:
    return [one for one in exchange.bundles.everyone() if one.account == account]


def _one(exchange: Exchange, asked: Asked) -> Bundle:
    return exchange.bundles.get(account_of(asked), parse_sid("BU", asked.path["sid"]))


def _bundle(exchange: Exchange, one: Bundle) -> Json:
    kept, sid = _kept(exchange, one.account, _BUNDLE, one.id), format_sid("BU", one.id)
    url = f"{_URL}/Bundles/{sid}"
    return {
        "sid": sid,
        "account_sid": account_sid(one.account),
        "regulation_sid": _regulation_sid(one.regulation),
        "friendly_name": kept["name"],
        "status": _STATUSES[one.status(exchange.clock.now())],
        "valid_until": None if one.expires_at is None else format_time(one.expires_at),
        "email": kept["email"],
        "status_callback": None,
        **_times(exchange, one.account, _BUNDLE, one.id),
        "url": url,
        "links": {"evaluations": f"{url}/Evaluations", "item_assignments": f"{url}/ItemAssignments"},
    }


def _assignment(asked: Asked, record: Record) -> Json:
    sid, of = format_sid("BV", record.id), asked.path["sid"]
    return {
        "sid": sid,
        "bundle_sid": of,
        "account_sid": account_sid(account_of(asked)),
        "object_sid": record.content["object_sid"],
        "date_created": format_time(record.made_at),
        "url": f"{_URL}/Bundles/{of}/ItemAssignments/{sid}",
    }


class _Form:
    """A form that is read field by field, and never quoted."""

    def __init__(self, body: object) -> None:
        self._body: Mapping[str, Any] = body if isinstance(body, Mapping) else {}

    def text(self, field: str, *, required: bool = True) -> str:
        value = self._body.get(field)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or (required and field != "Region" and not value):
            raise BadField(field, "is required")
        return value

    def attributes(self) -> dict[str, Any]:
        try:
            told = json.loads(self._body.get("Attributes") or "{}")
        except ValueError:
            raise BadField("Attributes", "is no JSON") from None
        if not isinstance(told, dict):
            raise BadField("Attributes", "is no JSON object")
        return told

    def file(self) -> tuple[bytes, str | None]:
        return self._body.get("File", b""), self._body.get("File type")


_RC: Final = "/v2/RegulatoryCompliance"
_NUMBERS: Final = f"/twilio/numbers{_RC}"

ROUTES: Final = (
    ("GET", f"{_NUMBERS}/Regulations", Operation.REQUIREMENTS, regulations),
    ("GET", f"{_NUMBERS}/Regulations/{{sid}}", Operation.REQUIREMENTS, regulation),
    ("GET", f"{API}/Addresses.json", Operation.SERVICE_GET, addresses),
    ("POST", f"{API}/Addresses.json", Operation.SERVICE_PUT, create_address),
    ("GET", f"{_NUMBERS}/EndUsers", Operation.ITEM_FIND, end_users),
    ("GET", f"{_NUMBERS}/EndUsers/{{sid}}", Operation.ITEM_FIND, end_user),
    ("POST", f"{_NUMBERS}/EndUsers", Operation.END_USER_CREATE, create_end_user),
    ("GET", f"{_NUMBERS}/SupportingDocuments", Operation.ITEM_FIND, documents),
    ("GET", f"{_NUMBERS}/SupportingDocuments/{{sid}}", Operation.ITEM_FIND, document),
    ("POST", f"{_NUMBERS}/SupportingDocuments", Operation.DOCUMENT_CREATE, create_document),
    ("POST", f"/twilio/numbers-upload{_RC}/SupportingDocuments", Operation.DOCUMENT_CREATE, create_document),
    ("GET", f"{_NUMBERS}/Bundles", Operation.BUNDLE_FIND, bundles),
    ("POST", f"{_NUMBERS}/Bundles", Operation.BUNDLE_CREATE, create_bundle),
    ("GET", f"{_NUMBERS}/Bundles/{{sid}}", Operation.BUNDLE_GET, bundle),
    ("POST", f"{_NUMBERS}/Bundles/{{sid}}", Operation.BUNDLE_SUBMIT, change_bundle),
    ("GET", f"{_NUMBERS}/Bundles/{{sid}}/ItemAssignments", Operation.BUNDLE_GET, assignments),
    ("POST", f"{_NUMBERS}/Bundles/{{sid}}/ItemAssignments", Operation.BUNDLE_ITEMS, assign),
    ("DELETE", f"{_NUMBERS}/Bundles/{{sid}}/ItemAssignments/{{item}}", Operation.BUNDLE_ITEMS, take_out),
    ("POST", f"{_NUMBERS}/Bundles/{{sid}}/Evaluations", Operation.BUNDLE_EVALUATE, evaluate),
)
