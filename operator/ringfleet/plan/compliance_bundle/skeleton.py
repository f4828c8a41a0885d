"""A bundle that would satisfy several carriers at once: the attributes and documents it has, yet to be filled in.

One document serves several carriers when there is a type and a media type that all of them accept; of one carrier's
requirements each gets a document of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ringfleet.model import AccountKey
from ringfleet.model.compliance import Regulation, Requirement, Subject

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
