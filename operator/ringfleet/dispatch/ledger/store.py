"""What a store is to its owner: rows found by key, and groups of rows written by key, all or none.

No store decides anything: that is the owner's, by the law. A store that several processes can reach says to which of
them it belongs, and refuses the groups of all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from ringfleet.dispatch.ledger.tables import Changes, Found, Row, Wanted


class Outcome(Enum):
    """What became of a group that was sent."""

    WRITTEN = "written"  # it is on disk
    OUTRUN = "outrun"  # nothing of it: there are wishes that it has not seen
    DEPOSED = "deposed"  # nothing of it: the store belongs to another process


@dataclass(frozen=True, slots=True)
class Held:
    """To whom the store belongs."""

    is_ours: bool
    wishes: int = 0
    """How many wishes there are."""
    owner: str | None = None
    """Where the owner answers; None: nobody that lives owns it."""


class Moved(Enum):
    """What became of the store since it was loaded last."""

    NOT = "not"
    FAILED_OVER = "failed-over"  # a copy goes on: what was written last may be lost
    RESTORED = "restored"  # from a copy of an earlier day


@dataclass(frozen=True, slots=True)
class Loaded:
    """All that an owner has to know before it decides anything. The rows are those of the tables of these names."""

    folded: int
    """The last entry of the journal that is in the other tables."""
    last: int
    """The last entry that was given a number."""
    wishes: int
    """How many wishes are in what is loaded."""
    sets: Sequence[Row]
    rosters: Sequence[Row]
    roster_members: Sequence[Row]
    seats: Sequence[Row]
    deferrals: Sequence[Row]
    """Those whose room is not used."""
    calls: Sequence[Row]
    """Those that may be open."""
    labels: Sequence[Row]
    tail: Sequence[Row]
    """The entries after `folded`, with what became of them, in their order."""
    shared_use: Sequence[Row] = ()
    hash_keys: Sequence[Row] = ()
    moved: Moved = Moved.NOT
    identity: Mapping[str, int] = field(default_factory=dict)
    """By what the store is known now."""
    known_identity: Mapping[str, int] = field(default_factory=dict)
    """By what it was known when it was loaded last."""
    unsure: int = 0
    """When the store was restored, in POSIX seconds: what was used on that day is not known. 0: it is."""
    activity: Sequence[Row] = ()
    posted: int = 0
    """The last that was put into the outbox, of what is still there."""
    mark: int = 0
    """The ledger's id; 0: it was given none yet."""
    epoch: int = 0
    """See `types.Mark`."""
    sessions: Sequence[Row] = ()
    legs: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rows of a store say by themselves, at one moment."""

    loaded: Loaded
    out: Mapping[tuple[int, int, int], int]
    """How many picks are out that count, by set, number and day."""
    oldest: tuple[int, float] | None
    """The oldest entry of the journal and its time; None: there is none."""
    contacts: Sequence[tuple[int, int]]
    """Each set and number that recipients know."""
    lost_replays: Sequence[int]
    """Entries that answer a key, and are not there."""


NOTHING = Loaded(0, 0, 0, (), (), (), (), (), (), (), ())
"""An empty ledger."""


class Store(Protocol):
    """See the module. All of it raises LedgerUnavailable; a group whose `commit` raised may be written, or not."""

    is_shared: bool
    """Whether several processes can reach it: then it says to which of them it belongs."""

    address: str
    """Where we answer when it belongs to us; empty: nowhere yet."""

    async def __aenter__(self) -> Store: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def load(self) -> Loaded:
        """What is there now."""
        ...

    async def find(self, wanted: Wanted) -> Found:
        """The rows with these keys."""
        ...

    async def commit(self, changes: Changes, wishes: int, /) -> Outcome:
        """Write all of it, when the store is ours and has so many wishes."""
        ...

    async def recover(self) -> bool:
        """After a `commit` that has raised: from now on it is written or never will be. True: it never will be; False:
        what is loaded now tells."""
        ...

    async def hold(self) -> Held:
        """Say that we are alive, when the store is ours; take it, when nobody else is."""
        ...

    async def let_go(self) -> None:
        """Somebody else may take it at once."""
        ...

    async def wish(self, entry: bytes, /) -> None:
        """Append a wish, whoever the owner is: no group that was decided without it is written from now on."""
        ...

    async def read_wishes(self, after: int, /) -> Sequence[tuple[int, bytes]]:
        """The wishes after that one, in their order."""
        ...

    async def leave(self, entry: bytes, /) -> None:
        """Append to the inbox, whoever the owner is; it does not hold up any group."""
        ...

    async def read_inbox(self, limit: int, /) -> Sequence[tuple[int, bytes]]:
        """What was left there."""
        ...

    async def list_keys(self) -> Sequence[Row]:
        """The keys that recipients are hashed by."""
        ...

    async def list_suppressions(self, scope: str, limit: int, after: bytes) -> Sequence[Row]:
        """The rows of a scope, by recipient."""
        ...

    async def list_unclear(self, set_: str, limit: int) -> Sequence[Row]:
        """The rows of a set, the oldest first."""
        ...

    async def list_traffic(self, numbers: Sequence[int], since: int) -> Sequence[Row]:
        """The rows of these numbers from the hour `since` on, by number and hour."""
        ...

    async def read_outbox(self, target: str, limit: int, /) -> Sequence[Row]:
        """The oldest rows of the outbox that are for the target: id, time and entry."""
        ...

    async def list_targets(self) -> Sequence[Row]:
        """Each target that anything in the outbox is for."""
        ...

    async def sum_traffic(self, numbers: Sequence[int], since: int, until: int, /) -> Sequence[Row]:
        """Of each of these numbers that has rows in the hours from `since` to before `until`: the number, and the sums
        of their counts."""
        ...

    async def forget(self, what: str, before: float, limit: int, after: Row | None = None, /) -> tuple[int, Row | None]:
        """Let go of rows of `what` that are older, looking at `limit` of them at most; returns how many went, and from
        where to go on: None when all were looked at. `what`: a name of FORGETTABLE."""
        ...
