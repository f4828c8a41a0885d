"""The answers that schema 1 kept, as entries of the journal: a request of the last day is answered as before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apsw
import msgspec

from ringfleet.dispatch.ledger.types import Deferred, Picked

_encode = msgspec.msgpack.Encoder().encode
_OLD = "SELECT a.id, a.key, a.at, a.fingerprint, a.answer FROM answer AS a JOIN old_replay AS r ON r.answer = a.id"


def copy_answers(connection: apsw.Connection) -> None:
    """In the transaction of the migration. Ids go on after all that was given."""
    last = connection.execute(
        "SELECT max((SELECT ifnull(max(seq), 0) FROM journal), (SELECT ifnull(max(id), 0) FROM deferral))"
    ).get
    rows = list(_entries(connection, last))
    connection.executemany(
        "INSERT INTO journal (seq, set_id, kind, number, recipient, at, day, counted, once, detail) "
        "VALUES (?, 0, 0, 0, x'', ?, 0, 0, ?, ?)",
        [(seq, at, key, detail) for seq, key, at, detail in rows],
    )
    connection.executemany("INSERT INTO replay (key, seq) VALUES (?, ?)", [(key, seq) for seq, key, _, _ in rows])
    end = last + len(rows)
    if end:  # an entry without an effect: no id is given twice, also of deferrals, whose ids were counted apart
        end += 1
        connection.execute(
            "INSERT INTO journal (seq, set_id, kind, number, recipient, at, day, counted, detail) "
            "SELECT ?, 0, 0, 0, x'', ifnull(max(at), 0), 0, 0, x'80' FROM journal",
            (end,),
        )
    connection.execute("INSERT INTO progress (name, value) VALUES ('folded', ?)", (end,))
    connection.execute("DROP TABLE old_replay; DROP TABLE answer")


def _entries(connection: apsw.Connection, last: int) -> Iterator[tuple[int, bytes, float, bytes]]:
    for place, (_, key, at, fingerprint, answer) in enumerate(connection.execute(_OLD), 1):
        detail: dict[str, Any] = {"fingerprint": fingerprint}
        if answer[:1] == b"p":
            detail["picked"] = msgspec.msgpack.decode(answer[1:], type=Picked)
        else:
            detail["deferred"] = msgspec.msgpack.decode(answer[1:], type=Deferred)
        yield last + place, key, at, _encode(detail)
