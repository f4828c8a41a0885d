"""From the journal into the tables by key: what is young grows old.

::

    begin      what is young is set aside as it is now; picks go on, and make new young rows
    slices     rows by key, sorted, some with each group: the same rows again are no harm
    the last   the counts, the deferrals, and how far the journal is folded, in one commit

A crash between slices leaves rows that the journal says again. Counts would be counted twice, so they go with the mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from ringfleet.dispatch.ledger.owner.journal import Contact
from ringfleet.dispatch.ledger.owner.memory import Memory, Young
from ringfleet.dispatch.ledger.tables import CONTACTS, DEFERRALS, JOURNAL, PROGRESS, REPLAYS, SEATS, Changes

FOLD_AT = 20_000
"""Young rows from which on they are folded."""
SLICE = 64
"""Rows that are folded at a time."""
PER_PICK = 3
"""Rows that are folded for each that a group appends, at least: a pick makes two young ones, so folding ends, and as no
answer waits for many more rows than its own group has, it is not felt."""
AT_REST = 8
"""Slices that are folded together when nobody waits."""

Put = Callable[[Changes], None]


class Folding:
    """At most one at a time."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._slices: list[Put] = []
        self._upto = 0

    @property
    def is_due(self) -> bool:
        young = self._memory.young
        return max(len(young.contacts), len(young.answers)) >= FOLD_AT

    @property
    def is_under_way(self) -> bool:
        return bool(self._slices)

    def begin(self) -> None:
        """Between groups."""
        memory = self._memory
        if self._slices or memory.marks["seq"] == memory.folded:
            return
        memory.folding, memory.young = memory.young, Young()
        self._upto = memory.marks["seq"]
        self._slices = [*reversed([*self._contacts(), *self._replays(), self._rest()])]

    def put_next(self, changes: Changes) -> int:
        """The next slices go with this group; how many. 0: there are none."""
        picks = len(changes.rows.get(JOURNAL, ()))
        several = min(len(self._slices), 1 + PER_PICK * picks // SLICE if picks else AT_REST)
        for turn in range(several):
            self._slices[-1 - turn](changes)
        return several

    def written(self, several: int) -> None:
        """The group with these slices is on disk."""
        del self._slices[len(self._slices) - several :]
        if not self._slices:
            self._memory.folding = Young()
            self._memory.folded = self._upto

    def _contacts(self) -> Iterator[Put]:
        contacts = sorted(self._memory.folding.contacts.items(), key=lambda item: item[0])
        for start in range(0, len(contacts), SLICE):
            yield partial(_put_contacts, contacts[start : start + SLICE])

    def _replays(self) -> Iterator[Put]:
        replays = sorted((key, one.seq) for key, one in self._memory.folding.answers.items())
        for start in range(0, len(replays), SLICE):
            yield partial(_put_replays, replays[start : start + SLICE])

    def _rest(self) -> Put:
        """As of now: what is counted meanwhile is of the next folding."""
        memory = self._memory
        seats = [
            (set_id, seat.digits, seat.day, seat.used, seat.hour, seat.in_hour, seat.last)
            for set_id, bench in memory.benches.items()
            for seat in bench.changed
        ]
        for bench in memory.benches.values():
            bench.changed.clear()
        deferrals = list(memory.folding.deferrals.values())
        upto = self._upto

        def put(changes: Changes) -> None:
            for row in sorted(seats):
                changes.put(SEATS, row[:2], row)
            for row in deferrals:
                changes.put(DEFERRALS, row[:1], row)
            changes.put(PROGRESS, ("folded",), ("folded", upto))

        return put


def _put_contacts(some: Sequence[tuple[tuple[int, bytes], Contact | None]], changes: Changes) -> None:
    for key, contact in some:
        if contact is None:
            changes.drop(CONTACTS, key)
        else:
            changes.put(CONTACTS, key, contact.row(*key))


def _put_replays(some: Sequence[tuple[bytes, int]], changes: Changes) -> None:
    for key, seq in some:
        changes.put(REPLAYS, (key,), (key, seq))
