"""Filing documents at Twilio (Regulatory Compliance v2), behind the protocol of `carriers/registrar.py`.

::

    Address <--address_sids-- SupportingDocument --+
                              EndUser -------------+--ItemAssignment--> Bundle --Evaluations--> Status=pending-review

Everything carries our reference as its FriendlyName. Twilio takes the same name twice, so looking first is all that
keeps a thing from being made twice; end users and documents have no filter and are looked for in the whole list. An
address that a regulation wants is shown by a document that names it: it is made when the bundle is opened, and is no
item of ours. A bundle says no reason when it is rejected: its documents do. The bytes of a document go to a host of
their own, `numbers-upload`, which Twilio's library does not know. A bundle that was approved and has run out falls to
`twilio-rejected`: its `valid_until` tells it from one that was never approved.

An empty list of regulations is read as "nothing is asked": whether such numbers are sold is what a search says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar
from urllib.parse import quote

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown, RequestRejected
from ringfleet.carriers.http import Call, File
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.api import Api
from ringfleet.carriers.twilio.wire import NAME_LENGTH, NOT_FOUND, Form
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
)

COMPLIANCE_CIRCUIT = "compliance"
CODES = frozenset({NOT_FOUND, "20001", "20409", "21649", "22214", "22215", "22216", "22217"})
"""Twilio's codes for what was wrong: all that is quoted, since its sentences may quote what we have filed."""
BASE = "/v2/RegulatoryCompliance"
TYPE_WORDS = {
    NumberType.GEOGRAPHIC: "local",
    NumberType.MOBILE: "mobile",
    NumberType.NATIONAL: "national",
    NumberType.TOLL_FREE: "toll-free",
}
END_USER_WORDS = {EndUserType.BUSINESS: "business", EndUserType.INDIVIDUAL: "individual"}
REVIEWS = {
    "draft": Review.DRAFT,
    "pending-review": Review.SUBMITTED,
    "in-review": Review.IN_REVIEW,
    "twilio-approved": Review.APPROVED,
    "provisionally-approved": Review.APPROVED,
    "twilio-rejected": Review.REJECTED,
}
HANDED_IN = frozenset({Review.SUBMITTED, Review.IN_REVIEW, Review.APPROVED})
SHOWS_ADDRESS = "address_sids"
PROOF = ".address"
"""What the reference of a document ends with that only shows an address."""
STREET = ("street", "city", "region", "postal_code", "country")

Made = TypeVar("Made")


class TwilioRegistrar:
    """The compliance side of one account; it shares the account's HTTP client, and has a circuit breaker of its own."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def regulation(self, country: str, type_: NumberType, end_user: EndUserType) -> Regulation | None:
        params = {
            "IsoCountry": country,
            "NumberType": TYPE_WORDS[type_],
            "EndUserType": END_USER_WORDS[end_user],
            "IncludeConstraints": "true",
        }
        rows = await self._rows(f"{BASE}/Regulations", params)
        if not rows:
            return Regulation("", country, type_, end_user)
        row = rows[0]
        return Regulation(row.text("sid"), country, type_, end_user, tuple(_requirements(row.inside("requirements"))))

    async def find_item(self, reference: str) -> str | None:
        for path in ("EndUsers", "SupportingDocuments"):
            if (found := await self._named(path, reference)) is not None:
                return found.text("sid")
        return None

    async def create_party(self, party: Party, reference: str) -> str:
        """The end user's id. Its address is made first, and found again by the end user's name."""
        if (found := await self._named("EndUsers", reference)) is not None:
            return found.text("sid")
        if party.address and await self._address(reference) is None:
            await self._make("api", self._addresses, _address_form(party, reference))
        attributes = json.dumps(dict(party.attributes))
        form = {"FriendlyName": reference, "Type": END_USER_WORDS[party.type], "Attributes": attributes}
        return await self._make("numbers", f"{BASE}/EndUsers", form)

    async def upload(self, paper: Paper, reference: str) -> str:
        if (found := await self._named("SupportingDocuments", reference)) is not None:
            return found.text("sid")
        attributes = json.dumps(dict(paper.attributes))
        form = {"FriendlyName": reference, "Type": paper.type, "Attributes": attributes}
        if not paper.content:
            return await self._make("numbers", f"{BASE}/SupportingDocuments", form)
        file = File("File", paper.name, paper.content, paper.media_type or "application/octet-stream")
        return await self._make("numbers-upload", f"{BASE}/SupportingDocuments", form, file)

    async def find_filing(self, reference: str) -> Filing | None:
        for row in await self._rows(f"{BASE}/Bundles", {"FriendlyName": reference}):
            if row.maybe_text("friendly_name") == reference:
                return await self._filing(row)
        return None

    async def filing(self, external_id: str) -> Filing | None:
        row = await self._one(f"{BASE}/Bundles/{_part(external_id)}")
        return None if row is None else await self._filing(row)

    async def open_filing(
        self,
        regulation: Regulation,
        items: tuple[str, ...],
        reference: str,
        contact: str,
        party: Party,  # noqa: ARG002 - the end user is an item of its own
    ) -> Filing:
        """The bundle first, since it is found by its reference; what is not in it yet is put in by `put_items`."""
        if (found := await self.find_filing(reference)) is not None:
            return found
        form = {"FriendlyName": reference, "Email": contact, "RegulationSid": regulation.id}
        id_ = await self._make("numbers", f"{BASE}/Bundles", form)
        try:
            await self._assign(id_, items, {}, reference)
        except CarrierUnavailable as error:
            raise OutcomeUnknown(str(error)) from error
        return Filing(id_, reference, Review.DRAFT, items)

    async def put_items(self, external_id: str, items: tuple[str, ...], party: Party) -> None:  # noqa: ARG002 - as above
        row = Fields(await self._read("numbers", path := f"{BASE}/Bundles/{_part(external_id)}"), "bundle")
        if row.choice("status", REVIEWS) is Review.REJECTED:
            await self._send("numbers", path, {"Status": "draft"})
        await self._assign(external_id, items, await self._assigned(external_id), row.text("friendly_name"))

    async def evaluate(self, external_id: str) -> tuple[Shortcoming, ...]:
        reply = await self._send("numbers", f"{BASE}/Bundles/{_part(external_id)}/Evaluations", {})
        results = (Fields(one, "result") for one in Fields(reply, "evaluation").items("results"))
        return tuple(lack for one in results if not one.maybe_flag("passed") for lack in _lacks(one))

    async def submit(self, external_id: str) -> None:
        path = f"{BASE}/Bundles/{_part(external_id)}"
        try:
            await self._send("numbers", path, {"Status": "pending-review"})
        except RequestRejected:
            row = Fields(await self._read("numbers", path), "bundle")
            if row.choice("status", REVIEWS) not in HANDED_IN:
                raise

    async def attach(self, number_id: str, external_id: str) -> None:
        path = self._api.of_account(f"/IncomingPhoneNumbers/{_part(number_id)}.json")
        await self._send("api", path, {"BundleSid": external_id})

    # What a bundle holds

    async def _filing(self, row: Fields) -> Filing:
        """With its items; documents that only show an address are none of ours."""
        id_, review = row.text("sid"), row.choice("status", REVIEWS)
        until = row.maybe_time("valid_until")
        if review is Review.REJECTED and until is not None:
            review = Review.EXPIRED
        items: list[str] = []
        lacks: list[Shortcoming] = []
        for sid in await self._assigned(id_):
            paper = await self._document(sid)
            if paper is not None and review is Review.REJECTED:
                lacks += _faults(sid, paper)
            if paper is None or not (paper.maybe_text("friendly_name") or "").endswith(PROOF):
                items.append(sid)
        if review is Review.REJECTED and not lacks:
            lacks.append(Shortcoming(None, "rejected", "Twilio gives no reason: see its e-mail to the contact"))
        return Filing(id_, row.text("friendly_name"), review, tuple(items), tuple(lacks), until)

    async def _document(self, sid: str) -> Fields | None:
        return await self._one(f"{BASE}/SupportingDocuments/{_part(sid)}") if sid.startswith("RD") else None

    async def _assigned(self, bundle: str) -> dict[str, str]:
        """The assignment of each thing in the bundle, in the order in which they were put in."""
        rows = await self._rows(f"{BASE}/Bundles/{_part(bundle)}/ItemAssignments", {})
        return {row.text("object_sid"): row.text("sid") for row in rows}

    async def _assign(self, bundle: str, items: Iterable[str], held: Mapping[str, str], reference: str) -> None:
        path = f"{BASE}/Bundles/{_part(bundle)}/ItemAssignments"
        wanted = [*items, *await self._proofs(tuple(items), reference)]
        for sid, assignment in held.items():
            if sid not in wanted:
                await self._drop(f"{path}/{_part(assignment)}")
        for sid in wanted:
            if sid not in held:
                await self._assign_one(bundle, path, sid)

    async def _assign_one(self, bundle: str, path: str, sid: str) -> None:
        """A thing that is in the bundle twice counts twice: after a lost reply it is looked for."""
        try:
            await self._call(Call("POST", path, safe=False, form={"ObjectSid": sid}))
        except OutcomeUnknown as error:
            if sid not in await self._assigned(bundle):
                raise CarrierUnavailable(str(error)) from error

    async def _proofs(self, items: tuple[str, ...], reference: str) -> list[str]:
        """The document that shows the end user's address: made once for each address."""
        for sid in items:
            if not sid.startswith("IT"):
                continue
            user = await self._one(f"{BASE}/EndUsers/{_part(sid)}")
            name = (user.maybe_text("friendly_name") if user else None) or reference
            if (address := await self._address(name)) is not None:
                return [await self._proof(address, f"{name}{PROOF}")]
        return []

    async def _proof(self, address: str, name: str) -> str:
        if (found := await self._named("SupportingDocuments", name)) is not None:
            return found.text("sid")
        attributes = json.dumps({SHOWS_ADDRESS: [address]})
        form = {"FriendlyName": name, "Type": "business_address", "Attributes": attributes}
        try:
            return await self._make("numbers", f"{BASE}/SupportingDocuments", form)
        except OutcomeUnknown as error:  # it is found by its name when the items are put in again
            raise CarrierUnavailable(str(error)) from error

    async def _address(self, reference: str) -> str | None:
        name = _short(reference)
        pages = self._api.pages("api", self._addresses, "addresses", {"FriendlyName": name}, COMPLIANCE_CIRCUIT)
        rows = [Fields(row, "address") async for page in pages for row in page]
        return next((row.text("sid") for row in rows if row.maybe_text("friendly_name") == name), None)

    # Calls

    @property
    def _addresses(self) -> str:
        return self._api.of_account("/Addresses.json")

    async def _named(self, path: str, name: str) -> Fields | None:
        rows = await self._rows(f"{BASE}/{path}", {})
        return next((row for row in rows if row.maybe_text("friendly_name") == name), None)

    async def _rows(self, path: str, params: Mapping[str, str]) -> list[Fields]:
        pages = self._api.pages("numbers", path, "results", params, COMPLIANCE_CIRCUIT, CODES)
        return [Fields(row, "row") async for page in pages for row in page]

    async def _one(self, path: str) -> Fields | None:
        try:
            return Fields(await self._read("numbers", path), path)
        except RequestRejected as error:
            if error.code == NOT_FOUND:
                return None
            raise

    async def _read(self, product: str, path: str) -> object:
        return await self._call(Call("GET", path), product)

    async def _send(self, product: str, path: str, form: Form) -> object:
        return await self._call(Call("POST", path, form=form), product)

    async def _drop(self, path: str) -> None:
        try:
            await self._call(Call("DELETE", path))
        except RequestRejected as error:
            if error.code != NOT_FOUND:
                raise

    async def _make(self, product: str, path: str, form: Form, file: File | None = None) -> str:
        """The id of what is made. It goes out once."""
        reply = await self._call(Call("POST", path, safe=False, form=form, file=file), product)
        return _made(lambda: Fields(reply, "item").text("sid"))

    async def _call(self, call: Call, product: str = "numbers") -> object:
        return await self._api.about_people(product, call, COMPLIANCE_CIRCUIT, CODES)


def _made(read: Callable[[], Made]) -> Made:
    """The reply to a call that made something. One that does not read is no proof that nothing was."""
    try:
        return read()
    except CarrierUnavailable as error:
        raise OutcomeUnknown(str(error)) from error


def _part(sid: str) -> str:
    return quote(sid, safe="")


def _short(reference: str) -> str:
    """An address has a short FriendlyName."""
    return reference if len(reference) <= NAME_LENGTH else hashlib.sha256(reference.encode()).hexdigest()


def _address_form(party: Party, reference: str) -> Form:
    who, told = party.attributes, party.address
    person = " ".join(filter(None, (who.get("first_name"), who.get("last_name"))))
    return {
        "FriendlyName": _short(reference),
        "CustomerName": who.get("business_name") or person,
        "Street": told.get("street", ""),
        "City": told.get("city", ""),
        "Region": told.get("region") or told.get("city", ""),
        "PostalCode": told.get("postal_code", ""),
        "IsoCountry": told.get("country", ""),
    }


def _requirements(told: Fields) -> Iterable[Requirement]:
    for one in (Fields(row, "end user") for row in told.items("end_user")):
        id_ = one.maybe_text("requirement_name") or "end_user"
        yield Requirement(id_, Subject.END_USER, one.maybe_text("name") or id_, (), one.texts("fields"))
    for group in told.items("supporting_document"):
        for row in group if isinstance(group, list) else [group]:
            yield _document_asked(Fields(row, "supporting document"))


def _document_asked(one: Fields) -> Requirement:
    """A list of documents any of which will do. One that only names an address asks for the address itself."""
    accepted = [Fields(row, "accepted document") for row in one.items("accepted_documents")]
    id_ = one.text("requirement_name")
    words = one.maybe_text("description") or one.maybe_text("name") or id_
    fields = [row.texts("fields") for row in accepted]
    if accepted and all(set(names) == {SHOWS_ADDRESS} for names in fields):
        return Requirement(id_, Subject.ADDRESS, words, (), tuple(name for name in STREET if name != "region"))
    common = [name for name in (fields[0] if fields else ()) if all(name in names for names in fields)]
    asked = tuple(name for name in common if name != SHOWS_ADDRESS)
    return Requirement(id_, Subject.DOCUMENT, words, tuple(row.text("type") for row in accepted), asked)


def _lacks(result: Fields) -> Iterable[Shortcoming]:
    """Each field that a result finds wrong, or the result itself. Twilio does not say of which document."""
    told = [Fields(one, "invalid") for one in result.items("invalid")] or [result]
    for one in told:
        code = str(one.value("error_code") or "noncompliant")
        yield Shortcoming(None, code, one.maybe_text("failure_reason") or result.maybe_text("friendly_name") or code)


def _faults(sid: str, paper: Fields) -> Iterable[Shortcoming]:
    if (reason := paper.maybe_text("failure_reason")) is not None:
        yield Shortcoming(sid, "rejected", reason)
