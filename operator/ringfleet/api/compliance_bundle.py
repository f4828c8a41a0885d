"""`ComplianceBundle`: who uses the numbers of one country, with the documents that prove it, filed once and reused.

What a person writes here, and what the Secrets hold that it names, is personal data: the status knows only hashes, the
carriers' ids, and names that are ours.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from ringfleet.api.market import Country
from ringfleet.api.meta import (
    AGE,
    READY,
    REASON,
    AccountRef,
    Column,
    DataKey,
    Duration,
    ListType,
    Name,
    Part,
    Resource,
    Rule,
    Status,
    Time,
    each_once,
    immutable,
    lasting,
    or_else,
)
from ringfleet.model import NumberType
from ringfleet.model.compliance import EndUserType, FilingState, Review

Label = Annotated[str, Field(min_length=1, max_length=63)]


class KeyRef(Part):
    """One key of an object in this namespace."""

    name: Name
    """Name of the Secret or ConfigMap, in this namespace."""
    key: DataKey
    """Key of the Secret's or ConfigMap's data that holds the bytes."""


class Attribute(Part):
    """One thing that a carrier asks for, by its name: written here, or kept in a Secret."""

    rules = (
        Rule("has(self.value) != has(self.secretKeyRef)", "say it here (value), or where it is kept (secretKeyRef)"),
    )

    name: Label
    """The carrier's name of the attribute, such as business_name, or postal_code of an address. `kubectl ringfleet
    requirements` lists them; or leave them out and read status.filings.missing, which names them before anything is
    filed."""
    value: Annotated[str, Field(max_length=1024)] | None = None
    """Content of the attribute, as text. Leave it out and use secretKeyRef to keep it out of this object. Set exactly
    one of value and secretKeyRef."""
    secret_key_ref: KeyRef | None = None
    """Key of a Secret that holds the content of the attribute, which keeps it out of this object. Set exactly one of
    value and secretKeyRef."""


Attributes = Annotated[tuple[Attribute, ...], Field(max_length=64), ListType("map", ("name",))]


class EndUser(Part):
    """The company or person that uses the numbers."""

    type: EndUserType
    """Whether the end user is a business or an individual: carriers ask for different things."""
    attributes: Attributes = ()
    """What carriers ask of the end user, by name, such as business_name. `kubectl ringfleet requirements` lists it."""


class DocumentSource(Part):
    """Where the bytes of a document are: exactly one place."""

    rules = (
        Rule(
            "[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.path)].filter(x, x).size() == 1",
            "name exactly one place for the file: secretKeyRef, configMapKeyRef or path",
        ),
    )

    secret_key_ref: KeyRef | None = None
    """Key of a Secret that holds the file. Set exactly one of secretKeyRef, configMapKeyRef and path."""
    config_map_key_ref: KeyRef | None = None
    """Key of a ConfigMap that holds the file, in binaryData or data. Set exactly one of secretKeyRef, configMapKeyRef
    and path."""
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
    """A file below `<documents directory>/<this namespace>/` of the operator (RINGFLEET_DOCUMENTS_DIR). Set exactly one
    of secretKeyRef, configMapKeyRef and path."""


class MediaType(StrEnum):
    PDF = "application/pdf"
    """A PDF file."""
    JPEG = "image/jpeg"
    """A picture as JPEG."""
    PNG = "image/png"
    """A picture as PNG."""


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
    """The bundle's own name of the document, such as trade-register. Conditions call the document by it."""
    type: Label
    """What the document is, in the carriers' words, such as utility_bill. `kubectl ringfleet requirements` lists them;
    or leave the document out and read status.filings.missing, which names what would do before anything is filed."""
    attributes: Attributes = ()
    """What carriers ask of the document, by name, such as issued_on. `kubectl ringfleet requirements` lists it."""
    media_type: MediaType | None = None
    """Media type of the file, such as application/pdf. Found by the file's first bytes when left out; refused when they
    say otherwise."""
    file: DocumentSource | None = None
    """Where the bytes of the document are. Left out for a document that is attributes only."""


class ComplianceBundleSpec(Part):
    """The end user, the address and the documents, and to whom they are submitted. A change makes a new revision, also
    one in a Secret, ConfigMap or file that is named here, which is seen within five minutes; the approved revision
    stays in force until the new one is approved."""

    country: Annotated[Country, immutable("country", "create another ComplianceBundle")]
    """Country of the numbers, as its ISO 3166-1 alpha-2 code, such as DE. It can't change."""
    number_types: Annotated[tuple[NumberType, ...], Field(min_length=1, max_length=8), ListType("set")]
    """Types of the numbers that the bundle is for. Carriers review each type by itself."""
    end_user: EndUser
    address: Attributes = ()
    """Address of the end user, such as street, city and postal_code."""
    documents: Annotated[tuple[Document, ...], Field(max_length=20), ListType("map", ("name",))] = ()
    """Documents that prove who the end user is. Each is uploaded once to each carrier."""
    carriers: Annotated[tuple[AccountRef, ...], Field(min_length=1, max_length=10), *each_once("an account")]
    """CarrierAccounts that the bundle is submitted to: every account of the pools that are to use it. At one that is
    not listed they say BundleMissing."""
    contact: Annotated[
        str,
        Field(max_length=254),
        Rule('self.matches("^[^@ ]+@[^@ ]+$")', "write an e-mail address, such as numbers@example.com"),
    ]
    """The e-mail address that a carrier may write to about the review."""
    renew_before: Annotated[Duration, lasting("1h", "8760h")] = timedelta(days=30)
    """How long before an approval expires the next review is begun, from 1h to 8760h; of a short approval, not before
    half of it is over."""
    suspend: bool = False
    """True pauses the bundle: nothing is sent to carriers, no renewal either. What is approved stays in use until it
    expires; then orders wait."""


class FilingReason(Part):
    """One thing that the carrier found wrong."""

    document: str | None = None
    """Name in spec.documents of the document that the carrier found wrong; absent when it is the whole bundle or the
    end user."""
    reason: str
    """One word of the carrier that says what is wrong."""
    message: str = ""
    """The carrier's own sentence that says what is wrong. One that quotes what was filed is kept back, and can be read
    in the carrier's console."""


class FiledItem(Part):
    """One thing that was created at the carrier. What has the same hash is not sent again."""

    name: str
    """Name in spec.documents of the document; `endUser` for end user and address."""
    hash: str
    """Hash of the item's content. What has the same hash is not sent again."""
    id: str
    """The carrier's id of the item."""


class BegunCall(Part):
    """A call that creates something at the carrier, and whose outcome is not known yet: it is looked up."""

    reference: str
    """Reference under which the carrier was to create it."""
    at: Time
    """Time at which the call was begun."""


class Refusal(Part):
    """What the carrier did not take. It is not sent again before it changes."""

    reference: str
    """Reference under which the carrier was to create what it refused."""
    message: str
    """The carrier's own words for why it refused."""


class Approval(Part):
    """An approved revision, in force."""

    id: str
    """The carrier's id of the approved bundle."""
    expires_at: Time | None = None
    """Time at which the approval expires; absent when it never does. From then on orders wait for the next approval;
    Ringfleet leaves numbers in use as they are."""


def _as_handed_in(filing: object) -> object:
    """Where only a newer version knows what the carrier last said, the filing counts as handed in, so that nothing of
    it is changed, and the carrier is asked at once."""
    if not isinstance(filing, Mapping) or filing.get("review") in (None, *Review):
        return filing
    kept = {key: value for key, value in filing.items() if key != "nextLook"}
    return {**kept, "review": Review.SUBMITTED}


def _of_known_types(filings: object) -> object:
    """The filings for types of numbers that this version knows. No number of another type is bought by it either, and
    what was filed for one is found at the carrier again."""
    if not isinstance(filings, Iterable):
        return filings
    return tuple(one for one in filings if not isinstance(one, Mapping) or one.get("numberType") in (*NumberType,))


class Filing(Part):
    """The bundle at one carrier, for one number type."""

    account: Name
    """The CarrierAccount that the bundle is filed at, as `namespace/name`."""
    number_type: NumberType
    """Type of the numbers that this filing is for."""
    state: Annotated[FilingState, or_else(FilingState, FilingState.DRAFT)] = FilingState.DRAFT
    """Where the newest revision stands at this carrier, as conditions and orders take it."""
    missing: tuple[str, ...] = ()
    """What the carrier requires and the bundle lacks, each with what would satisfy it."""
    reasons: tuple[FilingReason, ...] = ()
    """What the carrier found wrong with the newest revision."""
    approved: Approval | None = None
    """The approved revision that is in force. Orders use it."""
    id: str | None = None
    """The carrier's id of the newest revision."""
    review: Review | None = None
    """What the carrier last said of the newest revision, in a word; status.filings.state is what follows from it."""
    superseded: tuple[str, ...] = ()
    """The carrier's ids of earlier approved revisions, which numbers may still carry."""
    attached: int = 0
    """How many numbers carry the bundle at this carrier, in whatever revision."""
    outdated: int = 0
    """How many numbers carry a superseded revision. They work, and are given the approved one."""
    submitted_at: Time | None = None
    """Time at which the newest revision was handed in."""
    next_look: Time | None = None
    """Time at which the carrier is asked next how the review stands."""


class FilingMemory(Part):
    """What is remembered of one filing."""

    account: Name
    """The CarrierAccount that the bundle is filed at, as `namespace/name`."""
    number_type: NumberType
    """Type of the numbers that the filing is for."""
    revision: str | None = None
    """Hash of all that is filed in the newest revision."""
    renewals: int = 0
    """How often the content of the newest revision was filed before, because its approval was to expire."""
    approved_revision: str | None = None
    """Hash of all that was filed in the approved revision."""
    approved_renewals: int = 0
    """How often the approved content had been filed before, because its approval was to expire."""
    items: tuple[FiledItem, ...] = ()
    """What was created at the carrier for the newest revision."""
    begun: tuple[BegunCall, ...] = ()
    """Calls that create something at the carrier, and whose outcome is not known yet."""
    refused: Refusal | None = None
    """What the carrier refused to create. It is not sent again before it changes."""
    looks: int = 0
    """How often the carrier was asked since the newest revision was handed in."""
    emptied: tuple[str, ...] = ()
    """The carrier's ids of revisions whose content the approved revision has taken over, to be deleted at the
    carrier."""
    tidied: str | None = None
    """Reference of the revision after whose approval all was deleted at the carrier that is needed no more."""


class BundleMemory(Part):
    """The operator's own notes, not an interface: any version may change them. They say what was created at each
    carrier, so that nothing is filed twice."""

    filings: Annotated[
        tuple[FilingMemory, ...], BeforeValidator(_of_known_types), ListType("map", ("account", "numberType"))
    ] = ()
    """What is remembered of each filing in status.filings."""


class ComplianceBundleStatus(Status):
    """How the bundle stands at each carrier; written by the operator."""

    filings: Annotated[
        tuple[Annotated[Filing, BeforeValidator(_as_handed_in)], ...],
        BeforeValidator(_of_known_types),
        ListType("map", ("account", "numberType")),
    ] = ()
    """How the bundle stands at each carrier account, for each number type."""
    states: str | None = None
    """The states of all filings in short, such as `Approved` or `Approved, InReview`. The description of
    status.filings.state says what each means."""
    attached: int | None = None
    """How many numbers carry the bundle, at all carriers; absent until they have been counted."""
    expires_at: Time | None = None
    """Time at which the first of the approvals expires. From then on orders wait there for the next approval; Ringfleet
    leaves numbers in use as they are."""
    memory: BundleMemory = BundleMemory.model_construct()


class ComplianceBundle(Resource):
    """Who uses the numbers of one country, with the address and documents that prove it: prepared before the numbers
    are needed, reviewed once by each carrier, and used by every order of that market. Deleting it takes nothing back at
    a carrier: numbers keep the documents that they carry, and orders wait for another bundle."""

    plural: ClassVar = "compliancebundles"
    singular: ClassVar = "compliancebundle"
    short_names: ClassVar = ("cb",)
    columns: ClassVar = (
        Column("Ready", f"{READY}.status"),
        Column("Country", ".spec.country"),
        Column("Types", ".spec.numberTypes", priority=1),
        Column("State", ".status.states"),
        Column("Expires", ".status.expiresAt"),
        Column("Numbers", ".status.attached", type="integer"),
        REASON,
        Column("Message", f"{READY}.message", priority=1),
        AGE,
    )

    kind: str = "ComplianceBundle"
    spec: ComplianceBundleSpec
    status: ComplianceBundleStatus = ComplianceBundleStatus.model_construct()
