"""Throwing away what crashes and changes left of filings: end users and documents are personal data.

Only what carries a reference of ours is looked at, and of that only what is in no bundle goes, and no bundle that may
be under review or carried by a number.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from ringfleet.carriers.errors import RequestRejected
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.twilio.addresses import owner_of
from ringfleet.carriers.twilio.bundles import REVIEWS, Bundles
from ringfleet.carriers.twilio.compliance import BASE, Compliance, part
from ringfleet.model.compliance import Review, Waste


async def tidy(compliance: Compliance, bundles: Bundles, waste: Waste) -> None:
    """See `Registrar.tidy`."""
    rows = await compliance.rows(f"{BASE}/Bundles", {})
    gone = {row.text("sid") for row in rows if _is_left(row, waste)}
    for sid in sorted(gone):
        await _drop(compliance, "Bundles", sid)
    ours = (row.text("sid") for row in rows if _name(row).startswith(waste.items))
    held = {item for sid in ours if sid not in gone for item in await bundles.assigned(sid)}
    for path in ("EndUsers", "SupportingDocuments"):
        for sid in _unneeded(await compliance.rows(f"{BASE}/{path}", {}), held, waste):
            await _drop(compliance, path, sid)


def _is_left(row: Fields, waste: Waste) -> bool:
    """A draft that the filing does not go on with, or a bundle whose content another one has taken over."""
    sid, name = row.text("sid"), _name(row)
    if not name.startswith(waste.filings):
        return False
    is_draft = row.choice("status", REVIEWS) is Review.DRAFT
    return sid in waste.emptied or (is_draft and not waste.keep & {sid, name})


def _unneeded(rows: Iterable[Fields], held: set[str], waste: Waste) -> list[str]:
    """The end users or documents of ours that are in no bundle and not wanted."""
    ours = (row for row in rows if _name(row).startswith(waste.items))
    return [row.text("sid") for row in ours if row.text("sid") not in held and owner_of(_name(row)) not in waste.keep]


def _name(row: Fields) -> str:
    return row.maybe_text("friendly_name") or ""


async def _drop(compliance: Compliance, path: str, sid: str) -> None:
    with suppress(RequestRejected):  # what Twilio keeps is none of ours to throw away
        await compliance.drop(f"{BASE}/{path}/{part(sid)}")
