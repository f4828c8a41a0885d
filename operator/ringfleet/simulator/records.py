"""What an account has made at a carrier beyond numbers, documents and webhooks: applications, trunks, services.

The exchange does not know what they mean: a wire face gives each its kind and its fields, and reads them back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ringfleet.simulator.clock import Clock
from ringfleet.simulator.store import Row, Store

SUBACCOUNT = "subaccount"
"""The kind of record by which an account has another one below it: its id and its token."""
_COLUMNS = "SELECT id, kind, parent, content, made_at, changed_at FROM records WHERE account = ?"


@dataclass(frozen=True, slots=True)
class Record:
    """`parent` is the id of what it belongs to, or 0; times in seconds since 1970."""

    id: int
    kind: str
    parent: int
    content: Mapping[str, Any]
    made_at: float
    changed_at: float


class Records:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add(self, account: str, kind: str, content: Mapping[str, Any], parent: int = 0) -> Record:
        now = self._clock.now()
        id_ = self._store.write(
            "INSERT INTO records (account, kind, parent, content, made_at, changed_at) VALUES (?, ?, ?, ?, ?, ?)",
            account,
            kind,
            parent,
            json.dumps(content),
            now,
            now,
        )
        return Record(id_, kind, parent, content, now, now)

    def get(self, account: str, kind: str, id_: int, parent: int | None = None) -> Record | None:
        """The record of this id, if it is of this kind (and belongs to `parent`)."""
        row = self._store.row(f"{_COLUMNS} AND kind = ? AND id = ?", account, kind, id_)
        record = None if row is None else _record(row)
        return record if record is not None and parent in (None, record.parent) else None

    def of(self, account: str, kind: str, parent: int) -> Record | None:
        """The only record of this kind that belongs to `parent`."""
        return next(iter(self.all(account, kind, parent)), None)

    def all(self, account: str, kind: str, parent: int = 0) -> list[Record]:
        """Oldest first."""
        rows = self._store.rows(f"{_COLUMNS} AND kind = ? AND parent = ? ORDER BY id", account, kind, parent)
        return [_record(row) for row in rows]

    def change(self, record: Record, content: Mapping[str, Any]) -> Record:
        """These fields anew; the others stay."""
        whole, now = {**record.content, **content}, self._clock.now()
        text = json.dumps(whole)
        self._store.write("UPDATE records SET content = ?, changed_at = ? WHERE id = ?", text, now, record.id)
        return Record(record.id, record.kind, record.parent, whole, record.made_at, now)

    def remove(self, record: Record, *belongings: str) -> None:
        """With what belongs to it, of these kinds."""
        self._store.write("DELETE FROM records WHERE id = ?", record.id)
        for kind in belongings:
            self._store.write("DELETE FROM records WHERE kind = ? AND parent = ?", kind, record.id)

    def show(self, account: str, numbers: Iterable[str]) -> None:
        """The account's search has found these: it may order them from now on."""
        now = self._clock.now()
        rows = [(account, number, now) for number in numbers]
        self._store.write_all("INSERT OR REPLACE INTO shown VALUES (?, ?, ?)", rows)

    def was_shown(self, account: str, number: str) -> bool:
        return self._store.row("SELECT 1 FROM shown WHERE account = ? AND number = ?", account, number) is not None


def _record(row: Row) -> Record:
    id_, kind, parent, content, made_at, changed_at = row
    return Record(id_, kind, parent, json.loads(content), made_at, changed_at)
