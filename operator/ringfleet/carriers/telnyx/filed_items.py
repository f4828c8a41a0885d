"""What is filed at Telnyx besides groups: addresses and documents, each under our reference.

They are looked for by it first: Telnyx takes the same twice. It has no end users: what a bundle says of one is an
address and texts, and the texts are told with the group. What a document is for stands in its file's name,
`proof_of_address.pdf`. A document that is in no group is deleted after half an hour.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping

from ringfleet.carriers.errors import ItemsGone, RequestRejected
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.telnyx import wire
from ringfleet.carriers.telnyx.compliance_calls import ComplianceCalls
from ringfleet.carriers.telnyx.requirement_group import ADDRESS, DOCUMENT
from ringfleet.carriers.telnyx.requirements import SCANS
from ringfleet.model.compliance import Paper, Party, Shortcoming

NO_ADDRESS = "texts:"
"""The item of an end user whose address is not told: texts alone."""


class Items:
    """Of one account, whose name is `account`."""

    def __init__(self, account: str, calls: ComplianceCalls) -> None:
        self._account = account
        self._calls = calls

    async def find(self, reference: str) -> str | None:
        for kind, path in ((DOCUMENT, "documents"), (ADDRESS, "addresses")):
            if (found := await self._calls.find_named(path, reference)) is not None:
                return f"{kind}{found}"
        return None

    async def create_party(self, party: Party, reference: str) -> str:
        if not party.address:
            return NO_ADDRESS
        if (found := await self._calls.find_named("addresses", reference)) is None:
            found = await self._calls.make("addresses", _address(party, reference))
        return f"{ADDRESS}{found}"

    async def upload(self, paper: Paper, reference: str) -> str:
        if (found := await self._calls.find_named("documents", reference)) is None:
            name = f"{paper.type}{SCANS.get(paper.media_type or '', '')}"
            file = base64.b64encode(paper.content).decode()
            found = await self._calls.make(
                "documents", {"file": file, "filename": name, "customer_reference": reference}
            )
        return f"{DOCUMENT}{found}"

    async def documents(self, items: Iterable[str]) -> Mapping[str, str]:
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
            reply = await self._calls.call("GET", "document", item.removeprefix(DOCUMENT))
        except RequestRejected as error:
            if error.code == wire.NOT_FOUND:
                return None
            raise
        return Fields(reply, "reply").inside("data")

    async def faults(self, items: Iterable[str]) -> tuple[Shortcoming, ...]:
        """Of documents in which a virus was found, or which were denied before."""
        documents = [(item, await self._document(item)) for item in items]
        found = [(item, _fault(row)) for item, row in documents if row is not None]
        said = "Telnyx says that the document is"
        return tuple(Shortcoming(item, fault, f"{said} {fault}") for item, fault in found if fault)


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


def _purpose(document: Fields) -> str:
    """What the document is for, by its file's name."""
    name = document.maybe_text("filename") or ""
    return name.rpartition(".")[0] or name


def _fault(document: Fields) -> str | None:
    if document.maybe_text("av_scan_status") == "infected":
        return "infected"
    return "denied" if document.maybe_text("status") == "denied" else None
