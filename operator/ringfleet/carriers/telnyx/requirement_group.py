"""What a requirement group of Telnyx says, and what its values are made of. Pure.

A group is approved as a whole, and each of its values for itself; no sentence says why one was declined. A value is a
text of the end user, or the id of an address or a document: an item's id says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from ringfleet.carriers.json_fields import Fields
from ringfleet.model.compliance import Filing, Party, Requirement, Review, Shortcoming, Subject

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


def _rows_in(group: Fields) -> list[Fields]:
    listed = group.items("regulatory_requirements") if group.has("regulatory_requirements") else []
    return [Fields(row, "requirement") for row in listed]


def values_in(group: Fields) -> dict[str, str]:
    """By requirement, its value; empty: it has none."""
    return {row.text("requirement_id"): row.maybe_text("field_value") or "" for row in _rows_in(group)}


def read_group(group: Fields) -> Filing:
    """A group with its items; an approval ends with the first of its values. What was declined is not in it."""
    review = group.choice("status", REVIEWS)
    items = tuple(dict.fromkeys(item for row in _rows_in(group) if (item := _item_of(row))))
    until = _first_end(group) if review in (Review.APPROVED, Review.EXPIRED) else None
    reference = group.maybe_text("customer_reference") or ""
    return Filing(group.text("id"), reference, review, items, (), until)


def _item_of(row: Fields) -> str | None:
    """The address or document that a value names; None: it is a text, or there is none."""
    kind, value = f"{row.maybe_text('field_type')}:", row.maybe_text("field_value")
    return f"{kind}{value}" if value and kind in (ADDRESS, DOCUMENT) else None


def _first_end(group: Fields) -> datetime | None:
    return min((end for row in _rows_in(group) if (end := row.maybe_time("expires_at"))), default=None)


def declined_in(group: Fields, words: Mapping[str, str]) -> Iterable[Shortcoming]:
    """What was declined of a group, in `words`: those that Telnyx has for each requirement."""
    rows = [row for row in _rows_in(group) if row.maybe_text("status") in ("declined", "expired")]
    for row in rows:
        id_ = row.text("requirement_id")
        yield Shortcoming(_item_of(row), "declined", f"Telnyx has declined: {words.get(id_, id_)}")
    if not rows:
        yield Shortcoming(None, "declined", "Telnyx gives no reason: see its e-mail to the account")


def value_of(one: Requirement, party: Party, address: str, documents: Mapping[str, str]) -> str:
    """The value of a requirement: `address` is the id of one, `documents` are ids by what each is for. Empty: there is
    none."""
    match one.subject:
        case Subject.END_USER:
            return party.attributes.get(one.attributes[0], "")
        case Subject.ADDRESS:
            return address
        case Subject.DOCUMENT:
            return next((documents[word] for word in one.accepts if word in documents), "")
