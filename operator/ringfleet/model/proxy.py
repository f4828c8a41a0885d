"""The nouns of masked numbers: the words that a ProxyService is written with.

Beside `model/rotation.py`, under the same law: the standard library only. The API, the plans and the dispatcher share
them.
"""

from __future__ import annotations

from enum import StrEnum


class GeoLevel(StrEnum):
    """How near to a participant the proxy number is looked for first."""

    AREA_CODE = "AreaCode"
    """A number of the participant's area code."""
    REGION = "Region"
    """A number of the participant's state or city."""
    COUNTRY = "Country"
    """A number of the participant's country."""
    ANY = "Any"
    """Any number of the service, also one of another country."""


class NumberSelection(StrEnum):
    """Whether a participant is shown a number again that an earlier session of theirs had."""

    PREFER_STICKY = "PreferSticky"
    """The number of the participant's last session that is remembered, when it may be given; else the least loaded."""
    AVOID_STICKY = "AvoidSticky"
    """A number that none of the participant's sessions had which are remembered, as long as there is one."""


def geo_tiers(places: tuple[str, ...], level: GeoLevel, *, strict: bool) -> tuple[str, ...]:
    """Where numbers are looked for, the nearest first, for a participant at `places` (`Whereabouts.places`). Empty: a
    strict level that the participant's number has no place of. Only Any leaves the country."""
    kinds = _KINDS[level][:1] if strict else _KINDS[level]
    return tuple(place for kind in kinds for place in places if place.partition(":")[0] == kind)


_KINDS = {
    GeoLevel.AREA_CODE: ("a", "r", "c"),
    GeoLevel.REGION: ("r", "c"),
    GeoLevel.COUNTRY: ("c",),
    GeoLevel.ANY: ("",),
}
"""By level: what the places of its steps begin with, from the nearest outwards."""
