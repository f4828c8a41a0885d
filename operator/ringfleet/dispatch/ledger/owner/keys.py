"""Which keys the ledger's recipients are hashed by: where one is missing, nothing is decided."""

from __future__ import annotations

from collections.abc import Mapping

from ringfleet.dispatch.ledger.interface import KeysUnknown
from ringfleet.dispatch.ledger.owner.group import Group
from ringfleet.dispatch.ledger.owner.memory import Memory
from ringfleet.dispatch.ledger.tables import HASH_KEYS


def remember(checks: Mapping[bytes, str], group: Group) -> None:
    for check, name in checks.items():
        if check not in group.memory.keys:
            group.undo.put(group.memory.keys, check, name)
            group.changes.put(HASH_KEYS, (check,), (check, name))


def refuse_missing(memory: Memory, checks: frozenset[bytes] | None) -> None:
    """`checks`: of the keys that there are; None: nobody has told, as in a look at the ledger alone.

    Raises:
        KeysUnknown: there are rows under another.
    """
    if checks is None or memory.keys.keys() <= checks:
        return
    missing = ", ".join(sorted(name for check, name in memory.keys.items() if check not in checks))
    raise KeysUnknown(
        f"The ledger has recipients under the key {missing}, which this dispatcher has not: put it into the folder of "
        "its keys. Until then nothing is picked, since nobody's opt-out under that key would be found."
    )
