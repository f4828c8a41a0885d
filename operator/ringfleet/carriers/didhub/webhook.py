"""DIDHub's webhooks. **All of it is ours**: what such an API would plausibly send, spoken by the sandbox carrier, and
to be checked when a real account is at hand.

    DIDHub-Signature: t=1767225600,v1=<HMAC-SHA256 of "<t>.<raw body>" under the account's secret, in hex>

    {"id": "evt_1", "type": "call.answered", "created_at": "2026-01-01T00:00:00Z", "data": {"call_id": "call_1",
        "number": "+14155550100", "peer": "+12125550100", "direction": "outbound", "pick_id": null}}

`number` is the account's. Messages have `message_id` and `text` instead; `number.labelled` has `label`. Up to four `v1`
may stand in one header, while the carrier changes its secret; several secrets may be given, while we do. The body is
hashed once a secret, however many codes there are: a stranger who sends thousands must not keep us busy.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from typing import Final

from ringfleet.carriers.errors import CarrierUnavailable
from ringfleet.carriers.json_fields import Fields
from ringfleet.carriers.webhooks import Doubt, MalformedEvent, SignatureRefused, WebhookRequest
from ringfleet.model.senders import read_sender
from ringfleet.model.traffic import CarrierEvent, Direction, Happening

HEADER: Final = "didhub-signature"
WINDOW: Final = 300.0
"""Seconds that a signature may be old, or ahead of us."""
MOST_CODES: Final = 4
_LONGEST_HEADER: Final = 1024
"""Characters; four codes and a time take less than half."""
_TIME: Final = re.compile(r"[0-9]{1,12}")
_MAC: Final = re.compile(r"[0-9a-f]{64}")
_DIRECTIONS: Final = {direction.value: direction for direction in Direction}
_HAPPENINGS: Final = {happening.value: happening for happening in Happening}
_OF_THE_NUMBER: Final = frozenset({Happening.NUMBER_LABELLED, Happening.NUMBER_CLEARED})


class DIDHubWebhook:
    """See `WebhookReader`."""

    def verify(self, request: WebhookRequest, secrets: Sequence[str], now: float) -> None:
        """The time is signed, so it is looked at last: who can't sign learns nothing of our clock."""
        signed_at, macs = _signature(request.headers.get(HEADER))
        message = signed_at.encode() + b"." + request.body
        if not _signed(message, macs, secrets):
            raise SignatureRefused(
                Doubt.WRONG,
                "The signature is not of this body by the account's secret: compare it on both sides.",
            )
        if abs(now - int(signed_at)) > WINDOW:
            raise SignatureRefused(
                Doubt.STALE, f"The signature is more than {WINDOW:.0f} seconds old, or from the future: sign it anew."
            )

    def read(self, request: WebhookRequest) -> tuple[CarrierEvent, ...]:
        try:
            event = Fields(json.loads(request.body), "event")
            happening = _HAPPENINGS.get(event.text("type"))
            return () if happening is None else (_event(event, happening),)
        except (ValueError, RecursionError) as error:
            raise MalformedEvent("the event is no JSON document in UTF-8") from error
        except CarrierUnavailable as error:
            raise MalformedEvent(str(error).removeprefix("the reply's ")) from error


def _signature(header: str | None) -> tuple[str, list[str]]:
    """The time and the codes. The time stays as it was written, since that is what is signed."""
    if header is None:
        raise SignatureRefused(Doubt.MISSING, "There is no DIDHub-Signature header.")
    if len(header) > _LONGEST_HEADER:
        raise SignatureRefused(Doubt.UNREADABLE, f"The DIDHub-Signature header is longer than {_LONGEST_HEADER}.")
    pairs = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in pairs if name == "t" and _TIME.fullmatch(value)]
    macs = [value for name, _, value in pairs if name == "v1" and _MAC.fullmatch(value)]
    if len(times) != 1 or not 1 <= len(macs) <= MOST_CODES:
        raise SignatureRefused(
            Doubt.UNREADABLE,
            f"The DIDHub-Signature header is not t=<seconds>,v1=<64 hexadecimal digits>, with {MOST_CODES} v1 at most.",
        )
    return times[0], macs


def _signed(message: bytes, macs: Sequence[str], secrets: Sequence[str]) -> bool:
    """Every pair is compared, in constant time: how long it takes does not tell which one nearly was right."""
    codes = [hmac.digest(secret.encode(), message, hashlib.sha256).hex() for secret in secrets if secret]  # not ""
    matches = [hmac.compare_digest(code, mac) for code in codes for mac in macs]
    return any(matches)


def _event(event: Fields, happening: Happening) -> CarrierEvent:
    data = event.inside("data")
    at = event.moment("created_at")
    number, id_ = data.number("number"), event.text("id")
    if happening in _OF_THE_NUMBER:
        return CarrierEvent(id_, happening, at, number, label=data.maybe_text("label"))
    return CarrierEvent(
        id=id_,
        happening=happening,
        at=at,
        number=number,
        subject=data.text("call_id" if happening.startswith("call.") else "message_id"),
        direction=data.choice("direction", _DIRECTIONS),
        peer=read_sender(data.maybe_text("peer") or "", number),
        text=data.maybe_text("text"),
        pick=data.maybe_text("pick_id"),
    )
