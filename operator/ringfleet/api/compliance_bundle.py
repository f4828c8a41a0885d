"""`ComplianceBundle`: who uses the numbers of one country, with the documents that prove it, filed once and reused.

What a person writes here, and what the Secrets hold that it names, is personal data: the status knows only hashes, the
carriers' ids, and names that are ours.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from ringfleet.api.market import Country
from ringfleet.api.meta import (
    AGE,
    READY,
    REASON,
    AccountRef,
    Column,
    Duration,
    ListType,
    Name,
    Part,
    Resource,
    Rule,
    Status,
    Time,
    immutable,
    lasting,
)
from ringfleet.model import NumberType
from ringfleet.model.compliance import EndUserType, FilingState, Review

Label = Annotated[str, Field(min_length=1, max_length=63)]


class KeyRef(Part):
    """One key of an object in this namespace."""

    name: Name
    """The object's name."""
    key: Name
    """The key that holds the bytes."""


class Attribute(Part):
    """One thing that a carrier asks for, by its name: written here, or kept in a Secret."""

    rules = (
        Rule("has(self.value) != has(self.secretKeyRef)", "say it here (value), or where it is kept (secretKeyRef)"),
    )

    name: Label
    """Its name, as `kubectl ringfleet requirements` lists it."""
    value: Annotated[str, Field(max_length=1024)] | None = None
    """What it is."""
    secret_key_ref: KeyRef | None = None
    """A key of a Secret that holds it, which keeps it out of this object."""


Attributes = Annotated[tuple[Attribute, ...], Field(max_length=64), ListType("map", ("name",))]


class EndUser(Part):
    """The company or person that uses the numbers."""

    type: EndUserType
    """Whether it is a business or an individual: carriers ask for different things."""
    attributes: Attributes = ()
    """What carriers ask of it, such as business_name."""


class DocumentSource(Part):
    """Where the bytes of a document are: exactly one place."""

    rules = (
        Rule(
            "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.path)].filter(x, x).size() == 1",
            "name exactly one place for the file: secretKeyRef, configMapKeyRef or path",
        ),
    )

    secret_key_ref: KeyRef | None = None
    """A key of a Secret."""
    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap, in its binaryData or data."""
    path: (
        Annotated[
            str,
            Field(max_length=255),
            Rule(
                'self.matches("^[A-Za-z0-9][A-Za-z0-9._/-]*$") && !self.contains("..")',
                "write a path below the operator's documents directory, such as acme/register.pdf, without '..'",
            ),
        ]
        | None
    ) = None
    """A file below `<documents directory>/<this namespace>/` of the operator (RINGFLEET_DOCUMENTS_DIR)."""


class MediaType(StrEnum):
    PDF = "application/pdf"
    JPEG = "image/jpeg"
    PNG = "image/png"


class Document(Part):
    """One document that proves something."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=63),
        Rule(
            'self.matches("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")',
            "write a name of lower-case letters, digits and dashes, such as trade-register",
        ),
    ]
    """Its name here; conditions call it by this."""
    type: Label
    """What it is, in the carriers' words, such as utility_bill; `kubectl ringfleet requirements` lists them."""
    attributes: Attributes = ()
    """What carriers ask of it, by name, such as issued_on."""
    media_type: MediaType | None = None
    """What the file is; found by its first bytes when left out, and refused when they say otherwise."""
    file: DocumentSource | None = None
    """Where its bytes are. Some documents are attributes only."""


class ComplianceBundleSpec(Part):
    """The end user, the address and the documents, and to whom they are submitted. A change makes a new revision; the
    approved one stays in force until the new one is approved."""

    country: Annotated[Country, immutable("country", "create another ComplianceBundle")]
    """The country of the numbers, as ISO 3166-1 alpha-2."""
    number_types: Annotated[tuple[NumberType, ...], Field(min_length=1, max_length=8), ListType("set")]
    """The types of numbers that it is for. Carriers review each by itself."""
    end_user: EndUser
    address: Attributes = ()
    """The address, such as street, city and postal_code."""
    documents: Annotated[tuple[Document, ...], Field(max_length=20), ListType("map", ("name",))] = ()
    """The documents; each is uploaded once to each carrier."""
    carriers: Annotated[tuple[AccountRef, ...], Field(min_length=1, max_length=10)]
    """The accounts that it is submitted to."""
    contact: Annotated[
        str,
        Field(max_length=254),
        Rule('self.matches("^[^@ ]+@[^@ ]+$")', "write an e-mail address, such as numbers@example.com"),
    ]
    """The e-mail address that a carrier may write to about the review."""
    renew_before: Annotated[Duration, lasting("1h", "8760h")] = timedelta(days=30)
    """How long before an approval expires the next review is begun."""
    suspend: bool = False
    """True: nothing is sent to carriers. What is approved stays in use."""


class FilingReason(Part):
    """One thing that the carrier found wrong."""

    document: str | None = None
    """The document, by its name here; none: the whole, or the end user."""
    reason: str
    """What is wrong, in one word of the carrier."""
    message: str = ""
    """In the carrier's own sentence; one that quotes what was filed is kept back, and can be read in its console."""


class FiledItem(Part):
    """One thing that was created at the carrier. What has the same hash is not sent again."""

    name: str
    """The document's name here; `endUser` for end user and address."""
    hash: str
    """The hash of its content."""
    id: str
    """Its id at the carrier."""


class BegunCall(Part):
    """A call that creates something at the carrier, and whose outcome is not known yet: it is looked up."""

    reference: str
    """What it was to be created under."""
    at: Time
    """When it was begun."""


class Refusal(Part):
    """What the carrier did not take. It is not sent again before it changes."""

    reference: str
    """What it was to be created under."""
    message: str
    """Why, in the carrier's words."""


class Approval(Part):
    """An approved revision, in force."""

    id: str
    """The bundle's id at the carrier."""
    revision: str
    """The hash of all that was filed."""
    expires_at: Time | None = None
    """When it expires; never when left out."""
    renewals: int = 0
    """How often the same had been filed before."""


class Filing(Part):
    """The bundle at one carrier, for one number type."""

    account: Name
    """The CarrierAccount, as `namespace/name`."""
    number_type: NumberType
    """The type of numbers."""
    state: FilingState = FilingState.DRAFT
    """Where its newest revision stands."""
    missing: tuple[str, ...] = ()
    """What the carrier requires and the bundle has not, each with what would satisfy it."""
    reasons: tuple[FilingReason, ...] = ()
    """What the carrier found wrong."""
    approved: Approval | None = None
    """The revision that is in force; orders use it."""
    id: str | None = None
    """The newest bundle's id at the carrier."""
    review: Review | None = None
    """What the carrier last said of it."""
    revision: str | None = None
    """The hash of all that is filed."""
    renewals: int = 0
    """How often the same was filed before, because it was to expire."""
    items: tuple[FiledItem, ...] = ()
    """What was created there for it."""
    begun: tuple[BegunCall, ...] = ()
    """Calls whose outcome is not known."""
    refused: Refusal | None = None
    """What the carrier did not take."""
    superseded: tuple[str, ...] = ()
    """The ids of earlier approved bundles, which numbers may still carry."""
    attached: int = 0
    """How many numbers carry it, in whatever revision."""
    outdated: int = 0
    """How many of them carry a superseded revision. They work, and are given the approved one."""
    submitted_at: Time | None = None
    """When it was handed in."""
    next_look: Time | None = None
    """When the carrier is asked next."""
    looks: int = 0
    """How often it was asked since it was handed in."""


class ComplianceBundleStatus(Status):
    """How the bundle stands at each carrier; written by the operator."""

    filings: Annotated[tuple[Filing, ...], ListType("map", ("account", "numberType"))] = ()
    """By carrier account and number type."""
    states: str | None = None
    """The states of all filings in short, such as `Approved` or `Approved, InReview`."""
    attached: int | None = None
    """How many numbers carry the bundle, at all carriers; absent until they have been counted."""
    expires_at: Time | None = None
    """When the first approval expires."""


class ComplianceBundle(Resource):
    """Who uses the numbers of one country, with the address and documents that prove it: prepared before the numbers
    are needed, reviewed once by each carrier, and used by every order of that market."""

    plural: ClassVar = "compliancebundles"
    singular: ClassVar = "compliancebundle"
    short_names: ClassVar = ("cb",)
    columns: ClassVar = (
        Column("Ready", f"{READY}.status"),
        Column("Country", ".spec.country"),
        Column("Types", ".spec.numberTypes"),
        Column("State", ".status.states"),
        Column("Expires", ".status.expiresAt"),
        Column("Numbers", ".status.attached", type="integer"),
        REASON,
        Column("Message", f"{READY}.message", priority=1),
        AGE,
    )

    kind: str = "ComplianceBundle"
    spec: ComplianceBundleSpec
    status: ComplianceBundleStatus = ComplianceBundleStatus()
