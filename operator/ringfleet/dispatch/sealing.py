"""Real numbers of participants at rest: AES-256-GCM, under keys derived from those that recipients are hashed by.

So there is one Secret, one way to rotate a key, and one check that none is missing which the ledger has rows under
(`recipients`). What is sealed says by which key (8 bytes, from which nothing of the key follows), and is bound to the
hash of who it is: a row that is copied to another person's can't be opened.
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION: Final = b"\1"
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"ringfleet: numbers of participants"


class Unopenable(Exception):
    """It was sealed by a key that is not there, or for somebody else, or was changed since."""


class Sealer:
    """Seals by the first of the keys, and opens by any."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        derived = [HKDF(SHA256(), _KEY_BYTES, None, _PURPOSE).derive(key) for key in keys]
        self._ciphers = {_id_of(key): AESGCM(key) for key in derived}
        self._newest = next(iter(self._ciphers))

    def seal(self, number: str, person: bytes) -> bytes:
        """The number of `person`, who is written as this hash."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + self._newest + nonce + self._ciphers[self._newest].encrypt(nonce, number.encode(), person)

    def open(self, sealed: bytes, person: bytes) -> str:
        """Raises Unopenable."""
        id_, nonce = sealed[1 : 1 + _ID_BYTES], sealed[1 + _ID_BYTES : 1 + _ID_BYTES + _NONCE_BYTES]
        cipher = self._ciphers.get(id_)
        if cipher is None or sealed[:1] != _VERSION:
            raise Unopenable("a participant's number is sealed by a key that is not there")
        try:
            return cipher.decrypt(nonce, sealed[1 + _ID_BYTES + _NONCE_BYTES :], person).decode()
        except InvalidTag as error:
            raise Unopenable("a participant's number was changed since it was sealed, or is somebody else's") from error


def _id_of(key: bytes) -> bytes:
    digest = Hash(SHA256())
    digest.update(b"which key is this?" + key)
    return digest.finalize()[:_ID_BYTES]
