"""The nouns of rotation: the words that a RotationSet is written with.

Beside `model/__init__.py`, under the same law: the standard library only. The API, the plans and the dispatcher share
them.
"""

from __future__ import annotations

from enum import StrEnum


class Channel(StrEnum):
    VOICE = "Voice"
    """The numbers are caller IDs."""
    SMS = "SMS"
    """The numbers are senders of text messages."""


class LocalPresence(StrEnum):
    """How near to the recipient a number is looked for first."""

    NONE = "None"
    """Any number of the set, also one of another country."""
    COUNTRY = "Country"
    """A number of the recipient's country."""
    REGION = "Region"
    """A number of the entry of spec.regions that serves the recipient; else one of the recipient's state or city."""
    AREA_CODE = "AreaCode"
    """A number of the recipient's area code."""


class StickyMode(StrEnum):
    PREFER = "Prefer"
    """The number that the recipient saw last, when it may be used now or within sticky.maxWait; else another one."""
    STRICT = "Strict"
    """The number that the recipient saw last, also one on its way out of the set. At a cap or at rest the contact is
    handled as overflow says, and in quarantine it is refused. A recipient without one, or whose number has left the
    set or is of another CarrierAccount than the contact, gets another number."""
    NONE = "None"
    """Any number, whatever the recipient saw before."""


class StickyScope(StrEnum):
    SET = "Set"
    """The number that the recipient saw last from this set."""
    BRAND = "Brand"
    """The number that the recipient saw last from any set of the namespace with this scope, the same channel and the
    same messaging.brand, and for SMS the same messaging.campaign too, as long as it is a number of one of them."""
    NAMESPACE = "Namespace"
    """The same whatever the brand is; for SMS it is the same as Brand, because a number sends for its campaign only."""


class Attestation(StrEnum):
    """Of STIR/SHAKEN (ATIS-1000074). A: the caller is known and entitled to the number. B: known, not shown to be
    entitled. C: the call came through a gateway."""

    A = "A"
    """The carrier vouches for the caller, and for the caller's right to the number."""
    B = "B"
    """The carrier vouches for the caller only."""
    C = "C"
    """The carrier vouches for neither: the call came in through a gateway."""
