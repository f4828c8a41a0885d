"""What an emergency address is known by at a carrier, and what is wrong with one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model.emergency import (
    NO_ADDRESS,
    EmergencyAddress,
    EmergencyStanding,
    EmergencyState,
    address_reference,
    fault_of,
    is_our_address,
    says_more,
)

DESK = EmergencyAddress("Example Inc.", "645 Harrison St", "San Francisco", "CA", "94105", "US", "Suite 2")
LONGEST_AT_TWILIO = 32


@given(st.text(min_size=1), st.uuids().map(str), st.text())
def test_a_reference_fits_every_carrier_is_known_as_ours_and_tells_nothing(
    installation: str, uid: str, street: str
) -> None:
    reference = address_reference(installation, uid, replace(DESK, street=street))
    assert len(reference) <= LONGEST_AT_TWILIO
    assert is_our_address(installation, reference)


def test_a_reference_is_of_one_owner_and_one_content() -> None:
    known = {
        address_reference(installation, uid, address)
        for installation in ("0a1b2c3d", "99999999")
        for uid in ("uid-1", "uid-2")
        for address in (DESK, replace(DESK, extended=""), replace(DESK, street="645 Harrison St Suite 2", extended=""))
    }
    assert len(known) == 12
    assert address_reference("0a1b2c3d", "uid-1", DESK) == address_reference("0a1b2c3d", "uid-1", replace(DESK))


@pytest.mark.parametrize(
    "name", [None, "", "front desk", "911.99999999.0123456789abcdef01", "911.0a1b2c3d.short", "0a1b2c3d.uid.party"]
)
def test_what_others_have_made_is_not_ours(name: str | None) -> None:
    assert not is_our_address("0a1b2c3d", name)


def test_an_address_shows_nothing_of_itself() -> None:
    assert repr(DESK) == "EmergencyAddress()"


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"street": ""}, "it has no street"),
        ({"postal_code": ""}, "it has no postalCode"),
        ({"name": "x" * 33}, "name has more than 32 characters"),
        ({"country": "USA"}, "country is no ISO 3166-1 code of two letters, such as US"),
        ({"region": "California"}, "region is no state or province of two letters, such as CA"),
        ({"postal_code": "9410"}, "postalCode is none of the country, such as 94105 or K1A 0B1"),
        ({"country": "CA", "region": "ON", "postal_code": "K1A 0B1"}, None),
        ({"country": "CA", "region": "ON"}, "postalCode is none of the country, such as 94105 or K1A 0B1"),
        ({"country": "GB", "region": "", "postal_code": "EC1A 1BB"}, None),
    ],
)
def test_what_is_wrong_with_an_address_is_told_without_quoting_it(changes: dict[str, str], fault: str | None) -> None:
    assert fault_of(replace(DESK, **changes)) == fault


def test_that_a_number_has_no_address_is_no_news_of_one_that_never_had_any() -> None:
    registered = EmergencyStanding(EmergencyState.REGISTERED, "AD1")
    assert [says_more(NO_ADDRESS, None), says_more(registered, None), says_more(NO_ADDRESS, registered)] == [
        False,
        True,
        True,
    ]
