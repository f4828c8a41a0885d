"""What became of the numbers that a pool asks to adopt (`spec.adopt`), and in which words it is told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ringfleet.model import E164
from ringfleet.plan.conditions import Condition, Reason

ELSEWHERE = "no account of spec.carriers has it"
MOST_NAMED = 3
"""How many numbers a sentence names."""
MOST_SENTENCES = 3


@dataclass(frozen=True, slots=True)
class AdoptionSeen:
    """How far adoption has come, by the last listings of the pool's accounts."""

    adopted: frozenset[E164] = frozenset()
    """The numbers that it asks for and has."""
    refused: Mapping[E164, str] = field(default_factory=dict)
    """Why it does not get the others, a clause each."""
    pending: frozenset[E164] = frozenset()
    """The numbers that it names and of which no listing has told since."""
    unlisted: tuple[str, ...] = ()
    """The accounts that were not listed since it asked, as `namespace/name`, sorted."""
    unread: Mapping[int, str] = field(default_factory=dict)
    """The lines of its list that can't be read, from 1, and why."""
    trouble: str = ""
    """A sentence that says why its list can't be read at all; empty when it can."""
    again: float | None = None
    """Seconds until the list is read again; None: there is none."""

    @property
    def is_whole(self) -> bool:
        return not (self.refused or self.pending or self.unlisted or self.unread or self.trouble)


def adoption_condition(seen: AdoptionSeen | None) -> tuple[Condition, ...]:
    """What is said while not all is adopted that the pool asks for."""
    if seen is None or seen.is_whole:
        return ()
    sentences = list(_sentences(seen))
    if not sentences:
        message = "The numbers of spec.adopt are looked for in the accounts of spec.carriers"
        where = f"; not listed yet: {', '.join(seen.unlisted)}" if seen.unlisted else ""
        return (Condition("AdoptionIncomplete", True, Reason.ADOPTING, f"{message}{where}."),)
    told = " ".join(sentences[:MOST_SENTENCES])
    more = " status.adoption has the others." if len(sentences) > MOST_SENTENCES else ""
    return (Condition("AdoptionIncomplete", True, Reason.NOT_ADOPTED, f"{told}{more}"),)


def _sentences(seen: AdoptionSeen) -> Iterable[str]:
    if seen.trouble:
        yield seen.trouble
    if seen.unread:
        lines = _some(map(str, sorted(seen.unread)))
        yield f"Of the list of spec.adopt, these lines can't be read: {lines}."
    for why in sorted(set(seen.refused.values())):
        numbers = _some(sorted(number for number, reason in seen.refused.items() if reason == why))
        yield f"Not adopted, for {why}: {numbers}."


def _some(names: Iterable[str]) -> str:
    """The first of them; that there are more, when there are."""
    every = list(names)
    return ", ".join(every[:MOST_NAMED]) + (" and others" if len(every) > MOST_NAMED else "")
