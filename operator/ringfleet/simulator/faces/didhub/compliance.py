"""The compliance side of the DIDHub face: requirements, what is filed, bundles. Every path is this simulator's own.

DIDHub's guide says that some numbers need documents, and no more. Its other half, `simulator/faces/didhub/routes.py`,
has the manners.

What comes in here is personal data. So nothing that is read is quoted when it is refused: only the field's name is.
A reference that is taken answers 409 with the id of what has it, so that a create that came twice is seen.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

from ringfleet.simulator.errors import Code, ReferenceTaken, invalid, not_found
from ringfleet.simulator.exchange import Exchange
from ringfleet.simulator.faces.didhub.ids import format_id, parse_id, read_id, write_time
from ringfleet.simulator.faults.rules import Operation
from ringfleet.simulator.fields import BadField, Fields
from ringfleet.simulator.http.pipeline import Action, Answer, Asked
from ringfleet.simulator.market import TYPES
from ringfleet.simulator.review.bundles import Bundle
from ringfleet.simulator.review.documents import Paper
from ringfleet.simulator.review.evaluation import Lack
from ringfleet.simulator.review.requirements import EndUser, Regulation, Requirement, find_regulation

Json = dict[str, Any]

_PREFIXES: Final[Mapping[str, str]] = {"end_user": "eu", "document": "doc", "bundle": "bun"}


def requirements(_: Exchange, asked: Asked) -> Answer:
    query = Fields(asked.query, "query")
    country, type_ = query.required_text("country"), query.required_choice("type", TYPES)
    end_user = EndUser(query.required_choice("end_user", tuple(EndUser)))
    found = find_regulation(country, type_, end_user)
    if found is None:
        raise not_found("market", f"for {type_} numbers in that country")
    return Answer(200, _regulation(found))


def find_items(exchange: Exchange, asked: Asked) -> Answer:
    reference = Fields(asked.query, "query").required_text("reference")
    found = exchange.papers.find(asked.customer.account.id, reference)
    return Answer(200, {"items": [] if found is None else [_paper(found)]})


def create_end_user(exchange: Exchange, asked: Asked) -> Answer:
    form = _Form(asked.body)
    type_ = form.text("type")
    if type_ not in tuple(EndUser):
        raise BadField("type", f"is one of {', '.join(EndUser)}")
    created = exchange.papers.create_end_user(
        asked.customer.account.id,
        form.text("reference"),
        EndUser(type_),
        form.texts("attributes"),
        form.texts("address"),
    )
    return Answer(201, _paper(created))


def create_document(exchange: Exchange, asked: Asked) -> Answer:
    form = _Form(asked.body)
    created = exchange.papers.create_document(
        asked.customer.account.id,
        form.text("reference"),
        form.text("type"),
        form.texts("attributes"),
        form.text("media_type", required=False) or None,
        form.content("content"),
    )
    return Answer(201, _paper(created))


def find_bundles(exchange: Exchange, asked: Asked) -> Answer:
    reference = Fields(asked.query, "query").required_text("reference")
    found = exchange.bundles.find(asked.customer.account.id, reference)
    return Answer(200, {"bundles": [] if found is None else [_bundle(exchange, found)]})


def create_bundle(exchange: Exchange, asked: Asked) -> Answer:
    form = _Form(asked.body)
    created = exchange.bundles.create(
        asked.customer.account.id,
        form.text("reference"),
        form.text("requirement_id"),
        form.papers("items"),
        form.text("contact"),
    )
    return Answer(201, _bundle(exchange, created))


def bundle(exchange: Exchange, asked: Asked) -> Answer:
    found = exchange.bundles.get(asked.customer.account.id, read_id("bun", asked))
    return Answer(200, _bundle(exchange, found))


def put_items(exchange: Exchange, asked: Asked) -> Answer:
    papers = _Form(asked.body).papers("items")
    changed = exchange.bundles.put_papers(asked.customer.account.id, read_id("bun", asked), papers)
    return Answer(200, _bundle(exchange, changed))


def evaluate(exchange: Exchange, asked: Asked) -> Answer:
    account, id_ = asked.customer.account.id, read_id("bun", asked)
    papers = exchange.bundles.papers_of(exchange.bundles.get(account, id_))
    return Answer(200, {"missing": _lacks(exchange.bundles.evaluate(account, id_), papers)})


def submit(exchange: Exchange, asked: Asked) -> Answer:
    submitted = exchange.bundles.submit(asked.customer.account.id, read_id("bun", asked))
    return Answer(200, _bundle(exchange, submitted))


def read_bundle_id(text: str | None) -> int | None:
    """The bundle that a cart item or a number is to carry; None when it names none."""
    if text is None:
        return None
    if not (id_ := parse_id("bun", text)):
        raise invalid("bundle_id", "is not the id of a bundle")
    return id_


class _Form:
    """A body that is read field by field, and never quoted."""

    def __init__(self, body: object) -> None:
        if not isinstance(body, Mapping):
            raise BadField("body", "is an object")
        self._body: Mapping[str, Any] = body

    def text(self, field: str, *, required: bool = True) -> str:
        value = self._body.get(field)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or (required and not value):
            raise BadField(field, "is required, and is a string" if required else "is a string")
        return value

    def texts(self, field: str) -> dict[str, str]:
        value = self._body.get(field) or {}
        if not isinstance(value, Mapping) or not all(isinstance(entry, str) for entry in value.values()):
            raise BadField(field, "is an object of strings")
        return dict(value)

    def content(self, field: str) -> bytes:
        try:
            return base64.b64decode(self.text(field, required=False), validate=True)
        except (binascii.Error, ValueError):
            raise BadField(field, "is base64") from None

    def papers(self, field: str) -> list[int]:
        """The numbers in the ids of end users and documents; 0, which nothing has, for what is none."""
        value = self._body.get(field)
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise BadField(field, "is a list of ids")
        return [parse_id("eu", entry) or parse_id("doc", entry) for entry in value]


def _creates(action: Action) -> Action:
    """A create whose reference is taken says by what."""

    def create(exchange: Exchange, asked: Asked) -> Answer:
        try:
            return action(exchange, asked)
        except ReferenceTaken as taken:
            existing = format_id(_PREFIXES[taken.kind], taken.existing)
            error = {"code": Code.REFERENCE_TAKEN, "message": taken.message, "existing_id": existing}
            return Answer(409, {"error": error})

    return create


def _regulation(regulation: Regulation) -> Json:
    return {
        "id": regulation.id,
        "country": regulation.country,
        "type": regulation.type,
        "end_user": regulation.end_user,
        "review_hours": regulation.review_hours,
        "requirements": [_requirement(requirement) for requirement in regulation.requirements],
    }


def _requirement(requirement: Requirement) -> Json:
    return {
        "id": requirement.id,
        "subject": requirement.subject,
        "description": requirement.description,
        "accepts": list(requirement.accepts),
        "attributes": list(requirement.attributes),
        "media_types": list(requirement.media_types),
        "max_bytes": requirement.max_bytes,
    }


def _paper(paper: Paper) -> Json:
    return {"id": _paper_id(paper), "reference": paper.reference, "kind": paper.kind}


def _bundle(exchange: Exchange, bundle: Bundle) -> Json:
    papers = exchange.bundles.papers_of(bundle)
    return {
        "id": format_id("bun", bundle.id),
        "reference": bundle.reference,
        "requirement_id": bundle.regulation.id,
        "status": bundle.status(exchange.clock.now()),
        "items": [_paper_id(paper) for paper in papers],
        "reasons": _lacks(bundle.reasons, papers),
        "expires_at": write_time(bundle.expires_at),
    }


def _lacks(lacks: tuple[Lack, ...] | list[Lack], papers: list[Paper]) -> list[Json]:
    ids = {paper.id: _paper_id(paper) for paper in papers}
    return [
        {
            "item": None if lack.paper is None else ids[lack.paper],
            "reason": lack.reason,
            "message": lack.message,
        }
        for lack in lacks
    ]


def _paper_id(paper: Paper) -> str:
    return format_id(_PREFIXES[paper.kind], paper.id)


ROUTES: Final[tuple[tuple[str, str, Operation, Callable[[Exchange, Asked], Answer]], ...]] = (
    ("GET", "/v1/compliance/requirements", Operation.REQUIREMENTS, requirements),
    ("GET", "/v1/compliance/items", Operation.ITEM_FIND, find_items),
    ("POST", "/v1/compliance/end-users", Operation.END_USER_CREATE, _creates(create_end_user)),
    ("POST", "/v1/compliance/documents", Operation.DOCUMENT_CREATE, _creates(create_document)),
    ("GET", "/v1/compliance/bundles", Operation.BUNDLE_FIND, find_bundles),
    ("POST", "/v1/compliance/bundles", Operation.BUNDLE_CREATE, _creates(create_bundle)),
    ("GET", "/v1/compliance/bundles/{id}", Operation.BUNDLE_GET, bundle),
    ("PUT", "/v1/compliance/bundles/{id}/items", Operation.BUNDLE_ITEMS, put_items),
    ("POST", "/v1/compliance/bundles/{id}/evaluate", Operation.BUNDLE_EVALUATE, evaluate),
    ("POST", "/v1/compliance/bundles/{id}/submit", Operation.BUNDLE_SUBMIT, submit),
)
