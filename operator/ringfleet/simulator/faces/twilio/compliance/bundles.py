"""Bundles, what is in them, their review and their copies. A bundle says no reason when it is rejected: only its
documents do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import Code, Refused
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.compliance.addresses import ADDRESS, STREETS
from ringfleet.simulator.faces.twilio.compliance.form import Form
from ringfleet.simulator.faces.twilio.compliance.papers import ASSIGNMENT, PROOF, PROOFS, kept_of, times_of
from ringfleet.simulator.faces.twilio.compliance.regulations import URL, regulation_of, sid_of
from ringfleet.simulator.faces.twilio.wire import (
    Json,
    account_of,
    account_sid,
    format_sid,
    meta_page,
    missing,
    parse_sid,
)
from ringfleet.simulator.fields import Fields
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.records import Record
from ringfleet.simulator.review.bundles import Bundle, Stage
from ringfleet.simulator.review.evaluation import Lack
from ringfleet.simulator.review.requirements import Regulation, Requirement

_BUNDLE: Final = "rc_bundle"
_STATUSES: Final = {
    Stage.DRAFT: "draft",
    Stage.SUBMITTED: "pending-review",
    Stage.IN_REVIEW: "in-review",
    Stage.PROVISIONAL: "provisionally-approved",
    Stage.APPROVED: "twilio-approved",
    Stage.REJECTED: "twilio-rejected",
    Stage.EXPIRED: "twilio-rejected",
}
_LACKS: Final = {"end_user_missing": 22214, "attribute_missing": 22215, "document_missing": 22216}


def create_bundle(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), Form(asked.body)
    name, email = form.text("FriendlyName"), form.text("Email")
    made = _create(exchange, account, name, email, regulation_of(form.text("RegulationSid")))
    return Answer(201, _bundle(exchange, made))


def _create(exchange: Exchange, account: str, name: str, email: str, wanted: Regulation) -> Bundle:
    """Two may have one name here, but not at the exchange."""
    namesakes = [one for one in _bundles(exchange, account) if one.reference.startswith(name)]
    reference = f"{name} ({namesakes[-1].id})" if namesakes else name
    made = exchange.bundles.create(account, reference, wanted.id, [], email)
    exchange.records.add(account, _BUNDLE, {"name": name, "email": email}, made.id)
    return made


def bundles(exchange: Exchange, asked: Asked) -> Answer:
    account, name = account_of(asked), Fields(asked.query, "query").text("FriendlyName")
    found = [
        one
        for one in _bundles(exchange, account)
        if name in (None, kept_of(exchange, account, _BUNDLE, one.id)["name"])
    ]
    return meta_page(asked, "results", f"{URL}/Bundles", found, lambda one: one.id, lambda one: _bundle(exchange, one))


def bundle(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, _bundle(exchange, _one(exchange, asked)))


def change_bundle(exchange: Exchange, asked: Asked) -> Answer:
    account, found = account_of(asked), _one(exchange, asked)
    _rename(exchange, found, Form(asked.body))
    match Fields(asked.body, "body").text("Status"):
        case "pending-review":
            found = exchange.bundles.submit(account, found.id)
        case "draft":
            found = exchange.bundles.put_papers(account, found.id, found.papers)
    return Answer(200, _bundle(exchange, found))


def _rename(exchange: Exchange, found: Bundle, form: Form) -> None:
    told = {"name": form.text("FriendlyName", required=False), "email": form.text("Email", required=False)}
    if (kept := exchange.records.of(found.account, _BUNDLE, found.id)) is not None:
        exchange.records.change(kept, {field: word for field, word in told.items() if word})


def copy(exchange: Exchange, asked: Asked) -> Answer:
    """A draft with the same items, of a bundle that is approved."""
    account, found = account_of(asked), _one(exchange, asked)
    if found.status(exchange.clock.now()) not in (Stage.APPROVED, Stage.PROVISIONAL):
        raise Refused(Code.BUNDLE_STATE, "only an approved bundle is copied")
    name = Form(asked.body).text("FriendlyName", required=False) or f"Copy of {_kept(exchange, found)['name']}"
    made = _create(exchange, account, name, _kept(exchange, found)["email"], found.regulation)
    for one in exchange.records.all(account, ASSIGNMENT, found.id):
        exchange.records.add(account, ASSIGNMENT, one.content, made.id)
    _put(exchange, account, made)
    return Answer(201, _bare(exchange, exchange.bundles.get(account, made.id)))


def replace_items(exchange: Exchange, asked: Asked) -> Answer:
    account, found = account_of(asked), _one(exchange, asked)
    source = parse_sid("BU", Form(asked.body).text("FromBundleSid"))
    changed = exchange.bundles.take_over(account, found.id, source)
    for one in exchange.records.all(account, ASSIGNMENT, found.id):
        exchange.records.remove(one)
    for one in exchange.records.all(account, ASSIGNMENT, source):
        exchange.records.add(account, ASSIGNMENT, one.content, found.id)
    return Answer(201, _bare(exchange, changed))


def _bare(exchange: Exchange, one: Bundle) -> Json:
    """As these two resources write a bundle: without its own address, and those of what belongs to it."""
    return {field: value for field, value in _bundle(exchange, one).items() if field not in ("url", "links")}


def delete(exchange: Exchange, asked: Asked) -> Answer:
    account, found = account_of(asked), _one(exchange, asked)
    exchange.bundles.remove(account, found.id)
    for kind in (_BUNDLE, ASSIGNMENT):
        for one in exchange.records.all(account, kind, found.id):
            exchange.records.remove(one)
    return Answer(204)


def assign(exchange: Exchange, asked: Asked) -> Answer:
    account, found, object_ = account_of(asked), _one(exchange, asked), Form(asked.body).text("ObjectSid")
    record = exchange.records.add(account, ASSIGNMENT, {"object_sid": object_}, found.id)
    _put(exchange, account, found)
    return Answer(201, _assignment(asked, record))


def assignments(exchange: Exchange, asked: Asked) -> Answer:
    found = exchange.records.all(account_of(asked), ASSIGNMENT, _one(exchange, asked).id)
    url = f"{URL}/Bundles/{asked.path['sid']}/ItemAssignments"
    return meta_page(asked, "results", url, found, lambda one: one.id, lambda one: _assignment(asked, one))


def take_out(exchange: Exchange, asked: Asked) -> Answer:
    account, found = account_of(asked), _one(exchange, asked)
    record = exchange.records.get(account, ASSIGNMENT, parse_sid("BV", asked.path["item"]), found.id)
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
        "regulation_sid": sid_of(found.regulation),
        "bundle_sid": of,
        "status": "noncompliant" if lacks else "compliant",
        "results": [_result(one, list(_of(one, lacks))) for one in found.regulation.requirements],
        "date_created": format_time(record.made_at),
        "url": f"{URL}/Bundles/{of}/Evaluations/{sid}",
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
    sids = [one.content["object_sid"] for one in exchange.records.all(account, ASSIGNMENT, found.id)]
    users = [id_ for sid in sids if (id_ := parse_sid("IT", sid))]
    papers = [id_ for sid in sids if (id_ := parse_sid("RD", sid))]
    address: Mapping[str, Any] = {}
    for proof in (exchange.records.get(account, PROOF, id_ - PROOFS) for id_ in papers if id_ > PROOFS):
        for sid in proof.content["attributes"].get("address_sids", ()) if proof else ():
            named = exchange.records.get(account, ADDRESS, parse_sid("AD", sid))
            address = {field: named.content[field] for field in STREETS.values()} if named else {}
    for user in users:
        exchange.papers.move_in(account, user, address)
    exchange.bundles.put_papers(account, found.id, [*users, *(id_ for id_ in papers if id_ < PROOFS)])


def _kept(exchange: Exchange, one: Bundle) -> Mapping[str, Any]:
    return kept_of(exchange, one.account, _BUNDLE, one.id)


def _bundles(exchange: Exchange, account: str) -> list[Bundle]:
    return [one for one in exchange.bundles.everyone() if one.account == account]


def _one(exchange: Exchange, asked: Asked) -> Bundle:
    return exchange.bundles.get(account_of(asked), parse_sid("BU", asked.path["sid"]))


def _bundle(exchange: Exchange, one: Bundle) -> Json:
    kept, sid = _kept(exchange, one), format_sid("BU", one.id)
    url = f"{URL}/Bundles/{sid}"
    return {
        "sid": sid,
        "account_sid": account_sid(one.account),
        "regulation_sid": sid_of(one.regulation),
        "friendly_name": kept["name"],
        "status": _STATUSES[one.status(exchange.clock.now())],
        "valid_until": None if one.expires_at is None else format_time(one.expires_at),
        "email": kept["email"],
        "status_callback": None,
        **times_of(exchange, one.account, _BUNDLE, one.id),
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
        "url": f"{URL}/Bundles/{of}/ItemAssignments/{sid}",
    }
