"""One decision as a row of the journal, and back.

A row says what is so after it and not only what has changed (the recipient's number and contacts, as they are then),
so reading it once more changes nothing. Counts of numbers are the exception: they are folded in one commit with the
mark of how far the journal is folded.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from typing import NamedTuple

import msgspec

from ringfleet.dispatch.ledger.tables import Row
from ringfleet.dispatch.ledger.types import Deferred, Picked


class Kind(IntEnum):
    """What was decided. The numbers are in every ledger."""

    ANSWER = 0  # what an older program has answered to a key; it has no effect
    PICK = 1
    DEFERRAL = 2
    GIVEN_BACK = 3


class State(IntEnum):
    """What became of a pick. The numbers are in every ledger."""

    MADE = 0
    GIVEN_BACK = 1
    IN_USE = 2


class Contact(NamedTuple):
    """What is remembered of a recipient."""

    number: int | None = None
    """The number that the recipient knows."""
    last: float = 0.0
    """The last contact of any kind."""
    recent: tuple[float, ...] = ()
    """The latest that counted, oldest first."""

    def row(self, set_id: int, recipient: bytes) -> Row:
        return set_id, recipient, self.number, int(self.last), pack_times((self.last, *self.recent))


NOBODY = Contact()


class Detail(msgspec.Struct, omit_defaults=True):
    """What is read again by a new owner, or when the same request comes again."""

    fingerprint: bytes = b""
    """The digest of the request."""
    picked: Picked | None = None
    deferred: Deferred | None = None
    """What was answered."""
    contact: tuple[int | None, float, tuple[float, ...]] | None = None
    """The recipient's row as it is now; None: it stays."""
    older: bytes | None = None
    """The recipient's older hash, whose row is the newest one's now."""
    redeems: int | None = None
    """The deferral whose room is used or given up."""
    pick: int | None = None
    """The pick that is given back."""


class Entry(NamedTuple):
    """A row of the journal."""

    seq: int
    set_id: int
    kind: int
    number: int
    recipient: bytes
    at: float
    day: int
    counted: int
    once: bytes | None
    detail: bytes

    @property
    def now(self) -> float:
        return self.at


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Detail).decode
_decode_json = msgspec.json.Decoder(Detail).decode


def write_detail(detail: Detail) -> bytes:
    return _encode(detail)


def read_detail(written: bytes) -> Detail:
    """Migrations write JSON."""
    return _decode_json(written) if written[:1] == b"{" else _decode(written)


@cache
def _doubles(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}d")


def pack_times(times: Sequence[float]) -> bytes:
    return _doubles(len(times)).pack(*times)


def unpack_times(packed: bytes) -> tuple[float, ...]:
    return _doubles(len(packed) // 8).unpack(packed)


def read_contact(number: int | None, times: bytes) -> Contact:
    told = unpack_times(times)
    return Contact(number or None, told[0], told[1:])
