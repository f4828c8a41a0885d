"""When numbers were last used, as their accounts tell: by the hour, without an end, for traffic itself is forgotten.

An account of which nothing is heard tells of no silence either: its webhooks may lead nowhere. So how long an account
has been heard is known beside how long a number has.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Protocol, TypeVar

from ringfleet.dispatch.ledger.tables import ACTIVITY, Changes, Row

K = TypeVar("K")
V = TypeVar("V")

Hours = tuple[int, int]
"""The first and the last hour."""


class Undo(Protocol):
    """By which what a group does to memory is taken back: `memory.Undo`."""

    def put(self, mapping: MutableMapping[K, V], key: K, value: V) -> None: ...


class Activity:
    """See the module."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._numbers: dict[tuple[int, str], Hours] = {(row[0], row[1]): (row[2], row[3]) for row in rows}
        self._accounts: dict[str, Hours] = {}
        for (_, account), hours in self._numbers.items():
            self._accounts[account] = _joined(hours, self._accounts.get(account))

    def of_number(self, number: int, account: str) -> Hours | None:
        """None: the account has never told of a call or message of the number."""
        return self._numbers.get((number, account))

    def of_account(self, account: str) -> Hours | None:
        """None: the account has never told of any."""
        return self._accounts.get(account)

    def note(self, number: int, account: str, hour: int, undo: Undo, changes: Changes) -> None:
        """The account tells of traffic in that hour. Written once an hour, however much there is."""
        known = self._numbers.get((number, account))
        hours = _joined((hour, hour), known)
        if hours == known:
            return
        undo.put(self._numbers, (number, account), hours)
        undo.put(self._accounts, account, _joined(hours, self._accounts.get(account)))
        changes.put(ACTIVITY, (number, account), (number, account, *hours))


def _joined(one: Hours, other: Hours | None) -> Hours:
    return one if other is None else (min(one[0], other[0]), max(one[1], other[1]))
