"""The tables of a ledger, alike in every store: their keys, their columns, and what a group of them is to change.

Numbers are their digits as integers; recipients are keyed hashes of 16 bytes; times are POSIX seconds; days are
ordinals in the set's zone; hours are counted from the epoch. A row is a tuple in the order of the columns.

A store knows these and nothing of what they mean: it finds rows by key and writes rows by key. What they mean is the
owner's (`owner/`), which decides by the law (`law/`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Row = tuple[Any, ...]
Key = tuple[Any, ...]


class Mode(Enum):
    """How a row is written."""

    PUT = "put"  # in place of the one with the same key
    ADD = "add"  # its numbers are added to those of the one with the same key
    APPEND = "append"  # there is none with the same key
    CHANGE = "change"  # where there is one with the same key


@dataclass(frozen=True, eq=False)
class Table:
    """One table, or a part of its columns."""

    name: str
    """Its name in the store."""
    key: tuple[str, ...]
    """The columns by which a row is written."""
    columns: Mapping[str, str]
    """Its columns with their types, in PostgreSQL's words."""
    mode: Mode = Mode.PUT
    """How its rows are written."""
    found_by: tuple[str, ...] = ()
    """The columns by which rows are found; empty: the key."""

    @property
    def looks_by(self) -> tuple[str, ...]:
        return self.found_by or self.key


_COUNTS = ("calls", "answered", "seconds", "messages", "delivered", "failed", "received", "replies")

SETS = Table("rotation_set", ("id",), {"id": "integer", "key": "text"}, Mode.APPEND)
ROSTERS = Table("roster", ("set_id",), {"set_id": "integer", "day": "integer", "terms": "bytea"})
"""Of which day a set's roster is, and the set's terms; NULL: an older program has written it."""
ROSTER_MEMBERS = Table(
    "roster_member", ("set_id", "number"), {"set_id": "integer", "number": "bigint", "entry": "bytea"}
)
"""Who is in a set's roster, and what each may do."""
SEATS = Table(
    "seat",
    ("set_id", "number"),
    {
        "set_id": "integer",
        "number": "bigint",
        "day": "integer",
        "used": "integer",
        "hour": "integer",
        "in_hour": "integer",
        "last": "double precision",
    },
)
"""The counts of numbers that are or were in a set, as of the entry of the journal that is folded last."""
CONTACTS = Table(
    "contact",
    ("set_id", "recipient"),
    {"set_id": "integer", "recipient": "bytea", "number": "bigint", "last": "bigint", "times": "bytea"},
)
"""A recipient's number. `times`: little-endian doubles, the last contact of any kind and then the latest that counted;
`last`: the same to the second, for forgetting."""
JOURNAL = Table(
    "journal",
    ("seq",),
    {
        "seq": "bigint",
        "set_id": "integer",
        "kind": "smallint",
        "number": "bigint",
        "recipient": "bytea",
        "at": "double precision",
        "day": "integer",
        "counted": "smallint",
        "once": "bytea",
        "detail": "bytea",
    },
    Mode.APPEND,
)
"""What was decided, in its order. `once`: see `keys.once`. What is not folded yet is read again by a new owner."""
OF_RECIPIENT = Table("journal", ("seq",), dict(JOURNAL.columns), found_by=("recipient",))
"""Entries by their recipient, which have no index: for one person's rights, and nothing that is in a hurry."""
NAMELESS = Table("journal", ("seq",), {"seq": "bigint", "recipient": "bytea", "detail": "bytea"}, Mode.CHANGE)
"""Of an entry what may name its recipient."""
STATES = Table("journal", ("seq",), {"seq": "bigint", "state": "smallint"}, Mode.CHANGE)
"""What became of a pick: 0 made, 1 given back, 2 told of by the carrier."""
REPLAYS = Table("replay", ("key",), {"key": "bytea", "seq": "bigint"})
"""Which entry answers a request, by a hash of its set and key."""
DEFERRALS = Table(
    "deferral",
    ("id",),
    {
        "id": "bigint",
        "set_id": "integer",
        "number": "bigint",
        "recipient": "bytea",
        "day": "integer",
        "not_before": "double precision",
        "since": "double precision",
        "used": "smallint",
        "lapses": "double precision",
        "key": "text",
    },
)
"""`used`: 0 it waits, 1 it has gone out, 2 it was given up. `lapses`: until when its room is kept."""
SUPPRESSIONS = Table(
    "suppression",
    ("recipient", "scope"),
    {
        "scope": "text",
        "recipient": "bytea",
        "since": "double precision",
        "reason": "text",
        "by_word": "boolean",
        "alias_of": "bytea",
    },
    found_by=("recipient",),
)
"""`alias_of`: the hash under which the same opt-out is listed; NULL: it is this one."""
HEARD = Table(
    "heard",
    ("recipient", "number"),
    {"recipient": "bytea", "number": "bigint", "at": "double precision"},
    found_by=("recipient",),
)
"""When a recipient last called or wrote to a number of ours."""
EVENTS = Table("event", ("account", "id"), {"account": "text", "id": "text", "at": "double precision"}, Mode.APPEND)
CALLS = Table(
    "call",
    ("account", "subject"),
    {
        "account": "text",
        "subject": "text",
        "number": "bigint",
        "started": "double precision",
        "answered": "double precision",
        "ended": "double precision",
    },
)
TRAFFIC = Table(
    "traffic",
    ("number", "hour"),
    {"number": "bigint", "hour": "bigint"} | dict.fromkeys(_COUNTS, "integer"),
    Mode.ADD,
)
LABELS = Table(
    "label",
    ("number", "account"),
    {
        "number": "bigint",
        "account": "text",
        "label": "text",
        "labelled": "double precision",
        "cleared": "double precision",
    },
)
UNCLEAR = Table(
    "unclear",
    ("set_key", "account", "event"),
    {
        "set_key": "text",
        "account": "text",
        "event": "text",
        "message": "text",
        "number": "bigint",
        "at": "double precision",
    },
)
"""Messages to a set that may ask to be left alone, by the carrier's ids, until a person has read them."""
HASH_KEYS = Table("hash_key", ("check_value",), {"check_value": "bytea", "name": "text"})
"""The keys that recipients are hashed by, or were: how one is told from another, and its name for people."""
SHARED_USE = Table("shared_use", ("name", "at"), {"name": "text", "at": "bigint", "used": "bigint"})
"""What is used of a limit that sets share, from the hour or minute on that begins then."""
"""What an account was told of a number while it owned it. `account`: empty in what an older program has written."""
ACTIVITY = Table(
    "activity", ("number", "account"), {"number": "bigint", "account": "text", "first": "bigint", "last": "bigint"}
)
"""The first and the last hour in which an account has told of a call or message of a number."""
PROGRESS = Table("progress", ("name",), {"name": "text", "value": "bigint"})
"""How far the owner has come: `folded`, the last entry of the journal that is in the other tables; `wishes`, the last
wish."""

OUTBOX = Table(
    "outbox",
    ("id",),
    {"id": "bigint", "at": "double precision", "entry": "bytea", "target": "text", "recipient": "bytea"},
    Mode.APPEND,
)
"""What carriers have told, and somebody else is to be told: until it was. `target`: the URL; empty: the analytics'.
`recipient`: whose words these are; empty: nobody's."""
LETTERS = Table(
    "outbox",
    ("id",),
    {"id": "bigint", "at": "double precision", "target": "text", "recipient": "bytea"},
    found_by=("recipient",),
)
"""What waits in the outbox of a recipient's words: found, never written."""
INBOX = Table("inbox", ("id",), {"id": "bigint", "entry": "bytea"}, Mode.APPEND)
"""What another process than the owner has taken in, and no pick depends on."""

SESSIONS = Table(
    "proxy_session",
    ("id",),
    {
        "id": "bytea",
        "service": "text",
        "name": "text",
        "state": "smallint",
        "created": "double precision",
        "last": "double precision",
        "ended": "double precision",
        "interactions": "bigint",
        "terms": "bytea",
    },
)
"""Masked sessions, open and remembered. `terms`: when it ends and how long it is remembered, as JSON."""
LEGS = Table(
    "proxy_leg",
    ("session", "place"),
    {
        "session": "bytea",
        "place": "smallint",
        "person": "bytea",
        "number": "bigint",
        "account": "text",
        "geo": "text",
        "sealed": "bytea",
        "joined": "double precision",
        "open": "smallint",
        "rests": "double precision",
    },
    Mode.APPEND,
)
"""Their participants. A unique index keeps any two that are open from being of one person under one number. `rests`:
until when the number is not given to the person again; NULL while the session is open."""
LEG_ENDS = Table(
    "proxy_leg",
    ("session", "place"),
    {"session": "bytea", "place": "smallint", "open": "smallint", "rests": "double precision"},
    Mode.CHANGE,
)
"""What becomes of a participant when the session ends."""
INTERACTIONS = Table(
    "proxy_interaction",
    ("id",),
    {"id": "bytea", "session": "bytea", "at": "double precision", "place": "smallint", "channel": "text"},
    Mode.APPEND,
)
"""Calls and messages in sessions, by what the carrier knows them; `place`: of the participant who called or wrote."""
SESSION_REPLAYS = Table(
    "proxy_replay",
    ("key",),
    {"key": "bytea", "at": "double precision", "fingerprint": "bytea", "answer": "bytea"},
)
"""What was answered to a request about sessions, by a hash of its service and key."""

ANSWERS = Table("answers", ("key",), {"key": "bytea"} | dict(JOURNAL.columns) | {"state": "smallint"})
"""Entries with the key that they answer: found, never written. `replay` and `journal` together."""
PICKS = Table("journal", ("seq",), dict(JOURNAL.columns) | {"state": "smallint"})
"""Entries with what became of them: found, never written."""

Wanted = dict[Table, set[Key]]
"""Which rows are looked for, by the table's `looks_by`."""
Found = Mapping[Table, Collection[Row]]


@dataclass(slots=True)
class Changes:
    """What one group writes, all of it or nothing."""

    rows: dict[Table, dict[Key, Row]] = field(default_factory=dict)
    drops: dict[Table, set[Key]] = field(default_factory=dict)

    def put(self, table: Table, key: Key, row: Row) -> None:
        """Write the row. It is the last word of this group about the key."""
        self.rows.setdefault(table, {})[key] = row
        if table in self.drops:
            self.drops[table].discard(key)

    def drop(self, table: Table, key: Key) -> None:
        """The row with the key goes."""
        self.rows.get(table, {}).pop(key, None)
        self.drops.setdefault(table, set()).add(key)

    def __bool__(self) -> bool:
        return any(self.rows.values()) or any(self.drops.values())
