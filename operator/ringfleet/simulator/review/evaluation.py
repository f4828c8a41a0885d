"""What a bundle lacks: the carrier's own check before a review, pure and at once.

It looks at what can be counted: is there a paper for each requirement, does it say what it must, is its file of the
right kind and size. Whether a document is genuine is the review's to say. Messages name fields and types, never
their values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ringfleet.simulator.review.documents import Paper, PaperKind
from ringfleet.simulator.review.requirements import Regulation, Requirement, Subject


@dataclass(frozen=True, slots=True)
class Lack:
    """What is wrong: with one paper, or (None) with the bundle as a whole."""

    paper: int | None
    reason: str
    message: str


def find_lacks(regulation: Regulation, papers: Sequence[Paper]) -> list[Lack]:
    """Nothing: the bundle may be submitted."""
    return [lack for requirement in regulation.requirements for lack in _lacks(regulation, requirement, papers)]


def _lacks(regulation: Regulation, requirement: Requirement, papers: Sequence[Paper]) -> Iterator[Lack]:
    match requirement.subject:
        case Subject.END_USER:
            yield from _end_user(regulation, requirement, papers)
        case Subject.ADDRESS:
            yield from _address(regulation, requirement, papers)
        case Subject.DOCUMENT:
            yield from _document(requirement, papers)


def _end_user(regulation: Regulation, requirement: Requirement, papers: Sequence[Paper]) -> Iterator[Lack]:
    users = [paper for paper in papers if paper.kind is PaperKind.END_USER]
    if len(users) != 1:
        yield Lack(None, "end_user_missing", f"{requirement.id}: the bundle needs one end user, not {len(users)}")
        return
    if users[0].type != regulation.end_user:
        message = f"{requirement.id}: the end user of this bundle is a {regulation.end_user}"
        yield Lack(users[0].id, "end_user_type", message)
    yield from _unsaid(requirement, users[0].id, users[0].attributes)


def _address(regulation: Regulation, requirement: Requirement, papers: Sequence[Paper]) -> Iterator[Lack]:
    for user in (paper for paper in papers if paper.kind is PaperKind.END_USER):
        yield from _unsaid(requirement, user.id, user.address)
        if requirement.local and user.address.get("country") not in (None, "", regulation.country):
            yield Lack(user.id, "address_not_local", f"{requirement.id}: the address is to be in {regulation.country}")


def _document(requirement: Requirement, papers: Sequence[Paper]) -> Iterator[Lack]:
    """Any one document of an accepted type will do; when none does, the first one's faults are told."""
    shown = [paper for paper in papers if paper.kind is PaperKind.DOCUMENT and paper.type in requirement.accepts]
    if not shown:
        one_of = " or ".join(requirement.accepts)
        yield Lack(None, "document_missing", f"{requirement.id}: {requirement.description} ({one_of})")
        return
    faults = [[*_unsaid(requirement, paper.id, paper.attributes), *_file(requirement, paper)] for paper in shown]
    if all(faults):
        yield from faults[0]


def _file(requirement: Requirement, paper: Paper) -> Iterator[Lack]:
    if requirement.media_types and not paper.size:
        yield Lack(paper.id, "file_missing", f"{requirement.id}: the document needs a file")
    elif requirement.media_types and paper.media_type not in requirement.media_types:
        wanted = " or ".join(requirement.media_types)
        yield Lack(paper.id, "media_type", f"{requirement.id}: the file is to be {wanted}")
    if requirement.max_bytes is not None and paper.size > requirement.max_bytes:
        yield Lack(
            paper.id, "file_too_large", f"{requirement.id}: the file is larger than {requirement.max_bytes} bytes"
        )


def _unsaid(requirement: Requirement, paper: int, said: Mapping[str, str]) -> Iterator[Lack]:
    for name in requirement.attributes:
        if not said.get(name, "").strip():
            yield Lack(paper, "attribute_missing", f"{requirement.id}: {name} is missing")
