"""What Twilio may say that nobody here can read: it hides nothing else, ends, and never leads our credentials away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from ringfleet.carriers.errors import ListingIncomplete, ReplyUnreadable, RequestRejected
from ringfleet.carriers.twilio.account import Twilio
from ringfleet.carriers.twilio.api import open_client
from ringfleet.carriers.twilio.targets import PROFILE_NOTE
from ringfleet.model import E164, ItemState, Mark, Money, NumberType, Offer, Price, Purchase
from tests.carriers.scripts import settings

SID = "AC" + "0" * 32
NUMBERS = f"/2010-04-01/Accounts/{SID}/IncomingPhoneNumbers.json"
APPLICATIONS = f"/2010-04-01/Accounts/{SID}/Applications.json"
PRICES = "/v1/PhoneNumbers/Countries/US"
MARK = Mark("inst-1", "shop", "us")
WANTED, OTHER = E164("+14155550100"), E164("+14155550101")
ROW = {"sid": "PN1", "phone_number": WANTED, "friendly_name": str(MARK)}
LOCAL = {"number_type": "local", "current_price": "1.00"}
SERVICE = "MG" + "0" * 32
ODD_TIMES = ("Fri, 31 Dec 9999 23:59:59 -1200", "2015-07-30T23:19:04Z", "yesterday")

Told = Mapping[str, Any]


def a_list(*rows: object, then: str | None = None) -> Told:
    return {"incoming_phone_numbers": list(rows), "next_page_uri": then}


def a_price_list(*rows: object) -> Told:
    return {"price_unit": "USD", "phone_number_prices": list(rows)}


class Wire(httpx.AsyncBaseTransport):
    """Answers a path by what is written for it, or by what it makes of the request; `asked` are the URLs."""

    def __init__(self, told: Mapping[str, Told | Callable[[httpx.Request], Told]]) -> None:
        self._told = {APPLICATIONS: {"applications": []}, PRICES: a_price_list(LOCAL), **told}
        self.asked: list[httpx.URL] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        told = self._told.get(request.url.path, {"meta": {}, "results": []})
        told = told(request) if callable(told) else told
        return httpx.Response(201 if request.method == "POST" else 200, json=told)


def twilio(wire: Wire) -> Twilio:
    account = settings(
        endpoint="https://{product}.carrier.test", credentials={"accountSid": SID, "authToken": "tok"}, lag=0.0
    )
    return Twilio(account, client=open_client(account, wire))


async def listed(carrier: Twilio) -> list[E164]:
    return [holding.number async for page in carrier.holdings() for holding in page]


@pytest.mark.parametrize("time", ODD_TIMES)
@pytest.mark.parametrize("field", ["date_created", "date_updated"])
async def test_a_number_with_a_time_that_is_none_hides_no_other(field: str, time: str) -> None:
    odd = {**ROW, "sid": "PN2", "phone_number": OTHER, field: time}
    (page,) = [page async for page in twilio(Wire({NUMBERS: a_list(odd, ROW)})).holdings()]
    assert [holding.number for holding in page] == [WANTED]
    assert [row.number for row in page.unreadable] == [OTHER]


@pytest.mark.parametrize("odd", [{**LOCAL, "current_price": 1.15}, {"number_type": None}, "none", {}])
async def test_a_price_that_can_not_be_read_hides_no_other_and_no_number(odd: object) -> None:
    wire = Wire({NUMBERS: a_list(ROW), PRICES: a_price_list(odd, LOCAL)})
    assert await listed(twilio(wire)) == [WANTED]


async def test_a_number_that_can_not_be_read_keeps_no_other_of_its_area_from_being_bought() -> None:
    odd = {**ROW, "sid": "PN2", "phone_number": OTHER, "date_created": "yesterday"}

    def numbers(request: httpx.Request) -> Told:
        return ROW if request.method == "POST" else a_list(odd)

    wire = Wire({NUMBERS: numbers})
    price = Price(Money.parse("1.00", "USD"), Money.zero("USD"))
    offers = tuple(Offer(number, "US", NumberType.GEOGRAPHIC, price) for number in (WANTED,))
    (outcome,) = await twilio(wire).buy(Purchase("k", offers, MARK))
    assert outcome.state is ItemState.PROVISIONED


async def test_a_number_that_can_not_be_read_and_is_the_wanted_one_is_not_bought_again() -> None:
    wire = Wire({NUMBERS: a_list({**ROW, "date_created": "yesterday"})})
    price = Price(Money.parse("1.00", "USD"), Money.zero("USD"))
    with pytest.raises(ReplyUnreadable):
        await twilio(wire).buy(Purchase("k", (Offer(WANTED, "US", NumberType.GEOGRAPHIC, price),), MARK))


@pytest.mark.parametrize("next_", [".evil.test/x", "@evil.test/x", "https:evil.test", "http://[", "/x\0y"])
async def test_a_next_page_never_leads_to_another_host(next_: str) -> None:
    wire = Wire({NUMBERS: a_list(ROW, then=next_)})
    with pytest.raises(ReplyUnreadable):
        await listed(twilio(wire))
    assert {url.host.removeprefix("api.").removeprefix("pricing.").removeprefix("trusthub.") for url in wire.asked} == {
        "carrier.test"
    }


async def test_a_next_page_at_another_host_is_asked_for_at_ours() -> None:
    wire = Wire({NUMBERS: a_list(ROW, then="https://evil.test/x?Page=2"), "/x": a_list()})
    assert await listed(twilio(wire)) == [WANTED]
    assert str(wire.asked[-1]) == "https://api.carrier.test/x?Page=2"


async def test_a_listing_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfleet.carriers.twilio.api.MOST_PAGES", 20)

    def numbers(request: httpx.Request) -> Told:
        return a_list(then=f"{NUMBERS}?Page={int(request.url.params.get('Page', 0)) + 1}")

    with pytest.raises(ListingIncomplete, match="never end"):
        await listed(twilio(Wire({NUMBERS: numbers})))


async def test_a_number_that_two_pages_show_is_told_once() -> None:
    def numbers(request: httpx.Request) -> Told:
        return a_list(ROW, then=None if "Page" in request.url.params else f"{NUMBERS}?Page=1")

    assert await listed(twilio(Wire({NUMBERS: numbers}))) == [WANTED]


# What is asked beside the numbers, and does not answer.


class Deaf(Wire):
    """Some of Twilio's hosts answer `status`: they are down, or closed to these credentials."""

    def __init__(self, *hosts: str, status: int = 503, told: Mapping[str, Told] | None = None) -> None:
        super().__init__({NUMBERS: a_list(ROW), **(told or {})})
        self.hosts, self.status = hosts, status

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host.partition(".")[0] not in self.hosts:
            return await super().handle_async_request(request)
        self.asked.append(request.url)
        return httpx.Response(self.status, json={})


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfleet.carriers.http.FIRST_PAUSE_S", 0.0)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("status", [503, 401, 403, 404])
async def test_numbers_are_listed_and_found_while_trusthub_is_down_and_nobody_says_that_they_are_unsigned(
    status: int,
) -> None:
    """A process that starts then has never seen how they are signed."""
    carrier = twilio(Deaf("trusthub", status=status))
    (page,) = [page async for page in carrier.holdings()]
    found = await carrier.find(WANTED)
    told = [(one.number, one.attestation, one.signing_asked) for one in (*page, found) if one]
    assert told == [(WANTED, None, False)] * 2


@pytest.mark.usefixtures("at_once")
async def test_numbers_are_listed_and_found_while_the_price_list_is_down() -> None:
    carrier = twilio(Deaf("pricing"))
    (page,) = [page async for page in carrier.holdings()]
    assert [(one.number, one.price) for one in (*page, await carrier.find(WANTED)) if one] == [(WANTED, None)] * 2
    assert not carrier.health.circuit_open


@pytest.mark.usefixtures("at_once")
async def test_numbers_follow_the_messaging_service_that_they_were_in_while_it_can_not_be_read() -> None:
    profile = {"sid": "AP1", "friendly_name": "p", "voice_url": f"{PROFILE_NOTE}messages={SERVICE}"}
    members = {"meta": {}, "phone_numbers": [{"sid": ROW["sid"]}]}
    told = {APPLICATIONS: {"applications": [profile]}, f"/v1/Services/{SERVICE}/PhoneNumbers": members}
    wire = Deaf(told=told)
    carrier = twilio(wire)
    for down in ((), ("messaging",)):
        wire.hosts = down
        (page,) = [page async for page in carrier.holdings()]
        assert [one.routing for one in page] == [f"-/{SERVICE}"]
    assert not carrier.health.circuit_open


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("status", [401, 403])
async def test_credentials_without_a_right_to_trusthub_are_no_wrong_credentials(status: int) -> None:
    """All that they do open goes on; only the number is not put into the trust product, and that is said."""
    account = settings(
        endpoint="https://{product}.carrier.test",
        credentials={"accountSid": SID, "authToken": "tok"},
        trust_product="BU1",
    )
    carrier = Twilio(account, client=open_client(account, Deaf("trusthub", status=status)))
    with pytest.raises(RequestRejected, match="right to TrustHub"):
        await carrier.attest(str(ROW["sid"]))
