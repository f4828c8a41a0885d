"""Chance that can be replayed: what the dice say depends on the seed and the subject, never on time or task order."""

from __future__ import annotations

from hashlib import blake2b

_MANTISSA_BITS = 53


def draw(seed: int, *subject: object) -> float:
    """A number in [0, 1), the same for the same seed and subject in every process."""
    text = "\x1f".join(str(part) for part in (seed, *subject))
    digest = blake2b(text.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> (64 - _MANTISSA_BITS)) / float(1 << _MANTISSA_BITS)
