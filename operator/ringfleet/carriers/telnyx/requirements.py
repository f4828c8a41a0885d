"""What Telnyx asks for in one country and number type, read into the words of `model/compliance.py`.

Telnyx has a flat list of requirements, each with one value: a text, a date, an address or a document. Its list is the
same for a business and for a person. So that a bundle can say which value is meant, a requirement has a word made of
its name, `Proof of address` becoming `proof_of_address`: of a text or a date it is the name of an attribute of the end
user, of a document its type. What a file may be is said by Telnyx' documentation, and not by its answer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from ringfleet.carriers.errors import CarrierError
from ringfleet.carriers.json_fields import Fields
from ringfleet.model import Catalog, NumberType, Query
from ringfleet.model.compliance import EndUserType, Regulation, Requirement, Subject

log = structlog.get_logger(__name__)

STREET = ("street", "city", "postal_code", "country")
SCANS = {"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png"}
"""The media types that are sent, each with what the file's name ends with."""
MAX_BYTES = 20_000_000
LONGEST_WORD = 63
LONGEST_DESCRIPTION = 200
KEPT_S = 3600.0
"""Seconds for which it is remembered whether a market asks for anything."""

SUBJECTS = {
    "textual": Subject.END_USER,
    "datetime": Subject.END_USER,
    "address": Subject.ADDRESS,
    "document": Subject.DOCUMENT,
}

Market = tuple[str, NumberType]


def parse_regulation(reply: object, country: str, type_: NumberType, end_user: EndUserType) -> Regulation:
    """Of all markets that the answer names; it was asked for one. No requirement: nothing is asked."""
    markets = (Fields(row, "market") for row in Fields(reply, "reply").items("data"))
    asked = (Fields(row, "requirement") for one in markets for row in one.items("regulatory_requirements"))
    found = tuple(_requirement(one) for one in asked)
    return Regulation("/".join(sorted(one.id for one in found)), country, type_, end_user, found)


def _requirement(row: Fields) -> Requirement:
    id_, name, subject = row.text("id"), row.text("name"), row.choice("field_type", SUBJECTS)
    said = ": ".join(filter(None, (name, row.maybe_text("description"))))[:LONGEST_DESCRIPTION]
    match subject:
        case Subject.DOCUMENT:
            return Requirement(id_, subject, said, (word_of(name),), (), tuple(SCANS), MAX_BYTES)
        case Subject.ADDRESS:
            return Requirement(id_, subject, said, (), STREET)
        case Subject.END_USER:
            return Requirement(id_, subject, said, (), (word_of(name),))


def word_of(name: str) -> str:
    """`Proof of address (utility bill)` becomes `proof_of_address_utility_bill`."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:LONGEST_WORD].strip("_")


class Demands:
    """Which markets ask for documents, remembered for a while, so that offers can say so: Telnyx' rows don't."""

    def __init__(
        self, ask: Callable[[str, NumberType], Awaitable[Regulation]], now: Callable[[], float] = time.monotonic
    ) -> None:
        """`now` in seconds."""
        self._ask = ask
        self._now = now
        self._known: dict[Market, tuple[bool, float]] = {}

    async def tell(self, query: Query, found: Catalog) -> Catalog:
        """The catalog with offers that say whether they need documents. While Telnyx does not say, none is said to."""
        if not found.offers or not await self._has_any((query.country, query.type)):
            return found
        return replace(found, offers=tuple(replace(offer, needs_documents=True) for offer in found.offers))

    async def _has_any(self, market: Market) -> bool:
        known = self._known.get(market)
        if known and self._now() - known[1] < KEPT_S:
            return known[0]
        try:
            asked = bool((await self._ask(*market)).requirements)
        except CarrierError as error:
            log.warning("whether numbers need documents is not known", country=market[0], error=str(error))
            return False
        self._known[market] = asked, self._now()
        return asked
