"""The runbook: each reason that a condition may have, on which kinds it is seen, what it means and what to do.

It says what `kubectl explain` tells of conditions (`conditions.py`), by reason instead of by kind, those that need a
person first. `manifests/runbook.md` is its whole, and tests/api/test_runbook.py holds that it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ringfleet.api.conditions import CONDITIONS, NEEDS_A_PERSON, REASONS_OF, conditions_of, reasons_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One meaning of one reason."""

    reason: str
    kinds: tuple[str, ...]
    """The kinds on which it has this meaning."""
    types: tuple[str, ...]
    """The conditions there that it is written with."""
    meaning: str


def entries() -> tuple[Entry, ...]:
    """All of them, by reason; what is said of all kinds goes before what is said of one."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for kind in CONDITIONS:
        for reason, meaning in reasons_of(kind).items():
            places[reason, meaning].append(kind)
    found = (Entry(reason, tuple(kinds), _types(reason, kinds), meaning) for (reason, meaning), kinds in places.items())
    return tuple(sorted(found, key=lambda one: (one.reason, _is_of_one_kind(one), one.kinds)))


def _is_of_one_kind(entry: Entry) -> bool:
    return any(entry.reason in REASONS_OF.get(kind, {}) for kind in entry.kinds)


def _types(reason: str, kinds: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        sorted({name for kind in kinds for name, told in conditions_of(kind).items() if reason in told.reasons})
    )


def runbook() -> str:
    """The page, in Markdown."""
    urgent = [one for one in entries() if one.reason in NEEDS_A_PERSON]
    others = [one for one in entries() if one.reason not in NEEDS_A_PERSON]
    return "\n".join((*_HEAD, "", *_section(_URGENT, urgent), "", *_section(_OTHERS, others), ""))


_HEAD = (
    "# Runbook",
    "",
    "What an object says of itself is the `reason` of one of its conditions: `kubectl get` shows that of `Ready`,",
    "`kubectl describe` all of them, each with a sentence on this very object. Here is what each reason means and what",
    "to do; `kubectl ringfleet reason NAME` tells the same in a terminal, and `kubectl explain`, as in",
    "`kubectl explain numberpool.status.conditions`, by kind.",
    "",
    "Made by `ringfleet reason --markdown`; change the words in `operator/ringfleet/api/conditions.py`.",
)
_URGENT = (
    "## A person is needed",
    "",
    "Nothing goes on by itself, or not for long.",
)
_OTHERS = ("## It goes on by itself, or all is well",)


def _section(heading: Sequence[str], some: Sequence[Entry]) -> Iterator[str]:
    yield from heading
    yield from ("", "| reason | seen on | condition | what it means, and what to do |", "|---|---|---|---|")
    for one in some:
        meaning = one.meaning.replace("|", "\\|")
        yield f"| `{one.reason}` | {', '.join(one.kinds)} | {', '.join(one.types)} | {meaning} |"
