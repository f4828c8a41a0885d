"""Twilio: the conformance suite, and what only Twilio has: no cart, no key, no second page of a search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from ringfleet.carriers.breaker import THRESHOLD
from ringfleet.carriers.errors import (
    AccountRestricted,
    CarrierError,
    CarrierUnavailable,
    CredentialsRejected,
    NotHeld,
    OutcomeUnknown,
    RequestRejected,
    Throttled,
)
from ringfleet.carriers.short_marks import ShortMarks
from ringfleet.carriers.twilio import api
from ringfleet.carriers.twilio.account import Twilio
from ringfleet.carriers.twilio.api import Api, open_client
from ringfleet.carriers.twilio.purchase import Purchases
from ringfleet.carriers.twilio.signing import SHAKEN_POLICY, Signed, Signing
from ringfleet.model import (
    E164,
    HeldRouting,
    HoldingStatus,
    ItemState,
    Mark,
    Money,
    NumberType,
    Offer,
    Price,
    Purchase,
    Query,
    Routing,
)
from ringfleet.model.failures import FailureReason
from tests.carriers.conformance import REPLY_LOST, ROUTING, CarrierConformance
from tests.carriers.customer import MARK, US_415, Customer, numbers
from tests.carriers.scripts import Script, settings

PROVIDER = "Twilio"
TWILIO = {"accountSid": "AC" + "0" * 32, "authToken": "tok"}


class TestTwilio(CarrierConformance):
    provider = PROVIDER
    its_own_failure = FailureReason.NUMBER_TAKEN  # one code for whatever can't be sold
    counted = False
    gone_profile = f"TK{'0' * 32}/-"
    changed = replace(ROUTING, sip_targets=ROUTING.sip_targets[:1])
    whole = (
        replace(ROUTING, messaging_webhook="https://example.com/sms?a=1&b=2"),
        Routing("inst-1.b", "shop/b", voice_webhook="https://example.com/voice"),
    )

    async def test_the_listing_goes_through_all_pages(
        self, customer: Customer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api, "LONGEST_PAGE", 40)
        bought = await self.by_hand(customer, 101)
        assert {holding.number for holding in await customer.listed()} == bought

    async def test_a_number_that_is_not_active_yet_can_be_marked_but_not_routed(self, customer: Customer) -> None:
        """For a moment Twilio does not know a number at all that it has just sold, although it lists it."""
        customer.sandbox.set_faults({"fault": "slow_activation", "seconds": 3600})
        id_ = (await customer.carrier.buy(await customer.purchase("k", 1)))[0].external_id
        assert id_
        with pytest.raises(NotHeld):
            await customer.carrier.route(id_, await customer.carrier.ensure_routing(ROUTING))
        with pytest.raises(NotHeld):
            await customer.carrier.mark(id_, replace(MARK, pool="other"))
        assert [(holding.status, holding.mark) for holding in await customer.listed()] == [(HoldingStatus.ACTIVE, MARK)]

    async def test_how_a_numbers_calls_are_signed_is_told(self, customer: Customer) -> None:
        """By its place in an approved SHAKEN trust product: of a number in none, nothing is known."""
        outcomes = await customer.carrier.buy(await customer.purchase("k", 2))
        product = a_trust_product(Program(customer))
        async with customer.another(trust_product=product) as carrier:
            assert await carrier.attest(outcomes[0].external_id or "") == "A"
            assert await carrier.attest(outcomes[0].external_id or "") == "A"
        assert [holding.attestation for holding in await customer.listed()] == ["A", None]
        found = [await customer.carrier.find(outcome.number) for outcome in outcomes]
        assert [holding.attestation for holding in found if holding] == ["A", None]


# Another program that uses the same account.


class Program:
    """It calls Twilio as it likes, and knows nothing of us."""

    def __init__(self, customer: Customer) -> None:
        self._customer = customer
        self.sid = customer.settings.credentials["accountSid"]

    def call(self, method: str, product: str, path: str, **form: str) -> dict[str, Any]:
        reply = httpx.request(
            method,
            f"{self._customer.sandbox.url}/twilio/{product}{path.format(account=f'/2010-04-01/Accounts/{self.sid}')}",
            data=form,
            auth=(self.sid, self._customer.token),
            timeout=60,
            trust_env=False,
        )
        assert reply.is_success, reply.text
        return dict(reply.json()) if reply.content else {}

    def buy(self, number: E164, **form: str) -> dict[str, Any]:
        return self.call("POST", "api", "{account}/IncomingPhoneNumbers.json", PhoneNumber=number, **form)

    def number(self, sid: str) -> dict[str, Any]:
        return self.call("GET", "api", f"{{account}}/IncomingPhoneNumbers/{sid}.json")

    def change(self, sid: str, **form: str) -> dict[str, Any]:
        return self.call("POST", "api", f"{{account}}/IncomingPhoneNumbers/{sid}.json", **form)


def a_trust_product(program: Program, status: str = "pending-review", policy: str = SHAKEN_POLICY) -> str:
    """A trust product on a business profile, approved as soon as it is handed in; its SID."""
    hub, form = "trusthub", {"FriendlyName": "shop", "Email": "a@example.com"}
    profile = program.call("POST", hub, "/v1/CustomerProfiles", **form, PolicySid="RN" + "0" * 32)["sid"]
    product = str(program.call("POST", hub, "/v1/TrustProducts", **form, PolicySid=policy)["sid"])
    program.call("POST", hub, f"/v1/TrustProducts/{product}/EntityAssignments", ObjectSid=profile)
    program.call("POST", hub, f"/v1/TrustProducts/{product}", Status=status)
    return product


SUPPORT = {"FriendlyName": "support hotline", "VoiceUrl": "https://example.com/support"}


# Searching.


async def test_a_search_that_thirty_rows_answer_is_one_call_and_one_for_the_prices(customer: Customer) -> None:
    await customer.carrier.search(US_415, 30)
    await customer.carrier.search(US_415, 30)
    assert customer.sandbox.calls() == {"prices": 1, "search": 2}


async def test_where_no_area_code_is_asked_for_the_whole_country_is_divided_too(customer: Customer) -> None:
    catalog = await customer.carrier.search(Query("US", NumberType.TOLL_FREE), 100)
    assert len({offer.number for offer in catalog.offers}) >= 100


async def test_an_area_code_abroad_is_looked_for_by_the_first_digits(customer: Customer) -> None:
    catalog = await customer.carrier.search(Query("AU", NumberType.GEOGRAPHIC, "2"), 5)
    assert len(catalog.offers) >= 5
    assert {(offer.number[:4], offer.area_code) for offer in catalog.offers} == {("+612", "2")}


async def test_a_country_where_nothing_is_sold_is_said(customer: Customer) -> None:
    with pytest.raises(RequestRejected, match="Twilio sells no Mobile numbers in US"):
        await customer.carrier.search(Query("US", NumberType.MOBILE), 1)


# Buying.


async def test_a_number_that_another_program_of_the_account_has_is_left_as_it_is(customer: Customer) -> None:
    """A purchase of it would be no error, and an update."""
    purchase = await customer.purchase("k", 2)
    program = Program(customer)
    sid = program.buy(purchase.offers[0].number, **SUPPORT)["sid"]
    before = program.number(sid)
    outcomes = await customer.carrier.buy(purchase)
    assert [(outcome.state, outcome.reason) for outcome in outcomes] == [
        (ItemState.FAILED, FailureReason.NUMBER_TAKEN),
        (ItemState.PROVISIONED, ""),
    ]
    assert program.number(sid) == before


async def test_a_number_that_was_there_and_that_the_listing_hid_is_given_back(customer: Customer) -> None:
    purchase = await customer.purchase("k", 1)
    program = Program(customer)
    sid = program.buy(purchase.offers[0].number, **SUPPORT)["sid"]
    customer.sandbox.control("POST", "clock", {"advance_seconds": 60})
    customer.sandbox.set_faults({"fault": "listing_lag", "seconds": 3600})
    (outcome,) = await customer.carrier.buy(purchase)
    assert (outcome.state, outcome.reason) == (ItemState.FAILED, FailureReason.NUMBER_TAKEN)
    left = program.number(sid)
    assert (left["friendly_name"], left["voice_url"]) == (purchase.offers[0].number, SUPPORT["VoiceUrl"])
    assert customer.billed() == Counter([purchase.offers[0].number])


ASKED = datetime(2015, 7, 30, 23, 19, 4, tzinfo=UTC)
"""Twilio's time when it is asked to sell, years behind ours."""
NEW, OLD = (ItemState.PROVISIONED, ""), (ItemState.FAILED, FailureReason.NUMBER_TAKEN)


@pytest.mark.parametrize(
    ("created", "updated", "outcome"),
    [
        (0, 0, NEW),
        (-1, 0, NEW),  # whole seconds on both sides
        (1, 9, NEW),  # Twilio was slow
        (400, 409, NEW),  # the clocks of its hosts differ
        (-400, -400, OLD),
        (-60, 0, OLD),
        (-60, -60, NEW),  # as far as the clocks of its hosts may differ
    ],
)
async def test_whether_a_purchase_met_a_number_that_was_there_is_told_by_twilios_own_clock(
    created: int, updated: int, outcome: tuple[ItemState, str]
) -> None:
    """Ours may be wrong: by it, everything that is bought would be given back, unmarked, and bought again elsewhere."""
    offer = an_offer()
    sold = {
        **{"sid": "PN1", "phone_number": offer.number, "friendly_name": str(MARK)},
        **{"date_created": mail_date(created), "date_updated": mail_date(updated)},
    }
    prices = {"price_unit": "USD", "phone_number_prices": [{"number_type": "local", "current_price": "1.00"}]}
    script = Script(*(dated(json) for json in ({"incoming_phone_numbers": []}, prices, sold, sold)))
    (told,) = await scripted(script).buy(Purchase("k", (offer,), MARK))
    assert (told.state, told.reason) == outcome
    assert len(script.requests) == (3 if outcome == NEW else 4), (
        "the mark is taken off what was there, and off nothing else"
    )


def an_offer() -> Offer:
    return Offer(E164("+14155550100"), "US", NumberType.GEOGRAPHIC, Price(Money(Decimal(1), "USD"), Money.zero("USD")))


def dated(json: object) -> httpx.Response:
    return httpx.Response(200, json=json, headers={"Date": mail_date(0).replace("+0000", "GMT")})


def mail_date(seconds: int) -> str:
    """So many seconds after Twilio was asked."""
    return format_datetime(ASKED + timedelta(seconds=seconds))


async def test_what_a_purchase_has_routed_that_was_there_is_pointed_nowhere_by_us_again(customer: Customer) -> None:
    """Its own URLs, which a trunk goes before, count again."""
    purchase = replace(await customer.purchase("k", 1), routing=await customer.carrier.ensure_routing(ROUTING))
    program = Program(customer)
    sid = program.buy(purchase.offers[0].number, **SUPPORT)["sid"]
    before = program.number(sid)
    customer.sandbox.control("POST", "clock", {"advance_seconds": 60})
    customer.sandbox.set_faults({"fault": "listing_lag", "seconds": 3600})
    (outcome,) = await customer.carrier.buy(purchase)
    assert (outcome.state, outcome.routing) == (ItemState.FAILED, None)
    pointers = ("trunk_sid", "voice_application_sid", "sms_application_sid", "voice_url")
    after = program.number(sid)
    assert [after[field] or None for field in pointers] == [before[field] or None for field in pointers]


async def test_a_number_that_is_to_join_a_messaging_service_is_routed_when_it_is_bought(customer: Customer) -> None:
    """By a call of its own: the purchase can't name the service."""
    purchase = replace(await customer.purchase("k", 1), routing=f"-/MG{'0' * 32}")
    (outcome,) = await customer.carrier.buy(purchase)
    assert (outcome.state, outcome.routing) == (ItemState.PROVISIONED, None)


async def test_a_first_try_that_the_listing_hid_is_ours_when_it_is_made_again(customer: Customer) -> None:
    purchase = await customer.purchase("k", 1)
    customer.sandbox.set_faults(REPLY_LOST, {"fault": "listing_lag", "seconds": 3600})
    with pytest.raises(OutcomeUnknown):
        await customer.carrier.buy(purchase)
    customer.sandbox.control("POST", "clock", {"advance_seconds": 60})
    (outcome,) = await customer.carrier.buy(replace(purchase, resumed=True))
    customer.sandbox.set_faults()
    assert outcome.state is ItemState.PROVISIONED
    assert [holding.mark for holding in await customer.listed()] == [MARK]
    assert customer.billed() == Counter([purchase.offers[0].number])


async def test_what_may_have_been_bought_is_looked_for_three_times_before_it_is_bought_again(
    customer: Customer,
) -> None:
    purchase = await customer.purchase("k", 3)
    async with customer.another(lag=0.03) as successor:
        customer.sandbox.control("POST", "calls")
        await successor.buy(replace(purchase, resumed=True))
    assert customer.sandbox.calls() == {"numbers_list": 3, "prices": 1, "checkout": 3}


async def test_what_was_bought_is_seen_at_the_first_look_and_nothing_is_sent(customer: Customer) -> None:
    purchase = await customer.purchase("k", 3)
    await customer.carrier.buy(purchase)
    customer.sandbox.control("POST", "calls")
    async with customer.another(lag=3600.0) as successor:
        await successor.buy(replace(purchase, resumed=True))
    assert customer.sandbox.calls() == {"numbers_list": 1}


async def test_what_was_throttled_was_not_made_so_that_the_next_try_looks_once(customer: Customer) -> None:
    purchase = await customer.purchase("k", 2)
    customer.sandbox.set_faults({"fault": "rate_limited", "operations": ["checkout"], "script": [True, True]})
    async with customer.another(lag=3600.0) as carrier:
        with pytest.raises(Throttled):
            await carrier.buy(purchase)
        outcomes = await carrier.buy(replace(purchase, resumed=True))
    assert [outcome.state for outcome in outcomes] == [ItemState.PROVISIONED] * 2


@pytest.mark.parametrize("fault", ["rate_limited", "server_error", "reset_before_commit"])
async def test_of_a_purchase_that_went_wrong_in_part_the_rest_is_known(customer: Customer, fault: str) -> None:
    purchase = await customer.purchase("k", 3)
    customer.sandbox.set_faults({"fault": fault, "operations": ["checkout"], "script": [False, True]})
    async with customer.in_turn() as carrier:
        with pytest.raises(CarrierError) as raised:
            await carrier.buy(purchase)
    numbers_ = numbers(purchase.offers)
    assert [outcome.number for outcome in raised.value.known] == [numbers_[0], numbers_[2]]
    assert raised.value.unsent == ({numbers_[1]} if fault == "rate_limited" else frozenset())
    assert customer.billed() == Counter([numbers_[0], numbers_[2]])


async def test_of_a_purchase_in_which_twilio_went_down_it_is_known_what_twilio_has_not_heard_of(
    customer: Customer,
) -> None:
    """As many calls fail as open the circuit; what comes after them is not sent any more."""
    purchase = await customer.purchase("k", 12)
    customer.sandbox.set_faults({"fault": "server_error", "operations": ["checkout"], "script": [0] * 3 + [1] * 9})
    async with customer.in_turn() as carrier:
        with pytest.raises(OutcomeUnknown) as raised:
            await carrier.buy(purchase)
    bought, in_doubt = numbers(purchase.offers)[:3], numbers(purchase.offers)[3 : 3 + THRESHOLD]
    assert [outcome.number for outcome in raised.value.known] == bought
    assert raised.value.unsent == set(numbers(purchase.offers)) - {*bought, *in_doubt}


async def test_what_was_bought_before_is_told_although_the_price_list_is_down(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an order whose replies were lost gets none of its numbers for as long as that is so."""
    monkeypatch.setattr("ringfleet.carriers.http.FIRST_PAUSE_S", 0.0)
    purchase = await customer.purchase("k", 2)
    first = await customer.carrier.buy(replace(purchase, offers=purchase.offers[:1]))
    customer.sandbox.set_faults({"fault": "server_error", "operations": ["prices"]})
    with pytest.raises(CarrierUnavailable) as raised:
        await customer.carrier.buy(replace(purchase, resumed=True))
    assert [outcome.number for outcome in raised.value.known] == numbers(first)
    assert customer.billed().total() == 1


async def test_a_hundred_numbers_are_looked_for_in_one_listing(customer: Customer) -> None:
    purchase = await customer.purchase("k", 100)
    customer.sandbox.control("POST", "calls")
    outcomes = await customer.carrier.buy(purchase)
    assert {outcome.state for outcome in outcomes} == {ItemState.PROVISIONED}
    assert customer.sandbox.calls() == {"numbers_list": 1, "prices": 1, "checkout": 100}


async def test_a_refusal_is_told_with_twilios_code_and_sentence(customer: Customer) -> None:
    purchase = await customer.purchase("k", 1)
    customer.sandbox.set_faults({"fault": "pending_documents"})
    (outcome,) = await customer.carrier.buy(purchase)
    assert outcome.message == "400 21649: numbers of this market are sold with an approved bundle only"


# Keeping.


async def held(customer: Customer) -> str:
    """A number that was bought; its SID."""
    (outcome,) = await customer.carrier.buy(await customer.purchase("k", 1))
    assert outcome.external_id
    return outcome.external_id


async def test_a_number_is_released_although_it_has_an_emergency_address() -> None:
    number = {"sid": "PN1", "phone_number": "+14155550100", "emergency_address_sid": "AD1"}
    bare = {**number, "emergency_address_sid": None, "emergency_address_status": "unregistered"}
    refused = httpx.Response(400, json={"code": 21627, "message": "An emergency address is attached", "status": 400})
    script = Script(refused, httpx.Response(200, json=number), httpx.Response(200, json=bare), 204)
    await scripted(script).release("PN1")
    assert [(request.method, request.content) for request in script.requests] == [
        ("DELETE", b""),
        ("GET", b""),
        ("POST", b"EmergencyAddressSid="),
        ("DELETE", b""),
    ]


async def test_a_number_whose_emergency_address_is_still_going_is_given_back_later() -> None:
    number = {"sid": "PN1", "phone_number": "+14155550100", "emergency_address_status": "pending-unregistration"}
    refused = httpx.Response(400, json={"code": 21627, "message": "An emergency address is attached", "status": 400})
    script = Script(refused, httpx.Response(200, json=number))
    with pytest.raises(CarrierUnavailable, match="taking the emergency address off the number"):
        await scripted(script).release("PN1")
    assert [request.method for request in script.requests] == ["DELETE", "GET"]


async def test_a_refusal_to_release_a_number_that_has_none_is_told() -> None:
    number = {"sid": "PN1", "phone_number": "+14155550100"}
    refused = httpx.Response(400, json={"code": 21600, "message": "Not now", "status": 400})
    with pytest.raises(RequestRejected, match="400 21600: Not now"):
        await scripted(Script(refused, httpx.Response(200, json=number))).release("PN1")


def scripted(script: Script) -> Twilio:
    account = settings(endpoint="https://{product}.carrier.test", credentials=TWILIO)
    return Twilio(account, client=open_client(account, script))


async def test_a_name_that_twilio_made_is_nobodys_reference(customer: Customer) -> None:
    await TestTwilio().by_hand(customer, 1)
    assert [(holding.mark, holding.reference) for holding in await customer.listed()] == [(None, None)]


async def test_a_mark_that_is_too_long_is_shortened_and_the_number_is_known_by_the_whole_one(
    customer: Customer,
) -> None:
    mark = Mark("inst-1", "customer-acceptance-testing", "outbound-campaigns-of-the-west")
    carrier = ShortMarks(customer.carrier, customer.carrier.abilities.mark_length or 0, "inst-1", lambda: [mark])
    purchase = replace(await customer.purchase("k", 1), mark=mark)
    await carrier.buy(purchase)
    found = await carrier.find(purchase.offers[0].number)
    assert found
    assert found.mark == mark


async def test_a_number_that_is_stopped_follows_what_it_followed_when_another_process_resumes_it(
    customer: Customer,
) -> None:
    sid, program = await held(customer), Program(customer)
    program.change(sid, SmsUrl="https://example.com/by-hand")
    profile = await customer.carrier.ensure_routing(ROUTING)
    await customer.carrier.route(sid, profile)
    before = program.number(sid)
    await customer.carrier.suspend(sid)
    (stopped,) = await customer.listed()
    assert (stopped.status, stopped.routing) == (HoldingStatus.SUSPENDED, profile)
    parked = program.number(sid)
    assert parked["trunk_sid"] is None
    assert parked["voice_application_sid"] == parked["sms_application_sid"]
    async with customer.another() as successor:
        assert [one.status for one in [await successor.find(stopped.number)] if one] == [HoldingStatus.SUSPENDED]
        await successor.resume(sid)
    after = program.number(sid)
    assert {**after, "date_updated": None} == {**before, "date_updated": None, "sms_application_sid": None}


async def test_a_number_whose_trunk_is_gone_since_it_was_stopped_is_resumed_with_what_is_left(
    customer: Customer,
) -> None:
    """Twilio refuses to point it back, so that it would stay stopped for ever; its profile routes it anew."""
    sid, program = await held(customer), Program(customer)
    profile = await customer.carrier.ensure_routing(replace(ROUTING, messaging_webhook="https://example.com/sms"))
    await customer.carrier.route(sid, profile)
    await customer.carrier.suspend(sid)
    trunk, application = profile.split("/")
    program.call("DELETE", "trunking", f"/v1/Trunks/{trunk}")
    await customer.carrier.resume(sid)
    (resumed,) = await customer.listed()
    assert (resumed.status, resumed.routing) == (HoldingStatus.ACTIVE, f"-/{application}")


async def test_numbers_that_followed_the_same_are_parked_in_the_same_place(customer: Customer) -> None:
    outcomes = await customer.carrier.buy(await customer.purchase("k", 2))
    for outcome in outcomes:
        assert outcome.external_id
        await customer.carrier.suspend(outcome.external_id)
    program = Program(customer)
    assert len(program.call("GET", "api", "{account}/Applications.json")["applications"]) == 1


async def test_resuming_a_number_that_is_not_stopped_changes_nothing(customer: Customer) -> None:
    sid, program = await held(customer), Program(customer)
    program.change(sid, **SUPPORT)
    before = program.number(sid)
    await customer.carrier.resume(sid)
    assert program.number(sid) == before


# Routing.


async def test_a_number_is_in_the_messaging_service_of_its_profile_and_leaves_it_with_it(customer: Customer) -> None:
    sid, program = await held(customer), Program(customer)
    service = program.call("POST", "messaging", "/v1/Services", FriendlyName="shop")["sid"]
    routing = replace(ROUTING, messaging_service=service)
    profile = await customer.carrier.ensure_routing(routing)
    await customer.carrier.route(sid, profile)
    await customer.carrier.route(sid, profile)
    assert [holding.routing for holding in await customer.listed()] == [profile]
    members = f"/v1/Services/{service}/PhoneNumbers"
    assert [one["sid"] for one in program.call("GET", "messaging", members)["phone_numbers"]] == [sid]
    assert await customer.carrier.find_routing(routing.reference) == HeldRouting(profile, routing)
    await customer.carrier.suspend(sid)
    assert program.call("GET", "messaging", members)["phone_numbers"] == []
    assert [holding.routing for holding in await customer.listed()] == [profile]
    await customer.carrier.resume(sid)
    assert [holding.routing for holding in await customer.listed()] == [profile]
    await customer.carrier.route(sid, None)
    assert program.call("GET", "messaging", members)["phone_numbers"] == []


CAMPAIGN = {
    "BrandRegistrationSid": "BN" + "0" * 32,
    "Description": "Tells customers of a furniture shop when their delivery comes",
    "MessageFlow": "Customers give their number and their consent when they order",
    "MessageSamples": "Your sofa comes at 10:00",
    "UsAppToPersonUsecase": "DELIVERY_NOTIFICATION",
    "HasEmbeddedLinks": "false",
    "HasEmbeddedPhone": "false",
}


async def test_numbers_send_for_a_campaign_only_that_is_one_of_the_service(customer: Customer) -> None:
    program = Program(customer)
    service = program.call("POST", "messaging", "/v1/Services", FriendlyName="shop")["sid"]
    campaigns = f"/v1/Services/{service}/Compliance/Usa2p"
    campaign = program.call("POST", "messaging", campaigns, **CAMPAIGN)["sid"]
    fit = replace(ROUTING, messaging_service=service, campaign=campaign)
    profile = await customer.carrier.ensure_routing(fit)
    assert await customer.carrier.find_routing(fit.reference) == HeldRouting(profile, fit)
    with pytest.raises(RequestRejected, match="is none of its campaigns"):
        await customer.carrier.ensure_routing(replace(fit, campaign="QE0"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"agent": "agent-7"}, "Twilio has no voice agents"),
        ({"messaging_service": "MG" + "0" * 32}, "20404"),
        ({"sip_targets": ()}, "sends calls and messages nowhere"),
    ],
)
async def test_what_twilio_can_not_do_is_refused_with_a_sentence(
    customer: Customer, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(RequestRejected, match=said):
        await customer.carrier.ensure_routing(replace(ROUTING, **changes))


async def test_a_target_that_was_changed_in_the_console_shows_and_is_put_right(customer: Customer) -> None:
    program = Program(customer)
    profile = await customer.carrier.ensure_routing(ROUTING)
    trunk = profile.partition("/")[0]
    (first, _) = program.call("GET", "trunking", f"/v1/Trunks/{trunk}/OriginationUrls")["origination_urls"]
    program.call("DELETE", "trunking", f"/v1/Trunks/{trunk}/OriginationUrls/{first['sid']}")
    found = await customer.carrier.find_routing(ROUTING.reference)
    assert found
    assert found.routing == replace(ROUTING, sip_targets=ROUTING.sip_targets[1:])
    assert await customer.carrier.ensure_routing(ROUTING) == profile
    assert await customer.carrier.find_routing(ROUTING.reference) == HeldRouting(profile, ROUTING)


async def test_a_profile_that_comes_to_use_other_things_has_another_id_and_is_one_all_the_same(
    customer: Customer,
) -> None:
    """So its numbers are pointed anew: what they point at now would lead them where they should go no more."""
    voice = replace(ROUTING, sip_targets=(), voice_webhook="https://example.com/voice")
    first = await customer.carrier.ensure_routing(ROUTING)
    second = await customer.carrier.ensure_routing(voice)
    assert first != second
    assert [held async for page in customer.carrier.routings() for held in page] == [HeldRouting(second, voice)]


# Several numbers, several fates.


class Torn:
    """Twilio, as one purchase after the other ends."""

    name = "shop/torn"

    def __init__(self, fates: list[Exception]) -> None:
        self._fates = fates

    async def buy(self, _: object) -> object:
        raise self._fates.pop(0)


@pytest.mark.parametrize("turn", [1, -1])
async def test_a_refusal_of_one_number_is_none_of_another_whose_reply_nobody_could_read(turn: int) -> None:
    """Who reads the refusal as that of all would order others in place of a number that may be bought."""
    monthly = Money(Decimal("1.15"), "USD")
    price = Price(monthly, replace(monthly, amount=Decimal(0)))

    class List:
        async def of(self, _: str, *, fresh: bool) -> Mapping[NumberType, Price]:
            return {NumberType.GEOGRAPHIC: price}

    async def nobody(*_: object) -> Any:
        return {}

    api_: Any = Torn([AccountRestricted("no", "10001", "no"), ZeroDivisionError("a bug")][::turn])
    prices: Any = List()
    balance: Any = nobody
    purchases = Purchases(api_, prices, nobody, balance, nobody, lag=0.0, at_once=1)
    offers = tuple(Offer(E164(f"+1415555010{n}"), "US", NumberType.GEOGRAPHIC, price) for n in range(2))
    with pytest.raises(OutcomeUnknown):
        await purchases.buy(Purchase("k", offers, MARK), nobody)


# Signing calls.


@pytest.mark.parametrize(("status", "policy"), [("draft", SHAKEN_POLICY), ("pending-review", "RN" + "1" * 32)])
async def test_a_trust_product_that_is_not_approved_or_for_something_else_signs_nothing_and_that_is_said(
    customer: Customer, status: str, policy: str
) -> None:
    sid, product = await held(customer), a_trust_product(Program(customer), status, policy)
    async with customer.another(trust_product=product) as carrier:
        with pytest.raises(RequestRejected, match=f"spec.trustProduct {product} is no approved SHAKEN trust product"):
            await carrier.attest(sid)
    assert [holding.attestation for holding in await customer.listed()] == [None]


async def test_a_signed_number_stays_signed_while_trusthub_is_down(customer: Customer) -> None:
    sid, product = await held(customer), a_trust_product(Program(customer))
    signing = Signing(Api(customer.settings), product)
    await signing.join(sid)
    assert await signing.members() == Signed(frozenset({sid}))
    customer.sandbox.set_faults({"fault": "server_error", "operations": ["service_get"]})
    assert await signing.members() == await signing.among([sid]) == Signed(frozenset({sid}))


# Opening.


async def test_an_api_key_opens_the_account_too(customer: Customer) -> None:
    key = {"apiKeySid": "SK" + "0" * 32, "apiKeySecret": customer.token}
    sid = customer.settings.credentials["accountSid"]
    async with customer.another(credentials={"accountSid": sid, **key}) as carrier:
        assert await carrier.account_id() == sid


@pytest.mark.parametrize("sid", ["SK" + "0" * 32, "AC1", "AC" + "0" * 31 + "/"])
def test_what_is_no_account_sid_is_said_before_the_first_call(customer: Customer, sid: str) -> None:
    with pytest.raises(CredentialsRejected, match="accountSid is no account SID"):
        customer.another(credentials={**customer.settings.credentials, "accountSid": sid})


async def test_a_page_is_never_followed_to_another_host() -> None:
    """What a reply names would else be given the account's credentials."""
    page = {"meta": {"next_page_url": "https://evil.example/v1/Trunks?Page=1"}, "trunks": []}
    script = Script(httpx.Response(200, json=page), httpx.Response(200, json={"meta": {}, "trunks": []}))
    account = settings(endpoint="https://{product}.carrier.test", credentials=TWILIO)
    client = Api(account, open_client(account, script))
    assert [rows async for rows in client.pages("trunking", "/v1/Trunks", "trunks")] == [[], []]
    assert [str(request.url) for request in script.requests] == [
        "https://trunking.carrier.test/v1/Trunks?PageSize=1000",
        "https://trunking.carrier.test/v1/Trunks?Page=1",
    ]
