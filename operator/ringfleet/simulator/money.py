"""Amounts: whole cents inside, decimal strings such as `1.99` on the wire. Never a float.

The exchange quotes the same figures in every currency; an account pays in its own.
"""

from __future__ import annotations

import re

_AMOUNT = re.compile(r"(\d{1,12})(?:\.(\d{1,2}))?")


def parse_cents(text: str) -> int:
    """Raises ValueError when `text` is not a decimal string with at most two places."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an amount such as 1.99")
    whole, fraction = match.groups(default="0")
    return int(whole) * 100 + int(fraction.ljust(2, "0"))


def format_cents(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
