"""The emergency address of a RoutingProfile or a NumberClaim, as it is written, and as a Secret holds it. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ringfleet.model.emergency import EmergencyAddress, fault_of

_KEYS = ("name", "street", "city", "region", "postalCode", "country", "extended")
"""The words of the fields, in the order in which `EmergencyAddress` has them."""


@dataclass(frozen=True, slots=True)
class SaidAddress:
    """What an object says: the address itself, or the Secret of its namespace that holds it."""

    address: EmergencyAddress | None = field(default=None, repr=False)
    secret: str | None = None


def said_address(said: Mapping[str, Any] | None) -> SaidAddress | None:
    """`spec.emergencyAddress` as JSON; None: there is none."""
    if not said:
        return None
    if ref := said.get("secretRef"):
        return SaidAddress(secret=ref["name"])
    return SaidAddress(EmergencyAddress(*(said.get(key, "") for key in _KEYS)))


def address_in(secret: Mapping[str, Any] | None, place: str) -> EmergencyAddress | str:
    """The address that a Secret holds; or why it holds none, as a sentence which names places, and never what is there.
    `place`: its `namespace/name`; `secret` None: it does not exist."""
    if secret is None:
        return f"Secret {place}, which is to hold the emergency address, does not exist: create it."
    try:
        values = {key: _text(value) for key, value in (secret.get("data") or {}).items() if key in _KEYS}
    except (binascii.Error, UnicodeDecodeError):
        return f"Secret {place} holds no emergency address that can be set: it is no UTF-8 text."
    address = EmergencyAddress(*(values.get(key, "") for key in _KEYS))
    fault = fault_of(address)
    return f"Secret {place} holds no emergency address that can be set: {fault}." if fault else address


def _text(value: str) -> str:
    return base64.b64decode(value, validate=True).decode().strip()
