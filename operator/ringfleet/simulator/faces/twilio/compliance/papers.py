"""End users and documents: two may have one FriendlyName, and neither can be searched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ringfleet.simulator.clock import format_time
from ringfleet.simulator.errors import Code, Refused
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.twilio.compliance.form import Form
from ringfleet.simulator.faces.twilio.compliance.regulations import ADDRESS_DOCUMENT, URL
from ringfleet.simulator.faces.twilio.wire import (
    Json,
    account_of,
    account_sid,
    format_sid,
    meta_page,
    missing,
    parse_sid,
)
from ringfleet.simulator.fields import BadField
from ringfleet.simulator.http.pipeline import Answer, Asked
from ringfleet.simulator.review.bundles import Stage
from ringfleet.simulator.review.documents import Paper, PaperKind
from ringfleet.simulator.review.evaluation import Lack
from ringfleet.simulator.review.requirements import EndUser

ASSIGNMENT: Final = "rc_assignment"
"""The kind of record that puts one of these into a bundle, its parent."""
PROOF: Final = "rc_proof"
PROOFS: Final = 1 << 40
"""Documents that only name an address are none of the exchange's: their ids begin here."""
_PAPER: Final = "rc_item"
_STATUSES: Final = {
    Stage.DRAFT: "draft",
    Stage.SUBMITTED: "pending-review",
    Stage.IN_REVIEW: "pending-review",
    Stage.PROVISIONAL: "provisionally-approved",
    Stage.APPROVED: "approved",
    Stage.EXPIRED: "expired",
    Stage.REJECTED: "draft",
}


def create_end_user(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), Form(asked.body)
    name, type_ = form.text("FriendlyName"), form.text("Type")
    if type_ not in tuple(EndUser):
        raise BadField("Type", f"is one of {', '.join(EndUser)}")
    attributes = form.attributes()
    made = exchange.papers.create_end_user(account, _free(exchange, account, name), EndUser(type_), attributes, {})
    exchange.records.add(account, _PAPER, {"name": name, "attributes": attributes}, made.id)
    return Answer(201, _end_user(exchange, asked, made))


def end_users(exchange: Exchange, asked: Asked) -> Answer:
    found = _papers(exchange, asked, PaperKind.END_USER)
    url = f"{URL}/EndUsers"
    return meta_page(asked, "results", url, found, lambda one: one.id, lambda one: _end_user(exchange, asked, one))


def end_user(exchange: Exchange, asked: Asked) -> Answer:
    for one in exchange.papers.of(account_of(asked), [parse_sid("IT", asked.path["sid"])]):
        return Answer(200, _end_user(exchange, asked, one))
    raise missing(asked)


def create_document(exchange: Exchange, asked: Asked) -> Answer:
    account, form = account_of(asked), Form(asked.body)
    name, type_, attributes = form.text("FriendlyName"), form.text("Type"), form.attributes()
    content = {"name": name, "attributes": attributes}
    if type_ == ADDRESS_DOCUMENT:
        return Answer(201, _document(exchange, asked, PROOFS + exchange.records.add(account, PROOF, content).id))
    file, media_type = form.file()
    said = {field: value for field, value in attributes.items() if isinstance(value, str)}
    free = _free(exchange, account, name)
    made = exchange.papers.create_document(account, free, type_, said, media_type, file)
    exchange.records.add(account, _PAPER, content, made.id)
    return Answer(201, _document(exchange, asked, made.id))


def documents(exchange: Exchange, asked: Asked) -> Answer:
    papers = [one.id for one in _papers(exchange, asked, PaperKind.DOCUMENT)]
    proofs = [PROOFS + one.id for one in exchange.records.all(account_of(asked), PROOF)]
    url, found = f"{URL}/SupportingDocuments", papers + proofs
    return meta_page(asked, "results", url, found, lambda id_: id_, lambda id_: _document(exchange, asked, id_))


def document(exchange: Exchange, asked: Asked) -> Answer:
    return Answer(200, _document(exchange, asked, parse_sid("RD", asked.path["sid"])))


def delete_end_user(exchange: Exchange, asked: Asked) -> Answer:
    end_user(exchange, asked)
    _delete(exchange, asked, parse_sid("IT", asked.path["sid"]))
    return Answer(204)


def delete_document(exchange: Exchange, asked: Asked) -> Answer:
    document(exchange, asked)
    _delete(exchange, asked, parse_sid("RD", asked.path["sid"]))
    return Answer(204)


def _delete(exchange: Exchange, asked: Asked, id_: int) -> None:
    """Refused while it is in a bundle."""
    account = account_of(asked)
    for bundle in exchange.bundles.everyone():
        held = exchange.records.all(account, ASSIGNMENT, bundle.id)
        if any(one.content["object_sid"] == asked.path["sid"] for one in held):
            raise Refused(Code.BUNDLE_STATE, "it is in a bundle")
    kept = exchange.records.get(account, PROOF, id_ - PROOFS) if id_ > PROOFS else None
    kept = kept or exchange.records.of(account, _PAPER, id_)
    if kept is not None:
        exchange.records.remove(kept)
    exchange.papers.remove(account, id_)


def _free(exchange: Exchange, account: str, name: str) -> str:
    """Two things may have one name here, but not at the exchange."""
    copies = sum(1 for one in exchange.papers.everyone() if one.account == account and one.reference.startswith(name))
    return f"{name} ({copies})" if copies else name


def _papers(exchange: Exchange, asked: Asked, kind: PaperKind) -> list[Paper]:
    return [one for one in exchange.papers.everyone() if (one.account, one.kind) == (account_of(asked), kind)]


def kept_of(exchange: Exchange, account: str, kind: str, id_: int) -> Mapping[str, Any]:
    record = exchange.records.of(account, kind, id_)
    return record.content if record else {"name": "", "attributes": {}, "email": ""}


def _end_user(exchange: Exchange, asked: Asked, one: Paper) -> Json:
    kept, sid = kept_of(exchange, one.account, _PAPER, one.id), format_sid("IT", one.id)
    return {
        "sid": sid,
        "account_sid": account_sid(one.account),
        "friendly_name": kept["name"],
        "type": one.type,
        "attributes": kept["attributes"],
        **times_of(exchange, account_of(asked), _PAPER, one.id),
        "url": f"{URL}/EndUsers/{sid}",
    }


def _document(exchange: Exchange, asked: Asked, id_: int) -> Json:
    account = account_of(asked)
    found = exchange.papers.of(account, [id_])
    proof = exchange.records.get(account, PROOF, id_ - PROOFS) if id_ > PROOFS else None
    if not found and proof is None:
        raise missing(asked)
    kept = proof.content if proof else kept_of(exchange, account, _PAPER, id_)
    stage, lacks = _review_of(exchange, account, id_)
    sid = format_sid("RD", id_)
    times = {"date_created": format_time(proof.made_at), "date_updated": format_time(proof.changed_at)} if proof else {}
    return {
        "sid": sid,
        "account_sid": account_sid(account),
        "friendly_name": kept["name"],
        "mime_type": (found[0].media_type if found else None) or "",
        "status": "rejected" if lacks else _STATUSES[stage],
        "failure_reason": "; ".join(lack.message for lack in lacks),
        "errors": [{"code": 22217, "message": lack.message} for lack in lacks],
        "type": found[0].type if found else ADDRESS_DOCUMENT,
        "attributes": kept["attributes"],
        **(times or times_of(exchange, account, _PAPER, id_)),
        "url": f"{URL}/SupportingDocuments/{sid}",
    }


def times_of(exchange: Exchange, account: str, kind: str, parent: int) -> Json:
    record = exchange.records.of(account, kind, parent)
    made, changed = (record.made_at, record.changed_at) if record else (0.0, 0.0)
    return {"date_created": format_time(made), "date_updated": format_time(changed)}


def _review_of(exchange: Exchange, account: str, paper: int) -> tuple[Stage, list[Lack]]:
    """The stage of the newest bundle with this document, and what its review found wrong with it."""
    for bundle in reversed(exchange.bundles.everyone()):
        if bundle.account == account and paper in bundle.papers:
            return bundle.status(exchange.clock.now()), [lack for lack in bundle.reasons if lack.paper == paper]
    return Stage.DRAFT, []
