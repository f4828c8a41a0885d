"""What carriers require: what a bundle has not, told before anything is sent; and a bundle that would satisfy several.

Only names are looked at and quoted: types, names of attributes, sizes, media types. What an attribute says, and what a
file holds, is personal data and of no matter here. A document that no requirement accepts is never sent.

One document serves several carriers when there is a type and a media type that all of them accept; of one carrier's
requirements each gets a document of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ringfleet.model import AccountKey, NumberType
from ringfleet.model.compliance import EndUserType, Paper, Party, Regulation, Requirement, Subject

MEGABYTE, MEBIBYTE = 1_000_000, 1 << 20
MEDIA_NAMES = {"application/pdf": "PDF", "image/jpeg": "JPEG", "image/png": "PNG"}


@dataclass(frozen=True, slots=True)
class BundleWant:
    """A ComplianceBundle's spec, as it could be read. While anything is unreadable nothing new is filed."""

    name: str
    """The bundle's name."""
    country: str
    """The country whose numbers the bundle is for, ISO 3166-1 alpha-2."""
    types: tuple[NumberType, ...]
    """The number types that the bundle is for."""
    end_user: EndUserType
    """Whether a business or an individual uses the numbers."""
    party: Party | None = field(default=None, repr=False)
    """The end user and the address; None when their source can't be read."""
    papers: tuple[Paper, ...] = ()
    """The documents that could be read, which may come without content."""
    renew_before: timedelta = timedelta(days=30)
    """How long before an approval ends the bundle is filed anew."""
    suspended: bool = False
    """Whether the bundle's spec asks for nothing to be filed."""
    unreadable: tuple[tuple[str, str], ...] = ()
    """The documents whose source is not there: the name of each, and what a person must do about it."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One requirement that is not met, by its id at the carrier, and what would satisfy it."""

    requirement: str
    message: str


def missing(regulation: Regulation, want: BundleWant) -> tuple[Missing, ...]:
    """What the bundle lacks for this carrier, sorted; empty: it may be filed."""
    lacks = (_lack(requirement, want) for requirement in regulation.requirements)
    return tuple(sorted((lack for lack in lacks if lack), key=lambda lack: (lack.requirement, lack.message)))


def wants_party(regulation: Regulation) -> bool:
    """Whether the carrier asks for end user or address at all."""
    return any(requirement.subject is not Subject.DOCUMENT for requirement in regulation.requirements)


def fitting_papers(regulation: Regulation, papers: Iterable[Paper]) -> tuple[Paper, ...]:
    """The documents to file: each that satisfies a requirement, sorted by name, and of equal content the first."""
    wanted = [one for one in regulation.requirements if one.subject is Subject.DOCUMENT]
    fitting = [paper for paper in papers if any(fits(requirement, paper) for requirement in wanted)]
    unique = {paper.hash: paper for paper in sorted(fitting, key=lambda paper: paper.name, reverse=True)}
    return tuple(sorted(unique.values(), key=lambda paper: paper.name))


def fits(requirement: Requirement, paper: Paper) -> bool:
    """Whether this document satisfies this requirement."""
    return _of_type(requirement, paper) and not _defects(requirement, paper)


def _lack(requirement: Requirement, want: BundleWant) -> Missing | None:
    match requirement.subject:
        case Subject.DOCUMENT:
            return _lacking_paper(requirement, want.papers)
        case Subject.END_USER:
            given = want.party.attributes if want.party else {}
            return _lacking_attributes(requirement, given, "spec.endUser.attributes")
        case Subject.ADDRESS:
            given = want.party.address if want.party else {}
            return _lacking_attributes(requirement, given, "spec.address")


def _lacking_attributes(requirement: Requirement, given: Collection[str], place: str) -> Missing | None:
    absent = sorted(set(requirement.attributes) - set(given))
    if not absent:
        return None
    return Missing(requirement.id, f"{requirement.description}: {', '.join(absent)} in {place}")


def _lacking_paper(requirement: Requirement, papers: Iterable[Paper]) -> Missing | None:
    candidates = sorted((paper for paper in papers if _of_type(requirement, paper)), key=lambda paper: paper.name)
    defects = {paper.name: _defects(requirement, paper) for paper in candidates}
    if not all(defects.values()):
        return None
    found = [f"{name} {' and '.join(wrong)}" for name, wrong in defects.items()]
    tail = f" ({'; '.join(found)})" if found else ""
    return Missing(requirement.id, f"{requirement.description}: {describe(requirement)}{tail}")


def _of_type(requirement: Requirement, paper: Paper) -> bool:
    return not requirement.accepts or paper.type in requirement.accepts


def _defects(requirement: Requirement, paper: Paper) -> tuple[str, ...]:
    """What keeps a document of the right type from being accepted, in clauses that begin with a verb."""
    absent = sorted(set(requirement.attributes) - set(paper.attributes))
    wrong = [f"lacks {', '.join(absent)}"] if absent else []
    if not requirement.media_types:
        return tuple(wrong)
    if not paper.size:
        return (*wrong, "has no file")
    if paper.media_type not in requirement.media_types:
        wrong.append(f"is {_media(paper.media_type) if paper.media_type else 'of an unknown media type'}")
    if requirement.max_bytes is not None and paper.size > requirement.max_bytes:
        wrong.append("is too large")
    return tuple(wrong)


def describe(requirement: Requirement) -> str:
    """What would satisfy a requirement of a document, such as `a document of type utility_bill; PDF up to 5 MB`."""
    what = f"a document of type {_either(requirement.accepts)}" if requirement.accepts else "a document"
    if requirement.attributes:
        what += f" with attributes {', '.join(sorted(requirement.attributes))}"
    if not requirement.media_types:
        return what
    bound = f" up to {_bytes(requirement.max_bytes)}" if requirement.max_bytes is not None else ""
    return f"{what}; {_either(tuple(_media(one) for one in requirement.media_types))}{bound}"


def _either(words: tuple[str, ...]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _media(media_type: str) -> str:
    return MEDIA_NAMES.get(media_type, media_type)


def _bytes(size: int) -> str:
    """Exact, and in the unit in which the carrier thinks: 5 MB, 5 MiB, 200 kB."""
    if size and size % MEBIBYTE == 0:
        return f"{size // MEBIBYTE} MiB"
    return f"{size / MEGABYTE:g} MB" if size >= MEGABYTE else f"{size / 1000:g} kB"


LONGEST_NAME = 63
UNKNOWN_TYPE = "CHANGE-ME"


@dataclass(frozen=True, slots=True)
class Slot:
    """One document to be put in. `accepts`, `media_types`: what all that ask for it take; empty: anything, no file."""

    name: str
    accepts: tuple[str, ...]
    media_types: tuple[str, ...]
    attributes: tuple[str, ...]
    asked: tuple[tuple[AccountKey, Requirement], ...]

    @property
    def type(self) -> str:
        return self.accepts[0] if self.accepts else UNKNOWN_TYPE


@dataclass(frozen=True, slots=True)
class Skeleton:
    """All that the carriers ask for, by name, each thing once."""

    end_user: tuple[str, ...]
    address: tuple[str, ...]
    slots: tuple[Slot, ...]


def outline(regulations: Iterable[tuple[AccountKey, Regulation]]) -> Skeleton:
    """The least that covers every requirement of these carriers, in their order."""
    asked = [(account, one) for account, regulation in regulations for one in regulation.requirements]
    slots: tuple[Slot, ...] = ()
    for account, requirement in asked:
        if requirement.subject is Subject.DOCUMENT:
            slots = _with(slots, account, requirement)
    wanted = [requirement for _, requirement in asked]
    return Skeleton(_attributes(wanted, Subject.END_USER), _attributes(wanted, Subject.ADDRESS), slots)


def _attributes(requirements: Iterable[Requirement], subject: Subject) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in requirements if one.subject is subject for name in one.attributes))


def _with(slots: tuple[Slot, ...], account: AccountKey, requirement: Requirement) -> tuple[Slot, ...]:
    """The slots with this requirement served: by one that is there, or by another."""
    for at, slot in enumerate(slots):
        if joined := _joined(slot, account, requirement):
            return (*slots[:at], joined, *slots[at + 1 :])
    name = _free_name(requirement.id, {slot.name for slot in slots})
    asked = ((account, requirement),)
    return (*slots, Slot(name, requirement.accepts, requirement.media_types, requirement.attributes, asked))


def _joined(slot: Slot, account: AccountKey, requirement: Requirement) -> Slot | None:
    """The slot narrowed so that it serves this requirement too; None when it can't."""
    accepts = _common(slot.accepts, requirement.accepts)
    media_types = _common(slot.media_types, requirement.media_types)
    if accepts is None or media_types is None or account in (by for by, _ in slot.asked):
        return None
    attributes = tuple(dict.fromkeys((*slot.attributes, *requirement.attributes)))
    asked = (*slot.asked, (account, requirement))
    return replace(slot, accepts=accepts, media_types=media_types, attributes=attributes, asked=asked)


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...] | None:
    """What both accept, where none means anything; None when there is nothing."""
    if not one or not other:
        return one or other
    return tuple(word for word in one if word in other) or None


def _free_name(id_: str, taken: set[str]) -> str:
    """A document's name made of a requirement's id, as the kind allows it, and not taken."""
    stem = re.sub(r"[^a-z0-9]+", "-", id_.lower())[: LONGEST_NAME - 3].strip("-") or "document"
    names = (stem, *(f"{stem}-{count}" for count in range(2, len(taken) + 2)))
    return next(name for name in names if name not in taken)
