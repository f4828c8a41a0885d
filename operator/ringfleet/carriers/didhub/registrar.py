"""Filing documents at DIDHub, behind the protocol of `carriers/registrar.py`.

The guide that is public says only that a pre-staged compliance bundle is attached to what waits for documents. **All
paths and fields here are ours**, as `wire` says of its own; the sandbox carrier speaks them.

What is created is created under our reference, and DIDHub answers 409 to a second one: then the first is looked up. A
call that creates goes out once; the others are safe to repeat.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from ringfleet.carriers.didhub import wire
from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown, RequestRejected
from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.model import NumberType
from ringfleet.model.compliance import (
    EndUserType,
    Filing,
    Paper,
    Party,
    Regulation,
    Requirement,
    Review,
    Shortcoming,
    Subject,
    Waste,
)

COMPLIANCE_CIRCUIT = "compliance"
EXISTS, NOT_FOUND = "reference_taken", "not_found"
CODES = frozenset({EXISTS, NOT_FOUND, "invalid_request", "bundle_state", "bundle_incomplete"})
"""DIDHub's words for what was wrong, the only ones that are quoted: its sentences may quote what we have filed."""

REVIEWS = {
    "draft": Review.DRAFT,
    "submitted": Review.SUBMITTED,
    "in_review": Review.IN_REVIEW,
    "approved": Review.APPROVED,
    "rejected": Review.REJECTED,
    "expired": Review.EXPIRED,
}
END_USER_WORDS = {EndUserType.BUSINESS: "business", EndUserType.INDIVIDUAL: "individual"}
SUBJECTS = {"end_user": Subject.END_USER, "address": Subject.ADDRESS, "document": Subject.DOCUMENT}


Made = TypeVar("Made")


class DIDHubRegistrar:
    """The compliance side of one account; it shares the account's HTTP client, and has a circuit breaker of its own."""

    def __init__(self, http: AccountClient) -> None:
        self._http = http

    async def regulation(self, country: str, type_: NumberType, end_user: EndUserType) -> Regulation | None:
        params = {"country": country, "type": wire.TYPE_WORDS[type_], "end_user": END_USER_WORDS[end_user]}
        try:
            reply = await self._read("requirements", params=params)
        except RequestRejected as error:
            if error.code == NOT_FOUND:
                return None
            raise
        return _regulation(reply, country, type_, end_user)

    async def find_item(self, reference: str) -> str | None:
        reply = Fields(await self._read("compliance items", params={"reference": reference}), "items")
        found = (Fields(item, "item") for item in reply.items("items"))
        return next((item.text("id") for item in found if item.text("reference") == reference), None)

    async def create_party(self, party: Party, reference: str) -> str:
        body = {
            "reference": reference,
            "type": END_USER_WORDS[party.type],
            "attributes": dict(party.attributes),
            "address": dict(party.address),
        }
        return await self._create_item("end users", body, reference)

    async def upload(self, paper: Paper, reference: str) -> str:
        body = {
            "reference": reference,
            "type": paper.type,
            "attributes": dict(paper.attributes),
            "media_type": paper.media_type,
            "content": base64.b64encode(paper.content).decode(),
        }
        return await self._create_item("documents", body, reference)

    async def _create_item(self, path: str, body: Mapping[str, object], reference: str) -> str:
        try:
            reply = await self._send("POST", path, json=body, safe=False)
        except RequestRejected as error:
            if error.code != EXISTS or (found := await self.find_item(reference)) is None:
                raise
            return found
        return _created(lambda: Fields(reply, "item").text("id"))

    async def find_filing(self, reference: str) -> Filing | None:
        reply = Fields(await self._read("bundles", params={"reference": reference}), "bundles")
        found = (_filing(bundle) for bundle in reply.items("bundles"))
        return next((filing for filing in found if filing.reference == reference), None)

    async def filing(self, external_id: str) -> Filing | None:
        try:
            return _filing(await self._read("bundle", external_id))
        except RequestRejected as error:
            if error.code == NOT_FOUND:
                return None
            raise

    async def open_filing(
        self,
        regulation: Regulation,
        items: tuple[str, ...],
        reference: str,
        contact: str,
        party: Party,  # noqa: ARG002 - the end user is an item of its own
        renews: str | None = None,  # noqa: ARG002 - one filing takes over no other here: see `in_place`
    ) -> Filing:
        body = {
            "reference": reference,
            "requirement_id": regulation.id,
            "items": list(items),
            "contact": contact,
        }
        try:
            reply = await self._send("POST", "bundles", json=body, safe=False)
        except RequestRejected as error:
            if error.code != EXISTS or (found := await self.find_filing(reference)) is None:
                raise
            return found
        return _created(lambda: _filing(reply))

    async def put_items(self, external_id: str, items: tuple[str, ...], party: Party) -> None:  # noqa: ARG002 - as above
        await self._send("PUT", "bundle items", external_id, json={"items": list(items)})

    async def evaluate(self, external_id: str) -> tuple[Shortcoming, ...]:
        reply = Fields(await self._send("POST", "evaluate bundle", external_id), "evaluation")
        return _shortcomings(reply, "missing")

    async def submit(self, external_id: str) -> None:
        await self._send("POST", "submit bundle", external_id)

    async def take_over(self, external_id: str, successor: str, reference: str) -> Filing:
        raise RequestRejected(f"{external_id} takes over neither {successor} nor {reference}: see `in_place`")

    async def tidy(self, waste: Waste) -> None:
        """Nothing is deleted here: what has a reference of ours is found again by it, and used again."""

    async def attach(self, number_id: str, external_id: str) -> None:
        await self._send("POST", "number bundle", number_id, json={"bundle_id": external_id})

    async def _read(self, path: str, id_: str = "", params: dict[str, str] | None = None) -> object:
        return await self._http.call(
            Call("GET", wire.path(path, id_), params=params, circuit=COMPLIANCE_CIRCUIT, quotable=CODES)
        )

    async def _send(self, method: str, path: str, id_: str = "", json: object = None, *, safe: bool = True) -> object:
        call = Call(method, wire.path(path, id_), safe=safe, json=json, circuit=COMPLIANCE_CIRCUIT, quotable=CODES)
        return await self._http.call(call)


def _created(read: Callable[[], Made]) -> Made:
    """The reply to a call that created something. One that does not read is no proof that nothing was."""
    try:
        return read()
    except CarrierUnavailable as error:
        raise OutcomeUnknown(str(error)) from error


def _regulation(reply: object, country: str, type_: NumberType, end_user: EndUserType) -> Regulation:
    row = Fields(reply, "requirements")
    return Regulation(
        id=row.text("id"),
        country=country,
        type=type_,
        end_user=end_user,
        requirements=tuple(_requirement(one) for one in row.items("requirements")),
        review=timedelta(hours=row.count("review_hours")) if row.has("review_hours") else None,
    )


def _requirement(json: object) -> Requirement:
    row = Fields(json, "requirement")
    return Requirement(
        id=row.text("id"),
        subject=row.choice("subject", SUBJECTS),
        description=row.text("description"),
        accepts=row.texts("accepts"),
        attributes=row.texts("attributes"),
        media_types=row.texts("media_types"),
        max_bytes=row.count("max_bytes") if row.has("max_bytes") else None,
    )


def _filing(json: object) -> Filing:
    row = Fields(json, "bundle")
    return Filing(
        external_id=row.text("id"),
        reference=row.text("reference"),
        review=row.choice("status", REVIEWS),
        items=row.texts("items"),
        shortcomings=_shortcomings(row, "reasons"),
        expires_at=row.maybe_time("expires_at"),
    )


def _shortcomings(row: Fields, field: str) -> tuple[Shortcoming, ...]:
    found = (Fields(one, field) for one in row.items(field))
    return tuple(
        Shortcoming(one.maybe_text("item"), one.text("reason"), one.maybe_text("message") or "") for one in found
    )
