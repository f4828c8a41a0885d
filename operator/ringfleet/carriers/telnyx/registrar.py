"""Filing documents at Telnyx (requirement groups), behind the protocol of `carriers/registrar.py`.

::

    /documents ----- id --.
    /addresses ----- id ---+--> requirement group: one value a requirement --> submit_for_approval
    texts of the end user -'

Documents, addresses and groups carry our reference, and are looked for by it first: Telnyx takes the same twice. It has
no end users: what a bundle says of one is an address and texts, and the texts are told with the group. So an item is an
address or a document, and its id says which. What a document is for stands in its file's name, `proof_of_address.pdf`.

A document that is in no group is deleted after half an hour: before a group is made or changed, each is looked at.

There is no check but the review: what is looked for before it, is done here. A group is approved as a whole, and each
of its values for itself; no sentence says why one was declined. Groups answer bare, without `data`, and so does their
list. What is read of people is never quoted: of a refusal only these codes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from ringfleet.carriers.errors import CarrierUnavailable, ItemsGone, OutcomeUnknown, RequestRejected
from ringfleet.carriers.http import AccountClient, Call
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.telnyx import wire
from ringfleet.carriers.telnyx.listing import pages
from ringfleet.carriers.telnyx.requirements import SCANS, parse_regulation
from ringfleet.model import E164, NumberType
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
CODES = frozenset({wire.NOT_FOUND, "10001", "10004", "10009", "10010", "10011", "10012", "10015", "10019"})
"""Telnyx' codes for what was wrong: all that is quoted, since its sentences may quote what we have filed."""
REVIEWS = {
    "unapproved": Review.DRAFT,
    "pending-approval": Review.SUBMITTED,
    "approved": Review.APPROVED,
    "declined": Review.REJECTED,
    "expired": Review.EXPIRED,
}
HANDED_IN = frozenset({Review.SUBMITTED, Review.APPROVED})
ADDRESS, DOCUMENT = "address:", "document:"
"""Begin the id of an item, as Telnyx calls the kind of a value."""
NO_ADDRESS = "texts:"
"""The item of an end user whose address is not told: texts alone."""
NOT_ORDERED = "not_ordered"

Made = TypeVar("Made")


class TelnyxRegistrar:
    """The compliance side of one account, whose name is `account`; it shares the account's HTTP client, and has a
    circuit breaker of its own."""

    def __init__(self, account: str, http: AccountClient) -> None:
        self._account = account
        self._http = http

    async def regulation(self, country: str, type_: NumberType, end_user: EndUserType) -> Regulation | None:
        """An empty list is read as "nothing is asked": whether such numbers are sold is what a search says."""
        params = {
            "filter[country_code]": country,
            "filter[phone_number_type]": wire.TYPE_WORDS[type_],
            "filter[action]": "ordering",
        }
        reply = await self._call("GET", "regulatory requirements", params=params)
        return parse_regulation(reply, country, type_, end_user)

    async def asked_of(self, country: str, type_: NumberType) -> Regulation:
        """The same of whoever uses the numbers: Telnyx makes no difference."""
        found = await self.regulation(country, type_, EndUserType.BUSINESS)
        assert found is not None
        return found

    # Items.

    async def find_item(self, reference: str) -> str | None:
        for kind, path in ((DOCUMENT, "documents"), (ADDRESS, "addresses")):
            if (found := await self._named(path, reference)) is not None:
                return f"{kind}{found}"
        return None

    async def create_party(self, party: Party, reference: str) -> str:
        if not party.address:
            return NO_ADDRESS
        if (found := await self._named("addresses", reference)) is None:
            found = await self._make("addresses", _address(party, reference))
        return f"{ADDRESS}{found}"

    async def upload(self, paper: Paper, reference: str) -> str:
        if (found := await self._named("documents", reference)) is None:
            name = f"{paper.type}{SCANS.get(paper.media_type or '', '')}"
            file = base64.b64encode(paper.content).decode()
            found = await self._make("documents", {"file": file, "filename": name, "customer_reference": reference})
        return f"{DOCUMENT}{found}"

    # Groups.

    async def find_filing(self, reference: str) -> Filing | None:
        reply = await self._call("GET", "requirement groups", params={"filter[customer_reference]": reference})
        rows = [Fields(row, "requirement group") for row in (reply if isinstance(reply, list) else [reply])]
        ours = [row for row in rows if row.maybe_text("customer_reference") == reference]
        return await self._told(min(ours, key=_age)) if ours else None

    async def filing(self, external_id: str) -> Filing | None:
        try:
            group = await self._group(external_id)
        except RequestRejected as error:
            if error.code == wire.NOT_FOUND:
                return None
            raise
        return await self._told(group)

    async def _told(self, group: Fields) -> Filing:
        """With what was declined, in the words that Telnyx has for each requirement."""
        found = _filing(group)
        if found.review is not Review.REJECTED:
            return found
        words = {one.id: one.description for one in (await self._regulation_of(group)).requirements}
        return replace(found, shortcomings=tuple(_declined(group, words)))

    async def open_filing(
        self,
        regulation: Regulation,
        items: tuple[str, ...],
        reference: str,
        contact: str,  # noqa: ARG002 - Telnyx writes to the account's own
        party: Party,
        renews: str | None = None,  # noqa: ARG002 - one group takes over no other: see `in_place`
    ) -> Filing:
        if (found := await self.find_filing(reference)) is not None:
            return found
        body = {
            "country_code": regulation.country,
            "phone_number_type": wire.TYPE_WORDS[regulation.type],
            "action": "ordering",
            "customer_reference": reference,
            "regulatory_requirements": await self._values(regulation, items, party),
        }
        reply = await self._call("POST", "requirement groups", json=body, safe=False)
        return Filing(_made(lambda: Fields(reply, "reply").text("id")), reference, Review.DRAFT, items)

    async def put_items(self, external_id: str, items: tuple[str, ...], party: Party) -> None:
        group = await self._group(external_id)
        values = await self._values(await self._regulation_of(group), items, party)
        await self._call("PATCH", "requirement group", external_id, json={"regulatory_requirements": values})

    async def evaluate(self, external_id: str) -> tuple[Shortcoming, ...]:
        """A value for each requirement, and no document in which a virus was found, or which was denied before."""
        group = await self._group(external_id)
        values = _values_in(group)
        asked = (await self._regulation_of(group)).requirements
        lacks = [Shortcoming(None, "missing", one.description) for one in asked if not values.get(one.id)]
        documents = [(item, await self._document(item)) for item in _filing(group).items]
        faults = [(item, _fault(found)) for item, found in documents if found is not None]
        said = "Telnyx says that the document is"
        return (*lacks, *(Shortcoming(item, fault, f"{said} {fault}") for item, fault in faults if fault))

    async def submit(self, external_id: str) -> None:
        try:
            await self._call("POST", "approval of requirement group", external_id)
        except RequestRejected:
            if _filing(await self._group(external_id)).review not in HANDED_IN:
                raise

    async def take_over(self, external_id: str, successor: str, reference: str) -> Filing:
        raise RequestRejected(f"{external_id} takes over neither {successor} nor {reference}: see `in_place`")

    async def tidy(self, waste: Waste) -> None:
        """Nothing is deleted here: what is in no group goes by itself, and a group is found by its reference."""

    async def attach(self, number_id: str, external_id: str) -> None:
        """The group is given to the number's order, which is open while the number waits. Telnyx refuses it for one
        that is in service, and the number keeps what it was bought with."""
        reply = await self._call("GET", "number", number_id)
        row = Fields(reply, "reply").inside("data")
        ordered = await self._ordered(row.number(wire.NUMBER), row.text("country_iso_alpha2"))
        group = {"requirement_group_id": external_id}
        await self._call("POST", "requirement group of ordered number", ordered, json=group)

    # What a group says.

    async def _values(self, regulation: Regulation, items: Iterable[str], party: Party) -> list[Mapping[str, str]]:
        """The value of each requirement that has one. Raises ItemsGone."""
        documents = await self._documents(items)
        address = next((item.removeprefix(ADDRESS) for item in items if item.startswith(ADDRESS)), "")
        values = {one.id: _value(one, party, address, documents) for one in regulation.requirements}
        return [{"requirement_id": id_, "field_value": value} for id_, value in values.items() if value]

    async def _documents(self, items: Iterable[str]) -> Mapping[str, str]:
        """By what each is for, its id."""
        found = {item: await self._document(item) for item in items if item.startswith(DOCUMENT)}
        if gone := tuple(item for item, row in found.items() if row is None):
            raise ItemsGone(f"{self._account}: {len(gone)} documents are at Telnyx no more", gone)
        return {_purpose(row): item.removeprefix(DOCUMENT) for item, row in found.items() if row is not None}

    async def _document(self, item: str) -> Fields | None:
        """None: it is gone, or the item is no document."""
        if not item.startswith(DOCUMENT):
            return None
        try:
            reply = await self._call("GET", "document", item.removeprefix(DOCUMENT))
        except RequestRejected as error:
            if error.code == wire.NOT_FOUND:
                return None
            raise
        return Fields(reply, "reply").inside("data")

    async def _regulation_of(self, group: Fields) -> Regulation:
        return await self.asked_of(group.text("country_code"), group.choice("phone_number_type", wire.TYPES))

    async def _group(self, external_id: str) -> Fields:
        return Fields(await self._call("GET", "requirement group", external_id), "requirement group")

    # Calls.

    async def _named(self, path: str, reference: str) -> str | None:
        """The id of what was made under the reference; of two the older one."""
        params = {"filter[customer_reference][eq]": reference}
        listed = pages(self._http, path, params, COMPLIANCE_CIRCUIT, CODES)
        rows = [Fields(row, path) async for page in listed for row in page.items("data")]
        ours = [row for row in rows if row.maybe_text("customer_reference") == reference]
        return min(ours, key=_age).text("id") if ours else None

    async def _ordered(self, number: E164, country: str) -> str:
        """The id of the number in its order, which is another one than the number's own. Of several the newest: it was
        given back before."""
        reply = await self._call("GET", "ordered numbers", params={"filter[country_code]": country})
        rows = [Fields(row, "ordered number") for row in Fields(reply, "reply").items("data")]
        named = [row.text("id") for row in rows if row.maybe_text(wire.NUMBER) == number]
        if not named:
            raise RequestRejected(f"{self._account}: Telnyx shows no order of the number", NOT_ORDERED)
        return named[-1]

    async def _make(self, path: str, json: object) -> str:
        """The id of what is made. It goes out once."""
        reply = await self._call("POST", path, json=json, safe=False)
        return _made(lambda: Fields(reply, "reply").inside("data").text("id"))

    async def _call(
        self,
        method: str,
        path: str,
        id_: str = "",
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        safe: bool = True,
    ) -> object:
        about = Call(
            *(method, wire.path(path, id_), safe),
            params=params,
            json=json,
            circuit=COMPLIANCE_CIRCUIT,
            quotable=CODES,
        )
        return await self._http.call(about)


def _made(read: Callable[[], Made]) -> Made:
    """The reply to a call that made something. One that does not read is no proof that nothing was."""
    try:
        return read()
    except CarrierUnavailable as error:
        raise OutcomeUnknown(str(error)) from error


def _age(row: Fields) -> tuple[str, str]:
    """Sorts the oldest first."""
    return row.maybe_text("created_at") or "", row.text("id")


def _address(party: Party, reference: str) -> Mapping[str, object]:
    """A person or a business, as whichever it was told; the street is not held against the register of the emergency
    services."""
    who, told = party.attributes, party.address
    return {
        "customer_reference": reference,
        "first_name": who.get("first_name", ""),
        "last_name": who.get("last_name", ""),
        "business_name": who.get("business_name", ""),
        "street_address": told.get("street", ""),
        "locality": told.get("city", ""),
        "administrative_area": told.get("region", ""),
        "postal_code": told.get("postal_code", ""),
        "country_code": told.get("country", ""),
        "validate_address": False,
    }


def _value(one: Requirement, party: Party, address: str, documents: Mapping[str, str]) -> str:
    """Empty: there is none."""
    match one.subject:
        case Subject.END_USER:
            return party.attributes.get(one.attributes[0], "")
        case Subject.ADDRESS:
            return address
        case Subject.DOCUMENT:
            return next((documents[word] for word in one.accepts if word in documents), "")


def _purpose(document: Fields) -> str:
    """What the document is for, by its file's name."""
    name = document.maybe_text("filename") or ""
    return name.rpartition(".")[0] or name


def _fault(document: Fields) -> str | None:
    if document.maybe_text("av_scan_status") == "infected":
        return "infected"
    return "denied" if document.maybe_text("status") == "denied" else None


def _rows_in(group: Fields) -> list[Fields]:
    listed = group.items("regulatory_requirements") if group.has("regulatory_requirements") else []
    return [Fields(row, "requirement") for row in listed]


def _values_in(group: Fields) -> dict[str, str]:
    return {row.text("requirement_id"): row.maybe_text("field_value") or "" for row in _rows_in(group)}


def _filing(group: Fields) -> Filing:
    """A group with its items; an approval ends with the first of its values. What was declined is not in it."""
    review = group.choice("status", REVIEWS)
    items = tuple(dict.fromkeys(item for row in _rows_in(group) if (item := _item(row))))
    until = _first_end(group) if review in (Review.APPROVED, Review.EXPIRED) else None
    reference = group.maybe_text("customer_reference") or ""
    return Filing(group.text("id"), reference, review, items, (), until)


def _item(row: Fields) -> str | None:
    """The address or document that a value names; None: it is a text, or there is none."""
    kind, value = f"{row.maybe_text('field_type')}:", row.maybe_text("field_value")
    return f"{kind}{value}" if value and kind in (ADDRESS, DOCUMENT) else None


def _first_end(group: Fields) -> datetime | None:
    return min((end for row in _rows_in(group) if (end := row.maybe_time("expires_at"))), default=None)


def _declined(group: Fields, words: Mapping[str, str]) -> Iterable[Shortcoming]:
    rows = [row for row in _rows_in(group) if row.maybe_text("status") in ("declined", "expired")]
    for row in rows:
        id_ = row.text("requirement_id")
        yield Shortcoming(_item(row), "declined", f"Telnyx has declined: {words.get(id_, id_)}")
    if not rows:
        yield Shortcoming(None, "declined", "Telnyx gives no reason: see its e-mail to the account")
