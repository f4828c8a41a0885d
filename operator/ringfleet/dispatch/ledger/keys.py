"""By what a request is found again, and by what no second effect of it is ever written."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from ringfleet.dispatch.ledger.interface import KEPT

_HASH = 16


@lru_cache(maxsize=1024)  # a group looks for what it decides on then
def hash_key(set_: str, key: str) -> bytes:
    """Of a set and the key of a request to it."""
    return blake2b(f"{set_} {key}".encode(), digest_size=_HASH).digest()


def once(key: bytes, now: float, before: int | None) -> bytes:
    """What an entry has that no other may have. The same key may come again after `KEPT` seconds, and earlier when its
    first answer, the entry `before`, is void."""
    again = b"" if before is None else before.to_bytes(8)
    return key + int(now // KEPT).to_bytes(4) + again


def key_of(once: bytes) -> bytes:
    """The hash that it begins with."""
    return once[:_HASH]
