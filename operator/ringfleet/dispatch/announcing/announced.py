"""Which ledgers are announced in the cluster, and which of them decides. Pure; see the room's docstring."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple, Protocol

import msgspec

from ringfleet.dispatch.ledger.types import Mark
from ringfleet.dispatch.problems import Problem

LAPSE_SECONDS: Final = 15.0
"""A line that has not changed for so long is nobody's any more."""


class Standing(Protocol):
    """How the ledger stands to others: `announcer.Announcer`."""

    def refusal(self) -> Problem | None:
        """Why nothing is decided now, nor taken in."""
        ...

    def waiting(self) -> str | None:
        """What is to be said of another ledger that waits for ours to end."""
        ...


class Alone:
    """There is no other ledger."""

    def refusal(self) -> Problem | None:
        return None

    def waiting(self) -> str | None:
        return None


ALONE: Final = Alone()


class Line(msgspec.Struct, frozen=True):
    """What one ledger says of itself."""

    epoch: int
    """See `types.Mark`."""
    namespaces: tuple[str, ...]
    """The namespaces whose sets it serves; empty: all of them."""
    at: str
    """Where its owner answers picks."""
    holds: bool
    """Whether it decides; False: it waits for another one to end."""
    beat: str
    """Another one whenever it is written."""

    def meets(self, other: Line) -> bool:
        """Whether both serve the same sets."""
        return not self.namespaces or not other.namespaces or not set(self.namespaces).isdisjoint(other.namespaces)


Lines = Mapping[str, Line]
"""By the name of the ledger."""


class Rival(NamedTuple):
    """Another ledger for the same sets, or a later epoch of the same ledger."""

    name: str
    line: Line


def name_of(mark: Mark) -> str:
    """Of a ledger among the announced."""
    return f"{mark.id:016x}"


def read_lines(data: Mapping[str, str]) -> dict[str, Line]:
    """What the ConfigMap says. What does not read is no line of ours, and goes with the next write."""
    lines = {}
    for name, text in data.items():
        try:
            lines[name] = msgspec.json.decode(text, type=Line)
        except msgspec.MsgspecError:
            continue
    return lines


def write_lines(lines: Lines) -> dict[str, str]:
    return {name: msgspec.json.encode(line).decode() for name, line in sorted(lines.items())}


def find_rival(lines: Lines, mark: Mark, ours: Line) -> Rival | None:
    """Who decides in our place; None: nobody does. `lines`: those that have not lapsed."""
    own = name_of(mark)
    before = lines.get(own)
    if before is not None and before.epoch > mark.epoch:
        return Rival(own, before)
    holding = [Rival(name, line) for name, line in sorted(lines.items()) if name != own and line.holds]
    return next((rival for rival in holding if rival.line.meets(ours)), None)


def announce(lines: Lines, lapsed: Collection[str], mark: Mark, ours: Line) -> tuple[dict[str, Line], Rival | None]:
    """What is to be written, and who decides in our place. A later epoch of the same ledger keeps its line."""
    kept = {name: line for name, line in lines.items() if name not in lapsed}
    rival = find_rival(kept, mark, ours)
    own = name_of(mark)
    if rival is None or rival.name != own:
        kept[own] = msgspec.structs.replace(ours, epoch=mark.epoch, holds=rival is None)
    return kept, rival


def find_waiting(lines: Lines, mark: Mark) -> Rival | None:
    """A ledger that waits for ours to end, so that somebody has to choose."""
    own = name_of(mark)
    ours = lines.get(own)
    if ours is None or not ours.holds:
        return None
    waiting = (Rival(name, line) for name, line in sorted(lines.items()) if name != own and not line.holds)
    return next((rival for rival in waiting if rival.line.meets(ours)), None)


def say_refused(rival: Rival, mark: Mark) -> str:
    """A sentence for a person, to whom we refuse."""
    which = "A later restore of this ledger" if rival.name == name_of(mark) else f"Another ledger ({rival.name})"
    return f"{which} decides for the same sets, at {rival.line.at}. {_REMEDY}"


def say_waiting(rival: Rival) -> str:
    """The same of one that waits."""
    return f"A second ledger ({rival.name}), at {rival.line.at}, serves the same sets and is refused. {_REMEDY}"


_REMEDY = (
    "Two ledgers would each allow the whole of every cap. Let one dispatcher run, or several with one PostgreSQL "
    "ledger, or give them namespaces that differ (--namespace); the other one answers when this one has ended."
)
