"""The address that emergency services are sent to when somebody calls them from a number (E911), and how it stands."""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass, field
from enum import StrEnum
from hashlib import sha256

_BEGINS = "911"
_WHOSE = 8
_WHICH = 18
"""Hexadecimal digits. All of a reference are 31 characters: a carrier may keep 32 of an emergency address's name."""
_PATTERN = re.compile(rf"{_BEGINS}\.([0-9a-z-]{{1,{_WHOSE}}})\.[0-9a-f]{{{_WHICH}}}")


@dataclass(frozen=True, slots=True)
class EmergencyAddress:
    """Where the people are who call from a number. All of it may be personal data: it is shown in no text."""

    name: str = field(repr=False)
    """The person or company that is found there."""
    street: str = field(repr=False)
    """House number and street."""
    city: str = field(repr=False)
    region: str = field(repr=False)
    """State or province; in the US and Canada its two letters. Empty: there is none."""
    postal_code: str = field(repr=False)
    country: str = field(repr=False)
    """ISO 3166-1 alpha-2."""
    extended: str = field(default="", repr=False)
    """Floor, suite or flat; empty: there is none."""


class EmergencyState(StrEnum):
    """Where a number stands with the emergency services, as its carrier says."""

    REGISTERED = "Registered"
    """The emergency services are told the number's address when it calls them."""
    PENDING = "Pending"
    """The carrier is registering the address."""
    REMOVING = "Removing"
    """The carrier is taking an address off the number."""
    FAILED = "Failed"
    """The carrier could not register the address, or not take it off."""
    UNREGISTERED = "Unregistered"
    """The number has no address."""


AT_WORK = frozenset({EmergencyState.PENDING, EmergencyState.REMOVING})
"""While the carrier has not finished."""


@dataclass(frozen=True, slots=True)
class EmergencyStanding:
    """What a carrier says of a number. `address`: its own id of the address that the number has; None: it has none."""

    state: EmergencyState
    address: str | None = None


NO_ADDRESS = EmergencyStanding(EmergencyState.UNREGISTERED)


@dataclass(frozen=True, slots=True)
class HeldAddress:
    """An address of the account that carries a reference: the carrier's own id of it, and what it is known by."""

    id: str
    reference: str


LONGEST_NAME = 32
"""Characters of the name that every carrier takes of an emergency address."""
_REGION = re.compile(r"[A-Z]{2}")
_POSTAL = {"US": re.compile(r"[0-9]{5}(-[0-9]{4})?"), "CA": re.compile(r"[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]")}
_WORDS = {"name": "name", "street": "street", "city": "city", "postal_code": "postalCode", "country": "country"}


def fault_of(address: EmergencyAddress) -> str | None:
    """What is missing or wrong in an address that no schema has seen, as the words of a sentence that quote nothing;
    None: nothing is."""
    if missing := [word for field_, word in _WORDS.items() if not getattr(address, field_)]:
        return f"it has no {missing[0]}"
    if len(address.name) > LONGEST_NAME:
        return f"name has more than {LONGEST_NAME} characters"
    if not _REGION.fullmatch(address.country):
        return "country is no ISO 3166-1 code of two letters, such as US"
    postal = _POSTAL.get(address.country)
    if postal and not _REGION.fullmatch(address.region):
        return "region is no state or province of two letters, such as CA"
    return "postalCode is none of the country, such as 94105 or K1A 0B1" if _is_amiss(postal, address) else None


def _is_amiss(postal: re.Pattern[str] | None, address: EmergencyAddress) -> bool:
    return postal is not None and not postal.fullmatch(address.postal_code)


def says_more(standing: EmergencyStanding, known: EmergencyStanding | None) -> bool:
    """Whether that is news. That a number has no address is none of one that never had any."""
    return standing != known and not (known is None and standing == NO_ADDRESS)


def address_reference(installation: str, owner: str, address: EmergencyAddress) -> str:
    """What an address is known by at a carrier: by whose it is, and by a digest of what it says.

    `owner`: the uid of the object that it is of. An address that is edited is another one, since a carrier's is never
    changed; two owners of one house have one each. The digest is salted by the uid, so that equal addresses do not
    show.
    """
    which = sha256("\0".join((owner, *astuple(address))).encode()).hexdigest()[:_WHICH]
    return f"{_BEGINS}.{_whose(installation)}.{which}"


def is_our_address(installation: str, reference: str | None) -> bool:
    """Whether an address of this reference was made by the installation."""
    found = _PATTERN.fullmatch(reference or "")
    return found is not None and found[1] == _whose(installation)


def _whose(installation: str) -> str:
    fits = re.fullmatch(rf"[0-9a-z-]{{1,{_WHOSE}}}", installation)
    return installation if fits else sha256(installation.encode()).hexdigest()[:_WHOSE]
