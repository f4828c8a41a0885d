"""What a carrier tells us by itself: the protocol that adapters implement beside `Carrier`, for webhooks.

A reader is pure: bytes and headers in, a verdict or an event out; no clock, no I/O, no account. First `verify`, over
the body as it came, then `read`: nothing of a body is believed, or even parsed, that nobody has signed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from ringfleet.model.traffic import CarrierEvent


class Doubt(StrEnum):
    """Why a signature is not believed."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    STALE = "stale"  # too old, or from the future
    WRONG = "wrong"


class SignatureRefused(Exception):
    """Who sent this is not known. The message tells the sender what is wrong, and nothing that helps to forge it."""

    def __init__(self, doubt: Doubt, message: str) -> None:
        super().__init__(message)
        self.doubt = doubt


class MalformedEvent(Exception):
    """The carrier has signed it, but it does not read. The message names the field, never its value."""


class WebhookReader(Protocol):
    """One carrier's webhooks."""

    def verify(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: float) -> None:
        """Return when one of the `secrets` has signed this very body near `now`, in POSIX seconds. Names of headers are
        in lower case.

        Raises:
            SignatureRefused: it is not to be believed.
        """
        ...

    def read(self, body: bytes) -> CarrierEvent | None:
        """The event; None when it is of a kind that does not concern us.

        Raises:
            MalformedEvent: it does not read.
        """
        ...
