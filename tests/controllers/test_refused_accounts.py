"""What a user has set up wrong at Twilio or Telnyx is said in the carrier's words, loses nothing, and is no storm.

The real adapters on the sandbox's faces, for half a virtual hour each. Codes and sentences are those of the carriers'
error lists; the sandbox has no such accounts, so that a `Refusal` speaks for them.
"""

from __future__ import annotations

import asyncio

import httpx
import pytest

from ringfleet.kube.transport import Json
from tests.controllers.rig import a_pool, a_profile, in_virtual_time
from tests.controllers.wired import CARRIER, TOKEN, Refusal, Wired, a_wired_rig

HALF_AN_HOUR_S = 1800
MOST_CALLS = 200
"""In half an hour of trying: an order each few minutes, the account's own looks, and a listing now and then."""
MOST_LOOKS = 5
"""The same of an account that turns everything away."""


def twilio(status: int, code: int, message: str) -> tuple[int, Json]:
    return status, {"code": code, "message": message, "more_info": "", "status": status}


def telnyx(status: int, code: str, title: str) -> tuple[int, Json]:
    return status, {"errors": [{"code": code, "title": title, "detail": "See the portal."}]}


BUYING = {"Twilio": ("POST", "/IncomingPhoneNumbers.json"), "Telnyx": ("POST", "/number_orders")}
SEARCHING = {"Twilio": ("GET", "/AvailablePhoneNumbers/"), "Telnyx": ("GET", "/available_phone_numbers")}
WHAT_TO_DO = {
    "CredentialsRejected": "Put valid credentials into Secret token",
    "AccountRestricted": "see in its console whether the account is suspended",
}
ANYTHING = dict.fromkeys(BUYING, ("", ""))


async def half_an_hour_with(wired: Wired) -> None:
    async with wired.rig.running():
        await asyncio.sleep(HALF_AN_HOUR_S)
    assert wired.sold() == []


async def said(wired: Wired, kind: str, name: str) -> tuple[str, str]:
    """Reason and message of the object's Ready, which is not so."""
    (ready,) = [one for one in (await wired.rig.status(kind, name))["conditions"] if one["type"] == "Ready"]
    assert ready["status"] == "False"
    return ready["reason"], ready["message"]


@pytest.mark.parametrize(
    ("provider", "answer", "reason", "words"),
    [
        ("Twilio", twilio(401, 20003, "Authenticate"), "CredentialsRejected", "20003: Authenticate"),
        ("Twilio", twilio(403, 20403, "Forbidden"), "AccountRestricted", "20403: Forbidden"),
        ("Twilio", twilio(400, 20005, "Not active"), "AccountRestricted", "20005: Not active"),
        ("Twilio", twilio(401, 20005, "Not active"), "AccountRestricted", "20005: Not active"),
        ("Telnyx", telnyx(401, "10009", "Who?"), "CredentialsRejected", "10009: Who?"),
        ("Telnyx", telnyx(403, "10010", "Not allowed"), "AccountRestricted", "10010: Not allowed"),
    ],
)
@in_virtual_time
async def test_an_account_that_is_turned_away_says_whether_its_secret_or_the_account_itself_is_wrong(
    provider: str, answer: tuple[int, Json], reason: str, words: str
) -> None:
    async with a_wired_rig(provider, a_pool()) as wired:
        wired.wire.refusals = (Refusal(*ANYTHING[provider], *answer),)
        await half_an_hour_with(wired)
        for kind, name in (("CarrierAccount", "main"), ("NumberPool", "west")):
            told, message = await said(wired, kind, name)
            assert told == reason
            assert words in message
            assert WHAT_TO_DO[reason] in message
        assert await wired.rig.names("NumberOrder") == []
        assert len(wired.wire.calls) <= MOST_LOOKS


@pytest.mark.parametrize(
    ("provider", "where", "answer", "words"),
    [
        ("Twilio", BUYING, twilio(400, 10002, "Trial accounts do not support it"), "10002: Trial accounts"),
        ("Twilio", BUYING, twilio(403, 10002, "Trial accounts do not support it"), "10002: Trial accounts"),
        ("Twilio", BUYING, twilio(400, 21631, "Phone Number Requires an Address"), "21631: Phone Number Requires"),
        ("Twilio", SEARCHING, twilio(404, 20404, "Not found"), "20404: Not found"),
        ("Telnyx", BUYING, telnyx(403, "10038", "Not at this level"), "10038: Not at this level"),
        ("Telnyx", BUYING, telnyx(422, "10015", "An address is required"), "10015: An address is required"),
        ("Telnyx", SEARCHING, telnyx(400, "10015", "No such country"), "10015: No such country"),
        ("Telnyx", SEARCHING, telnyx(403, "10010", "Not this country"), "10010: Not this country"),
    ],
)
@in_virtual_time
async def test_an_order_that_the_carrier_refuses_ends_with_its_words_and_the_pool_says_them(
    provider: str, where: dict[str, tuple[str, str]], answer: tuple[int, Json], words: str
) -> None:
    async with a_wired_rig(provider, a_pool()) as wired:
        wired.wire.refusals = (Refusal(*where[provider], *answer),)
        await half_an_hour_with(wired)
        reason, message = await said(wired, "NumberPool", "west")
        assert reason == "OrderRefused"
        assert words in message
        assert "Mend that in the carrier's console" in message
        order, *_ = await wired.rig.names("NumberOrder")
        assert await said(wired, "NumberOrder", order) == (reason, message)
        assert len(wired.wire.calls) <= MOST_CALLS


@in_virtual_time
async def test_an_account_without_a_right_to_campaigns_goes_on_and_says_what_its_numbers_miss() -> None:
    """It buys and routes; a campaign that a profile names is no matter of the whole account."""
    async with a_wired_rig("Telnyx", a_pool(routingProfileRef={"name": "sip"})) as wired:
        async with httpx.AsyncClient(transport=wired.wire, base_url=CARRIER) as other_program:
            form = {"name": "news", "whitelisted_destinations": ["US"]}
            key = {"Authorization": f"Bearer {TOKEN}"}
            made = await other_program.post("/telnyx/v2/messaging_profiles", json=form, headers=key)
        service = {"id": made.json()["data"]["id"], "campaign": "CM1"}
        await wired.rig.create(a_profile(messaging={"service": service}))
        wired.wire.refusals = (Refusal("", "/10dlc/", *telnyx(403, "10010", "No right to 10DLC")),)
        async with wired.rig.running():
            await asyncio.sleep(HALF_AN_HOUR_S)
        assert any("/10dlc/" in call for call in wired.wire.calls)
        assert await wired.rig.says("CarrierAccount", "main") == "True Reachable"
        assert await wired.rig.says("NumberPool", "west") == "True AtTarget"
        told = (await wired.rig.status("CarrierAccount", "main"))["conditions"]
        (refused,) = [one["message"] for one in told if one["type"] == "SweepRefused"]
        assert "give the API key the right to 10DLC campaigns" in refused


@in_virtual_time
async def test_a_key_without_a_right_to_what_a_profile_needs_is_said_on_the_profile() -> None:
    """The account answers to all else, so that to wait for its answer would be to wait for ever."""
    async with a_wired_rig("Twilio", a_profile(), a_pool(routingProfileRef={"name": "sip"})) as wired:
        wired.wire.refusals = (Refusal("", "/twilio/trunking/", *twilio(403, 20403, "Forbidden")),)
        async with wired.rig.running():
            await asyncio.sleep(HALF_AN_HOUR_S)
        assert await wired.rig.says("CarrierAccount", "main") == "True Reachable"
        reason, message = await said(wired, "RoutingProfile", "sip")
        assert reason == "ProfileRefused"
        assert "/v1/Trunks was answered 403" in message
        assert len(wired.wire.calls) <= MOST_CALLS


@in_virtual_time
async def test_a_carrier_that_can_not_be_asked_whether_it_wants_documents_is_quoted() -> None:
    """Nobody could act on "it is not known yet" for as long as its compliance API is down."""
    async with a_wired_rig("Twilio", a_pool()) as wired:
        wired.wire.refusals = (Refusal("GET", "/twilio/numbers/", *twilio(503, 20503, "Down")),)
        await half_an_hour_with(wired)
        reason, message = await said(wired, "NumberPool", "west")
        assert reason == "ReadingRequirements"
        assert "was answered 503" in message
        assert "requireApprovedBundle" in message


@pytest.mark.parametrize("provider", ["Twilio", "Telnyx"])
@in_virtual_time
async def test_an_account_without_money_buys_nothing_and_asks_for_some(provider: str) -> None:
    async with a_wired_rig(provider, a_pool(), balance=10) as wired:
        await half_an_hour_with(wired)
        reason, message = await said(wired, "NumberPool", "west")
        assert reason == "InsufficientFunds"
        assert {"Twilio": "20005: ", "Telnyx": "20100: "}[provider] in message
        assert "Add money to the account" in message
        assert len(wired.wire.calls) <= MOST_CALLS


@pytest.mark.parametrize(
    ("provider", "refusal"),
    [("Twilio", twilio(403, 20403, "Forbidden")), ("Telnyx", telnyx(403, "10010", "Not allowed"))],
)
@in_virtual_time
async def test_an_account_that_is_opened_again_fills_its_pool_by_itself(
    provider: str, refusal: tuple[int, Json]
) -> None:
    async with a_wired_rig(provider, a_pool()) as wired:
        wired.wire.refusals = (Refusal(*ANYTHING[provider], *refusal),)
        await half_an_hour_with(wired)
        wired.wire.refusals = ()
        async with wired.rig.running():
            await asyncio.sleep(HALF_AN_HOUR_S)
        assert len(wired.sold()) == 2
        assert sorted(number.lstrip("+") for number in wired.sold()) == await wired.rig.names("PhoneNumber")
