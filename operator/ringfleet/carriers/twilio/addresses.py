"""Addresses at Twilio, and the documents that show them to a reviewer: `business_address` and its like.

An address is made with its end user, and found again by the end user's name. It is no item of ours in a bundle: for
each requirement of an address a document that names it, of a type that the regulation takes, is put in beside them; its
name ends with PROOF. A number of a market where Twilio wants an address is bought with the one that its bundle shows.
"""

from __future__ import annotations

import hashlib
import json

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.compliance import BASE, Compliance, part
from ringfleet.carriers.twilio.regulations import SHOWS_ADDRESS, address_papers
from ringfleet.carriers.twilio.wire import NAME_LENGTH, Form
from ringfleet.model.compliance import Party

PROOF = ".address"
"""What the reference of a document ends with that only shows an address."""


class Addresses:
    """The addresses of one account, and the documents that show them."""

    def __init__(self, compliance: Compliance) -> None:
        self._compliance = compliance
        self._path = compliance.api.of_account("/Addresses.json")

    async def make(self, party: Party, reference: str) -> None:
        """Make the end user's address, once."""
        if party.address and await self._find(reference) is None:
            await self._compliance.make("api", self._path, _form(party, reference))

    async def proofs(self, items: tuple[str, ...], regulation: str, reference: str) -> list[str]:
        """The documents that show the end user's address, as this regulation wants it shown: each made once."""
        for sid in items:
            if not sid.startswith("IT"):
                continue
            user = await self._compliance.one(f"{BASE}/EndUsers/{part(sid)}")
            name = (user.maybe_text("friendly_name") if user else None) or reference
            if (address := await self._find(name)) is not None:
                return [await self._proof(address, name, type_) for type_ in await self._types(regulation)]
        return []

    async def _types(self, regulation: str) -> list[str]:
        row = await self._compliance.one(f"{BASE}/Regulations/{part(regulation)}")
        return address_papers(row) if row else []

    async def _proof(self, address: str, owner: str, type_: str) -> str:
        name = f"{owner}.{type_}{PROOF}"
        if (found := await self._compliance.named("SupportingDocuments", name)) is not None:
            return found.text("sid")
        attributes = json.dumps({SHOWS_ADDRESS: [address]})
        form = {"FriendlyName": name, "Type": type_, "Attributes": attributes}
        try:
            return await self._compliance.make("numbers", f"{BASE}/SupportingDocuments", form)
        except OutcomeUnknown as error:  # it is found by its name when the items are put in again
            raise CarrierUnavailable(str(error)) from error

    async def _find(self, reference: str) -> str | None:
        name = _short(reference)
        rows = await self._compliance.rows(self._path, {"FriendlyName": name}, "api", "addresses")
        return next((row.text("sid") for row in rows if row.maybe_text("friendly_name") == name), None)


def is_proof(name: str | None) -> bool:
    return (name or "").endswith(PROOF)


def owner_of(name: str) -> str:
    """The reference of the end user whose address the document of this name shows, or the name itself."""
    return name.removesuffix(PROOF).rpartition(".")[0] if is_proof(name) else name


def shown_by(paper: Fields) -> str | None:
    """The SID of the address that a document names."""
    shown = paper.inside("attributes").value(SHOWS_ADDRESS) if paper.has("attributes") else None
    return next((sid for sid in shown if isinstance(sid, str)), None) if isinstance(shown, list) else None


def _short(reference: str) -> str:
    """An address has a short FriendlyName."""
    return reference if len(reference) <= NAME_LENGTH else hashlib.sha256(reference.encode()).hexdigest()


def _form(party: Party, reference: str) -> Form:
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
