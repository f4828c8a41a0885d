"""Filing documents at Twilio (Regulatory Compliance v2), behind the protocol of `carriers/registrar.py`.

::

    Address <--address_sids-- SupportingDocument --+
                              EndUser -------------+--ItemAssignment--> Bundle --Evaluations--> Status=pending-review

    compliance.py     the calls; everything carries our reference as its FriendlyName
    regulations.py    what is asked for
    addresses.py      addresses, and the documents that show them
    bundles.py        what a bundle holds, what is wrong with it, and how it takes over what a newer one holds
    leftovers.py      throwing away what is left

An address that a regulation wants is shown by a document that names it: it is made when the bundle is opened. The bytes
of a document go to a host of their own, `numbers-upload`, which Twilio's library does not know.
"""

from __future__ import annotations

import json

from ringfleet.carriers.errors import CarrierUnavailable, OutcomeUnknown, RequestRejected
from ringfleet.carriers.http import File
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.addresses import Addresses
from ringfleet.carriers.twilio.api import Api
from ringfleet.carriers.twilio.bundles import REVIEWS, Bundles
from ringfleet.carriers.twilio.compliance import BASE, Compliance, oldest, part
from ringfleet.carriers.twilio.leftovers import tidy
from ringfleet.carriers.twilio.regulations import END_USER_WORDS, TYPE_WORDS, parse_regulation
from ringfleet.model import NumberType
from ringfleet.model.compliance import EndUserType, Filing, Paper, Party, Regulation, Review, Shortcoming, Waste

HANDED_IN = frozenset({Review.SUBMITTED, Review.IN_REVIEW, Review.APPROVED})


class TwilioRegistrar:
    """The compliance side of one account."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._compliance = Compliance(api)
        self._addresses = Addresses(self._compliance)
        self._bundles = Bundles(self._compliance, self._addresses)

    async def regulation(self, country: str, type_: NumberType, end_user: EndUserType) -> Regulation | None:
        params = {
            "IsoCountry": country,
            "NumberType": TYPE_WORDS[type_],
            "EndUserType": END_USER_WORDS[end_user],
            "IncludeConstraints": "true",
        }
        rows = await self._compliance.rows(f"{BASE}/Regulations", params)
        if not rows:
            return Regulation("", country, type_, end_user)
        return parse_regulation(rows[0], country, type_, end_user)

    async def find_item(self, reference: str) -> str | None:
        for path in ("EndUsers", "SupportingDocuments"):
            if (found := await self._compliance.named(path, reference)) is not None:
                return found.text("sid")
        return None

    async def create_party(self, party: Party, reference: str) -> str:
        """The end user's id. Its address is made first, and found again by the end user's name."""
        if (found := await self._compliance.named("EndUsers", reference)) is not None:
            return found.text("sid")
        await self._addresses.make(party, reference)
        attributes = json.dumps(dict(party.attributes))
        form = {"FriendlyName": reference, "Type": END_USER_WORDS[party.type], "Attributes": attributes}
        return await self._compliance.make("numbers", f"{BASE}/EndUsers", form)

    async def upload(self, paper: Paper, reference: str) -> str:
        if (found := await self._compliance.named("SupportingDocuments", reference)) is not None:
            return found.text("sid")
        attributes = json.dumps(dict(paper.attributes))
        form = {"FriendlyName": reference, "Type": paper.type, "Attributes": attributes}
        if not paper.content:
            return await self._compliance.make("numbers", f"{BASE}/SupportingDocuments", form)
        file = File("File", paper.name, paper.content, paper.media_type or "application/octet-stream")
        return await self._compliance.make("numbers-upload", f"{BASE}/SupportingDocuments", form, file)

    async def find_filing(self, reference: str) -> Filing | None:
        """Of several with this name the oldest, so that two operators find the same one."""
        rows = await self._compliance.rows(f"{BASE}/Bundles", {"FriendlyName": reference})
        found = oldest(row for row in rows if row.maybe_text("friendly_name") == reference)
        return await self._bundles.filing(found) if found else None

    async def filing(self, external_id: str) -> Filing | None:
        row = await self._compliance.one(f"{BASE}/Bundles/{part(external_id)}")
        return None if row is None else await self._bundles.filing(row)

    async def open_filing(
        self,
        regulation: Regulation,
        items: tuple[str, ...],
        reference: str,
        contact: str,
        party: Party,  # noqa: ARG002 - the end user is an item of its own
        renews: str | None = None,
    ) -> Filing:
        """The bundle first, since it is found by its reference; what is not in it yet is put in by `put_items`. What
        another one is to take over begins as a copy of that."""
        if (found := await self.find_filing(reference)) is not None:
            return found
        id_ = await self._bundles.copy(renews, reference, contact) if renews else None
        if id_ is None:
            form = {"FriendlyName": reference, "Email": contact, "RegulationSid": regulation.id}
            id_ = await self._compliance.make("numbers", f"{BASE}/Bundles", form)
        try:
            await self._bundles.fill(id_, items, regulation.id, reference)
        except CarrierUnavailable as error:
            raise OutcomeUnknown(str(error)) from error
        return Filing(id_, reference, Review.DRAFT, items)

    async def put_items(self, external_id: str, items: tuple[str, ...], party: Party) -> None:  # noqa: ARG002 - as above
        path = f"{BASE}/Bundles/{part(external_id)}"
        row = Fields(await self._compliance.read("numbers", path), "bundle")
        if row.choice("status", REVIEWS) is Review.REJECTED:
            await self._compliance.send("numbers", path, {"Status": "draft"})
        await self._bundles.fill(external_id, items, row.text("regulation_sid"), row.text("friendly_name"))

    async def evaluate(self, external_id: str) -> tuple[Shortcoming, ...]:
        return await self._bundles.evaluate(external_id)

    async def submit(self, external_id: str) -> None:
        path = f"{BASE}/Bundles/{part(external_id)}"
        try:
            await self._compliance.send("numbers", path, {"Status": "pending-review"})
        except RequestRejected:
            row = Fields(await self._compliance.read("numbers", path), "bundle")
            if row.choice("status", REVIEWS) not in HANDED_IN:
                raise

    async def take_over(self, external_id: str, successor: str, reference: str) -> Filing:
        return await self._bundles.take_over(external_id, successor, reference)

    async def tidy(self, waste: Waste) -> None:
        await tidy(self._compliance, self._bundles, waste)

    async def address_of(self, bundle: str) -> str | None:
        """The SID of the address that the bundle's documents show: a purchase may have to name it."""
        return await self._bundles.address(bundle)

    async def attach(self, number_id: str, external_id: str) -> None:
        path = self._api.of_account(f"/IncomingPhoneNumbers/{part(number_id)}.json")
        await self._compliance.send("api", path, {"BundleSid": external_id})
