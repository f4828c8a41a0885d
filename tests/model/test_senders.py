"""Who wrote, in the forms that carriers write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfleet.model import E164
from ringfleet.model.senders import read_sender

US, GB, MX, AR, BR, BJ, DE = (
    E164(number)
    for number in (
        "+14155550100", "+442079460000", "+525555500100", "+541155500100", "+551133334444", "+2290121300000",
        "+493012345678",
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "called", "sender"),
    [
        pytest.param("+14155550181", US, "+14155550181", id="E.164"),
        pytest.param("14155550181", US, "+14155550181", id="without its plus"),
        pytest.param("4155550181", US, "+14155550181", id="without its country code"),
        pytest.param("(415) 555-0182", US, "+14155550182", id="as people write it"),
        pytest.param("0014155550186", US, "+14155550186", id="as it is dialled in Europe"),
        pytest.param("01114155550186", US, "+14155550186", id="as it is dialled in America"),
        pytest.param("4365550123", US, "+14365550123", id="an area code that no plan knows yet"),
        pytest.param("whatsapp:+1 415 555 0181", US, "+14155550181", id="a message of an app"),
        pytest.param("447911123456", US, "+447911123456", id="of another country, without its plus"),
        pytest.param("07911 123456", GB, "+447911123456", id="with the trunk digit"),
        pytest.param("447911123456", GB, "+447911123456", id="British without its plus"),
        pytest.param("447700900123", GB, "+447700900123", id="British for drama without its plus"),
        pytest.param("+44 (0)7911 123456", GB, "+447911123456", id="with code and trunk digit"),
        pytest.param("14155550181", GB, "+14155550181", id="American to a British number"),
        pytest.param("14155550181", DE, "+14155550181", id="American to a German number, where it could be a long one"),
        pytest.param("+5215555500187", MX, "+525555500187", id="Mexico's old mobiles"),
        pytest.param("5215555500187", US, "+525555500187", id="the same to an American number"),
        pytest.param("15555500187", MX, "+525555500187", id="the same as it was written in Mexico"),
        pytest.param("0445555500187", MX, "+525555500187", id="the same as it was dialled in Mexico"),
        pytest.param("5491155500123", AR, "+5491155500123", id="Argentina's mobiles from abroad"),
        pytest.param("0111555500123", AR, "+5491155500123", id="the same as it is dialled there"),
        pytest.param("011985550123", BR, "+5511985550123", id="Brazil with the trunk digit"),
        pytest.param("+22990011234", BJ, "+2290190011234", id="Benin's old form"),
        pytest.param("90011234", BJ, "+2290190011234", id="the same as it was written in Benin"),
        pytest.param("\uff0b14155550181", US, "+14155550181", id="full-width"),
    ],
)
def test_a_sender_is_read_by_the_country_of_the_number_that_was_written_to(
    text: str, called: E164, sender: str
) -> None:
    assert read_sender(text, called) == sender


@pytest.mark.parametrize(
    ("text", "called"),
    [
        pytest.param("", US, id="withheld"),
        pytest.param("anonymous", US, id="in a word"),
        pytest.param("72345", US, id="a short code"),
        pytest.param("MYBANK", US, id="a name"),
        pytest.param("1800FLOWERS", US, id="a name that a telephone could dial"),
        pytest.param("5550123", US, id="without its area code"),
        pytest.param("+15550123", US, id="the same behind the country code"),
        pytest.param("1555500123", AR, id="a mobile of Buenos Aires without its area code"),
        pytest.param("+999123456789", US, id="of no country"),
    ],
)
def test_what_can_not_be_read_is_nobody(text: str, called: E164) -> None:
    assert read_sender(text, called) is None


@given(st.text(max_size=30), st.sampled_from([US, GB, MX, AR, BR, BJ, DE]))
def test_whatever_a_carrier_writes_is_a_number_or_none(text: str, called: E164) -> None:
    found = read_sender(text, called)
    assert found is None or E164.parse(found) == found


@given(st.text("0123456789+ ()-", max_size=18), st.sampled_from([US, GB, MX, AR, BR, BJ, DE]))
def test_a_number_that_was_read_is_read_again_as_itself(text: str, called: E164) -> None:
    found = read_sender(text, called)
    assert found is None or read_sender(found, called) == found
