"""What a carrier requires and a bundle has not: told before anything is sent, each with what would satisfy it.

Only names are looked at and quoted: types, names of attributes, sizes, media types. What an attribute says, and what a
file holds, is personal data and of no matter here. A document that no requirement accepts is never sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from ringfleet.model import NumberType
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
