"""The answers that schema 4 kept, as entries of the journal: a request of the last day is answered as before."""

from __future__ import annotations

from typing import Any

import msgspec

from ringfleet.dispatch.ledger.keys import hash_key
from ringfleet.dispatch.ledger.types import Deferred, Picked

_encode = msgspec.msgpack.Encoder().encode
_KINDS: dict[str, Any] = {"Picked": Picked, "Deferred": Deferred}
_LAST = "SELECT greatest((SELECT coalesce(max(seq), 0) FROM journal), (SELECT coalesce(max(id), 0) FROM deferral))"


async def copy_answers(connection: Any) -> None:
    """In the transaction of the migration. Ids go on after all that was given."""
    last = int(await connection.fetchval(_LAST))
    entries: list[tuple[int, float, bytes | None, bytes]] = []
    replays: list[tuple[bytes, int]] = []
    async for set_, key, fingerprint, kind, answer, at in connection.cursor(
        "SELECT set_, key, fingerprint, kind, answer, at FROM old_replay WHERE kind IN ('Picked', 'Deferred')"
    ):
        last += 1
        told = msgspec.json.decode(answer, type=_KINDS[kind])
        entries.append((last, at, hash_key(set_, key), _encode({"fingerprint": fingerprint, kind.lower(): told})))
        replays.append((hash_key(set_, key), last))
    if last:  # an entry without an effect: no id is given twice, also of deferrals, whose ids were counted apart
        last += 1
        entries.append((last, max((at for _, at, *_ in entries), default=0.0), None, b"\x80"))
    await connection.copy_records_to_table(
        "journal",
        columns=["seq", "at", "once", "detail", "set_id", "kind", "number", "recipient", "day", "counted"],
        records=[(*entry, 0, 0, 0, b"", 0, 0) for entry in entries],
    )
    await connection.copy_records_to_table("replay", columns=["key", "seq"], records=replays)
    await connection.execute("INSERT INTO progress (name, value) VALUES ('folded', $1)", last)
    await connection.execute(
        "DROP TABLE old_replay; CREATE INDEX replay_age ON replay (seq); "
        "CREATE UNIQUE INDEX journal_once ON journal (once) WHERE once IS NOT NULL"
    )
