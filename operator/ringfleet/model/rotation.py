"""The nouns of rotation: the words that a RotationSet is written with.

Beside `model/__init__.py`, under the same law: the standard library only. The API, the plans and the dispatcher share
them.
"""

from __future__ import annotations

from enum import StrEnum


class Channel(StrEnum):
    VOICE = "Voice"
    SMS = "SMS"


class LocalPresence(StrEnum):
    """How near to the recipient a number is looked for first."""

    NONE = "None"
    COUNTRY = "Country"
    REGION = "Region"
    AREA_CODE = "AreaCode"


class StickyMode(StrEnum):
    PREFER = "Prefer"
    STRICT = "Strict"
    NONE = "None"


class Attestation(StrEnum):
    """Of STIR/SHAKEN (ATIS-1000074). A: the caller is known and entitled to the number. B: known, not shown to be
    entitled. C: the call came through a gateway."""

    A = "A"
    B = "B"
    C = "C"
