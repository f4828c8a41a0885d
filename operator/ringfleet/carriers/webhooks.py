"""What a carrier tells us by itself: the protocol that adapters implement beside `Carrier`, for webhooks.

A reader is pure: a request in, a verdict or an event out; no clock, no I/O, no account. First `verify`, over the
request as it came, then `read`: nothing of it is believed, or even parsed, that nobody has signed. A reader gets the
whole request, because carriers differ in what they sign: the body, or the URL with the fields of a form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ringfleet.model.traffic import CarrierEvent

SIGNING_HEADERS = ("x-twilio-", "i-twilio-", "telnyx-")
"""What the headers begin with by which carriers sign: a program that checks signatures needs them."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One call of a webhook, as it came. In no repr: it tells of people, and holds signatures."""

    method: str
    """In upper case."""
    url: str = field(repr=False)
    """The whole URL that the carrier called, as the carrier knows it, with its query."""
    headers: Mapping[str, str] = field(repr=False)
    """By names in lower case."""
    body: bytes = field(repr=False)
    """Before anything decoded it."""
    received_at: float = field(default=0.0, repr=False)
    """When it came, in POSIX seconds: not every carrier says when a thing has happened."""


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
    """The carrier has signed it, but it does not read. The message names the field, never its value.

    `others`: what else the request has, and does read.
    """

    def __init__(self, message: str, others: tuple[CarrierEvent, ...] = ()) -> None:
        super().__init__(message)
        self.others = others


def only(event: CarrierEvent | None) -> tuple[CarrierEvent, ...]:
    """The events of a request that has one at most."""
    return () if event is None else (event,)


class WebhookReader(Protocol):
    """One carrier's webhooks."""

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: float) -> None:
        """Return when one of the `secrets` has signed this very request near `now`, in POSIX seconds.

        Raises:
            SignatureRefused: it is not to be believed.
        """
        ...

    def read(self, request: WebhookRequest) -> tuple[CarrierEvent, ...]:
        """Its events, those of a kind that does not concern us left out.

        Raises:
            MalformedEvent: it does not read.
        """
        ...
