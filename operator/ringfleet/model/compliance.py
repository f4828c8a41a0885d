"""The nouns of compliance: what a carrier requires before a number may live, what is filed, how its review stands.

Beside `model/__init__.py`, under the same law: frozen values, the standard library only. Bytes of documents and the
attributes of end users are personal data: their fields are kept out of every repr, and nothing here ever prints them.

::

    Regulation --requires--> Requirement          (the carrier's catalogue, read by (country, type, end user))
    Dossier    --is filed as--> Filing            (ours, and the same at the carrier with its id, review and reasons)
    Paper      --is uploaded once, by its hash--> an id at the carrier
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ringfleet.model import NumberType


class EndUserType(StrEnum):
    """Who uses the numbers."""

    BUSINESS = "Business"
    """A company or another organisation."""
    INDIVIDUAL = "Individual"
    """A private person."""


class Subject(StrEnum):
    """What a requirement is about."""

    END_USER = "endUser"
    ADDRESS = "address"
    DOCUMENT = "document"


class Review(StrEnum):
    """Where a filing stands at the carrier."""

    DRAFT = "Draft"
    """The bundle is at the carrier, and not handed in yet."""
    SUBMITTED = "Submitted"
    """The bundle is handed in, and its review has not begun."""
    IN_REVIEW = "InReview"
    """The carrier looks at the bundle."""
    PROVISIONAL = "Provisional"
    """The carrier has said yes for the time being, and sells no number under the bundle."""
    APPROVED = "Approved"
    """The carrier has said yes."""
    REJECTED = "Rejected"
    """The carrier has said no."""
    EXPIRED = "Expired"
    """The carrier's approval is over."""


class FilingState(StrEnum):
    """Where the newest filing stands, as people are told."""

    DRAFT = "Draft"
    """The bundle is being put together, or lacks something: see missing."""
    SUBMITTED = "Submitted"
    """The bundle is handed in, and its review has not begun."""
    IN_REVIEW = "InReview"
    """The carrier looks at the bundle."""
    APPROVED = "Approved"
    """The approval is in force: orders carry the bundle. The same is said where a carrier asks for no documents."""
    REJECTED = "Rejected"
    """The carrier has said no: see reasons."""
    EXPIRING = "Expiring"
    """The approval is in force and ends soon; the next review is begun or under way. Orders go on."""
    EXPIRED = "Expired"
    """The approval is over, and the bundle is filed anew. Orders wait; numbers in use stay as they are, and whether
    they may go on is the carrier's rule."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that a carrier wants to be told."""

    id: str
    """The carrier's id of the requirement."""
    subject: Subject
    """What the requirement is about: the end user, the address, or a document."""
    description: str
    """What the carrier wants, in the carrier's words."""
    accepts: tuple[str, ...] = ()
    """The document types any one of which will do; empty for an end user or an address."""
    attributes: tuple[str, ...] = ()
    """The names of what must be said of the subject, such as `issued_on`."""
    media_types: tuple[str, ...] = ()
    """The media types that the document's file may have, such as `application/pdf`; empty: no file is wanted."""
    max_bytes: int | None = None
    """The greatest size of the document's file, in bytes; None: no limit is told."""


@dataclass(frozen=True, slots=True)
class Regulation:
    """What one carrier requires for one country, number type and end user; no requirements: nothing is asked.

    `review`: how long its review usually takes; None when it does not say.
    """

    id: str
    country: str
    type: NumberType
    end_user: EndUserType
    requirements: tuple[Requirement, ...] = ()
    review: timedelta | None = None
    in_place: bool = False
    """Whether an approved bundle can take over what a newer one holds, so that numbers keep the one that they carry."""
    deletes: bool = False
    """Whether what nobody needs any more can be deleted at the carrier."""


@dataclass(frozen=True, slots=True)
class Waste:
    """What is left at the carrier of one filing that nobody needs any more, by our references; see `Registrar.tidy`."""

    filings: str
    """What the references of the filing's bundles begin with."""
    items: str
    """What the references of all that was created for its ComplianceBundle begin with."""
    keep: frozenset[str]
    """The references and the carrier's ids of what is still needed."""
    emptied: tuple[str, ...] = ()
    """The carrier's ids of bundles whose content another one has taken over."""


@dataclass(frozen=True, slots=True)
class Party:
    """The end user and the address, as they are filed. `hash` is of the whole content, in hex."""

    type: EndUserType
    hash: str
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    address: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Paper:
    """One document. `name` is ours, unique in its bundle; `hash` is of type, attributes and bytes, in hex."""

    name: str
    type: str
    hash: str
    media_type: str | None = None
    size: int = 0
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Dossier:
    """All that a bundle has to say, as far as it could be read."""

    party: Party
    """The end user and the address."""
    papers: tuple[Paper, ...]
    """The documents that could be read."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """Each field that names what could not be read, and why, sorted."""
    contact: str = field(default="", repr=False)
    """The e-mail address that a carrier may write to."""


@dataclass(frozen=True, slots=True)
class Shortcoming:
    """What a carrier finds wrong with a filing: of which document of ours (None: of the whole), and in its words."""

    paper: str | None
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Filing:
    """A bundle as the carrier tells it. `items`: the ids of what is in it. `expires_at` only once it is approved."""

    external_id: str
    reference: str
    review: Review
    items: tuple[str, ...] = ()
    shortcomings: tuple[Shortcoming, ...] = ()
    expires_at: datetime | None = None
