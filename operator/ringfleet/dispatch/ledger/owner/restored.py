"""After a restore: no id is given twice, and what was used on the day of it counts as all.

The copy is of an earlier moment. Ids that were given since are not in it, so they go on from the time of the restore in
microseconds: nobody gives a million ids a second. What numbers did since is not in it either, so none of them is picked
until the set's next day begins, or a person says that the counts are right; replies and rooms of later days go on.
"""

from __future__ import annotations

import secrets

from ringfleet.dispatch.ledger.owner.memory import Memory
from ringfleet.dispatch.ledger.store import Loaded, Moved
from ringfleet.dispatch.ledger.tables import PROGRESS, Changes
from ringfleet.dispatch.ledger.types import Mark


def begin_epoch(memory: Memory, loaded: Loaded, now: float) -> Changes:
    """What has to be on disk before anything is decided; empty when the store is where it was."""
    changes = Changes()
    if not loaded.mark:
        memory.mark = Mark(_some_id(), loaded.epoch)
        _put(changes, "mark", memory.mark.id)
    if loaded.moved is not Moved.NOT:
        memory.marks["seq"] = max(memory.marks["seq"], int(now * 1e6))
        _put(changes, "seq", memory.marks["seq"])
        _put(changes, "restored", 0)
        memory.mark = Mark(memory.mark.id, max(loaded.epoch + 1, int(now * 1e6)))
        _put(changes, "epoch", memory.mark.epoch)
    if loaded.moved is Moved.RESTORED:
        memory.count_as_used(int(now))
        _put(changes, "unsure", int(now))
    if changes or loaded.identity != loaded.known_identity:
        for name, value in loaded.identity.items():
            _put(changes, name, value)
    return changes


def _some_id() -> int:
    """Not 0, and no longer than PostgreSQL's bigint."""
    return 1 + secrets.randbits(62)


def _put(changes: Changes, name: str, value: int) -> None:
    changes.put(PROGRESS, (name,), (name, value))
