"""Recipients as keyed hashes: HMAC-SHA-256 of the E.164 number, 16 bytes of it. There is no list that could leak.

One phone may be written in several ways (`model/spellings.py`): all are looked for, and one is written.

The keys come from files, one key each, mounted from a Secret; the newest is the one whose name sorts last, so a key is
rotated by adding `2027-01` beside `2026-11`. The older file stays: opt-outs are remembered for ever, and one under a
key that is gone is found by nobody. So opt-outs are written under every key, and a ledger knows by check values which
keys its rows are under: where one of them is missing nobody starts, and nobody picks. Files are read again when they
change; a change that takes a key away which the ledger knows is not taken in.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from ringfleet.dispatch.sealing import Sealer
from ringfleet.model import E164, IN_NORTH_AMERICA
from ringfleet.model.spellings import spellings

HASH_BYTES = 16
LEAST_KEY_BYTES = 16


class KeysMissing(Exception):
    """There is no key to hash recipients with, or one is too short. The message says which file and what to do."""


_CHECKED = b"which key is this?"
"""What no recipient is: the hash of it tells keys apart, and nothing of a key."""


class Hasher:
    """Hashes under every key, the newest first. `names`: of the keys, for people. `sealer`: the same keys, for numbers
    that have to be read again."""

    def __init__(self, keys: tuple[bytes, ...], names: tuple[str, ...] = ()) -> None:
        self._begun = tuple(_Begun(key) for key in keys)
        named = names or tuple(f"number {place}" for place in range(1, len(keys) + 1))
        self.sealer = Sealer(keys)
        self.checks = {begun.finish(_CHECKED): name for begun, name in zip(self._begun, named, strict=True)}

    def hashes(self, number: str) -> tuple[bytes, ...]:
        """Every hash by which the recipient may be known. The first is the one to write: of the canonical spelling,
        under the newest key; the same for every spelling of a phone. `number` is written as `is_recipient` has it."""
        return tuple(begun.finish(text.encode()) for text in spellings(E164(number)) for begun in self._begun)

    def oldest(self, number: str) -> bytes:
        """The hash of the number as it is written, which neither a newer key nor another spelling changes."""
        return self._begun[-1].finish(number.encode())

    def oldest_of(self, hashes: tuple[bytes, ...], number: str) -> bytes:
        """The same, where its `hashes` are known: it is among them."""
        return hashes[-1] if len(hashes) == len(self._begun) else self.oldest(number)


class _Begun:
    """HMAC-SHA-256 under one key, as RFC 2104 has it, as far as it is the same for all texts.

    Not by `hmac.digest`, which lets go of the interpreter: to get it back may take longer than all of a pick. Nor by
    `hmac.new`, whose layers take longer than the hashing.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = sha256().block_size
        whole = (sha256(key).digest() if len(key) > block else key).ljust(block, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in whole))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in whole))

    def finish(self, text: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()[:HASH_BYTES]


def is_recipient(text: str) -> bool:
    """Whether the text is a possible number in the one way that E.164 writes it. Any other way would have another hash,
    by which nobody knows of the recipient's opt-out."""
    return IN_NORTH_AMERICA.fullmatch(text) is not None or _is_canonical(text)


@lru_cache(maxsize=65536)
def _is_canonical(text: str) -> bool:
    try:
        return E164.parse(text) == text
    except ValueError:
        return False


def read_keys(folder: Path) -> Hasher:
    """Raises KeysMissing."""
    names = sorted((path for path in folder.glob("[!.]*") if path.is_file()), key=lambda path: path.name, reverse=True)
    keys = tuple(path.read_bytes().strip() for path in names)
    if not keys:
        raise KeysMissing(
            f"There is no key in {folder}: mount a Secret there with a key of at least {LEAST_KEY_BYTES} bytes, such "
            "as the output of `openssl rand -hex 32`."
        )
    for path, key in zip(names, keys, strict=True):
        if len(key) < LEAST_KEY_BYTES:
            raise KeysMissing(f"The key {path} has {len(key)} bytes; it must have at least {LEAST_KEY_BYTES}.")
    return Hasher(keys, tuple(path.name for path in names))


class KnowsKeys(Protocol):
    """A ledger, as far as its keys go."""

    async def meet_keys(self, checks: Mapping[bytes, str], remember: bool = True) -> tuple[str, ...]: ...


async def meet(ledger: KnowsKeys, hasher: Hasher, *, remember: bool = True) -> None:
    """Tell the ledger by which keys its recipients are hashed from now on.

    Raises:
        KeysMissing: it has rows under others.
    """
    if missing := await ledger.meet_keys(hasher.checks, remember):
        raise KeysMissing(
            f"The ledger has recipients under the key {', '.join(missing)}, and there is no such key: put it back into "
            "the folder of the keys. Without it nobody's opt-out under it would be found, so that nothing is picked."
        )


class Recipients:
    """The hasher of a folder, read again when the folder has changed; `refresh` looks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = self._look()
        self.hasher = read_keys(folder)

    async def refresh(self, ledger: KnowsKeys) -> None:
        """Take in changed keys. While they can't be read, or one is missing that the ledger knows, the old ones hold:
        KeysMissing is raised. Raises LedgerUnavailable too."""
        seen = self._look()
        if seen != self._seen:
            hasher = read_keys(self._folder)
            await meet(ledger, hasher)
            self.hasher, self._seen = hasher, seen

    def _look(self) -> tuple[tuple[str, int], ...]:
        return tuple(sorted((path.name, path.stat().st_mtime_ns) for path in self._folder.glob("[!.]*")))
